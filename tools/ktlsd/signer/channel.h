/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A worker's end of its socket to the signer. Who asks, within a job of pause.h, pauses until
 * the answer is there. Belongs to the thread of the worker.
 */
#ifndef KTLSD_SIGNER_CHANNEL_H
#define KTLSD_SIGNER_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "errors.h"
#include "metrics.h"
#include "signer/protocol.h"

struct ktlsd_signer_call;

/**
 * struct ktlsd_signer_channel - a socket to the signer
 * @fd: owned
 * @seq: number of the last request
 * @dead: the signer has gone
 * @calls: those that wait for an answer
 * @wake: makes the request go on whose answer is there
 * @arg: for @wake
 * @metrics: of the worker, or NULL: set it after ktlsd_signer_channel_open()
 */
struct ktlsd_signer_channel {
	int				fd;
	uint32_t			seq;
	bool				dead;
	struct ktlsd_signer_call	*calls;
	void				(*wake)(void *arg, uint64_t id);
	void				*arg;
	struct ktlsd_metrics		*metrics;
};

/* Uses @fd, which it takes over, for what this thread asks. */
void ktlsd_signer_channel_open(struct ktlsd_signer_channel *channel, int fd,
			       void (*wake)(void *arg, uint64_t id), void *arg);

/* What this thread asks goes there from now on: the one that opened it has exited. Does nothing for
 * a channel that was not opened.
 */
void ktlsd_signer_channel_adopt(struct ktlsd_signer_channel *channel);

/* No job may wait. Does nothing for a channel that was not opened. */
void ktlsd_signer_channel_close(struct ktlsd_signer_channel *channel);

/* Receives answers. @arg: the channel. */
void ktlsd_signer_channel_receive(void *arg);

/**
 * ktlsd_signer_channel_call - ask the signer, and pause until it has answered
 * @head: @op, and what belongs to it; on return that of the answer
 * @data: bytes after it
 * @len: how many
 * @answer: KTLSD_SIGNER_REPLY_MAX bytes
 * @ret_len: how many of them are used
 * @fault: on error; a reason of the signer is passed on as it is
 *
 * Return: 0, or a negative errno
 */
int ktlsd_signer_channel_call(struct ktlsd_signer_head *head, const void *data, size_t len,
			      uint8_t *answer, size_t *ret_len, struct ktlsd_fault *fault);

/* Counts a use of a private key of kind @name, which began at @begun, microseconds of the
 * monotonic clock. @err: of ktlsd_signer_channel_call(); @head: of the answer.
 */
void ktlsd_signer_channel_count(const char *name, const struct ktlsd_signer_head *head, int err,
				int64_t begun);

#endif
