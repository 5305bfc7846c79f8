// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "signer/channel.h"
#include "signer/process.h"
#include "tls/pause.h"

/**
 * struct ktlsd_signer_call - a request that waits for its answer; on the stack of its job
 * @next: in the list of the channel
 * @id: of the request of the kernel
 * @done: the answer is there
 * @head: of the answer
 * @len: bytes after it
 * @data: those bytes
 */
struct ktlsd_signer_call {
	struct ktlsd_signer_call	*next;
	uint64_t			id;
	bool				done;
	struct ktlsd_signer_head	head;
	size_t				len;
	uint8_t				data[KTLSD_SIGNER_REPLY_MAX];
};

static _Thread_local struct ktlsd_signer_channel *channel_current;

void ktlsd_signer_channel_open(struct ktlsd_signer_channel *channel, int fd,
			       void (*wake)(void *arg, uint64_t id), void *arg)
{
	memset(channel, 0, sizeof(*channel));
	channel->fd = fd;
	channel->wake = wake;
	channel->arg = arg;
	channel_current = channel;
}

void ktlsd_signer_channel_adopt(struct ktlsd_signer_channel *channel)
{
	if (channel->wake)
		channel_current = channel;
}

void ktlsd_signer_channel_close(struct ktlsd_signer_channel *channel)
{
	if (!channel->wake)
		return;
	close(channel->fd);
	channel->wake = NULL;
	channel_current = NULL;
}

static void channel_end(struct ktlsd_signer_channel *channel)
{
	struct ktlsd_signer_call *call;

	channel->dead = true;
	for (call = channel->calls; call; call = call->next)
		channel->wake(channel->arg, call->id);
}

/* Of an answer that nobody waits for any more: a key or a secret is given back. */
static void channel_discard(const struct ktlsd_signer_head *head, uint8_t *data, size_t len)
{
	if (head->op == KTLSD_SIGNER_IMPORT && !head->error)
		ktlsd_signer_release(head->handle);
	OPENSSL_cleanse(data, len);
}

void ktlsd_signer_channel_receive(void *arg)
{
	struct ktlsd_signer_channel *channel = arg;
	struct ktlsd_signer_head head;
	struct ktlsd_signer_call *call;
	uint8_t data[KTLSD_SIGNER_REPLY_MAX];
	struct iovec parts[] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_base = data, .iov_len = sizeof(data) },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t len;

	while (!channel->dead) {
		len = recvmsg(channel->fd, &message, MSG_DONTWAIT);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN)
			return;
		if (len < (ssize_t)sizeof(head)) {
			channel_end(channel);
			return;
		}
		for (call = channel->calls; call && call->head.seq != head.seq; call = call->next)
			;
		len -= (ssize_t)sizeof(head);
		if (!call || call->done) {
			channel_discard(&head, data, (size_t)len);
			continue;
		}
		call->done = true;
		call->head = head;
		call->len = (size_t)len;
		memcpy(call->data, data, call->len);
		OPENSSL_cleanse(data, call->len);
		channel->wake(channel->arg, call->id);
	}
}

static int channel_send(struct ktlsd_signer_channel *channel,
			const struct ktlsd_signer_head *head, const void *data, size_t len)
{
	struct iovec parts[] = {
		{ .iov_base = (void *)head, .iov_len = sizeof(*head) },
		{ .iov_base = (void *)data, .iov_len = len },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	if (sendmsg(channel->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	return errno == EPIPE || errno == ECONNRESET ? -EPIPE : -errno;
}

static void channel_unlink(struct ktlsd_signer_channel *channel, struct ktlsd_signer_call *call)
{
	struct ktlsd_signer_call **slot = &channel->calls;

	while (*slot != call)
		slot = &(*slot)->next;
	*slot = call->next;
}

/* Pauses until the answer is there. */
static int channel_wait(struct ktlsd_signer_channel *channel, struct ktlsd_signer_call *call)
{
	const struct ktlsd_signer_head cancel = {
		.op = KTLSD_SIGNER_CANCEL, .seq = call->head.seq,
	};
	int err = 0;

	call->next = channel->calls;
	channel->calls = call;
	while (!err && !call->done && !channel->dead)
		err = ktlsd_pause();
	channel_unlink(channel, call);
	if (err && !call->done)
		channel_send(channel, &cancel, NULL, 0);
	if (err && call->done)
		channel_discard(&call->head, call->data, call->len);
	return err ? err : call->done ? 0 : -EPIPE;
}

int ktlsd_signer_channel_call(struct ktlsd_signer_head *head, const void *data, size_t len,
			      uint8_t *answer, size_t *ret_len, struct ktlsd_fault *fault)
{
	const struct ktlsd_pause_owner *owner = ktlsd_pause_get_owner();
	struct ktlsd_signer_channel *channel = channel_current;
	struct ktlsd_signer_call call = { .head = *head };
	int err;

	if (!channel || !owner)
		return ktlsd_errors_set(fault, -EDEADLK,
					"A private key is needed where ktlsd cannot wait for the signer.");
	call.id = owner->id;
	call.head.seq = ++channel->seq;
	call.head.uid = owner->uid;
	call.head.source = owner->source;
	call.head.deadline = owner->deadline;
	err = channel->dead ? -EPIPE : channel_send(channel, &call.head, data, len);
	if (!err)
		err = channel_wait(channel, &call);
	if (err == -EPIPE)
		return ktlsd_errors_set(fault, -EKEYREJECTED,
			"The signer process, which has the private keys, has ended: ktlsd starts anew.");
	if (err == -EMSGSIZE)
		return ktlsd_errors_set(fault, err, "The text to be signed is too long.");
	if (err)
		return ktlsd_errors_set(fault, err == -EAGAIN ? -ENOBUFS : err,
			"Too many signatures were asked for at the same time: try again later.");
	*head = call.head;
	if (head->error)
		return ktlsd_errors_set(fault, head->error, "%.*s", (int)call.len,
					(const char *)call.data);
	memcpy(answer, call.data, call.len);
	*ret_len = call.len;
	/* It may be a secret of TLS. */
	OPENSSL_cleanse(call.data, call.len);
	return 0;
}

void ktlsd_signer_channel_count(const char *name, const struct ktlsd_signer_head *head, int err,
				int64_t begun)
{
	struct ktlsd_signer_channel *channel = channel_current;
	/* Only an answer of the signer has an error in its head. */
	enum ktlsd_metrics_use use = !err ? KTLSD_USE_DONE :
				     head->error && head->error != -ENOBUFS ? KTLSD_USE_REFUSED :
				     KTLSD_USE_FAILED;

	if (channel && channel->metrics)
		ktlsd_metrics_use_key(channel->metrics, name, head->op == KTLSD_SIGNER_DECRYPT,
				      use, begun);
}
