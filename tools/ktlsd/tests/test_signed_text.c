// SPDX-License-Identifier: GPL-2.0-or-later
/* What the signer process does for whoever asks it, and what it refuses. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <linux/ktls.h>

#include "lib/clock.h"
#include "config/file.h"
#include "signer/broker.h"
#include "signer/process.h"
#include "signer/protocol.h"
#include "signer/text.h"
#include "test_pki.h"

enum {
	SIGNED_TEXT_WAIT_MS	= 10000,
};

static char signed_text_conf[] = "/tmp/test_signed_text.XXXXXX";

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
	assert_int_equal(ktlsd_text_role(text, len), KTLS_ROLE_SERVER);
	assert_int_equal(ktlsd_text_role(text, len - 1), 0);
	assert_int_equal(ktlsd_text_role(text, len + 1), 0);
	assert_int_equal(ktlsd_text_role(text, 64), 0);
	text[63] = 'x';
	assert_int_equal(ktlsd_text_role(text, len), 0);
	len = signed_text_fill_tls13(text, "TLS 1.3, client CertificateVerify", 48);
	assert_int_equal(ktlsd_text_role(text, len), KTLS_ROLE_CLIENT);
	len = signed_text_fill_tls13(text, "TLS 1.3, other CertificateVerify", 32);
	assert_int_equal(ktlsd_text_role(text, len), 0);
}

static void signed_text_tls12(void **state)
{
	static const uint8_t x25519[] = { 3, 0, 0x1d, 32 };
	uint8_t text[300] = { 0 };
	size_t len;

	(void)state;
	memcpy(text + 64, x25519, sizeof(x25519));
	assert_int_equal(ktlsd_text_role(text, 100), KTLS_ROLE_SERVER);
	assert_int_equal(ktlsd_text_role(text, 101), 0);
	assert_int_equal(ktlsd_text_role(text, 99), 0);
	assert_int_equal(ktlsd_text_role(text, 66), 0);
	text[64] = 1;	/* explicit curve */
	assert_int_equal(ktlsd_text_role(text, 100), 0);
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
	assert_int_equal(ktlsd_text_role(text, len), KTLS_ROLE_CLIENT);
	assert_int_equal(ktlsd_text_role(text, len - 1), 0);
	assert_int_equal(ktlsd_text_role(text, 88), 0);
	text[88] = 20;
	assert_int_equal(ktlsd_text_role(text, len), 0);
	text[88] = 16;
	text[44] = 11;
	assert_int_equal(ktlsd_text_role(text, len), 0);
	assert_int_equal(ktlsd_text_role((const uint8_t *)"a token", 7), 0);
	assert_int_equal(ktlsd_text_role(text, 0), 0);
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

static void signed_text_send(int fd, const struct ktlsd_signer_head *head, const void *data,
			     size_t len)
{
	uint8_t message[KTLSD_SIGNER_MESSAGE_MAX];

	memcpy(message, head, sizeof(*head));
	memcpy(message + sizeof(*head), data, len);
	assert_int_equal(send(fd, message, sizeof(*head) + len, 0), sizeof(*head) + len);
}

static void signed_text_ask(int fd, struct ktlsd_signer_head *head, const void *data, size_t len)
{
	head->deadline = ktlsd_clock_ms() + SIGNED_TEXT_WAIT_MS;
	signed_text_send(fd, head, data, len);
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

/* @decrypts: it may be used for RSA key transport */
static uint64_t signed_text_import_for(int fd, EVP_PKEY *key, uint32_t role, bool decrypts)
{
	struct ktlsd_signer_head head = {
		.op = KTLSD_SIGNER_IMPORT, .value = role, .value2 = decrypts,
	};
	struct ktlsd_buffer pem = { 0 };
	char reason[256];

	test_pki_put_key(&pem, key, NULL);
	signed_text_ask(fd, &head, pem.data, pem.len);
	ktlsd_buffer_free(&pem);
	head = signed_text_answer(fd, reason);
	assert_int_equal(head.error, 0);
	return head.handle;
}

static uint64_t signed_text_import(int fd, EVP_PKEY *key, uint32_t role)
{
	return signed_text_import_for(fd, key, role, false);
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
	head.handle = signed_text_import(fd, pki.ec_key, KTLS_ROLE_SERVER);
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
	signed_text_import(fd, pki.ec_key, KTLS_ROLE_SERVER);
	close(fd);
}

/* A key signs only for the role that it is for, and a client's does not decrypt. */
static void signed_text_roles(void **state)
{
	static const struct {
		uint32_t	role;
		const char	*own;
		const char	*other;
		const char	*word;
	} table[] = {
		{ KTLS_ROLE_SERVER, "TLS 1.3, server CertificateVerify",
		  "TLS 1.3, client CertificateVerify", "not for clients" },
		{ KTLS_ROLE_CLIENT, "TLS 1.3, client CertificateVerify",
		  "TLS 1.3, server CertificateVerify", "not for servers" },
	};
	struct ktlsd_signer_head head = { .value = NID_sha256 };
	int fd = ktlsd_signer_open_channel();
	uint8_t text[256];
	char reason[256];
	size_t i, len;

	(void)state;
	for (i = 0; i < 2; i++) {
		head.op = KTLSD_SIGNER_SIGN;
		head.handle = signed_text_import(fd, pki.ec_key, table[i].role);
		len = signed_text_fill_tls13(text, table[i].own, 32);
		signed_text_ask(fd, &head, text, len);
		assert_int_equal(signed_text_answer(fd, reason).error, 0);
		len = signed_text_fill_tls13(text, table[i].other, 32);
		signed_text_ask(fd, &head, text, len);
		assert_int_equal(signed_text_answer(fd, reason).error, -EKEYREJECTED);
		assert_non_null(strstr(reason, table[i].word));
	}
	/* ServerKeyExchange. */
	memset(text, 0, sizeof(text));
	memcpy(text + 64, "\x03\x00\x1d\x20", 4);
	signed_text_ask(fd, &head, text, 100);
	assert_int_equal(signed_text_answer(fd, reason).error, -EKEYREJECTED);
	assert_non_null(strstr(reason, "not for servers"));
	head.op = KTLSD_SIGNER_DECRYPT;
	head.handle = signed_text_import(fd, pki.rsa_key, KTLS_ROLE_CLIENT);
	signed_text_ask(fd, &head, text, 256);
	assert_int_equal(signed_text_answer(fd, reason).error, -EKEYREJECTED);
	assert_non_null(strstr(reason, "not for servers"));
	head.op = KTLSD_SIGNER_IMPORT;
	head.value = KTLS_ROLE_SERVER | KTLS_ROLE_CLIENT;
	signed_text_ask(fd, &head, "", 0);
	assert_int_equal(signed_text_answer(fd, reason).error, -EINVAL);
	close(fd);
}

/* A message that does not fit is refused, and nothing is written behind its buffer. */
static void signed_text_too_long(void **state)
{
	enum { MORE = 512 << 10 };
	struct ktlsd_signer_head head = { .op = KTLSD_SIGNER_IMPORT, .seq = 7 };
	int fd = ktlsd_signer_open_channel(), size = MORE;
	size_t len = KTLSD_SIGNER_MESSAGE_MAX + 1;
	uint8_t *message = calloc(1, MORE);
	char reason[256];

	(void)state;
	assert_non_null(message);
	/* Root can send more than others; so can a worker, which has CAP_NET_ADMIN. */
	if (!setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		len = MORE;
	for (head.op = KTLSD_SIGNER_SIGN; head.op <= KTLSD_SIGNER_IMPORT; head.op++) {
		memcpy(message, &head, sizeof(head));
		assert_int_equal(send(fd, message, len, 0), len);
		assert_int_equal(signed_text_answer(fd, reason).error, -EMSGSIZE);
		assert_non_null(strstr(reason, "too long"));
	}
	signed_text_import(fd, pki.ec_key, KTLS_ROLE_SERVER);
	free(message);
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
	uint64_t slow_handle, fast_handle, seq;
	uint8_t text[256];
	char reason[256];
	size_t len;

	(void)state;
	slow_handle = signed_text_import(fd, slow, KTLS_ROLE_SERVER);
	fast_handle = signed_text_import(fd, pki.ec_key, KTLS_ROLE_SERVER);
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
	/* Nor is what is too late. */
	head.seq = 3000;
	head.deadline = ktlsd_clock_ms();
	signed_text_send(fd, &head, text, len);
	head.seq = 3001;
	signed_text_ask(fd, &head, text, len);
	/* A signature that had begun when it was cancelled is finished: it may come last. */
	do {
		seq = signed_text_answer(fd, reason).seq;
	} while (seq <= FLOOD);
	assert_int_equal(seq, 3001);
	EVP_PKEY_free(slow);
	close(fd);
}

/* Encrypts a premaster secret whose padding begins with @kind. Return: bytes */
static size_t signed_text_encrypt(uint8_t kind, const uint8_t *premaster, uint8_t *encrypted)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pki.rsa_key, NULL);
	size_t len = 256;
	uint8_t padded[256];

	memset(padded, 0x55, sizeof(padded));
	padded[0] = 0;
	padded[1] = kind;
	padded[256 - 49] = 0;
	memcpy(padded + 256 - 48, premaster, 48);
	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
	assert_int_equal(EVP_PKEY_encrypt(ctx, encrypted, &len, padded, sizeof(padded)), 1);
	EVP_PKEY_CTX_free(ctx);
	return len;
}

/* Asserts that the answer does not tell that something is wrong with @encrypted. */
static void signed_text_decrypt_random(int fd, struct ktlsd_signer_head *head,
				       const uint8_t *encrypted, size_t len,
				       const uint8_t *premaster)
{
	char first[256], second[256];

	signed_text_ask(fd, head, encrypted, len);
	assert_int_equal(signed_text_answer(fd, first).error, 0);
	signed_text_ask(fd, head, encrypted, len);
	assert_int_equal(signed_text_answer(fd, second).error, 0);
	assert_memory_not_equal(first, premaster, 48);
	assert_memory_not_equal(first, second, 48);
}

static void signed_text_configure(const char *text)
{
	struct ktlsd_buffer file = { 0 };
	struct ktlsd_fault fault;

	ktlsd_buffer_append(&file, text, strlen(text), 1000);
	test_pki_write(signed_text_conf, &file, 0600);
	assert_int_equal(ktlsd_signer_configure(&fault), 0);
}

/* RSA key transport: only with a policy, and never an oracle. */
static void signed_text_decrypts(void **state)
{
	struct ktlsd_signer_head head = { .op = KTLSD_SIGNER_DECRYPT, .value = TLS1_2_VERSION };
	uint8_t premaster[48] = { 3, 3 }, encrypted[256];
	struct ktlsd_buffer file = { 0 };
	struct ktlsd_fault fault;
	char answer[256];
	size_t len, i;
	int fd;

	(void)state;
	for (i = 2; i < sizeof(premaster); i++)
		premaster[i] = (uint8_t)(0x80 + i);
	len = signed_text_encrypt(2, premaster, encrypted);
	fd = ktlsd_signer_open_channel();
	head.handle = signed_text_import_for(fd, pki.rsa_key, KTLS_ROLE_SERVER, true);
	signed_text_ask(fd, &head, encrypted, len);
	assert_int_equal(signed_text_answer(fd, answer).error, -EKEYREJECTED);
	assert_non_null(strstr(answer, "no policy in ktlsd.conf has rsa_key_transport = yes"));

	signed_text_configure("[policy old]\nrsa_key_transport = yes\n");
	/* The broker does one thing after the other. */
	close(ktlsd_signer_open_channel());
	signed_text_ask(fd, &head, encrypted, len);
	assert_int_equal(signed_text_answer(fd, answer).error, 0);
	assert_memory_equal(answer, premaster, 48);
	/* Too short; not below the modulus; a version that the client did not offer. */
	signed_text_decrypt_random(fd, &head, encrypted, len - 1, premaster);
	memset(answer, 0xff, sizeof(answer));
	signed_text_decrypt_random(fd, &head, (uint8_t *)answer, len, premaster);
	head.value = TLS1_1_VERSION;
	signed_text_decrypt_random(fd, &head, encrypted, len, premaster);
	head.value = TLS1_2_VERSION;
	signed_text_encrypt(1, premaster, encrypted);
	signed_text_decrypt_random(fd, &head, encrypted, len, premaster);
	head.handle = signed_text_import_for(fd, pki.ec_key, KTLS_ROLE_SERVER, true);
	signed_text_ask(fd, &head, encrypted, len);
	assert_int_equal(signed_text_answer(fd, answer).error, -EKEYREJECTED);
	assert_non_null(strstr(answer, "cannot decrypt"));
	/* The policy is not for whoever brought the key. */
	head.handle = signed_text_import(fd, pki.rsa_key, KTLS_ROLE_SERVER);
	signed_text_ask(fd, &head, encrypted, len);
	assert_int_equal(signed_text_answer(fd, answer).error, -EKEYREJECTED);
	assert_non_null(strstr(answer, "this key is not for RSA key transport"));

	/* It is read again when the serving process has read it. */
	head.handle = signed_text_import_for(fd, pki.rsa_key, KTLS_ROLE_SERVER, true);
	signed_text_configure("");
	assert_int_equal(ktlsd_file_read(signed_text_conf, 1000, &file, NULL, &fault), 0);
	ktlsd_buffer_free(&file);
	assert_int_equal(ktlsd_signer_configure(&fault), 0);
	close(ktlsd_signer_open_channel());
	signed_text_ask(fd, &head, encrypted, len);
	assert_int_equal(signed_text_answer(fd, answer).error, -EKEYREJECTED);
	/* Whoever reads it again learns that the signer cannot. */
	ktlsd_buffer_append(&file, "nonsense\n", 9, 1000);
	test_pki_write(signed_text_conf, &file, 0600);
	assert_int_equal(ktlsd_file_read(signed_text_conf, 1000, &file, NULL, &fault), 0);
	ktlsd_buffer_free(&file);
	assert_int_equal(ktlsd_signer_configure(&fault), -EINVAL);
	assert_non_null(strstr(fault.reason, ":1: "));
	close(fd);
}

static int signed_text_start(void **state)
{
	(void)state;
	return ktlsd_signer_start(signed_text_conf);
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
		SIGNED_TEXT_TEST(signed_text_too_long),
		SIGNED_TEXT_TEST(signed_text_roles),
		SIGNED_TEXT_TEST(signed_text_flood),
		SIGNED_TEXT_TEST(signed_text_decrypts),
	};

	int fd = mkstemp(signed_text_conf), failed;

	close(fd);
	failed = cmocka_run_group_tests_name("signed_text", tests, test_pki_setup,
					     test_pki_teardown);
	unlink(signed_text_conf);
	return failed;
}
