// SPDX-License-Identifier: GPL-2.0-or-later
/* Where private keys are: in the memory of ktlsd's signer, and not of the process that serves. */
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "lib/interop.h"

FIXTURE(secrets) { struct proc d; };
FIXTURE_SETUP(secrets)
{
	net_new();
	real_start(&self->d);
}
FIXTURE_TEARDOWN(secrets)
{
}

/* The only child that the process has. */
static pid_t child_of(pid_t pid)
{
	char path[64], text[64] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	fd = OK(open(path, O_RDONLY | O_CLOEXEC));
	OK(read(fd, text, sizeof(text) - 1));
	close(fd);
	EXPECT_FALSE(strchr(text, ' ') && strchr(text, ' ')[1]);
	return atoi(text);
}

/* --- all the memory of a process --- */

struct memory { uint8_t *bytes; size_t len; };

static void memory_add(struct memory *m, int fd, unsigned long from, unsigned long to)
{
	ssize_t n;

	m->bytes = realloc(m->bytes, m->len + (to - from));
	ASSERT_TRUE(m->bytes);
	while (from < to) {
		n = pread(fd, m->bytes + m->len, to - from, from);
		if (n <= 0)	/* a hole, as the kernel's own pages are */
			return;
		m->len += n;
		from += n;
	}
}

/* What it can write to, where alone a copy can be. */
static struct memory memory_of(pid_t pid)
{
	struct memory m = { 0 };
	char path[64], line[512], access[8];
	unsigned long from, to;
	FILE *maps;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = OK(open(path, O_RDONLY | O_CLOEXEC));
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	ASSERT_TRUE(maps);
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %7s", &from, &to, access) == 3 && access[1] == 'w')
			memory_add(&m, fd, from, to);
	fclose(maps);
	close(fd);
	ASSERT_GE(m.len, (size_t)1 << 16);
	return m;
}

/* The bytes, or the same in the other order, as OpenSSL has its numbers. */
static bool memory_has(const struct memory *m, const uint8_t *secret, size_t len)
{
	uint8_t turned[64];

	ASSERT_LE(len, sizeof(turned));
	for (size_t i = 0; i < len; i++)
		turned[i] = secret[len - 1 - i];
	return memmem(m->bytes, m->len, secret, len) || memmem(m->bytes, m->len, turned, len);
}

/* --- keys --- */

/* The last bytes of a number that only who has the key knows. */
struct secret { const char *identity, *number; uint8_t bytes[32]; };

static struct secret secrets[] = {
	{ .identity = "rsa", .number = OSSL_PKEY_PARAM_RSA_FACTOR1 },
	{ .identity = "rsa", .number = OSSL_PKEY_PARAM_RSA_FACTOR2 },
	{ .identity = "rsa", .number = OSSL_PKEY_PARAM_RSA_D },
	{ .identity = "ecdsa", .number = OSSL_PKEY_PARAM_PRIV_KEY },
	{ .identity = "client" },
};

static void secret_read(struct secret *s)
{
	uint8_t number[512];
	char name[32];
	BIGNUM *n = NULL;
	EVP_PKEY *key;
	FILE *file;
	int len;

	snprintf(name, sizeof(name), "%s.key", s->identity);
	file = fopen(real_pki(name), "re");
	ASSERT_TRUE(file);
	key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	ASSERT_TRUE(key);
	fclose(file);
	if (!s->number)
		s->number = EVP_PKEY_is_a(key, "EC") ? OSSL_PKEY_PARAM_PRIV_KEY :
						       OSSL_PKEY_PARAM_RSA_FACTOR1;
	ASSERT_TRUE(EVP_PKEY_get_bn_param(key, s->number, &n));
	len = BN_bn2binpad(n, number, sizeof(number));
	ASSERT_EQ((int)sizeof(number), len);
	memcpy(s->bytes, number + len - sizeof(s->bytes), sizeof(s->bytes));
	BN_free(n);
	EVP_PKEY_free(key);
}

/* A line in the middle of the file, as it is there. */
static void expect_no_text(const struct memory *m, const char *identity)
{
	char name[32], text[8192];
	size_t len;

	snprintf(name, sizeof(name), "%s.key", identity);
	len = real_pki_read(name, text, sizeof(text));
	EXPECT_FALSE(memmem(m->bytes, m->len, text + len / 2, 24));
}

/* --- a handshake with each key --- */

static void handshake(const char *identity, uint16_t version)
{
	struct ktls_versions only = { .min = version, .max = version };
	struct addr a;
	struct job c;
	int l, fd, s;

	l = interop_listen(identity, NULL, &a);
	OK(sock_set_u32(l, KTLS_VERIFY, KTLS_VERIFY_REQUIRED));
	fd = interop_socket("server.test");
	OK(sock_set_str(fd, KTLS_IDENTITY, "client"));
	OK(setsockopt(fd, SOL_TLS, KTLS_VERSIONS, &only, sizeof(only)));
	job_connect(&c, fd, &a);
	s = net_accept(l);
	job_wait(&c, 10000);
	EXPECT_EQ(0, c.ret);
	close(fd);
	close(s);
	close(l);
}

TEST_F_TIMEOUT(secrets, no_private_key_where_peers_are_served, 60)
{
	pid_t signer = child_of(self->d.pid);
	struct memory serving, signing;

	handshake("rsa", KTLS_TLS_1_2);
	handshake("rsa", KTLS_TLS_1_3);
	handshake("ecdsa", KTLS_TLS_1_3);
	serving = memory_of(self->d.pid);
	signing = memory_of(signer);
	harness_note("%zu KiB of the process that serves, %zu KiB of the signer",
		     serving.len >> 10, signing.len >> 10);
	for (struct secret *s = secrets; s < secrets + ARRAY_SIZE(secrets); s++) {
		secret_read(s);
		/* else it is not found at all */
		EXPECT_TRUE(memory_has(&signing, s->bytes, sizeof(s->bytes)));
		EXPECT_FALSE(memory_has(&serving, s->bytes, sizeof(s->bytes)));
		expect_no_text(&serving, s->identity);
	}
	free(serving.bytes);
	free(signing.bytes);
}
