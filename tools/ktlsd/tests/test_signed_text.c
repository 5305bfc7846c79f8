// SPDX-License-Identifier: GPL-2.0-or-later
/* What the signer process does for whoever asks it, and what it refuses. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/x509.h>

#include "lib/clock.h"
#include "signer/broker.h"
#include "signer/process.h"
#include "signer/protocol.h"
#include "signer/text.h"
#include "test_pki.h"

enum {
	SIGNED_TEXT_WAIT_MS	= 10000,
};

/* --- what it signs --- */

static size_t signed_text_fill_tls13(uint8_t *text, const char *context, size_t hash)
{
	memset(text, ' ', 64);
	memcpy(text + 64, context, strlen(context) + 1);
	memset(text + 65 + strlen(context), 7, hash);
	return 65 + strlen(context) + hash;
}

static void signed_text_tls13(void **state)
{
	static const char server[] = "TLS 1.3, server CertificateVerify";
	uint8_t text[256];
	size_t len;

	(void)state;
	len = signed_text_fill_tls13(text, server, 32);
	assert_true(ktlsd_text_is_tls(text, len));
	assert_false(ktlsd_text_is_tls(text, len - 1));
	assert_false(ktlsd_text_is_tls(text, len + 1));
	assert_false(ktlsd_text_is_tls(text, 64));
	text[63] = 'x';
	assert_false(ktlsd_text_is_tls(text, len));
	len = signed_text_fill_tls13(text, "TLS 1.3, client CertificateVerify", 48);
	assert_true(ktlsd_text_is_tls(text, len));
	len = signed_text_fill_tls13(text, "TLS 1.3, other CertificateVerify", 32);
	assert_false(ktlsd_text_is_tls(text, len));
}

static void signed_text_tls12(void **state)
{
	static const uint8_t x25519[] = { 3, 0, 0x1d, 32 };
	uint8_t text[300] = { 0 };
	size_t len;

	(void)state;
	memcpy(text + 64, x25519, sizeof(x25519));
	assert_true(ktlsd_text_is_tls(text, 100));
	assert_false(ktlsd_text_is_tls(text, 101));
	assert_false(ktlsd_text_is_tls(text, 99));
	assert_false(ktlsd_text_is_tls(text, 66));
	text[64] = 1;	/* explicit curve */
	assert_false(ktlsd_text_is_tls(text, 100));
	/* ClientHello, ServerHello, ClientKeyExchange. */
	memset(text, 0, sizeof(text));
	text[0] = 1;
	text[3] = 40;
	text[4] = text[5] = 3;
	text[44] = 2;
	text[47] = 40;
	text[48] = text[49] = 3;
	text[88] = 16;
	text[91] = 4;
	len = 96;
	assert_true(ktlsd_text_is_tls(text, len));
	assert_false(ktlsd_text_is_tls(text, len - 1));
	assert_false(ktlsd_text_is_tls(text, 88));
	text[88] = 20;
	assert_false(ktlsd_text_is_tls(text, len));
	text[88] = 16;
	text[44] = 11;
	assert_false(ktlsd_text_is_tls(text, len));
	assert_false(ktlsd_text_is_tls((const uint8_t *)"a token", 7));
	assert_false(ktlsd_text_is_tls(text, 0));
}

/* --- files --- */

static void signed_text_hide_keys(void **state)
{
	struct ktlsd_buffer file = { 0 };
	uint8_t *der = NULL;
	int len;

	(void)state;
	test_pki_put_key(&file, pki.ec_key, NULL);
	test_pki_put_cert(&file, pki.ec);
	test_pki_put_key(&file, pki.rsa_key, "secret");
	test_pki_put_cert(&file, pki.ca);
	test_pki_put_key(&file, pki.rsa_key, NULL);
	assert_int_equal(ktlsd_broker_hide_keys(&file), 0);
	assert_null(memmem(file.data, file.len, "PRIVATE", 7));
	assert_true(!memcmp(file.data, "-----BEGIN CERTIFICATE-----", 27));
	assert_non_null(memmem(file.data + 1, file.len - 1, "-----BEGIN CERTIFICATE-----", 27));
	/* Cut off. */
	file.len = 0;
	test_pki_put_key(&file, pki.rsa_key, NULL);
	file.len /= 2;
	assert_int_equal(ktlsd_broker_hide_keys(&file), 0);
	assert_int_equal(file.len, 0);
	len = i2d_PrivateKey(pki.ec_key, &der);
	ktlsd_buffer_append(&file, der, (size_t)len, 65536);
	assert_int_equal(ktlsd_broker_hide_keys(&file), -EACCES);
	OPENSSL_free(der);
	der = NULL;
	file.len = 0;
	len = i2d_X509(pki.ec, &der);
	ktlsd_buffer_append(&file, der, (size_t)len, 65536);
	assert_int_equal(ktlsd_broker_hide_keys(&file), 0);
	OPENSSL_free(der);
	ktlsd_buffer_free(&file);
}

/* --- a worker that was taken over: it speaks to the signer itself --- */

static void signed_text_ask(int fd, struct ktlsd_signer_head *head, const void *data, size_t len)
{
	uint8_t message[KTLSD_SIGNER_MESSAGE_MAX];

	head->deadline = ktlsd_clock_ms() + SIGNED_TEXT_WAIT_MS;
	memcpy(message, head, sizeof(*head));
	memcpy(message + sizeof(*head), data, len);
	assert_int_equal(send(fd, message, sizeof(*head) + len, 0), sizeof(*head) + len);
}

/* Return: the answer; its text is in @reason. */
static struct ktlsd_signer_head signed_text_answer(int fd, char *reason)
{
	char message[sizeof(struct ktlsd_signer_head) + KTLSD_SIGNER_REPLY_MAX + 1] = "";
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	struct ktlsd_signer_head head;

	assert_int_equal(poll(&poll_fd, 1, SIGNED_TEXT_WAIT_MS), 1);
	assert_true(recv(fd, message, sizeof(message) - 1, 0) >= (ssize_t)sizeof(head));
	memcpy(&head, message, sizeof(head));
	snprintf(reason, 256, "%.255s", message + sizeof(head));
	return head;
}

static uint64_t signed_text_import(int fd, EVP_PKEY *key)
{
	struct ktlsd_signer_head head = { .op = KTLSD_SIGNER_IMPORT };
	struct ktlsd_buffer pem = { 0 };
	char reason[256];

	test_pki_put_key(&pem, key, NULL);
	signed_text_ask(fd, &head, pem.data, pem.len);
	ktlsd_buffer_free(&pem);
	head = signed_text_answer(fd, reason);
	assert_int_equal(head.error, 0);
	return head.handle;
}

static void signed_text_refuses(void **state)
{
	static const char server[] = "TLS 1.3, server CertificateVerify";
	struct ktlsd_signer_head head = { .op = KTLSD_SIGNER_SIGN, .value = NID_sha256 };
	int fd = ktlsd_signer_open_channel();
	uint8_t text[256];
	char reason[256];
	size_t len;

	(void)state;
	head.handle = signed_text_import(fd, pki.ec_key);
	signed_text_ask(fd, &head, "a certificate", 13);
	assert_int_equal(signed_text_answer(fd, reason).error, -EKEYREJECTED);
	assert_non_null(strstr(reason, "none of a TLS handshake"));
	len = signed_text_fill_tls13(text, server, 32);
	signed_text_ask(fd, &head, text, len);
	assert_int_equal(signed_text_answer(fd, reason).error, 0);
	head.value = NID_sha1;
	signed_text_ask(fd, &head, text, len);
	assert_int_equal(signed_text_answer(fd, reason).error, -EKEYREJECTED);
	assert_non_null(strstr(reason, "hash"));
	head.value = NID_sha256;
	head.handle += 1000;
	signed_text_ask(fd, &head, text, len);
	assert_int_equal(signed_text_answer(fd, reason).error, -EKEYREJECTED);
	assert_non_null(strstr(reason, "does not have this private key"));
	/* It survives nonsense. */
	assert_int_equal(send(fd, "x", 1, 0), 1);
	head.op = 99;
	signed_text_ask(fd, &head, "x", 1);
	signed_text_import(fd, pki.ec_key);
	close(fd);
}

/* Whoever asks for many slow signatures waits for them alone. */
static void signed_text_flood(void **state)
{
	static const char server[] = "TLS 1.3, server CertificateVerify";
	enum { FLOOD = 150 };
	struct ktlsd_signer_head head = { .op = KTLSD_SIGNER_SIGN, .value = NID_sha256,
					  .value2 = 1 };
	EVP_PKEY *slow = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)4096);
	int i, fd = ktlsd_signer_open_channel();
	uint64_t slow_handle, fast_handle;
	uint8_t text[256];
	char reason[256];
	size_t len;

	(void)state;
	slow_handle = signed_text_import(fd, slow);
	fast_handle = signed_text_import(fd, pki.ec_key);
	len = signed_text_fill_tls13(text, server, 32);
	head.uid = 1000;
	head.handle = slow_handle;
	for (i = 1; i <= FLOOD; i++) {
		head.seq = i;
		signed_text_ask(fd, &head, text, len);
	}
	head.uid = 1001;
	head.handle = fast_handle;
	head.seq = 1000;
	head.value2 = 0;
	signed_text_ask(fd, &head, text, len);
	for (i = 0; i < FLOOD; i++) {
		if (signed_text_answer(fd, reason).seq == 1000)
			break;
	}
	assert_true(i < FLOOD / 3);
	/* What is not needed any more is not done. */
	head.op = KTLSD_SIGNER_CANCEL;
	for (i = 1; i <= FLOOD; i++) {
		head.seq = i;
		signed_text_ask(fd, &head, "", 0);
	}
	head.op = KTLSD_SIGNER_SIGN;
	head.uid = 1000;
	head.seq = 2000;
	signed_text_ask(fd, &head, text, len);
	for (i = 0; signed_text_answer(fd, reason).seq != 2000; i++)
		;
	assert_true(i < FLOOD / 2);
	EVP_PKEY_free(slow);
	close(fd);
}

static int signed_text_start(void **state)
{
	(void)state;
	return ktlsd_signer_start();
}

static int signed_text_end(void **state)
{
	(void)state;
	ktlsd_signer_stop();
	return 0;
}

#define SIGNED_TEXT_TEST(name) \
	cmocka_unit_test_setup_teardown(name, signed_text_start, signed_text_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signed_text_tls13),
		cmocka_unit_test(signed_text_tls12),
		cmocka_unit_test(signed_text_hide_keys),
		SIGNED_TEXT_TEST(signed_text_refuses),
		SIGNED_TEXT_TEST(signed_text_flood),
	};

	return cmocka_run_group_tests_name("signed_text", tests, test_pki_setup,
					   test_pki_teardown);
}
