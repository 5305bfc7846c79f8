// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "genl.h"

enum {
	GENL_RESOLVE_MS	= 5000,		/* a module may have to be loaded */
	GENL_SNDBUF	= 2 * KTLSD_GENL_TX_SIZE,
};

static void genl_set_buffers(struct ktlsd_genl *genl, size_t rcvbuf)
{
	int want = (int)rcvbuf, send = GENL_SNDBUF, got = 0;
	socklen_t len = sizeof(got);

	if (setsockopt(genl->fd, SOL_SOCKET, SO_RCVBUFFORCE, &want, sizeof(want)))
		setsockopt(genl->fd, SOL_SOCKET, SO_RCVBUF, &want, sizeof(want));
	if (setsockopt(genl->fd, SOL_SOCKET, SO_SNDBUFFORCE, &send, sizeof(send)))
		setsockopt(genl->fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof(send));

	if (!getsockopt(genl->fd, SOL_SOCKET, SO_RCVBUF, &got, &len) && got > 0)
		genl->rcvbuf = (size_t)got;
}

int ktlsd_genl_open(struct ktlsd_genl *genl, size_t rcvbuf)
{
	int one = 1, err;

	memset(genl, 0, sizeof(*genl));
	genl->fd = -1;
	genl->nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!genl->nl)
		return -errno;
	genl->fd = mnl_socket_get_fd(genl->nl);
	if (mnl_socket_bind(genl->nl, 0, MNL_SOCKET_AUTOPID)) {
		err = -errno;
		ktlsd_genl_close(genl);
		return err;
	}
	genl_set_buffers(genl, rcvbuf);

	/* Without CAP_ACK an error would contain the whole message that it is about: 32 KiB
	 * without use, or secrets.
	 */
	if (mnl_socket_setsockopt(genl->nl, NETLINK_CAP_ACK, &one, sizeof(one))) {
		err = -errno;
		ktlsd_genl_close(genl);
		return err;
	}
	mnl_socket_setsockopt(genl->nl, NETLINK_EXT_ACK, &one, sizeof(one));
	return 0;
}

void ktlsd_genl_close(struct ktlsd_genl *genl)
{
	if (genl->nl)
		mnl_socket_close(genl->nl);
	genl->nl = NULL;
	genl->fd = -1;
	genl->family = 0;
}

int ktlsd_genl_allow_loss(struct ktlsd_genl *genl)
{
	int one = 1;

	return mnl_socket_setsockopt(genl->nl, NETLINK_NO_ENOBUFS, &one,
				     sizeof(one)) ? -errno : 0;
}

uint32_t ktlsd_genl_credit(size_t rcvbuf)
{
	/* An eighth is for CANCEL, CONFIG_DROP and acknowledgements. */
	size_t credit = (rcvbuf - rcvbuf / 8) / KTLSD_GENL_SKB_SIZE;

	if (!credit)
		return 1;
	return credit > KTLSD_GENL_CREDIT_MAX ? KTLSD_GENL_CREDIT_MAX
					      : (uint32_t)credit;
}

int ktlsd_genl_send(struct ktlsd_genl *genl, const struct ktlsd_message *message)
{
	ssize_t sent;

	if (message->overflow)
		return -EMSGSIZE;
	do {
		sent = mnl_socket_sendto(genl->nl, message->nlh,
					 message->nlh->nlmsg_len);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

int ktlsd_genl_receive(struct ktlsd_genl *genl, void *buffer,
		       ktlsd_genl_handler handler, void *arg)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { .iov_base = buffer, .iov_len = KTLSD_GENL_RX_SIZE };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	const struct nlmsghdr *nlh = buffer;
	ssize_t got;
	int left, err = 0;

	do {
		got = recvmsg(genl->fd, &msg, 0);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	if (msg.msg_flags & MSG_TRUNC)
		return -ENOBUFS;
	if (from.nl_family != AF_NETLINK || from.nl_pid)
		return 0;

	for (left = (int)got; !err && mnl_nlmsg_ok(nlh, left);
	     nlh = mnl_nlmsg_next(nlh, &left))
		err = handler(nlh, arg);
	return err;
}

int ktlsd_genl_error(const struct nlmsghdr *nlh, const char **ret_text)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	*ret_text = "";
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*error))
		return -EBADMSG;
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) ||
	    !(nlh->nlmsg_flags & NLM_F_CAPPED))
		return error->error;

	mnl_attr_for_each(attr, nlh, sizeof(*error)) {
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
		    !mnl_attr_validate(attr, MNL_TYPE_NUL_STRING))
			*ret_text = mnl_attr_get_str(attr);
	}
	return error->error;
}

/* Reads name and number of the family in a message of nlctrl. */
static bool genl_read_family(const struct nlmsghdr *nlh, const char **ret_name,
			     uint16_t *ret_family, uint8_t *ret_cmd)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	*ret_name = NULL;
	*ret_family = 0;
	if (nlh->nlmsg_type != GENL_ID_CTRL ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl))
		return false;
	*ret_cmd = genl->cmd;
	mnl_attr_for_each(attr, nlh, sizeof(*genl)) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_NAME &&
		    !mnl_attr_validate(attr, MNL_TYPE_NUL_STRING))
			*ret_name = mnl_attr_get_str(attr);
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID &&
		    !mnl_attr_validate(attr, MNL_TYPE_U16))
			*ret_family = mnl_attr_get_u16(attr);
	}
	return *ret_name && *ret_family;
}

bool ktlsd_genl_is_family_event(const struct nlmsghdr *nlh, const char *name,
				uint8_t *ret_cmd)
{
	const char *found;
	uint16_t family;

	return genl_read_family(nlh, &found, &family, ret_cmd) &&
	       !strcmp(found, name) &&
	       (*ret_cmd == CTRL_CMD_NEWFAMILY || *ret_cmd == CTRL_CMD_DELFAMILY);
}

int ktlsd_genl_subscribe(struct ktlsd_genl *genl)
{
	/* The group `notify` of nlctrl has a fixed number, that of nlctrl. */
	int group = GENL_ID_CTRL;

	if (mnl_socket_setsockopt(genl->nl, NETLINK_ADD_MEMBERSHIP, &group,
				  sizeof(group)))
		return -errno;
	return 0;
}

struct genl_resolution {
	const char	*name;
	uint32_t	seq;
	uint16_t	family;
};

/* Return: 1 when the answer is complete. */
static int genl_resolve_handle(const struct nlmsghdr *nlh, void *arg)
{
	struct genl_resolution *resolution = arg;
	const char *name, *text;
	uint16_t family;
	uint8_t cmd;
	int err;

	if (nlh->nlmsg_seq != resolution->seq)
		return 0;
	if (nlh->nlmsg_type == NLMSG_DONE)
		return 1;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		err = ktlsd_genl_error(nlh, &text);
		return err ? err : 1;
	}
	if (genl_read_family(nlh, &name, &family, &cmd) &&
	    !strcmp(name, resolution->name))
		resolution->family = family;
	return 0;
}

int ktlsd_genl_resolve(struct ktlsd_genl *genl, const char *name, bool load)
{
	struct genl_resolution resolution = { .name = name };
	struct pollfd wait = { .fd = genl->fd, .events = POLLIN };
	struct ktlsd_message message;
	char request[256] __attribute__((aligned(8)));
	void *buffer;
	int err;

	buffer = malloc(KTLSD_GENL_RX_SIZE);
	if (!buffer)
		return -ENOMEM;
	resolution.seq = ++genl->seq;
	ktlsd_message_begin(&message, request, sizeof(request), GENL_ID_CTRL,
			    CTRL_CMD_GETFAMILY, resolution.seq);
	if (load) {
		message.nlh->nlmsg_flags |= NLM_F_ACK;
		ktlsd_message_put(&message, CTRL_ATTR_FAMILY_NAME, name,
				  strlen(name) + 1);
	} else {
		message.nlh->nlmsg_flags |= NLM_F_DUMP;
	}

	err = ktlsd_genl_send(genl, &message);
	while (!err) {
		err = ktlsd_genl_receive(genl, buffer, genl_resolve_handle,
					 &resolution);
		if (err != -EAGAIN)
			continue;
		err = poll(&wait, 1, GENL_RESOLVE_MS) == 1 ? 0 : -ETIMEDOUT;
	}
	free(buffer);
	if (err < 0)
		return err;
	genl->family = resolution.family;
	return resolution.family ? 0 : -ENOENT;
}
