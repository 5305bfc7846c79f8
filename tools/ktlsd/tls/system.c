// SPDX-License-Identifier: GPL-2.0-or-later
/* OpenSSL has no function that tells which groups and signature algorithms are configured.
 * A ClientHello does: it offers what a program that changes nothing would offer.
 */
#include <errno.h>
#include <string.h>

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "lib/log.h"
#include "tls/algorithms.h"
#include "tls/suites.h"
#include "tls/system.h"

enum {
	/* Of a ClientHello in its record: both headers, version, random. */
	SYSTEM_HELLO_FIXED	= 5 + 4 + 2 + 32,
};

static struct ktlsd_policy system_policy;

const struct ktlsd_policy *ktlsd_system_policy(void)
{
	return &system_policy;
}

static void system_read_versions(SSL *ssl, struct ktlsd_bounds *bounds)
{
	long min = SSL_get_min_proto_version(ssl), max = SSL_get_max_proto_version(ssl);

	if (min > TLS1_2_VERSION)
		bounds->version_min = (uint16_t)min;
	if (max && max < TLS1_3_VERSION)
		bounds->version_max = (uint16_t)max;
}

static void system_read_suites(SSL *ssl, struct ktlsd_bounds *bounds)
{
	STACK_OF(SSL_CIPHER) *ciphers = SSL_get1_supported_ciphers(ssl);
	uint32_t mask = 0;
	uint16_t id;
	int i;

	for (i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
		id = SSL_CIPHER_get_protocol_id(sk_SSL_CIPHER_value(ciphers, i));
		mask |= ktlsd_suites_mask(&id, 1);
	}
	sk_SSL_CIPHER_free(ciphers);
	bounds->no_suites = ktlsd_suites_all() & ~mask;
}

/* Return: the two bytes at @at, which is moved behind them; 0 beyond the end. */
static unsigned int system_number(const uint8_t *hello, size_t len, size_t *at)
{
	*at += 2;
	return *at <= len ? (unsigned int)hello[*at - 2] << 8 | hello[*at - 1] : 0;
}

/* A list of two-byte numbers, with its length first. Return: mask of those that are known. */
static uint32_t system_read_list(enum ktlsd_algorithms kind, const uint8_t *list, size_t len)
{
	uint32_t mask = 0;
	size_t at = 2;

	while (at + 2 <= len)
		mask |= ktlsd_algorithms_bit(kind, (uint16_t)system_number(list, len, &at));
	return mask;
}

/* Return: 0, or -EPROTO if OpenSSL made no ClientHello with both extensions. */
static int system_read_hello(const uint8_t *hello, size_t len, struct ktlsd_bounds *bounds)
{
	size_t at = SYSTEM_HELLO_FIXED, size;
	unsigned int type, found = 0;

	if (at >= len)
		return -EPROTO;
	at += 1u + hello[at];
	size = system_number(hello, len, &at);	/* cipher suites */
	at += size;
	if (at >= len)
		return -EPROTO;
	at += 1u + hello[at];			/* compression */
	at += 2;				/* length of all extensions */
	while (at + 4 <= len) {
		type = system_number(hello, len, &at);
		size = system_number(hello, len, &at);
		if (size > len - at)
			return -EPROTO;
		if (type == TLSEXT_TYPE_supported_groups) {
			bounds->no_groups = ktlsd_algorithms_all(KTLSD_ALGORITHMS_GROUPS) &
				~system_read_list(KTLSD_ALGORITHMS_GROUPS, &hello[at], size);
			found++;
		} else if (type == TLSEXT_TYPE_signature_algorithms) {
			bounds->no_sigalgs = ktlsd_algorithms_all(KTLSD_ALGORITHMS_SIGALGS) &
				~system_read_list(KTLSD_ALGORITHMS_SIGALGS, &hello[at], size);
			found++;
		}
		at += size;
	}
	return found == 2 ? 0 : -EPROTO;
}

static int system_read_algorithms(SSL *ssl, struct ktlsd_bounds *bounds)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *hello;
	long len;

	if (!out)
		return -ENOMEM;
	SSL_set0_wbio(ssl, out);
	SSL_set_connect_state(ssl);
	SSL_do_handshake(ssl);
	len = BIO_get_mem_data(out, &hello);
	return len > 0 ? system_read_hello((const uint8_t *)hello, (size_t)len, bounds) : -EPROTO;
}

int ktlsd_system_init(void)
{
	char *path = CONF_get1_default_config_file();
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	SSL *ssl = ctx ? SSL_new(ctx) : NULL;
	BIO *in = BIO_new(BIO_s_mem());
	int err = -ENOMEM;

	memset(&system_policy, 0, sizeof(system_policy));
	if (path && ssl && in)
		err = ktlsd_policy_init(&system_policy, "", path, 0);
	if (!err) {
		SSL_set0_rbio(ssl, in);
		in = NULL;
		system_read_versions(ssl, &system_policy.bounds);
		system_read_suites(ssl, &system_policy.bounds);
		err = system_read_algorithms(ssl, &system_policy.bounds);
	}
	/* OpenSSL uses the same configuration for handshakes: it is no less strict then. */
	if (err == -EPROTO) {
		ktlsd_log(KTLSD_LOG_WARNING,
			  "With its configuration, %s, OpenSSL offers no TLS to servers: %s.",
			  path, ktlsd_errors_openssl_reason());
		err = 0;
	}
	ERR_clear_error();
	BIO_free(in);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	OPENSSL_free(path);
	return err;
}
