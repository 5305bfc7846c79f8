// SPDX-License-Identifier: GPL-2.0-or-later
/* A kernel that a test scripts: it passes messages to sessions by function call. */
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "test_kernel.h"

enum {
	KERNEL_FAMILY	= 33,
	KERNEL_PIECE	= 300,	/* small, so that there are many */
};

static uint32_t kernel_room[32768];

static int kernel_send(void *arg, const struct ktlsd_message *message)
{
	struct test_kernel *kernel = arg;
	struct nlmsghdr *copy;

	assert_false(message->overflow);
	if (kernel->send_error)
		return kernel->send_error;
	assert_int_equal(message->nlh->nlmsg_type, KERNEL_FAMILY);
	assert_true(kernel->count < 64);
	copy = malloc(message->nlh->nlmsg_len);
	memcpy(copy, message->nlh, message->nlh->nlmsg_len);
	kernel->sent[kernel->count++] = copy;
	return 0;
}

int test_kernel_setup(void **state)
{
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	return test_pki_setup(state);
}

void test_kernel_init(struct test_kernel *kernel)
{
	memset(kernel, 0, sizeof(*kernel));
	kernel->uid = 1000;
	kernel->config = calloc(1, sizeof(*kernel->config));
	kernel->config->refs = 1;
	kernel->config->path = strdup("/etc/ktls/ktlsd.conf");
	kernel->config->max_sessions = 10;
	kernel->config->trust = X509_STORE_new();
	assert_int_equal(ktlsd_sessions_init(&kernel->sessions, kernel->config,
					     kernel_send, kernel), 0);
	kernel->sessions.family = KERNEL_FAMILY;
	kernel->sessions.suites = ktlsd_suites_all();
}

void test_kernel_add_identity(struct test_kernel *kernel, const char *name)
{
	struct ktlsd_config *config = kernel->config;
	struct ktlsd_identity *identity;
	struct ktlsd_fault fault;

	config->identities = calloc(1, sizeof(*identity));
	config->identity_count = 1;
	identity = &config->identities[0];
	strcpy(identity->name, name);
	assert_int_equal(ktlsd_acl_parse(&identity->acl, false, "1000", &fault), 0);
	X509_up_ref(pki.ec);
	identity->credentials[0].leaf = pki.ec;
	EVP_PKEY_up_ref(pki.ec_key);
	identity->credentials[0].key = pki.ec_key;
	identity->credential_count = 1;
}

void test_kernel_forget(struct test_kernel *kernel)
{
	while (kernel->count)
		free(kernel->sent[--kernel->count]);
}

void test_kernel_free(struct test_kernel *kernel)
{
	int i;

	test_kernel_forget(kernel);
	ktlsd_sessions_free(&kernel->sessions);
	assert_int_equal(kernel->sessions.held, 0);
	ktlsd_config_put(kernel->config);
	for (i = 0; i <= KTLS_CONFIG_MAX; i++)
		ktlsd_buffer_free(&kernel->parts[i]);
}

void test_kernel_begin(struct ktlsd_message *message, uint8_t cmd, uint64_t id)
{
	ktlsd_message_begin(message, kernel_room, sizeof(kernel_room),
			    KERNEL_FAMILY, cmd, 1);
	ktlsd_message_put_u64(message, KTLS_A_ID, id);
}

void test_kernel_tell(struct test_kernel *kernel, const struct ktlsd_message *message)
{
	struct ktlsd_event event;

	assert_false(message->overflow);
	assert_int_equal(ktlsd_message_parse(message->nlh, &event), 0);
	ktlsd_sessions_handle(&kernel->sessions, &event);
	while (!kernel->only_tell && ktlsd_sessions_work(&kernel->sessions))
		;
}

void test_kernel_start(struct test_kernel *kernel, uint8_t cmd, uint64_t id,
		       uint32_t role, const char *identity, uint64_t config,
		       const char *ciphers)
{
	struct ktlsd_message message;
	uint32_t parts = 0, i;

	for (i = 0; config && i <= KTLS_CONFIG_MAX; i++)
		parts |= kernel->parts[i].len ? 1u << i : 0;
	test_kernel_begin(&message, cmd, id);
	if (cmd == KTLS_CMD_START)
		ktlsd_message_put_u32(&message, KTLS_A_ROLE, role);
	ktlsd_message_put_u64(&message, KTLS_A_DEADLINE,
			      (uint64_t)ktlsd_clock_ms() + 10000);
	ktlsd_message_put_u32(&message, KTLS_A_UID, kernel->uid);
	ktlsd_message_put_u32(&message, KTLS_A_GID, 1000);
	ktlsd_message_put_u64(&message, KTLS_A_CONFIG, config);
	ktlsd_message_put_u32(&message, KTLS_A_CONFIG_PARTS, parts);
	if (role == KTLS_ROLE_CLIENT)
		ktlsd_message_put_string(&message, KTLS_A_SERVER_NAME, "server.test");
	if (identity)
		ktlsd_message_put_string(&message, KTLS_A_IDENTITY, identity);
	if (ciphers)
		ktlsd_message_put_string(&message, KTLS_A_CIPHERS, ciphers);
	ktlsd_message_put_u32(&message, KTLS_A_TICKETS, kernel->tickets);
	test_kernel_tell(kernel, &message);
}

void test_kernel_drop(struct test_kernel *kernel, uint64_t config)
{
	struct ktlsd_message message;

	ktlsd_message_begin(&message, kernel_room, sizeof(kernel_room),
			    KERNEL_FAMILY, KTLS_CMD_CONFIG_DROP, 1);
	ktlsd_message_put_u64(&message, KTLS_A_CONFIG, config);
	test_kernel_tell(kernel, &message);
}

struct ktlsd_event test_kernel_last(struct test_kernel *kernel, uint8_t cmd)
{
	struct ktlsd_event event;

	assert_true(kernel->count > 0);
	assert_int_equal(ktlsd_message_parse(kernel->sent[kernel->count - 1],
					     &event), 0);
	if (event.cmd != cmd) {
		char reason[256] = "";

		ktlsd_message_string(&event, KTLS_A_REASON, reason, 256);
		fail_msg("command %u instead of %u: %s", event.cmd, cmd, reason);
	}
	return event;
}

void test_kernel_check_done(struct test_kernel *kernel, int error, const char *word)
{
	struct ktlsd_event event = test_kernel_last(kernel, KTLS_CMD_DONE);
	char reason[256];

	assert_true(ktlsd_message_string(&event, KTLS_A_REASON, reason, 256) >= 0);
	if (ktlsd_message_u32(&event, KTLS_A_ERRNO, 9999) != (uint32_t)error ||
	    !strstr(reason, word))
		fail_msg("errno %u: %s", ktlsd_message_u32(&event, KTLS_A_ERRNO, 9999),
			 reason);
}

bool test_kernel_serve_piece(struct test_kernel *kernel)
{
	struct ktlsd_message message;
	struct ktlsd_event event;
	uint32_t attr, offset, len;

	assert_int_equal(ktlsd_message_parse(kernel->sent[kernel->count - 1],
					     &event), 0);
	if (event.cmd != KTLS_CMD_CONFIG)
		return false;
	attr = ktlsd_message_u32(&event, KTLS_A_CONFIG_ATTR, 99);
	offset = ktlsd_message_u32(&event, KTLS_A_OFFSET, 0);
	assert_true(attr <= KTLS_CONFIG_MAX && offset < kernel->parts[attr].len);
	len = kernel->parts[attr].len - offset;
	if (len > KERNEL_PIECE)
		len = KERNEL_PIECE;
	test_kernel_begin(&message, KTLS_CMD_CONFIG,
			  ktlsd_message_u64(&event, KTLS_A_ID, 0));
	ktlsd_message_put_u32(&message, KTLS_A_CONFIG_ATTR, attr);
	ktlsd_message_put_u32(&message, KTLS_A_OFFSET, offset);
	ktlsd_message_put_u32(&message, KTLS_A_TOTAL, kernel->parts[attr].len);
	ktlsd_message_put(&message, KTLS_A_PIECE, kernel->parts[attr].data + offset, len);
	test_kernel_tell(kernel, &message);
	return true;
}

void test_kernel_deliver(struct test_kernel *kernel, struct test_peer *peer)
{
	struct ktlsd_event event;
	const void *records;
	unsigned int i;
	size_t len;

	for (i = 0; i < kernel->count; i++) {
		assert_int_equal(ktlsd_message_parse(kernel->sent[i], &event), 0);
		records = ktlsd_message_bytes(&event, KTLS_A_RECORDS, &len);
		if (len)
			BIO_write(SSL_get_rbio(peer->ssl), records, (int)len);
		assert_int_equal(!!event.attr[KTLS_A_MORE], i + 1 < kernel->count);
	}
}

void test_kernel_send_batch(struct test_kernel *kernel, struct test_peer *peer,
			    uint64_t id, size_t max)
{
	BIO *out = SSL_get_wbio(peer->ssl);
	struct ktlsd_message message;
	size_t at, part, len;
	char *data;

	test_kernel_forget(kernel);
	len = (size_t)BIO_get_mem_data(out, &data);
	for (at = 0; at < len; at += part) {
		part = len - at < max ? len - at : max;
		assert_int_equal(kernel->count, 0);
		test_kernel_begin(&message, KTLS_CMD_DATA, id);
		ktlsd_message_put(&message, KTLS_A_RECORDS, data + at, part);
		if (at + part < len)
			ktlsd_message_put_flag(&message, KTLS_A_MORE);
		test_kernel_tell(kernel, &message);
	}
	BIO_reset(out);
}
