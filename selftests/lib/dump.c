// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/genetlink.h>

#include "dump.h"
#include "harness.h"

static int dump_attr(const struct nlattr *attr, void *data)
{
	struct fake_msg *m = data;

	if (mnl_attr_get_type(attr) <= KTLS_A_MAX)
		m->tb[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static void dump_add(struct dump *d, const struct nlmsghdr *nlh)
{
	struct fake_msg *m = calloc(1, sizeof(*m) + nlh->nlmsg_len);

	ASSERT_TRUE(m);
	ASSERT_LT(d->n, DUMP_MAX);
	memcpy(m->buf, nlh, nlh->nlmsg_len);
	m->cmd = ((struct genlmsghdr *)mnl_nlmsg_get_payload(nlh))->cmd;
	mnl_attr_parse((struct nlmsghdr *)m->buf, sizeof(struct genlmsghdr), dump_attr, m);
	d->msg[d->n++] = m;
}

void dump_open(struct dump *d)
{
	struct fake *f;

	memset(d, 0, sizeof(*d));
	f = fake_new(NULL);
	d->nl = f->nl;
	d->family = f->family;
	free(f);
}

void dump_send(struct dump *d, uint8_t cmd, int attr)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = d->family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++d->seq;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = KTLS_GENL_VERSION;
	if (attr)
		mnl_attr_put_u32(nlh, attr, 1);
	OK(mnl_socket_sendto(d->nl, nlh, nlh->nlmsg_len));
}

int dump_next(struct dump *d)
{
	static char buf[65536];
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	int len = OK(mnl_socket_recvfrom(d->nl, buf, sizeof(buf)));

	ASSERT_GT(len, 0);
	d->datagrams++;
	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		ASSERT_EQ(d->seq, nlh->nlmsg_seq);
		if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR)
			return *(int *)mnl_nlmsg_get_payload(nlh);
		if (nlh->nlmsg_type == NLMSG_NOOP)
			d->noops++;
		else
			dump_add(d, nlh);
	}
	return 1;
}

int dump_all(struct dump *d, uint8_t cmd)
{
	int ret;

	dump_send(d, cmd, 0);
	while ((ret = dump_next(d)) > 0)
		;
	return ret;
}

void dump_close(struct dump *d)
{
	while (d->n)
		free(d->msg[--d->n]);
	OK(mnl_socket_close(d->nl));
}
