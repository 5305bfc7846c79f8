// SPDX-License-Identifier: GPL-2.0-or-later
/* Who may be a helper, and what happens when one exits; a request ends exactly once. */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/genetlink.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/sock.h"

struct client {
	int		fd;
	struct job	j;
};

static void client_start(struct client *c, const struct addr *a)
{
	c->fd = sock_new(AF_INET);
	job_connect(&c->j, c->fd, a);
}

/* --- who may --- */

/* In a process without privileges: each message is refused. */
static void expect_unprivileged(struct env *e, uint64_t id)
{
	struct fake_done d;
	struct fake *f;
	uint8_t rec[] = { 22, 3, 3, 0, 1, 0 };

	OK(setgid(65534));
	OK(setuid(65534));
	f = fake_new(&e->hs);
	EXPECT_EQ(-EPERM, fake_register(f, 8));
	fake_done_init(&d, f, id, ROLE_CLIENT);
	EXPECT_NE(0, fake_done(f, &d));
	EXPECT_NE(0, fake_fail(f, id, EPROTO, -1, "forged"));
	EXPECT_NE(0, fake_data(f, id, rec, sizeof(rec), false));
	_exit(harness_failed());
}

TEST(an_unprivileged_process_is_no_helper)
{
	struct fake_msg *m;
	struct client c;
	struct addr a;
	struct env e;
	int status;
	pid_t pid;

	env_start_manual(&e, S13_AES128, 8);
	net_listen(AF_INET, 8, &a);
	client_start(&c, &a);
	m = fake_expect(e.fake, KTLS_CMD_START);
	pid = OK(fork());
	if (!pid)
		expect_unprivileged(&e, m->id);
	OK(waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_FALSE(c.j.done);
	EXPECT_EQ(0, fake_fail(e.fake, m->id, EPROTO, -1, "true"));
	job_wait(&c.j, 5000);
	EXPECT_STREQ("true", sock_error(c.fd));
}

/* Neither a port of root that did not register nor another port can answer. */
TEST(only_the_port_that_was_asked_answers)
{
	struct fake *other, *idle;
	struct fake_msg *m;
	struct client c;
	struct addr a;
	struct env e;
	char piece[16];
	uint32_t total;
	size_t len;

	env_start_manual(&e, S13_AES128, 8);
	net_listen(AF_INET, 8, &a);
	client_start(&c, &a);
	m = fake_expect(e.fake, KTLS_CMD_START);

	idle = fake_new(&e.hs);
	EXPECT_NE(0, fake_fail(idle, m->id, EPROTO, -1, "forged"));
	other = fake_new(&e.hs);
	ASSERT_EQ(0, fake_register(other, 8));
	EXPECT_NE(0, fake_fail(other, m->id, EPROTO, -1, "forged"));
	EXPECT_NE(0, fake_config(other, m->id, KTLS_CONFIG_TRUST, 0, piece, sizeof(piece),
				 &total, &len));
	EXPECT_FALSE(c.j.done);
	EXPECT_EQ(0, fake_fail(e.fake, m->id, EPROTO, -1, "true"));
	job_wait(&c.j, 5000);
	EXPECT_STREQ("true", sock_error(c.fd));
}

/* Becomes another user, with CAP_NET_ADMIN only. */
static void become_with_net_admin(uid_t uid)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = 1 << CAP_NET_ADMIN, .permitted = 1 << CAP_NET_ADMIN },
	};

	OK(prctl(PR_SET_KEEPCAPS, 1));
	OK(setresuid(uid, uid, uid));
	OK(syscall(SYS_capset, &head, data));
}

TEST(the_uid_of_the_first_helper_counts)
{
	struct fake *f;
	struct env e;
	pid_t pid;
	int status;

	env_start_manual(&e, S13_AES128, 8);
	pid = OK(fork());
	if (!pid) {
		become_with_net_admin(4711);
		f = fake_new(&e.hs);
		EXPECT_EQ(-EPERM, fake_register(f, 8));
		_exit(harness_failed());
	}
	OK(waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* CAP_NET_ADMIN is enough to be the first helper: ktlsd does not run as root. */
TEST(the_first_helper_need_not_be_root)
{
	struct env e;

	env_start_bare(&e, S13_AES128);
	become_with_net_admin(4711);
	e.fake = fake_new(&e.hs);
	EXPECT_EQ(0, fake_register(e.fake, 8));
}

/* With helper_uid set, only that uid may register; root may not. */
TEST(helper_uid_says_who)
{
	struct fake *f;
	struct env e;
	pid_t pid;
	int status;

	env_start_bare(&e, S13_AES128);
	net_set_parameter("helper_uid", 4711);
	f = fake_new(&e.hs);
	EXPECT_EQ(-EPERM, fake_register(f, 8));
	pid = OK(fork());
	if (!pid) {
		become_with_net_admin(4711);
		f = fake_new(&e.hs);
		EXPECT_EQ(0, fake_register(f, 8));
		_exit(harness_failed());
	}
	OK(waitpid(pid, &status, 0));
	net_set_parameter("helper_uid", -1);
	EXPECT_EQ(0, status);
}

/* A namespace has at most 256 ports. */
TEST(a_namespace_has_a_limit_of_ports)
{
	enum { MOST = 256 };
	struct fake *f;
	struct env e;

	env_start_bare(&e, S13_AES128);
	for (int i = 0; i < MOST; i++)
		ASSERT_EQ(0, fake_register(fake_new(&e.hs), 1));
	f = fake_new(&e.hs);
	EXPECT_EQ(-ENOSPC, fake_register(f, 1));
}

TEST(register_has_bounds)
{
	struct env e;
	struct fake *f;

	env_start_bare(&e, S13_AES128);
	f = fake_new(&e.hs);
	EXPECT_NE(0, fake_register(f, 0));
	EXPECT_NE(0, fake_register(f, 1025));
	EXPECT_NE(0, fake_register(f, -1));
	EXPECT_EQ(0, fake_register(f, 1));
	EXPECT_GE(f->n_suites, 9);
	for (unsigned int i = 0; i < f->n_suites; i++)
		tls_suite(f->suites[i]);
	/* once is enough */
	EXPECT_NE(0, fake_register(f, 1));
}

/* Another namespace's helper does not serve this one. */
TEST(namespaces_are_apart)
{
	struct addr a;
	struct env e, other;
	int fd;

	env_start(&e, S13_AES128);
	env_start_bare(&other, S13_AES128);
	net_listen(AF_INET, 8, &a);
	fd = sock_new(AF_INET);
	FAILS(ESRCH, connect(fd, &a.sa, a.len));
	EXPECT_EQ(0, e.fake->starts);
}

/* --- the helper exits --- */

/* Requests that the helper was sent fail; those that wait go to another port. */
TEST(death_with_waiting_requests)
{
	struct client c[6];
	struct fake *second;
	struct fake_msg *m;
	struct peer p[6];
	struct addr a;
	struct env e;
	int l, lost = 0, ok = 0;

	env_start_manual(&e, S13_AES128, 2);
	l = net_listen(AF_INET, 8, &a);
	for (int i = 0; i < 6; i++)
		client_start(&c[i], &a);
	/* its credit is two, so four requests wait */
	m = fake_expect(e.fake, KTLS_CMD_START);
	m = fake_expect(e.fake, KTLS_CMD_START);
	EXPECT_TRUE(m);
	EXPECT_FALSE(fake_next(e.fake, 50));
	second = fake_new(&e.hs);
	/* a credit of one: the other requests still wait when the first helper exits */
	ASSERT_EQ(0, fake_register(second, 1));
	m = fake_next(second, 200);
	fake_die(e.fake);
	if (m)
		fake_answer(second, m);
	fake_start(second, NULL, NULL);
	for (int i = 0; i < 4; i++) {
		struct pollfd wait = { l, POLLIN, 0 };

		/* two of the six connections die without a byte */
		ASSERT_EQ(1, poll(&wait, 1, 5000 * harness_scale()));
		do {
			peer_init(&p[i], net_accept(l), true, &e.hs);
		} while (net_poll(p[i].fd, POLLIN, 5000) && recv(p[i].fd, &(char){ 0 }, 1, MSG_PEEK) <= 0);
		peer_handshake(&p[i]);
	}
	for (int i = 0; i < 6; i++) {
		job_wait(&c[i].j, 5000);
		if (!c[i].j.ret)
			ok++;
		else if (c[i].j.err == EHOSTDOWN)
			lost++;
	}
	EXPECT_EQ(4, ok);
	EXPECT_EQ(2, lost);
}

/* Before its exit: it finishes what it has, and others get what comes, also those who come later. */
TEST(a_port_that_retires_gets_no_more_requests)
{
	struct fake_msg *first, *m;
	struct client c[2];
	struct fake *second;
	struct addr a;
	struct env e;

	env_start_manual(&e, S13_AES128, 8);
	second = fake_new(&e.hs);
	EXPECT_EQ(-ERANGE, fake_register(second, 0));
	net_listen(AF_INET, 8, &a);
	client_start(&c[0], &a);
	first = fake_expect(e.fake, KTLS_CMD_START);
	EXPECT_EQ(0, fake_register(e.fake, 0));
	client_start(&c[1], &a);
	EXPECT_FALSE(fake_next(e.fake, 200));
	EXPECT_FALSE(c[1].j.done);
	EXPECT_EQ(0, fake_fail(e.fake, first->id, EPROTO, -1, "the first"));
	job_wait(&c[0].j, 5000);
	EXPECT_STREQ("the first", sock_error(c[0].fd));

	/* neither does it get what its credit, that comes back, would allow */
	EXPECT_FALSE(fake_next(e.fake, 200));
	fake_die(e.fake);
	ASSERT_EQ(0, fake_register(second, 8));
	m = fake_expect(second, KTLS_CMD_START);
	EXPECT_EQ(0, fake_fail(second, m->id, EPROTO, -1, "the second"));
	job_wait(&c[1].j, 5000);
	EXPECT_STREQ("the second", sock_error(c[1].fd));
}

/* SIGKILL in the middle of a handshake. */
TEST(kill_9)
{
	struct client c;
	struct addr a;
	struct env e;
	double start;
	int ready[2];
	char byte;
	pid_t pid;

	env_start_bare(&e, S13_AES128);
	OK(pipe(ready));
	pid = OK(fork());
	if (!pid) {
		struct fake *f = fake_new(&e.hs);

		ASSERT_EQ(0, fake_register(f, 8));
		OK(write(ready[1], "r", 1));
		fake_expect(f, KTLS_CMD_START);
		OK(write(ready[1], "s", 1));
		pause();
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	net_listen(AF_INET, 8, &a);
	client_start(&c, &a);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	start = harness_now();
	OK(kill(pid, SIGKILL));
	job_wait(&c.j, 1000);
	EXPECT_ERRNO(EHOSTDOWN, c.j.err);
	EXPECT_LE((harness_now() - start) * 1000, 1000 * harness_scale());
	OK(waitpid(pid, NULL, 0));
	/* without a helper */
	FAILS(ESRCH, connect(c.fd, &a.sa, a.len));
}

TEST(open_connections_outlive_the_helper)
{
	struct conn c, s;
	struct env e;
	char buf[4];

	env_start(&e, S13_AES256);
	conn_open(&c, &e, ROLE_CLIENT, AF_INET);
	conn_open(&s, &e, ROLE_SERVER, AF_INET6);
	fake_die(e.fake);
	for (int i = 0; i < 3; i++) {
		net_write(c.fd, "ping", 4);
		peer_recv_data(&c.peer, buf, 4);
		peer_send_data(&s.peer, "pong", 4);
		net_read(s.fd, buf, 4);
	}
	close(c.fd);
	peer_expect_close(&c.peer);
}

TEST(a_new_helper_serves_old_listeners)
{
	struct peer p;
	struct addr a;
	struct env e;
	int l;

	env_start(&e, S13_AES128);
	l = sock_listen(AF_INET, 5, &a);
	fake_die(e.fake);
	e.fake = fake_new(&e.hs);
	ASSERT_EQ(0, fake_register(e.fake, 8));
	fake_start(e.fake, NULL, NULL);
	peer_init(&p, net_socket(AF_INET), false, &e.hs);
	OK(connect(p.fd, &a.sa, a.len));
	peer_handshake(&p);
	net_accept(l);
}

/* --- credit, ports, races --- */

TEST(credit_of_one)
{
	struct client c[10];
	struct peer p[10];
	struct addr a;
	struct env e;
	int l;

	env_start_manual(&e, S13_AES128, 1);
	l = net_listen(AF_INET, 16, &a);
	for (int i = 0; i < 10; i++)
		client_start(&c[i], &a);
	for (int i = 0; i < 10; i++)
		peer_init(&p[i], net_accept(l), true, &e.hs);
	/* one message, not answered: no second one */
	struct fake_msg *m = fake_expect(e.fake, KTLS_CMD_START);

	EXPECT_FALSE(fake_next(e.fake, 100));
	fake_answer(e.fake, m);
	fake_start(e.fake, NULL, NULL);
	for (int i = 0; i < 10; i++)
		peer_handshake(&p[i]);
	for (int i = 0; i < 10; i++) {
		job_wait(&c[i].j, 5000);
		OK(c[i].j.ret);
	}
}

TEST(two_ports_share_the_requests)
{
	struct client c[16];
	struct fake *second;
	struct peer p[16];
	struct addr a;
	struct env e;
	int l;

	env_start_bare(&e, S13_AES128);
	e.fake = fake_new(&e.hs);
	second = fake_new(&e.hs);
	ASSERT_EQ(0, fake_register(e.fake, 4));
	ASSERT_EQ(0, fake_register(second, 4));
	l = net_listen(AF_INET, 16, &a);
	for (int i = 0; i < 16; i++)
		client_start(&c[i], &a);
	for (int i = 0; i < 16; i++)
		peer_init(&p[i], net_accept(l), true, &e.hs);
	fake_start(e.fake, NULL, NULL);
	fake_start(second, NULL, NULL);
	for (int i = 0; i < 16; i++)
		peer_handshake(&p[i]);
	for (int i = 0; i < 16; i++) {
		job_wait(&c[i].j, 5000);
		OK(c[i].j.ret);
	}
	EXPECT_EQ(16, e.fake->starts + second->starts);
	EXPECT_GE(e.fake->starts, 2);
	EXPECT_GE(second->starts, 2);
}

/* An answer races with the deadline: one of them wins. */
static void answer_at_the_deadline(struct fake *f, struct fake_msg *m)
{
	static unsigned int seed = 1;

	if (m->cmd != KTLS_CMD_START && m->cmd != KTLS_CMD_DATA)
		return;
	harness_nap(rand_r(&seed) % 12 * harness_scale());
	fake_answer(f, m);
}

TEST_TIMEOUT(completion_races, 60)
{
	int ok = 0, late = 0, closed = 0, l;
	unsigned int seed = 7;
	struct addr a;
	struct env e;

	env_start_with(&e, S13_AES128, answer_at_the_deadline, NULL);
	l = net_listen(AF_INET, 64, &a);
	for (int i = 0; i < 60; i++) {
		struct client c;
		struct peer p;

		c.fd = sock_new(AF_INET);
		OK(sock_set_u32(c.fd, KTLS_TIMEOUT, (1 + rand_r(&seed) % 24) * harness_scale()));
		if (i % 3 == 2) {
			/* close races with both */
			net_nonblock(c.fd, true);
			FAILS(EINPROGRESS, connect(c.fd, &a.sa, a.len));
			harness_nap(rand_r(&seed) % 15);
			close(c.fd);
			close(net_accept(l));
			closed++;
			continue;
		}
		job_connect(&c.j, c.fd, &a);
		peer_init(&p, net_accept(l), true, &e.hs);
		if (net_poll(p.fd, POLLIN, 2000) && recv(p.fd, p.buf, 1, MSG_PEEK) > 0) {
			peer_recv_flight(&p, HS_CLIENT_HELLO);
			send(p.fd, p.buf, hs_flight(&e.hs, HS_SERVER_FLIGHT, p.buf), MSG_NOSIGNAL);
		}
		job_wait(&c.j, 5000);
		if (!c.j.ret) {
			EXPECT_EQ(KTLS_STATE_OPEN, sock_state(c.fd));
			ok++;
		} else {
			EXPECT_ERRNO(ETIMEDOUT, c.j.err);
			EXPECT_EQ(KTLS_STATE_FAILED, sock_state(c.fd));
			late++;
		}
		close(c.fd);
		peer_free(&p);
	}
	harness_note("%d in time, %d late, %d closed", ok, late, closed);
	EXPECT_GT(late, 0);
	/* the next request is served at once */
	fake_stop(e.fake);
	fake_start(e.fake, NULL, NULL);
	struct conn c;

	conn_open(&c, &e, ROLE_CLIENT, AF_INET);
	conn_close(&c);
}

/* A helper that sends without end and never reads. */
TEST(flood)
{
	/* Freeing the acknowledgments takes a slow machine longer than a handshake may. */
	const int messages = 20000 / harness_scale();
	struct conn c;
	struct fake *f;
	struct env e;
	char buf[256];

	env_start(&e, S13_AES128);
	f = fake_new(&e.hs);
	ASSERT_EQ(0, fake_register(f, 1));
	for (int i = 0; i < messages; i++) {
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
		struct genlmsghdr *genl;

		nlh->nlmsg_type = f->family;
		nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
		genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
		genl->cmd = i % 2 ? KTLS_CMD_DONE : KTLS_CMD_DATA;
		genl->version = KTLS_GENL_VERSION;
		mnl_attr_put_u64(nlh, KTLS_A_ID, i);
		if (i % 2)
			mnl_attr_put_u32(nlh, KTLS_A_ERRNO, 71);
		/* EAGAIN and ENOBUFS are fine */
		if (send(mnl_socket_get_fd(f->nl), nlh, nlh->nlmsg_len, MSG_DONTWAIT) < 0)
			continue;
	}
	fake_die(f);
	conn_open(&c, &e, ROLE_CLIENT, AF_INET);
	conn_close(&c);
}

/* CHECK is answered by DONE; there is nothing to send in it. */
TEST(data_for_a_check)
{
	struct addr a = net_loopback(AF_INET, 0);
	uint8_t rec[] = { 22, 3, 3, 0, 1, 0 };
	struct fake_msg *m;
	struct env e;
	int status, l;
	pid_t pid;

	env_start_manual(&e, S13_AES128, 8);
	l = sock_new(AF_INET);
	OK(bind(l, &a.sa, a.len));
	OK(sock_set_u32(l, KTLS_TIMEOUT, 2000 * harness_scale()));
	pid = OK(fork());
	if (!pid)
		_exit(listen(l, 5) ? errno : 0);
	m = fake_expect(e.fake, KTLS_CMD_CHECK);
	EXPECT_NE(0, fake_data(e.fake, m->id, rec, sizeof(rec), false));
	fake_fail(e.fake, m->id, EACCES, -1, "no");
	OK(waitpid(pid, &status, 0));
	/* listen() fails */
	EXPECT_NE(0, WEXITSTATUS(status));
}

/* The helper gets CONFIG_DROP when nobody has a configuration any more. */
TEST(config_drop)
{
	struct fake_msg *m;
	struct client c;
	struct addr a;
	struct env e;
	uint64_t id;

	env_start_manual(&e, S13_AES128, 8);
	net_listen(AF_INET, 8, &a);
	c.fd = sock_new(AF_INET);
	OK(sock_set_str(c.fd, KTLS_TRUST, "anchors"));
	job_connect(&c.j, c.fd, &a);
	m = fake_expect(e.fake, KTLS_CMD_START);
	ASSERT_EQ(sizeof(id), fake_len(m, KTLS_A_CONFIG));
	memcpy(&id, fake_data_of(m, KTLS_A_CONFIG), sizeof(id));
	EXPECT_NE(0, id);
	EXPECT_EQ(1 << KTLS_CONFIG_TRUST, fake_u32(m, KTLS_A_CONFIG_PARTS));
	fake_fail(e.fake, m->id, EPROTO, -1, "end");
	job_wait(&c.j, 5000);
	close(c.fd);
	m = fake_expect(e.fake, KTLS_CMD_CONFIG_DROP);
	ASSERT_EQ(sizeof(id), fake_len(m, KTLS_A_CONFIG));
	EXPECT_MEMEQ(&id, fake_data_of(m, KTLS_A_CONFIG), sizeof(id));
}

/* rmmod fails while there is a socket, a request or a helper. */
TEST(rmmod_is_refused_while_in_use)
{
	struct conn c;
	struct env e;

	env_start(&e, S13_AES128);
	conn_open(&c, &e, ROLE_CLIENT, AF_INET);
	EXPECT_GT(net_module_refs("ktls"), 0);
	EXPECT_EQ(-1, syscall(SYS_delete_module, "ktls", O_NONBLOCK));
	EXPECT_TRUE(errno == EAGAIN || errno == EBUSY || errno == EWOULDBLOCK);
	conn_close(&c);
}
