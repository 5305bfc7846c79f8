// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "lib/clock.h"
#include "config/file.h"
#include "signer/process.h"
#include "test_identity.h"

enum {
	IDENTITY_WAIT_MS	= 10000,
	IDENTITY_CONF_MAX	= 2048,	/* bytes of ktlsd.conf */
};

struct test_identity site;

const char *test_identity_path(const char *name)
{
	static char paths[4][128];
	static unsigned int next;

	next = (next + 1) % 4;
	snprintf(paths[next], sizeof(paths[next]), "%s/%s", site.directory, name);
	return paths[next];
}

/* --- files --- */

void test_identity_write(X509 *cert, EVP_PKEY *key)
{
	struct ktlsd_buffer pem = { 0 };

	test_pki_put_cert(&pem, cert);
	test_pki_write(test_identity_path("cert"), &pem, 0600);
	test_pki_put_key(&pem, key, NULL);
	test_pki_write(test_identity_path("key"), &pem, 0600);
}

void test_identity_configure(const char *more)
{
	struct ktlsd_buffer conf = { 0 };
	struct ktlsd_fault fault;
	char text[IDENTITY_CONF_MAX];
	int len = snprintf(text, sizeof(text),
			   "[ktlsd]\n%s%s\n%s\n[identity site]\ncertificate = %s\nprivate_key = %s\n%s%s\n%s",
			   site.provider ? "providers = " : "",
			   site.provider ? site.provider : "",
			   site.settings ? site.settings : "", test_identity_path("cert"),
			   site.uri ? site.uri : test_identity_path("key"),
			   site.pin ? "passphrase_file = " : "",
			   site.pin ? test_identity_path("pin") : "", more);

	assert_true(len < IDENTITY_CONF_MAX);
	ktlsd_buffer_append(&conf, text, (size_t)len, sizeof(text));
	test_pki_write(test_identity_path("conf"), &conf, 0600);
	/* As the serving process does before it loads keys. */
	assert_int_equal(ktlsd_file_read(test_identity_path("conf"), IDENTITY_CONF_MAX, &conf,
					 NULL, &fault), 0);
	ktlsd_buffer_free(&conf);
	if (ktlsd_signer_configure(&fault))
		fail_msg("%s", fault.reason);
}

int test_identity_read(struct ktlsd_credential *ret_credential, struct ktlsd_fault *fault)
{
	return ktlsd_credentials_load(test_identity_path("cert"),
				      site.uri ? site.uri : test_identity_path("key"),
				      site.pin ? test_identity_path("pin") : NULL,
				      ret_credential, fault);
}

/* The identity, as the sessions know it. */
static struct ktlsd_identity *identity_get(void)
{
	if (!site.kernel.config->identity_count)
		test_kernel_add_identity(&site.kernel, "site");
	return &site.kernel.config->identities[0];
}

void test_identity_use(const struct ktlsd_credential *credential)
{
	struct ktlsd_identity *identity = identity_get();

	ktlsd_context_flush(&site.kernel.sessions.contexts);
	ktlsd_credentials_free(&identity->credentials[0]);
	identity->credentials[0] = *credential;
	/* As in a worker that was taken over: it is the signer that decides. */
	identity->roles = KTLSD_ROLES_BOTH;
}

void test_identity_allow_transport(void)
{
	struct ktlsd_policy *policy = calloc(1, sizeof(*policy));
	struct ktlsd_fault fault;

	assert_int_equal(ktlsd_policy_set(policy, "rsa_key_transport", 1, "yes", &fault), 0);
	site.kernel.config->policies = policy;
	site.kernel.config->policy_count = 1;
	identity_get()->rsa_transport = true;
}

void test_identity_load(X509 *cert, EVP_PKEY *key, const char *more)
{
	struct ktlsd_credential credential;
	struct ktlsd_fault fault;

	test_identity_write(cert, key);
	test_identity_configure(more);
	if (test_identity_read(&credential, &fault))
		fail_msg("%s", fault.reason);
	test_identity_use(&credential);
}

/* --- handshakes --- */

void test_identity_pump(void)
{
	struct pollfd fd = { .fd = site.channel.fd, .events = POLLIN };

	assert_int_equal(poll(&fd, 1, IDENTITY_WAIT_MS), 1);
	ktlsd_signer_channel_receive(&site.channel);
	while (ktlsd_sessions_work(&site.kernel.sessions))
		;
}

void test_identity_await(void)
{
	while (!site.kernel.count)
		test_identity_pump();
}

void test_identity_serve_pieces(uint64_t id)
{
	while (site.kernel.sessions.buckets[id] && site.kernel.sessions.buckets[id]->fetching)
		test_kernel_serve_piece(&site.kernel);
	test_kernel_forget(&site.kernel);
}

/* Starts a server, whose peer has sent its ClientHello. */
static void identity_greet(uint64_t id, struct test_peer *peer, const char *identity,
			   uint64_t config)
{
	test_kernel_forget(&site.kernel);
	test_peer_begin(peer);
	test_peer_step(peer);
	test_kernel_start(&site.kernel, KTLS_CMD_START, id, KTLS_ROLE_SERVER, identity, config,
			  NULL);
	test_identity_serve_pieces(id);
	test_kernel_send_batch(&site.kernel, peer, id, 8000);
}

void test_identity_shake(uint64_t id, uint16_t version, const char *identity, uint64_t config)
{
	struct test_peer peer;

	test_peer_init(&peer, false);
	SSL_CTX_set_min_proto_version(peer.ctx, version);
	SSL_CTX_set_max_proto_version(peer.ctx, version);
	test_peer_trust(&peer, pki.ca, SSL_VERIFY_PEER);
	identity_greet(id, &peer, identity, config);
	/* The worker does not wait. */
	assert_int_equal(site.kernel.count, 0);
	test_identity_await();
	test_kernel_last(&site.kernel, KTLS_CMD_DATA);
	test_kernel_deliver(&site.kernel, &peer);
	test_peer_step(&peer);
	test_kernel_send_batch(&site.kernel, &peer, id, 8000);
	test_kernel_check_done(&site.kernel, 0, "");
	test_kernel_deliver(&site.kernel, &peer);
	test_peer_step(&peer);
	assert_true(peer.finished);
	test_peer_free(&peer);
	test_kernel_forget(&site.kernel);
}

void test_identity_fail(uint64_t id, const char *word)
{
	struct test_peer peer;

	test_peer_init(&peer, false);
	identity_greet(id, &peer, "site", 0);
	test_identity_await();
	test_kernel_check_done(&site.kernel, EKEYREJECTED, word);
	test_peer_free(&peer);
}

void test_identity_transport(uint64_t id, struct test_peer *peer)
{
	test_peer_init(peer, false);
	SSL_CTX_set_max_proto_version(peer->ctx, TLS1_2_VERSION);
	assert_int_equal(SSL_CTX_set_cipher_list(peer->ctx, "AES128-GCM-SHA256"), 1);
	test_peer_trust(peer, pki.ca, SSL_VERIFY_PEER);
	identity_greet(id, peer, "site", 0);
	/* The key is needed only when the client has sent its secret. */
	test_kernel_last(&site.kernel, KTLS_CMD_DATA);
	test_kernel_deliver(&site.kernel, peer);
	test_kernel_forget(&site.kernel);
	test_peer_step(peer);
	test_kernel_send_batch(&site.kernel, peer, id, 8000);
	/* The worker does not wait. */
	assert_int_equal(site.kernel.count, 0);
	test_identity_await();
}

/* --- RSA key transport --- */

enum {
	IDENTITY_SECRET		= 48,	/* bytes of a premaster secret */
	IDENTITY_BLOCK		= 256,	/* bytes of an RSA block */
};

/**
 * struct identity_decryption - a job
 * @block: what is encrypted
 * @is_sent: what the peer sends itself
 * @premaster: what the signer answers
 */
struct identity_decryption {
	uint8_t	block[IDENTITY_BLOCK];
	bool	is_sent;
	uint8_t	premaster[IDENTITY_BLOCK];
};

static int identity_decrypt(void *arg)
{
	const struct ktlsd_credential *credential = &identity_get()->credentials[0];
	unsigned int version = TLS1_2_VERSION;
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &version),
		OSSL_PARAM_construct_end(),
	};
	struct identity_decryption *job = arg;
	uint8_t encrypted[IDENTITY_BLOCK];
	size_t len = sizeof(encrypted), got = sizeof(job->premaster);
	EVP_PKEY_CTX *ctx;

	ctx = EVP_PKEY_CTX_new(X509_get0_pubkey(credential->leaf), NULL);
	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
	if (job->is_sent)
		memcpy(encrypted, job->block, IDENTITY_BLOCK);
	else
		assert_int_equal(EVP_PKEY_encrypt(ctx, encrypted, &len, job->block,
						  IDENTITY_BLOCK), 1);
	EVP_PKEY_CTX_free(ctx);
	ctx = EVP_PKEY_CTX_new(credential->key, NULL);
	assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_WITH_TLS_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_params(ctx, params), 1);
	assert_int_equal(EVP_PKEY_decrypt(ctx, job->premaster, &got, encrypted, len), 1);
	assert_int_equal(got, IDENTITY_SECRET);
	EVP_PKEY_CTX_free(ctx);
	return 0;
}

/* Has the signer decrypt a block, whose byte @at becomes @byte. Return: as memcmp() with the
 * secret in the block
 */
static int identity_compare(size_t at, uint8_t byte, uint8_t *ret_premaster)
{
	struct ktlsd_pause_owner owner = { .deadline = ktlsd_clock_ms() + IDENTITY_WAIT_MS };
	struct identity_decryption job = { .block = { 0, 2 } };
	uint8_t *secret = job.block + IDENTITY_BLOCK - IDENTITY_SECRET;
	struct ktlsd_pause *pause = NULL;
	int ret;

	memset(job.block + 2, 7, IDENTITY_BLOCK - 2);
	secret[-1] = 0;
	secret[0] = secret[1] = 3;
	job.block[at] = byte;
	job.is_sent = !at && byte == 0xff;
	if (job.is_sent)
		memset(job.block, byte, IDENTITY_BLOCK);
	while (ktlsd_pause_run(&pause, &owner, identity_decrypt, &job, &ret) == 1)
		test_identity_pump();
	memcpy(ret_premaster, job.premaster, IDENTITY_SECRET);
	return memcmp(job.premaster, secret, IDENTITY_SECRET);
}

static void identity_check_secrets(void)
{
	static const struct {
		size_t	at;
		uint8_t	byte;
	} wrong[] = {
		{ 0, 1 }, { 1, 1 }, { 2, 0 }, { IDENTITY_BLOCK - IDENTITY_SECRET - 2, 0 },
		{ IDENTITY_BLOCK - IDENTITY_SECRET - 1, 1 }, { IDENTITY_BLOCK - IDENTITY_SECRET, 2 },
		{ IDENTITY_BLOCK - IDENTITY_SECRET + 1, 2 },
		/* Larger than the modulus: RSA cannot have encrypted it. */
		{ 0, 0xff },
	};
	uint8_t first[IDENTITY_SECRET], second[IDENTITY_SECRET];
	size_t i;

	assert_int_equal(identity_compare(IDENTITY_BLOCK - 1, 9, first), 0);
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_int_not_equal(identity_compare(wrong[i].at, wrong[i].byte, first), 0);
		assert_int_not_equal(identity_compare(wrong[i].at, wrong[i].byte, second), 0);
		assert_memory_not_equal(first, second, IDENTITY_SECRET);
	}
}

void test_identity_check_transport(uint64_t id)
{
	struct test_peer peer;

	test_identity_transport(id, &peer);
	test_kernel_check_done(&site.kernel, 0, "");
	test_kernel_deliver(&site.kernel, &peer);
	test_peer_step(&peer);
	assert_true(peer.finished);
	assert_string_equal(SSL_get_cipher(peer.ssl), "AES128-GCM-SHA256");
	test_peer_free(&peer);
	test_kernel_forget(&site.kernel);
	identity_check_secrets();
}

/* --- the signer --- */

static void identity_wake(void *arg, uint64_t id)
{
	ktlsd_sessions_wake(arg, id);
}

int test_identity_start(void **state)
{
	int fd;

	(void)state;
	site.uri = NULL;
	site.provider = NULL;
	site.settings = NULL;
	site.pin = false;
	assert_int_equal(ktlsd_signer_start(test_identity_path("conf")), 0);
	fd = ktlsd_signer_open_channel();
	assert_true(fd >= 0);
	test_kernel_init(&site.kernel);
	ktlsd_signer_channel_open(&site.channel, fd, identity_wake, &site.kernel.sessions);
	site.channel.metrics = &site.kernel.sessions.metrics;
	return 0;
}

int test_identity_end(void **state)
{
	(void)state;
	ktlsd_signer_channel_close(&site.channel);
	test_kernel_free(&site.kernel);
	ktlsd_pause_flush();
	ktlsd_signer_stop();
	return 0;
}

int test_identity_setup(void **state)
{
	strcpy(site.directory, "/tmp/test_identity.XXXXXX");
	return mkdtemp(site.directory) ? test_kernel_setup(state) : -1;
}

int test_identity_teardown(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", site.directory);
	return system(command) || test_pki_teardown(state);
}
