// SPDX-License-Identifier: GPL-2.0-or-later
/* TLS 1.2: a peer whose Finished is in several records (RFC 5246 6.2.1). OpenSSL, in this
 * process, does its handshake; its Finished is opened, cut and sealed anew, and what follows
 * is sealed by the scripted peer.
 */
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/ssl.h>

#include "lib/interop.h"

FIXTURE(finished)
{
	struct proc d;
	SSL_CTX *ctx;
	SSL *ssl;
	struct hs hs;
	struct peer p;
	bool cut;		/* the Finished has been */
};
FIXTURE_VARIANT(finished) { uint16_t suite; size_t piece; };
FIXTURE_VARIANT_ADD(finished, aes128_halves) { S12_AES128, 8 };
FIXTURE_VARIANT_ADD(finished, aes128_bytes) { S12_AES128, 1 };
FIXTURE_VARIANT_ADD(finished, aes256_header_first) { S12_AES256, 4 };
FIXTURE_VARIANT_ADD(finished, chacha_one_byte_left) { S12_CHACHA, 15 };
FIXTURE_SETUP(finished)
{
	net_new();
	real_start(&self->d);
	self->ctx = SSL_CTX_new(TLS_method());
	ASSERT_TRUE(self->ctx);
	SSL_CTX_set_max_proto_version(self->ctx, TLS1_2_VERSION);
	ASSERT_EQ(1, SSL_CTX_set_cipher_list(self->ctx, tls_suite(variant->suite)->name));
	ASSERT_EQ(1, SSL_CTX_use_certificate_file(self->ctx, real_pki("rsa.pem"),
						  SSL_FILETYPE_PEM));
	ASSERT_EQ(1, SSL_CTX_use_PrivateKey_file(self->ctx, real_pki("rsa.key"),
						 SSL_FILETYPE_PEM));
	self->ssl = SSL_new(self->ctx);
	ASSERT_TRUE(self->ssl);
	SSL_set_bio(self->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
}
FIXTURE_TEARDOWN(finished)
{
	peer_free(&self->p);
	SSL_free(self->ssl);
	SSL_CTX_free(self->ctx);
}

/* The keys, RFC 5246 6.3, as the scripted peer takes them. */
static void derive(SSL *ssl, const struct tls_suite *suite, struct hs *hs)
{
	uint8_t master[48], seed[64], block[2 * (32 + 12)], *at = block;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
						 (char *)EVP_MD_get0_name(suite->md()), 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master, sizeof(master)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, "key expansion", 13),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof(seed)),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_PRF, NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);

	hs_init(hs, suite->id);
	hs->client_seq = 0;
	hs->server_seq = 0;
	ASSERT_EQ(48, SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof(master)));
	ASSERT_EQ(32, SSL_get_server_random(ssl, seed, 32));
	ASSERT_EQ(32, SSL_get_client_random(ssl, seed + 32, 32));
	ASSERT_EQ(1, EVP_KDF_derive(ctx, block, 2 * (suite->key + suite->salt), params));
	memcpy(hs->client_secret, at, suite->key);
	memcpy(hs->server_secret, at += suite->key, suite->key);
	memcpy(hs->client_iv, at += suite->key, suite->salt);
	memcpy(hs->server_iv, at += suite->salt, suite->salt);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

/* Sends the record of OpenSSL's Finished as several. */
static void send_cut(struct finished_self *self, int fd, const uint8_t *record, size_t len,
		     const struct finished_variant *variant)
{
	bool server = SSL_is_server(self->ssl);
	struct hs *hs = &self->hs;
	uint8_t plain[64], type;
	struct tls_dir own;
	size_t part, pad;

	derive(self->ssl, tls_suite(variant->suite), hs);
	tls_dir_init(&own, hs->suite, server ? hs->server_secret : hs->client_secret,
		     server ? hs->server_iv : hs->client_iv, 0);
	ASSERT_EQ(16, tls_open(&own, record, len, plain, &type, &pad));
	ASSERT_EQ(20, plain[0]);
	tls_dir_free(&own);

	peer_init(&self->p, fd, server, hs);
	for (size_t at = 0; at < 16; at += part) {
		part = 16 - at < variant->piece ? 16 - at : variant->piece;
		peer_send(&self->p, CT_HANDSHAKE, plain + at, part);
	}
	self->p.rx.seq = 1;
	self->cut = true;
}

/* Sends what OpenSSL has written. Behind ChangeCipherSpec there is Finished. */
static void send_flight(struct finished_self *self, int fd,
			const struct finished_variant *variant)
{
	uint8_t *data;
	size_t len = BIO_get_mem_data(SSL_get_wbio(self->ssl), (char **)&data), at, n;
	bool fin = false;

	for (at = 0; at < len; at += n) {
		n = 5 + (data[at + 3] << 8 | data[at + 4]);
		if (fin)
			send_cut(self, fd, data + at, n, variant);
		else
			net_write(fd, data + at, n);
		fin = data[at] == CT_CCS;
	}
	BIO_reset(SSL_get_wbio(self->ssl));
}

static void shake_hands(struct finished_self *self, int fd,
			const struct finished_variant *variant)
{
	uint8_t buf[4096];
	int done;

	for (;;) {
		done = SSL_do_handshake(self->ssl);
		send_flight(self, fd, variant);
		if (done == 1)
			break;
		ASSERT_EQ(SSL_ERROR_WANT_READ, SSL_get_error(self->ssl, done));
		BIO_write(SSL_get_rbio(self->ssl), buf, OK(read(fd, buf, sizeof(buf))));
	}
	ASSERT_TRUE(self->cut);
}

/* The first data arrive, both ways. */
static void expect_data(int fd, struct peer *p)
{
	char got[6];

	peer_send_data(p, "hither", 6);
	net_read(fd, got, 6);
	EXPECT_MEMEQ("hither", got, 6);
	net_write(fd, "thence", 6);
	peer_recv_data(p, got, 6);
	EXPECT_MEMEQ("thence", got, 6);
}

TEST_F(finished, of_a_client)
{
	struct addr a;
	int fd, l = interop_listen("rsa", NULL, &a);

	fd = net_socket(AF_INET);
	OK(connect(fd, &a.sa, a.len));
	SSL_set_connect_state(self->ssl);
	shake_hands(self, fd, variant);
	fd = net_accept(l);
	EXPECT_EQ(variant->suite, sock_info(fd).suite);
	expect_data(fd, &self->p);
	close(fd);
}

TEST_F(finished, of_a_server)
{
	struct addr a;
	struct job j;
	int fd = interop_socket("server.test"), l = net_listen(AF_INET, 1, &a);

	job_connect(&j, fd, &a);
	SSL_set_accept_state(self->ssl);
	shake_hands(self, net_accept(l), variant);
	job_wait(&j, 5000);
	OK(j.ret);
	EXPECT_EQ(variant->suite, sock_info(fd).suite);
	expect_data(fd, &self->p);
	close(fd);
}
