/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other side of the netlink protocol, for tests of sessions. */
#ifndef KTLSD_TEST_KERNEL_H
#define KTLSD_TEST_KERNEL_H

#include "sessions.h"
#include "test_peer.h"

/**
 * struct test_kernel - a kernel that does nothing by itself
 * @sessions: under test
 * @config: theirs
 * @sent: copies of what they sent
 * @count: how many
 * @send_error: what sending returns
 * @parts: of the configuration
 * @tickets: KTLS_TICKETS of those that start
 * @uid: of those that start
 * @only_tell: sessions take messages in, and do not work
 */
struct test_kernel {
	struct ktlsd_sessions	sessions;
	struct ktlsd_config	*config;
	struct nlmsghdr		*sent[64];
	unsigned int		count;
	int			send_error;
	struct ktlsd_buffer	parts[KTLS_CONFIG_MAX + 1];
	uint32_t		tickets;
	uint32_t		uid;
	bool			only_tell;
};

/* Of a group of tests: errors only in the log, and the pki. */
int test_kernel_setup(void **state);

void test_kernel_init(struct test_kernel *kernel);
void test_kernel_free(struct test_kernel *kernel);

/* Adds an identity with allow_uids = 1000. */
void test_kernel_add_identity(struct test_kernel *kernel, const char *name);

/* Begins a message about a request; all share one buffer. */
void test_kernel_begin(struct ktlsd_message *message, uint8_t cmd, uint64_t id);
void test_kernel_tell(struct test_kernel *kernel, const struct ktlsd_message *message);

/* @cmd: START or CHECK. @config: 0 for one without parts. NULL: without that. */
void test_kernel_start(struct test_kernel *kernel, uint8_t cmd, uint64_t id,
		       uint32_t role, const char *identity, uint64_t config,
		       const char *ciphers);

/* Nobody has that configuration any more. */
void test_kernel_drop(struct test_kernel *kernel, uint64_t config);

/* Forgets what was sent. */
void test_kernel_forget(struct test_kernel *kernel);

/* Return: the last message. Asserts that it is a @cmd. */
struct ktlsd_event test_kernel_last(struct test_kernel *kernel, uint8_t cmd);

/* The last message is a DONE with @error and @word in its reason. */
void test_kernel_check_done(struct test_kernel *kernel, int error, const char *word);

/* Answers one CONFIG. Return: false if the last message was none. */
bool test_kernel_serve_piece(struct test_kernel *kernel);

/* All records since the last test_kernel_forget() go to the peer. */
void test_kernel_deliver(struct test_kernel *kernel, struct test_peer *peer);

/* One batch from the peer, in messages of at most @max bytes. */
void test_kernel_send_batch(struct test_kernel *kernel, struct test_peer *peer,
			    uint64_t id, size_t max);

#endif
