/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other side of the netlink protocol, for tests of sessions. */
#ifndef KTLSD_TEST_KERNEL_H
#define KTLSD_TEST_KERNEL_H

#include "sessions.h"
#include "test_peer.h"

/**
 * struct test_kernel - a kernel that a test scripts
 * @sessions: under test
 * @config: of @sessions
 * @sent: copies of the messages they sent
 * @count: how many
 * @send_error: return value of sending
 * @parts: of the configuration
 * @tickets: KTLS_TICKETS of the next requests
 * @uid: of the next requests
 * @only_tell: sessions receive messages, but do no work
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

/* Set up and tear down a group of tests: log errors only, create the certificates. */
int test_kernel_setup(void **state);

void test_kernel_init(struct test_kernel *kernel);
void test_kernel_free(struct test_kernel *kernel);

/* Adds an identity with allow_uids = 1000. */
void test_kernel_add_identity(struct test_kernel *kernel, const char *name);

/* Begins a message about a request; all share one buffer. */
void test_kernel_begin(struct ktlsd_message *message, uint8_t cmd, uint64_t id);
void test_kernel_tell(struct test_kernel *kernel, const struct ktlsd_message *message);

/* @cmd: START or CHECK. @config: 0 for none. NULL omits the attribute. */
void test_kernel_start(struct test_kernel *kernel, uint8_t cmd, uint64_t id,
		       uint32_t role, const char *identity, uint64_t config,
		       const char *ciphers);

/* Sends CONFIG_DROP. */
void test_kernel_drop(struct test_kernel *kernel, uint64_t config);

/* Frees the messages that were sent. */
void test_kernel_forget(struct test_kernel *kernel);

/* Return: the last message, which must be a @cmd. */
struct ktlsd_event test_kernel_last(struct test_kernel *kernel, uint8_t cmd);

/* Asserts that the last message is a DONE with @error, and with @word in its reason. */
void test_kernel_check_done(struct test_kernel *kernel, int error, const char *word);

/* Answers a CONFIG. Return: false if the last message was something else. */
bool test_kernel_serve_piece(struct test_kernel *kernel);

/* Passes all records since the last test_kernel_forget() to the peer. */
void test_kernel_deliver(struct test_kernel *kernel, struct test_peer *peer);

/* Sends a batch from the peer, in messages of at most @max bytes. */
void test_kernel_send_batch(struct test_kernel *kernel, struct test_peer *peer,
			    uint64_t id, size_t max);

#endif
