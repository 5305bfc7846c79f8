// SPDX-License-Identifier: GPL-2.0-or-later
/* Attack: keys that take long to sign with, set by an unprivileged program. */
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "lib/honest.h"

enum {
	KEYS_ATTACKERS	= 6,
	KEYS_UID	= 4242,
	KEYS_HUGE	= 43200,	/* bits: what fits into KTLS_PRIVATE_KEY thrice */
};

FIXTURE(keys) { struct proc d; };
FIXTURE_VARIANT(keys)
{
	const char *identity;	/* of ca.sh: its certificate, and the key */
	bool huge;		/* with private exponents of KEYS_HUGE bits */
};
FIXTURE_VARIANT_ADD(keys, huge_exponents) { "rsa", true };
FIXTURE_VARIANT_ADD(keys, rsa_4096) { "big", false };
FIXTURE_SETUP(keys)
{
	net_new();
	real_start(&self->d);
}
FIXTURE_TEARDOWN(keys)
{
}

/* Adds a multiple of @prime - 1 to the exponent @number, to make it KEYS_HUGE bits long; the
 * signatures are the same.
 */
static void inflate(BIGNUM *number, const BIGNUM *prime)
{
	BIGNUM *order = BN_dup(prime);

	BN_sub_word(order, 1);
	BN_lshift(order, order, KEYS_HUGE - BN_num_bits(order));
	BN_add(number, number, order);
	BN_free(order);
}

/* An RSAPrivateKey (RFC 8017 A.1.2) as PEM. */
static size_t write_numbers(BIGNUM **numbers, int count, char *pem, size_t max)
{
	static unsigned char body[32768], der[32768];
	unsigned char *at = body, *start = der;
	BIO *bio = BIO_new(BIO_s_mem());
	ASN1_INTEGER *integer;
	int n;

	for (int i = 0; i < count; i++) {
		integer = BN_to_ASN1_INTEGER(numbers[i], NULL);
		ASSERT_GT(i2d_ASN1_INTEGER(integer, &at), 0);
		ASN1_INTEGER_free(integer);
	}
	ASN1_put_object(&start, 1, at - body, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	memcpy(start, body, at - body);
	ASSERT_GT(PEM_write_bio(bio, "RSA PRIVATE KEY", "", der, start - der + (at - body)), 0);
	n = BIO_read(bio, pem, max);
	BIO_free(bio);
	return n;
}

static size_t huge_key(const char *file, char *pem, size_t max)
{
	static const char *const names[] = {
		OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D,
		OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
		OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
		OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};
	BIO *bio = BIO_new_file(file, "r");
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIGNUM *numbers[1 + ARRAY_SIZE(names)] = { BN_new() };

	ASSERT_TRUE(key);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		ASSERT_EQ(1, EVP_PKEY_get_bn_param(key, names[i], &numbers[1 + i]));
	inflate(numbers[6], numbers[4]);
	inflate(numbers[7], numbers[5]);
	BIO_free(bio);
	return write_numbers(numbers, ARRAY_SIZE(numbers), pem, max);
}

/* The options that an attacker sets on each socket. */
struct weapon {
	char	cert[8192], key[24576];
	size_t	cert_len, key_len;
};

static void weapon_make(struct weapon *w, const char *identity, bool huge)
{
	char name[40];

	snprintf(name, sizeof(name), "%s.pem", identity);
	w->cert_len = real_pki_read(name, w->cert, sizeof(w->cert));
	snprintf(name, sizeof(name), "%s.key", identity);
	w->key_len = huge ? huge_key(real_pki(name), w->key, sizeof(w->key)) :
		     real_pki_read(name, w->key, sizeof(w->key));
	ASSERT_LE(w->key_len, 16384);
}

static int weapon_listen(const struct weapon *w, struct addr *ret)
{
	struct addr a = net_loopback(AF_INET, 0);
	int fd = sock_new(AF_INET);

	OK(bind(fd, &a.sa, a.len));
	OK(setsockopt(fd, SOL_TLS, KTLS_CERTIFICATE, w->cert, w->cert_len));
	OK(setsockopt(fd, SOL_TLS, KTLS_PRIVATE_KEY, w->key, w->key_len));
	if (listen(fd, 8)) {
		close(fd);
		return -1;
	}
	OK(getsockname(fd, &a.sa, &a.len));
	*ret = a;
	return fd;
}

static void *accept_all(void *arg)
{
	int fd;

	while ((fd = accept(*(int *)arg, NULL, NULL)) >= 0)
		close(fd);
	return NULL;
}

/* Causes signatures, or tries to, until it is killed. */
static void attack(void *arg)
{
	const struct weapon *w = arg;
	struct job accepting;
	struct addr a;
	int l, fd;

	OK(setresuid(KEYS_UID, KEYS_UID, KEYS_UID));
	while ((l = weapon_listen(w, &a)) < 0)
		;
	job_run(&accepting, accept_all, &l);
	for (;;) {
		fd = sock_new(AF_INET);
		OK(sock_set_int(fd, KTLS_VERIFY, KTLS_VERIFY_NONE));
		OK(sock_set_u32(fd, KTLS_TICKETS, 0));
		connect(fd, &a.sa, a.len);
		close(fd);
	}
}

TEST_F_TIMEOUT(keys, of_a_program_delay_nobody, 120)
{
	struct weapon w;
	struct honest h;

	weapon_make(&w, variant->identity, variant->huge);
	honest_start(&h, KEYS_ATTACKERS);
	honest_attack(&h, attack, &w);
	harness_nap(500);
	honest_expect(&h, "beside servers with such keys");
	honest_attack_end(&h);
	harness_nap(1000);
	honest_expect(&h, "a second later");
}

/* listen() refuses it, and KTLS_ERROR says why. */
TEST_F(keys, are_checked_by_listen)
{
	struct addr a = net_loopback(AF_INET, 0);
	int fd = sock_new(AF_INET);
	struct weapon w;

	weapon_make(&w, variant->identity, variant->huge);
	OK(bind(fd, &a.sa, a.len));
	OK(setsockopt(fd, SOL_TLS, KTLS_CERTIFICATE, w.cert, w.cert_len));
	OK(setsockopt(fd, SOL_TLS, KTLS_PRIVATE_KEY, w.key, w.key_len));
	EXPECT_EQ(variant->huge ? -1 : 0, listen(fd, 8));
	if (variant->huge) {
		EXPECT_EQ(EINVAL, errno);
		EXPECT_TRUE(strstr(sock_error(fd), "too big for its modulus"));
	}
	close(fd);
}
