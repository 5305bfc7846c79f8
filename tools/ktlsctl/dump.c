// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "lib/genl.h"
#include "dump.h"

enum {
	DUMP_RCVBUF	= 1 << 20,	/* bytes */
	DUMP_WAIT	= 10000,	/* ms, for the next part */
};

/**
 * struct dump - a dump that is under way
 * @seq: of the request
 * @each: the caller's
 * @arg: for @each
 */
struct dump {
	uint32_t	seq;
	int		(*each)(const struct ktlsd_event *event, void *arg);
	void		*arg;
};

/* Return: 1 when the dump is complete, a negative errno, or 0. */
static int dump_message(const struct nlmsghdr *nlh, void *arg)
{
	struct dump *dump = arg;
	struct ktlsd_event event;
	const char *text;
	int err;

	if (nlh->nlmsg_seq != dump->seq || nlh->nlmsg_type == NLMSG_NOOP)
		return 0;
	if (nlh->nlmsg_type == NLMSG_DONE) {
		err = mnl_nlmsg_get_payload_len(nlh) >= sizeof(int) ?
		      *(const int *)mnl_nlmsg_get_payload(nlh) : 0;
		return err < 0 ? err : 1;
	}
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		err = ktlsd_genl_error(nlh, &text);
		return err ? err : 1;
	}
	err = ktlsd_message_parse(nlh, &event);
	return err ? err : dump->each(&event, dump->arg);
}

static int dump_run(struct ktlsd_genl *genl, uint8_t cmd, struct dump *dump, void *buffer)
{
	struct pollfd wait = { .fd = genl->fd, .events = POLLIN };
	char request[256] __attribute__((aligned(8)));
	struct ktlsd_message message;
	int err;

	dump->seq = ++genl->seq;
	ktlsd_message_begin(&message, request, sizeof(request), genl->family, cmd, dump->seq);
	message.nlh->nlmsg_flags |= NLM_F_DUMP;
	err = ktlsd_genl_send(genl, &message);
	while (!err) {
		err = ktlsd_genl_receive(genl, buffer, dump_message, dump);
		if (err == -EAGAIN)
			err = poll(&wait, 1, DUMP_WAIT) == 1 ? 0 : -ETIMEDOUT;
	}
	return err < 0 ? err : 0;
}

int ktlsctl_dump(uint8_t cmd, int (*each)(const struct ktlsd_event *event, void *arg),
		 void *arg)
{
	struct dump dump = { .each = each, .arg = arg };
	void *buffer = malloc(KTLSD_GENL_RX_SIZE);
	struct ktlsd_genl genl;
	int err;

	if (!buffer)
		return -ENOMEM;
	err = ktlsd_genl_open(&genl, DUMP_RCVBUF);
	if (!err) {
		err = ktlsd_genl_resolve(&genl, KTLS_GENL_NAME, false);
		if (!err)
			err = dump_run(&genl, cmd, &dump, buffer);
		ktlsd_genl_close(&genl);
	}
	free(buffer);
	return err;
}
