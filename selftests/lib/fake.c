// SPDX-License-Identifier: GPL-2.0-or-later
/* The fake helper: netlink, and correct answers. See fake.h. */
#include <errno.h>
#include <linux/genetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fake.h"
#include "harness.h"

#define MSG_MAX		(256 * 1024)

/* --- messages --- */

static int collect_attr(const struct nlattr *attr, void *data)
{
	struct fake_msg *m = data;

	if (mnl_attr_get_type(attr) <= KTLS_A_MAX)
		m->tb[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static struct fake_msg *make_msg(const struct nlmsghdr *nlh)
{
	struct fake_msg *m = calloc(1, sizeof(*m) + nlh->nlmsg_len);
	struct genlmsghdr *genl;

	ASSERT_TRUE(m);
	memcpy(m->buf, nlh, nlh->nlmsg_len);
	nlh = (struct nlmsghdr *)m->buf;
	genl = mnl_nlmsg_get_payload(nlh);
	m->cmd = genl->cmd;
	mnl_attr_parse(nlh, sizeof(*genl), collect_attr, m);
	if (fake_len(m, KTLS_A_ID) == sizeof(m->id))
		m->id = mnl_attr_get_u64(m->tb[KTLS_A_ID]);
	return m;
}

static void enqueue(struct fake *f, struct fake_msg *m)
{
	struct fake_msg **p = &f->queue;

	while (*p)
		p = &(*p)->next;
	*p = m;
}

/* Reads datagrams until an acknowledgement of @seq, or, with @seq 0, until
 * something is queued. A reply that carries @seq goes to *reply.
 */
static int receive(struct fake *f, uint32_t seq, struct fake_msg **reply)
{
	static _Thread_local char buf[MSG_MAX];
	struct nlmsghdr *nlh;
	ssize_t n;

	for (;;) {
		int ret = 1, len;

		n = mnl_socket_recvfrom(f->nl, buf, sizeof(buf));
		if (n < 0)
			return -errno;
		len = n;
		for (nlh = (struct nlmsghdr *)buf; mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len)) {
			struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

			if (nlh->nlmsg_type == NLMSG_ERROR) {
				if (seq && nlh->nlmsg_seq == seq)
					ret = e->error;
			} else if (seq && reply && nlh->nlmsg_seq == seq) {
				*reply = make_msg(nlh);
			} else if (nlh->nlmsg_type >= NLMSG_MIN_TYPE) {
				enqueue(f, make_msg(nlh));
			}
		}
		if (ret <= 0)
			return ret;
		if (!seq && f->queue)
			return 0;
	}
}

static struct nlmsghdr *begin(struct fake *f, char *buf, uint16_t type, uint8_t cmd, uint8_t version)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = ++f->seq;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = version;
	return nlh;
}

static int transact(struct fake *f, struct nlmsghdr *nlh, struct fake_msg **reply)
{
	if (mnl_socket_sendto(f->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	return receive(f, nlh->nlmsg_seq, reply);
}

static int get_family(struct fake *f)
{
	char buf[1024];
	struct nlmsghdr *nlh = begin(f, buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	struct fake_msg *reply = NULL;
	int ret;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, KTLS_GENL_NAME);
	ret = transact(f, nlh, &reply);
	if (ret)
		return ret;
	ASSERT_TRUE(reply && reply->tb[CTRL_ATTR_FAMILY_ID]);
	f->family = mnl_attr_get_u16(reply->tb[CTRL_ATTR_FAMILY_ID]);
	free(reply);
	return 0;
}

struct fake *fake_new(const struct hs *hs)
{
	struct fake *f = calloc(1, sizeof(*f));
	int size = 16 << 20, ret;

	ASSERT_TRUE(f);
	f->hs = hs;
	f->seq = time(NULL);
	f->nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	ASSERT_TRUE(f->nl);
	OK(mnl_socket_bind(f->nl, 0, MNL_SOCKET_AUTOPID));
	/* Fails without CAP_NET_ADMIN, which is fine. */
	setsockopt(mnl_socket_get_fd(f->nl), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	ret = get_family(f);
	if (ret) {
		harness_fail(__FILE__, __LINE__, "generic netlink family %s: %s (is the module loaded?)",
			     KTLS_GENL_NAME, strerror(-ret));
		harness_end();
	}
	return f;
}

int fake_register(struct fake *f, uint32_t credit)
{
	char buf[1024];
	struct nlmsghdr *nlh = begin(f, buf, f->family, KTLS_CMD_REGISTER, KTLS_GENL_VERSION);
	struct fake_msg *reply = NULL;
	int ret;

	mnl_attr_put_u32(nlh, KTLS_A_PROTOCOL, KTLS_GENL_VERSION);
	mnl_attr_put_u32(nlh, KTLS_A_CREDIT, credit);
	ret = transact(f, nlh, &reply);
	if (reply && reply->tb[KTLS_A_SUITES]) {
		f->n_suites = fake_len(reply, KTLS_A_SUITES) / 2;
		ASSERT_LE(f->n_suites, 64);
		memcpy(f->suites, fake_data_of(reply, KTLS_A_SUITES), f->n_suites * 2);
	}
	free(reply);
	return ret;
}

struct fake_msg *fake_next(struct fake *f, int ms)
{
	struct pollfd p = { mnl_socket_get_fd(f->nl), POLLIN, 0 };
	double end = harness_now() + ms / 1e3 * harness_scale();
	struct fake_msg *m;

	while (!f->queue) {
		int left = (end - harness_now()) * 1e3;

		if (poll(&p, 1, left > 0 ? left : 0) <= 0)
			return NULL;
		if (receive(f, 0, NULL) < 0)
			return NULL;
	}
	m = f->queue;
	f->queue = m->next;
	return m;
}

struct fake_msg *fake_expect(struct fake *f, uint8_t cmd)
{
	struct fake_msg *m = fake_next(f, 5000);

	if (!m) {
		harness_fail(__FILE__, __LINE__, "expected command %u, got nothing", cmd);
		harness_end();
	}
	ASSERT_EQ(cmd, m->cmd);
	return m;
}

int fake_data(struct fake *f, uint64_t id, const void *records, size_t len, bool more)
{
	char *buf = malloc(len + 1024);
	struct nlmsghdr *nlh;
	int ret;

	ASSERT_TRUE(buf);
	nlh = begin(f, buf, f->family, KTLS_CMD_DATA, KTLS_GENL_VERSION);
	mnl_attr_put_u64(nlh, KTLS_A_ID, id);
	if (len)
		mnl_attr_put(nlh, KTLS_A_RECORDS, len, records);
	if (more)
		mnl_attr_put(nlh, KTLS_A_MORE, 0, NULL);
	ret = transact(f, nlh, NULL);
	free(buf);
	return ret;
}

int fake_raw(struct fake *f, uint8_t cmd, void (*fill)(struct nlmsghdr *nlh, void *arg), void *arg)
{
	char *buf = malloc(MSG_MAX);
	struct nlmsghdr *nlh;
	int ret;

	ASSERT_TRUE(buf);
	nlh = begin(f, buf, f->family, cmd, KTLS_GENL_VERSION);
	if (fill)
		fill(nlh, arg);
	ret = transact(f, nlh, NULL);
	free(buf);
	return ret;
}

static void fill_id(struct nlmsghdr *nlh, void *arg)
{
	mnl_attr_put_u64(nlh, KTLS_A_ID, *(uint64_t *)arg);
}

int fake_message(struct fake *f, uint64_t id)
{
	return fake_raw(f, KTLS_CMD_MESSAGE, fill_id, &id);
}

int fake_cancelled(struct fake *f, uint64_t id)
{
	return fake_raw(f, KTLS_CMD_CANCEL, fill_id, &id);
}

int fake_config(struct fake *f, uint64_t id, uint32_t attr, uint32_t offset,
		void *piece, size_t size, uint32_t *total, size_t *ret_len)
{
	struct fake_msg *reply = NULL;
	struct nlmsghdr *nlh;
	char buf[1024];
	int ret;

	nlh = begin(f, buf, f->family, KTLS_CMD_CONFIG, KTLS_GENL_VERSION);
	mnl_attr_put_u64(nlh, KTLS_A_ID, id);
	mnl_attr_put_u32(nlh, KTLS_A_CONFIG_ATTR, attr);
	mnl_attr_put_u32(nlh, KTLS_A_OFFSET, offset);
	ret = transact(f, nlh, &reply);
	if (reply) {
		*ret_len = fake_len(reply, KTLS_A_PIECE);
		ASSERT_LE(*ret_len, size);
		if (*ret_len)
			memcpy(piece, fake_data_of(reply, KTLS_A_PIECE), *ret_len);
		*total = fake_u32(reply, KTLS_A_TOTAL);
		free(reply);
	}
	return ret;
}

/* --- correct answers --- */

uint32_t fake_role(struct fake *f, uint64_t id)
{
	for (int i = 0; i < 256; i++)
		if (f->request[i].id == id)
			return f->request[i].role;
	return 0;
}

static void remember(struct fake *f, uint64_t id, uint32_t role)
{
	for (int i = 0; i < 256; i++) {
		if (f->request[i].id)
			continue;
		f->request[i].id = id;
		f->request[i].role = role;
		return;
	}
	harness_fail(__FILE__, __LINE__, "more than 256 requests at once");
}

static void forget(struct fake *f, uint64_t id)
{
	for (int i = 0; i < 256; i++)
		if (f->request[i].id == id)
			f->request[i].id = 0;
}

static void answer_start(struct fake *f, struct fake_msg *m)
{
	uint32_t role = fake_u32(m, KTLS_A_ROLE);
	uint8_t flight[HS_FLIGHT_MAX];

	remember(f, m->id, role);
	fake_data(f, m->id, flight,
		  hs_flight(f->hs, role == 1 ? HS_CLIENT_HELLO : HS_SERVER_FLIGHT, flight), false);
}

static void answer_data(struct fake *f, struct fake_msg *m)
{
	uint32_t role = fake_role(f, m->id);
	uint8_t flight[HS_FLIGHT_MAX];
	struct fake_done d;
	size_t end;

	if (!role)
		return;
	if (m->tb[KTLS_A_REASON]) {
		forget(f, m->id);
		fake_fail(f, m->id, EPROTO, 10, mnl_attr_get_str(m->tb[KTLS_A_REASON]));
		return;
	}
	end = hs_flight_end(fake_data_of(m, KTLS_A_RECORDS), fake_len(m, KTLS_A_RECORDS));
	if (!end) {
		if (!m->tb[KTLS_A_MORE])
			fake_data(f, m->id, NULL, 0, false);
		return;
	}
	fake_done_init(&d, f, m->id, role);
	d.consumed = end;
	if (role == 1) {
		d.records = flight;
		d.records_len = hs_flight(f->hs, HS_CLIENT_FIN, flight);
	}
	forget(f, m->id);
	fake_done(f, &d);
}

void fake_answer(struct fake *f, struct fake_msg *m)
{
	switch (m->cmd) {
	case KTLS_CMD_CHECK:
		fake_fail(f, m->id, 0, -1, NULL);
		break;
	case KTLS_CMD_START:
		answer_start(f, m);
		break;
	case KTLS_CMD_DATA:
		answer_data(f, m);
		break;
	case KTLS_CMD_CANCEL:
		forget(f, m->id);
		fake_cancelled(f, m->id);
		break;
	case KTLS_CMD_MESSAGE:
		fake_message(f, m->id);
		break;
	}
}

void fake_ignore(struct fake *f, struct fake_msg *m)
{
	(void)f;
	(void)m;
}

/* --- the thread --- */

static void count_msg(struct fake *f, const struct fake_msg *m)
{
	switch (m->cmd) {
	case KTLS_CMD_START:
		f->starts++;
		break;
	case KTLS_CMD_CHECK:
		f->checks++;
		break;
	case KTLS_CMD_DATA:
		f->datas++;
		break;
	case KTLS_CMD_CANCEL:
		f->last_cancel = m->id;
		f->cancels++;
		return;
	default:
		f->others++;
	}
	f->last_id = m->id;
}

static void *fake_thread(void *arg)
{
	struct fake *f = arg;

	for (;;) {
		struct pollfd p[2] = {
			{ mnl_socket_get_fd(f->nl), POLLIN, 0 }, { f->stop[0], POLLIN, 0 },
		};
		struct fake_msg *m;

		if (!f->queue && poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents)
			return NULL;
		m = fake_next(f, 0);
		if (!m)
			continue;
		count_msg(f, m);
		(f->handler ? f->handler : fake_answer)(f, m);
		free(m);
	}
}

void fake_start(struct fake *f, fake_handler handler, void *arg)
{
	f->handler = handler;
	f->arg = arg;
	OK(pipe(f->stop));
	ASSERT_EQ(0, pthread_create(&f->thread, NULL, fake_thread, f));
	f->running = true;
}

void fake_stop(struct fake *f)
{
	if (!f->running)
		return;
	OK(write(f->stop[1], "", 1));
	pthread_join(f->thread, NULL);
	close(f->stop[0]);
	close(f->stop[1]);
	f->running = false;
}

void fake_die(struct fake *f)
{
	fake_stop(f);
	mnl_socket_close(f->nl);
	f->nl = NULL;
}
