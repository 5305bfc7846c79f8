// SPDX-License-Identifier: GPL-2.0
/* A helper that a test controls. It has a netlink socket, so its messages take the same path as
 * those of ktlsd. And checks that its requests have released everything.
 */
#include <linux/delay.h>
#include <linux/file.h>
#include <net/genetlink.h>
#include <uapi/linux/ktls_netlink.h>

#include "helper/netlink.h"
#include "helper/outbox.h"
#include "helper/port.h"

#include "request_helper.h"

#define HELPER_BUFFER	(128 * 1024)	/* one message, and one that quotes it */

/**
 * ktls_kunit_helper_die - close its socket
 * @helper: may be closed already
 */
void ktls_kunit_helper_die(struct ktls_kunit_helper *helper)
{
	struct file *file = helper->file;

	helper->file = NULL;
	if (file)
		__fput_sync(file);
}

static void helper_release(void *helper)
{
	ktls_kunit_helper_die(helper);
}

/* Acknowledge a CANCEL; the kernel does not answer, except with an error. */
static void helper_acknowledge(struct ktls_kunit_helper *helper, u64 id)
{
	struct sockaddr_nl nladdr = { .nl_family = AF_NETLINK };
	struct msghdr msg = { .msg_name = &nladdr, .msg_namelen = sizeof(nladdr) };
	struct sk_buff *skb = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	struct kvec vec;

	if (!skb)
		return;
	if (genlmsg_put(skb, 0, 0, &ktls_netlink_family, NLM_F_REQUEST, KTLS_CMD_CANCEL) &&
	    !nla_put(skb, KTLS_A_ID, sizeof(id), &id)) {
		nlmsg_hdr(skb)->nlmsg_len = skb->len;
		vec.iov_base = skb->data;
		vec.iov_len = skb->len;
		kernel_sendmsg(helper->sock, &msg, &vec, 1, skb->len);
	}
	nlmsg_free(skb);
}

/* Handles one message to the helper. Return: true, with *ret_err set, if it acknowledges the
 * helper's own.
 */
static bool helper_handle(struct ktls_kunit_helper *helper, int *ret_err)
{
	const struct nlmsghdr *nlh = helper->buffer;
	const struct genlmsghdr *genl = nlmsg_data(nlh);
	const struct nlattr *id;

	if (nlh->nlmsg_type == NLMSG_ERROR) {
		*ret_err = ((struct nlmsgerr *)nlmsg_data(nlh))->error;
		return nlh->nlmsg_seq == helper->seq;
	}
	if (genl->cmd < ARRAY_SIZE(helper->received))
		helper->received[genl->cmd]++;
	id = nlmsg_find_attr(nlh, GENL_HDRLEN, KTLS_A_ID);
	if (id && (genl->cmd == KTLS_CMD_START || genl->cmd == KTLS_CMD_CHECK))
		helper->id = nla_get_u64(id);
	if (id && genl->cmd == KTLS_CMD_CANCEL)
		helper_acknowledge(helper, nla_get_u64(id));
	return false;
}

/* Receives a datagram. Return: true if the acknowledgment of the last message was in it. */
static bool helper_receive(struct ktls_kunit_helper *helper, int *ret_err)
{
	struct kvec vec = { .iov_base = helper->buffer, .iov_len = HELPER_BUFFER };
	struct msghdr msg = {};

	while (kernel_recvmsg(helper->sock, &msg, &vec, 1, HELPER_BUFFER, MSG_DONTWAIT) > 0)
		if (helper_handle(helper, ret_err))
			return true;
	return false;
}

/**
 * ktls_kunit_helper_wait_for - receive what it was sent
 * @helper: may be dead
 * @cmd: KTLS_CMD_*
 *
 * Return: how many of @cmd there were since it began.
 */
unsigned int ktls_kunit_helper_wait_for(struct ktls_kunit_helper *helper, u8 cmd)
{
	int err;

	if (helper->file)
		helper_receive(helper, &err);
	return helper->received[cmd];
}

/**
 * ktls_kunit_helper_waits - receive until there are enough messages
 * @helper: the helper
 * @cmd: KTLS_CMD_*
 * @want: how many
 *
 * If the helper's buffer was full, the work of the port sends the rest later.
 *
 * Return: how many of @cmd there were since it began; less than @want after a time-out.
 */
unsigned int ktls_kunit_helper_waits(struct ktls_kunit_helper *helper, u8 cmd, unsigned int want)
{
	unsigned int i;

	for (i = 0; i < 250 && ktls_kunit_helper_wait_for(helper, cmd) < want; i++)
		msleep(20);
	return ktls_kunit_helper_wait_for(helper, cmd);
}

static struct sk_buff *helper_message(struct ktls_kunit_helper *helper, u8 cmd)
{
	struct sk_buff *skb = nlmsg_new(HELPER_BUFFER / 2, GFP_KERNEL);

	if (skb && !genlmsg_put(skb, 0, ++helper->seq, &ktls_netlink_family,
				NLM_F_REQUEST | NLM_F_ACK, cmd)) {
		nlmsg_free(skb);
		return NULL;
	}
	return skb;
}

/* Sends a message and waits for the acknowledgment. Process context. */
static int helper_send(struct ktls_kunit_helper *helper, struct sk_buff *skb)
{
	struct sockaddr_nl nladdr = { .nl_family = AF_NETLINK };
	struct msghdr msg = { .msg_name = &nladdr, .msg_namelen = sizeof(nladdr) };
	struct kvec vec;
	int ret, err;

	nlmsg_hdr(skb)->nlmsg_len = skb->len;
	vec.iov_base = skb->data;
	vec.iov_len = skb->len;
	ret = kernel_sendmsg(helper->sock, &msg, &vec, 1, skb->len);
	nlmsg_free(skb);
	if (ret < 0)
		return ret;
	return helper_receive(helper, &err) ? err : -ENOMSG;
}

/**
 * ktls_kunit_helper_register - send REGISTER
 * @helper: the helper
 * @credit: messages it may be sent before it answers
 *
 * Return: the errno of the acknowledgment, also below.
 */
int ktls_kunit_helper_register(struct ktls_kunit_helper *helper, u32 credit)
{
	struct sk_buff *skb = helper_message(helper, KTLS_CMD_REGISTER);

	if (!skb || nla_put_u32(skb, KTLS_A_PROTOCOL, KTLS_GENL_VERSION) ||
	    nla_put_u32(skb, KTLS_A_CREDIT, credit))
		return -ENOMEM;
	return helper_send(helper, skb);
}

/**
 * ktls_kunit_helper_data - send DATA
 * @helper: the helper
 * @id: of the request
 * @records: for the peer
 * @len: of @records
 * @more: its turn is not over
 */
int ktls_kunit_helper_data(struct ktls_kunit_helper *helper, u64 id, const char *records,
			   size_t len, bool more)
{
	struct sk_buff *skb = helper_message(helper, KTLS_CMD_DATA);

	if (!skb || nla_put(skb, KTLS_A_ID, sizeof(id), &id) ||
	    nla_put(skb, KTLS_A_RECORDS, len, records) ||
	    (more && nla_put_flag(skb, KTLS_A_MORE)))
		return -ENOMEM;
	return helper_send(helper, skb);
}

/**
 * ktls_kunit_helper_done - send DONE
 * @helper: the helper
 * @id: of the request
 * @error: an errno, positive; 0: success, but without keys
 */
int ktls_kunit_helper_done(struct ktls_kunit_helper *helper, u64 id, u32 error)
{
	struct sk_buff *skb = helper_message(helper, KTLS_CMD_DONE);

	if (!skb || nla_put(skb, KTLS_A_ID, sizeof(id), &id) ||
	    nla_put_u32(skb, KTLS_A_ERRNO, error) ||
	    nla_put_string(skb, KTLS_A_REASON, "because"))
		return -ENOMEM;
	return helper_send(helper, skb);
}

/**
 * ktls_kunit_helper - a helper that has registered
 * @test: owns it
 * @credit: as in REGISTER; 0: it does not register
 */
struct ktls_kunit_helper *ktls_kunit_helper(struct kunit *test, u32 credit)
{
	struct sockaddr_nl nladdr = { .nl_family = AF_NETLINK };
	struct ktls_kunit_helper *helper;

	helper = kunit_kzalloc(test, sizeof(*helper), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, helper);
	helper->buffer = kunit_kzalloc(test, HELPER_BUFFER, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, helper->buffer);
	KUNIT_ASSERT_EQ(test, sock_create_kern(&init_net, AF_NETLINK, SOCK_RAW, NETLINK_GENERIC,
					       &helper->sock), 0);
	/* A port is a socket of a program: it has a file. */
	helper->file = sock_alloc_file(helper->sock, 0, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, helper->file);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, helper_release, helper), 0);
	KUNIT_ASSERT_EQ(test, kernel_bind(helper->sock, (struct sockaddr_unsized *)&nladdr,
					  sizeof(nladdr)), 0);
	if (credit)
		KUNIT_ASSERT_EQ(test, ktls_kunit_helper_register(helper, credit), 0);
	return helper;
}

/**
 * ktls_kunit_expect_idle - no request is left, and only unread messages hold credit
 * @test: fails if not
 * @ports: how many must be registered
 *
 * Context: nothing else uses the namespace, so no lock is taken.
 */
void ktls_kunit_expect_idle(struct kunit *test, unsigned int ports)
{
	struct ktls_net *kn = ktls_net(&init_net);
	struct ktls_port *port;
	struct ktls_outgoing *out;
	unsigned int unread;

	KUNIT_EXPECT_EQ(test, kn->queue.waiting, 0);
	KUNIT_EXPECT_EQ(test, kn->port_count, ports);
	KUNIT_EXPECT_TRUE(test, list_empty(&kn->queue.uids));
	KUNIT_EXPECT_TRUE(test, hash_empty(kn->queue.flows));
	list_for_each_entry(port, &kn->ports, node) {
		unread = 0;
		list_for_each_entry(out, &port->outbox.cancelled, node)
			unread += out->owed;
		KUNIT_EXPECT_EQ(test, port->in_flight, unread);
		KUNIT_EXPECT_TRUE(test, list_empty(&port->requests));
		KUNIT_EXPECT_TRUE(test, list_empty(&port->stalled));
		KUNIT_EXPECT_TRUE(test, list_empty(&port->outbox.out));
	}
}
