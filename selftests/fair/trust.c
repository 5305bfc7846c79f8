// SPDX-License-Identifier: GPL-2.0-or-later
/* Attack: trust anchors that take long to read, set by an unprivileged program. */
#include <openssl/pem.h>

#include "lib/honest.h"

enum {
	TRUST_ATTACKERS	= 6,
	TRUST_UID	= 4242,
	TRUST_ROOM	= 1048576,	/* what KTLS_TRUST takes */
};

FIXTURE(trust) { struct proc d; };
FIXTURE_VARIANT(trust)
{
	int count;	/* at most; limited by TRUST_ROOM */
	bool same;	/* all have one subject */
	bool refused;
};
FIXTURE_VARIANT_ADD(trust, one_subject) { 100000, true, true };
FIXTURE_VARIANT_ADD(trust, as_many_as_fit) { 512, false, false };
FIXTURE_SETUP(trust)
{
	net_new();
	real_start(&self->d);
}
FIXTURE_TEARDOWN(trust)
{
}

struct bundle {
	char	cert[8192], key[8192], trust[TRUST_ROOM];
	size_t	cert_len, key_len, trust_len;
};

/* The CA's certificate with another serial number and subject: the signature of an anchor is
 * not checked.
 */
static void bundle_add(BIO *bio, const unsigned char *der, int len, int number, bool same)
{
	static const char name[] = "ktls test ca";
	unsigned char copy[4096], *at = copy;
	char digits[16];

	ASSERT_LE(len, sizeof(copy));
	memcpy(copy, der, len);
	/* SEQUENCE, SEQUENCE, [0] version, and the number: its last bytes */
	at += 4 + 4 + 5;
	ASSERT_EQ(2, at[0]);
	memcpy(at + 2 + at[1] - sizeof(number), &number, sizeof(number));
	snprintf(digits, sizeof(digits), "%08d", number);
	for (at = copy; !same && (at = memmem(at, copy + len - at, name, strlen(name))); at += 12)
		memcpy(at + 4, digits, 8);
	ASSERT_GT(PEM_write_bio(bio, "CERTIFICATE", "", copy, len), 0);
}

static void bundle_make(struct bundle *b, int count, bool same)
{
	BIO *in = BIO_new_file(real_pki("ca.pem"), "r"), *out = BIO_new(BIO_s_mem());
	unsigned char *der;
	char *name, *header, *text;
	long len;

	b->cert_len = real_pki_read("ecdsa.pem", b->cert, sizeof(b->cert));
	b->key_len = real_pki_read("ecdsa.key", b->key, sizeof(b->key));
	ASSERT_EQ(1, PEM_read_bio(in, &name, &header, &der, &len));
	for (int i = 0; i < count && BIO_get_mem_data(out, &text) < TRUST_ROOM - 1024; i++)
		bundle_add(out, der, len, i, same);
	b->trust_len = BIO_get_mem_data(out, &text);
	ASSERT_LT(b->trust_len, TRUST_ROOM - 16);
	memcpy(b->trust, text, b->trust_len);
	BIO_free(in);
	BIO_free(out);
}

/* listen() has them read. Return: as listen() */
static int bundle_listen(struct bundle *b)
{
	struct addr a = net_loopback(AF_INET, 0);
	int fd = sock_new(AF_INET), ret;

	OK(bind(fd, &a.sa, a.len));
	OK(setsockopt(fd, SOL_TLS, KTLS_CERTIFICATE, b->cert, b->cert_len));
	OK(setsockopt(fd, SOL_TLS, KTLS_PRIVATE_KEY, b->key, b->key_len));
	OK(setsockopt(fd, SOL_TLS, KTLS_TRUST, b->trust, b->trust_len));
	ret = listen(fd, 8);
	if (ret)
		harness_note("listen(): %s", sock_error(fd));
	close(fd);
	return ret;
}

/* Sets anchors with a different digest each time, until it is killed. */
static void attack(void *arg)
{
	struct bundle *b = arg;

	OK(setresuid(TRUST_UID, TRUST_UID, TRUST_UID));
	for (int i = 0;; i++) {
		char line[32];
		int fd = sock_new(AF_INET);
		struct addr a = net_loopback(AF_INET, 0);

		snprintf(line, sizeof(line), "%07d%06d\n", getpid() % 10000000, i % 1000000);
		memcpy(b->trust + b->trust_len, line, 14);
		OK(bind(fd, &a.sa, a.len));
		OK(setsockopt(fd, SOL_TLS, KTLS_CERTIFICATE, b->cert, b->cert_len));
		OK(setsockopt(fd, SOL_TLS, KTLS_PRIVATE_KEY, b->key, b->key_len));
		OK(setsockopt(fd, SOL_TLS, KTLS_TRUST, b->trust, b->trust_len + 14));
		listen(fd, 8);
		close(fd);
	}
}

TEST_F_TIMEOUT(trust, of_a_program_delays_nobody, 120)
{
	static struct bundle b;
	struct honest h;

	bundle_make(&b, variant->count, variant->same);
	honest_start(&h, TRUST_ATTACKERS);
	honest_attack(&h, attack, &b);
	harness_nap(500);
	honest_expect(&h, "beside programs with such anchors");
	honest_attack_end(&h);
	harness_nap(1000);
	honest_expect(&h, "a second later");
}

/* listen() refuses too many anchors with a reason; as many as are allowed work, also from the
 * cache.
 */
TEST_F(trust, is_bounded)
{
	static struct bundle b;

	bundle_make(&b, variant->count, variant->same);
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(variant->refused ? -1 : 0, bundle_listen(&b));
}
