// SPDX-License-Identifier: GPL-2.0-or-later
/* KTLS_EXPORTER: RFC 8446 7.5, RFC 5705, RFC 9266, compared with the other end and with
 * OpenSSL.
 */
#include <openssl/core_names.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <sys/mman.h>

#include "lib/interop.h"
#include "lib/record.h"

#define BINDING		"EXPORTER-Channel-Binding"

static uint8_t request[sizeof(struct ktls_exporter) + 3 * 8192];

/* Returns getsockopt's value; the output is at @out. */
static int export_with(int fd, const char *label, const void *context, size_t context_len,
		       uint8_t *out, size_t len)
{
	struct ktls_exporter *e = (void *)request;
	size_t n = strlen(label);
	socklen_t size = sizeof(*e) + n + context_len + len;
	int ret;

	*e = (struct ktls_exporter){
		.label_len = n, .context_len = context_len, .output_len = len,
		.flags = context ? KTLS_EXPORTER_CONTEXT : 0,
	};
	memcpy(e->data, label, n);
	if (context_len)
		memcpy(e->data + n, context, context_len);
	memset(e->data + n + context_len, 0x5a, len);
	ret = getsockopt(fd, SOL_TLS, KTLS_EXPORTER, e, &size);
	if (!ret)
		EXPECT_EQ(sizeof(*e) + n + context_len + len, size);
	if (out)
		memcpy(out, e->data + n + context_len, len);
	return ret;
}

/* The same in two calls: setsockopt() with the input, getsockopt() without. */
static int export_set(int fd, const char *label, const void *context, size_t context_len,
		      size_t len)
{
	struct ktls_exporter *e = (void *)request;
	size_t n = strlen(label);

	*e = (struct ktls_exporter){
		.label_len = n, .context_len = context_len, .output_len = len,
		.flags = context ? KTLS_EXPORTER_CONTEXT : 0,
	};
	memcpy(e->data, label, n);
	if (context_len)
		memcpy(e->data + n, context, context_len);
	return setsockopt(fd, SOL_TLS, KTLS_EXPORTER, e, sizeof(*e) + n + context_len);
}

static int export_piece(int fd, int n, void *out, socklen_t *size)
{
	memset(out, 0x5a, *size);
	return getsockopt(fd, SOL_TLS, KTLS_PIECE(KTLS_EXPORTER, n), out, size);
}

/* --- with secrets that the test knows --- */

/* RFC 8446 7.5, by libcrypto's HKDF. */
static void expect13(const struct hs *hs, const char *label, const void *context,
		     size_t context_len, uint8_t *out, size_t len)
{
	const struct tls_suite *suite = hs->suite;
	const EVP_MD *md = suite->md();
	uint8_t empty[48], derived[48], hash[48];
	OSSL_PARAM params[8], *p;
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS13-KDF", NULL);
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;

	EVP_Digest("", 0, empty, NULL, md, NULL);
	EVP_Digest(context, context_len, hash, NULL, md, NULL);
	for (int step = 0; step < 2; step++) {
		EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);

		p = params;
		*p++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
		*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
							(char *)EVP_MD_get0_name(md), 0);
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
							 step ? derived : (void *)hs->exporter, suite->hash);
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, (void *)"tls13 ", 6);
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL,
							 step ? (void *)"exporter" : (void *)label,
							 step ? 8 : strlen(label));
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_DATA, step ? hash : empty,
							 suite->hash);
		*p = OSSL_PARAM_construct_end();
		ASSERT_EQ(1, EVP_KDF_derive(ctx, step ? out : derived, step ? len : suite->hash,
					    params));
		EVP_KDF_CTX_free(ctx);
	}
	EVP_KDF_free(kdf);
}

/* RFC 5705 4 with P_hash of RFC 5246 5; libcrypto's own takes only 1024 bytes of seed. */
static void expect12(const struct hs *hs, const char *label, const void *context,
		     size_t context_len, uint8_t *out, size_t len)
{
	const size_t size = hs->suite->hash;
	uint8_t seed[48 + 8192], *at = seed + size, block[48];

	at = mempcpy(at, label, strlen(label));
	at = mempcpy(at, hs->exporter + 48, 64);
	if (context) {
		*at++ = context_len >> 8;
		*at++ = context_len;
		at = mempcpy(at, context, context_len);
	}
	/* A(i) stands in front of the seed */
	HMAC(hs->suite->md(), hs->exporter, 48, seed + size, at - seed - size, block, NULL);
	for (size_t done = 0, n; done < len; done += n) {
		memcpy(seed, block, size);
		HMAC(hs->suite->md(), hs->exporter, 48, seed, at - seed, block, NULL);
		n = len - done < size ? len - done : size;
		memcpy(out + done, block, n);
		HMAC(hs->suite->md(), hs->exporter, 48, seed, size, block, NULL);
	}
}

static void expect(const struct record *r, const char *label, const void *context,
		   size_t context_len, size_t len)
{
	static uint8_t ours[8192], theirs[8192];

	OK(export_with(r->fd, label, context, context_len, ours, len));
	(is_tls13(r->p) ? expect13 : expect12)(&r->e.hs, label, context, context_len, theirs, len);
	EXPECT_MEMEQ(theirs, ours, len);
}

TEST_F(record, known_secrets)
{
	static const char context[4096] = "not only zeros";
	char label[250];

	expect(&self->r, BINDING, "", 0, 32);
	expect(&self->r, "x", NULL, 0, 1);
	expect(&self->r, "EXPERIMENTAL my protocol", "some context", 12, 64);
	expect(&self->r, "EXPERIMENTAL my protocol", NULL, 0, 4096);
	expect(&self->r, "EXPERIMENTAL my protocol", context, sizeof(context), 100);
	memset(label, 'L', 249);
	label[249] = 0;
	expect(&self->r, label, context, 65, 33);
}

/* In 1.2 an empty context is not the same as none; in 1.3 it is. */
TEST_F(both, empty_context)
{
	uint8_t none[32], empty[32];

	OK(export_with(self->r.fd, "label", NULL, 0, none, 32));
	OK(export_with(self->r.fd, "label", "", 0, empty, 32));
	EXPECT_EQ(is_tls13(self->r.p), !memcmp(none, empty, 32));
}

/* It is the same after KeyUpdates and after the end of data. */
TEST_F(tls13, stays_the_same)
{
	uint8_t before[32], after[32];

	OK(export_with(self->r.fd, BINDING, "", 0, before, 32));
	OK(sock_set_int(self->r.fd, KTLS_KEY_UPDATE, 0));
	OK(shutdown(self->r.fd, SHUT_WR));
	OK(export_with(self->r.fd, BINDING, "", 0, after, 32));
	EXPECT_MEMEQ(before, after, 32);
}

/* --- what is refused --- */

struct lengths { uint16_t label, context, output, flags; };

static int export_raw(int fd, struct lengths e, socklen_t size)
{
	memset(request, 'l', sizeof(request));
	memcpy(request, &e, sizeof(e));
	return getsockopt(fd, SOL_TLS, KTLS_EXPORTER, request, &size);
}

TEST_F(both, lengths)
{
	const socklen_t head = sizeof(struct ktls_exporter);
	int fd = self->r.fd;

	OK(export_raw(fd, (struct lengths){ 249, 4096, 4096, 1 }, head + 249 + 8192));
	FAILS(EINVAL, export_raw(fd, (struct lengths){ 250, 0, 32, 0 }, head + 282));
	FAILS(EINVAL, export_raw(fd, (struct lengths){ 0, 0, 32, 0 }, head + 32));
	FAILS(EINVAL, export_raw(fd, (struct lengths){ 5, 4097, 32, 1 }, head + 4134));
	FAILS(EINVAL, export_raw(fd, (struct lengths){ 5, 0, 0, 0 }, head + 5));
	FAILS(EINVAL, export_raw(fd, (struct lengths){ 5, 0, 4097, 0 }, head + 4102));
	FAILS(EINVAL, export_raw(fd, (struct lengths){ 5, 0, 32, 2 }, head + 37));
	FAILS(EINVAL, export_raw(fd, (struct lengths){ 5, 1, 32, 0 }, head + 38));
	FAILS(EINVAL, export_raw(fd, (struct lengths){ 5, 0, 32, 0 }, head + 36));
	FAILS(EINVAL, export_raw(fd, (struct lengths){ 5, 0, 32, 0 }, head + 38));
	FAILS(EINVAL, export_raw(fd, (struct lengths){ 5, 0, 32, 0 }, head - 1));
	FAILS(EINVAL, export_raw(fd, (struct lengths){ 5, 0, 32, 0 }, 0));
	FAILS(EINVAL, export_raw(fd, (struct lengths){ 5, 0, 32, 0 }, -1));
}

TEST_F(both, labels)
{
	static const char *const bad[] = {
		"client finished", "server finished", "master secret", "key expansion",
		"extended master secret", "new\nline", "\x7f", "caf\xc3\xa9",
	};
	socklen_t size = sizeof(struct ktls_exporter) + 3 + 16;
	struct ktls_exporter *e = (void *)request;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		FAILS(EINVAL, export_with(self->r.fd, bad[i], NULL, 0, NULL, 32));
	OK(export_with(self->r.fd, "key expansions", NULL, 0, NULL, 32));

	*e = (struct ktls_exporter){ .label_len = 3, .output_len = 16 };
	memcpy(e->data, "a\0b", 3);
	FAILS(EINVAL, getsockopt(self->r.fd, SOL_TLS, KTLS_EXPORTER, e, &size));
}

TEST_F(both, pointers)
{
	socklen_t size = sizeof(struct ktls_exporter) + 5 + 32;
	uint8_t *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ktls_exporter e = { .label_len = 5, .output_len = 32 };

	ASSERT_NE(MAP_FAILED, page);
	OK(munmap(page + 4096, 4096));
	FAILS(EFAULT, getsockopt(self->r.fd, SOL_TLS, KTLS_EXPORTER, NULL, &size));
	/* the structure, the label, the output beyond the end */
	memcpy(page + 4092, &e, 4);
	FAILS(EFAULT, getsockopt(self->r.fd, SOL_TLS, KTLS_EXPORTER, page + 4092, &size));
	memcpy(page + 4088, &e, 8);
	FAILS(EFAULT, getsockopt(self->r.fd, SOL_TLS, KTLS_EXPORTER, page + 4088, &size));
	memcpy(page + 4072, &e, 8);
	memset(page + 4080, 'l', 16);
	FAILS(EFAULT, getsockopt(self->r.fd, SOL_TLS, KTLS_EXPORTER, page + 4072, &size));
	FAILS(EFAULT, getsockopt(self->r.fd, SOL_TLS, KTLS_EXPORTER, request, NULL));
}

/* Before there is a connection. */
TEST_F(both, states)
{
	socklen_t size = sizeof(request);
	int fd = sock_new(AF_INET);

	FAILS(ENOTCONN, export_with(fd, "label", NULL, 0, NULL, 32));
	FAILS(ENOTCONN, export_set(fd, "label", NULL, 0, 32));
	FAILS(ENODATA, export_piece(fd, 0, request, &size));
	close(fd);
}

/* --- in two calls --- */

/* The result is the same as in one call, and no byte more than asked for is written. */
TEST_F(both, set_then_read)
{
	static uint8_t whole[KTLS_EXPORTER_OUTPUT_MAX], pieces[KTLS_EXPORTER_OUTPUT_MAX];
	int fd = self->r.fd;
	socklen_t size;

	FAILS(ENODATA, export_piece(fd, 0, pieces, &(socklen_t){ 1024 }));
	OK(export_with(fd, "label", "context", 7, whole, 32));
	FAILS(ENODATA, export_piece(fd, 0, pieces, &(socklen_t){ 1024 }));
	OK(export_set(fd, "label", "context", 7, 32));
	for (int i = 0; i < 2; i++) {
		size = KTLS_PIECE_SIZE;
		OK(export_piece(fd, 0, pieces, &size));
		EXPECT_EQ(32, size);
		EXPECT_MEMEQ(whole, pieces, 32);
	}

	OK(export_with(fd, BINDING, "", 0, whole, sizeof(whole)));
	OK(export_set(fd, BINDING, "", 0, sizeof(whole)));
	for (int i = 0; i < 4; i++) {
		size = KTLS_PIECE_SIZE;
		OK(export_piece(fd, i, pieces + i * KTLS_PIECE_SIZE, &size));
		EXPECT_EQ(KTLS_PIECE_SIZE, size);
	}
	EXPECT_MEMEQ(whole, pieces, sizeof(whole));
	size = KTLS_PIECE_SIZE;
	OK(export_piece(fd, 4, pieces, &size));
	EXPECT_EQ(0, size);
}

TEST_F(both, set_is_checked)
{
	const socklen_t head = sizeof(struct ktls_exporter);
	struct ktls_exporter *e = (void *)request;
	int fd = self->r.fd;

	OK(export_set(fd, "label", NULL, 0, 32));
	FAILS(EINVAL, export_set(fd, "client finished", NULL, 0, 32));
	FAILS(EINVAL, export_set(fd, "new\nline", NULL, 0, 32));
	FAILS(EINVAL, export_set(fd, "label", NULL, 0, 4097));
	FAILS(EINVAL, export_set(fd, "label", NULL, 0, 0));
	*e = (struct ktls_exporter){ .label_len = 5, .output_len = 32 };
	memset(e->data, 'l', 32 + 5);
	FAILS(EINVAL, setsockopt(fd, SOL_TLS, KTLS_EXPORTER, e, head + 4));
	FAILS(EINVAL, setsockopt(fd, SOL_TLS, KTLS_EXPORTER, e, head + 5 + 32));
	FAILS(EINVAL, setsockopt(fd, SOL_TLS, KTLS_EXPORTER, e, head - 1));
	FAILS(EINVAL, setsockopt(fd, SOL_TLS, KTLS_EXPORTER, e, 0));
	FAILS(EFAULT, setsockopt(fd, SOL_TLS, KTLS_EXPORTER, NULL, head + 5));
	/* the input that was set before is still in force */
	OK(export_piece(fd, 0, request, &(socklen_t){ 32 }));
	FAILS(ERANGE, export_piece(fd, 0, request, &(socklen_t){ 31 }));
}

/* TLS 1.2 without extended master secret: the helper passes no exporter secret. */
TEST_F(both, helper_tells_no_secret)
{
	self->r.e.hs.exporter_len = 0;
	record_reopen(&self->r, 0);
	FAILS(EOPNOTSUPP, export_with(self->r.fd, "label", NULL, 0, NULL, 32));
	FAILS(EOPNOTSUPP, export_set(self->r.fd, "label", NULL, 0, 32));
}

/* --- OpenSSL at the other end --- */

FIXTURE(interop) { struct proc d; };
FIXTURE_VARIANT(interop) { const char *flag; bool v13; };
FIXTURE_VARIANT_ADD(interop, tls13) { "-tls1_3", true };
FIXTURE_VARIANT_ADD(interop, tls12) { "-tls1_2", false };
FIXTURE_SETUP(interop)
{
	net_new();
	real_start(&self->d);
}
FIXTURE_TEARDOWN(interop)
{
}

/* openssl exports without context and prints capital hexadecimal digits. */
static void expect_printed(int fd, struct proc *p, const char *label, size_t len)
{
	uint8_t ours[64];
	char hex[129];

	OK(export_with(fd, label, NULL, 0, ours, len));
	for (size_t i = 0; i < len; i++)
		sprintf(hex + 2 * i, "%02X", ours[i]);
	EVENTUALLY(proc_printed(p, "Keying material: "), 5000);
	harness_nap(50);
	EXPECT_TRUE(proc_printed(p, hex));
}

TEST_F(interop, openssl_client)
{
	struct proc c;
	struct addr a;
	int l, fd;

	l = interop_listen("rsa", NULL, &a);
	s_client_start(&c, &a, variant->flag, "-keymatexport", "EXPERIMENTAL label",
		       "-keymatexportlen", "48", NULL);
	fd = interop_accept(l, &c);
	expect_printed(fd, &c, "EXPERIMENTAL label", 48);
	close(fd);
	proc_wait(&c, 10000);
}

TEST_F(interop, openssl_server)
{
	struct s_server s;
	int fd;

	s_server_start(&s, "ecdsa", variant->flag, "-keymatexport", BINDING,
		       "-keymatexportlen", "32", NULL);
	fd = interop_socket("server.test");
	OK(connect(fd, &s.a.sa, s.a.len));
	expect_printed(fd, &s.p, BINDING, 32);
	close(fd);
}

/* RFC 9266: both ends have the same binding, and no two connections do. */
TEST_F(interop, channel_binding)
{
	const struct ktls_versions versions = {
		variant->v13 ? KTLS_TLS_1_3 : KTLS_TLS_1_2,
		variant->v13 ? KTLS_TLS_1_3 : KTLS_TLS_1_2,
	};
	uint8_t client[2][32], server[2][32];
	struct addr a;
	int l, fd, s;

	l = interop_listen("rsa", NULL, &a);
	for (int i = 0; i < 2; i++) {
		fd = interop_socket("server.test");
		OK(setsockopt(fd, SOL_TLS, KTLS_VERSIONS, &versions, sizeof(versions)));
		OK(connect(fd, &a.sa, a.len));
		s = accept(l, NULL, NULL);
		OK(export_with(fd, BINDING, "", 0, client[i], 32));
		OK(export_with(s, BINDING, "", 0, server[i], 32));
		EXPECT_MEMEQ(client[i], server[i], 32);
		close(fd);
		close(s);
	}
	EXPECT_NE(0, memcmp(client[0], client[1], 32));
}

TEST_HARNESS_MAIN
