// SPDX-License-Identifier: GPL-2.0-or-later
/* The signer process: sessions whose keys are there. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/provider.h>

#include "config/file.h"
#include "config/private_key.h"
#include "signer/channel.h"
#include "signer/process.h"
#include "signer/provider.h"
#include "test_kernel.h"

enum {
	SIGNER_WAIT_MS	= 10000,
};

static char directory[] = "/tmp/test_signer.XXXXXX";
static const char *signer_uri;	/* the key is in a token */
static struct ktlsd_signer_channel channel;
static struct test_kernel kernel;

/* --- with a signer --- */

static const char *signer_path(const char *name)
{
	static char paths[4][128];
	static unsigned int next;

	next = (next + 1) % 4;
	snprintf(paths[next], sizeof(paths[next]), "%s/%s", directory, name);
	return paths[next];
}

static void signer_write(X509 *cert, EVP_PKEY *key)
{
	struct ktlsd_buffer pem = { 0 };

	test_pki_put_cert(&pem, cert);
	test_pki_write(signer_path("cert"), &pem, 0600);
	test_pki_put_key(&pem, key, NULL);
	test_pki_write(signer_path("key"), &pem, 0600);
}

/* The signer reads ktlsd.conf. @more: behind the identity that has the files */
static void signer_configure(const char *more)
{
	struct ktlsd_buffer conf = { 0 };
	struct ktlsd_fault fault;
	char text[512];
	int len = snprintf(text, sizeof(text),
		       "[identity site]\ncertificate = %s\nprivate_key = %s\n%s%s\n%s",
		       signer_path("cert"), signer_uri ? signer_uri : signer_path("key"),
		       signer_uri ? "passphrase_file = " : "", signer_uri ? signer_path("pin") : "",
		       more);

	ktlsd_buffer_append(&conf, text, (size_t)len, sizeof(text));
	test_pki_write(signer_path("conf"), &conf, 0600);
	/* As the serving process does before it loads keys. */
	assert_int_equal(ktlsd_file_read(signer_path("conf"), 512, &conf, NULL, &fault), 0);
	ktlsd_buffer_free(&conf);
	assert_int_equal(ktlsd_signer_configure(&fault), 0);
}

static void signer_wake(void *arg, uint64_t id)
{
	ktlsd_sessions_wake(arg, id);
}

static int signer_start(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(ktlsd_signer_start(signer_path("conf")), 0);
	fd = ktlsd_signer_open_channel();
	assert_true(fd >= 0);
	test_kernel_init(&kernel);
	ktlsd_signer_channel_open(&channel, fd, signer_wake, &kernel.sessions);
	channel.metrics = &kernel.sessions.metrics;
	return 0;
}

static int signer_end(void **state)
{
	(void)state;
	ktlsd_signer_channel_close(&channel);
	test_kernel_free(&kernel);
	ktlsd_pause_flush();
	ktlsd_signer_stop();
	return 0;
}

/* Receives an answer of the signer, and lets the sessions go on. */
static void signer_pump(void)
{
	struct pollfd fd = { .fd = channel.fd, .events = POLLIN };

	assert_int_equal(poll(&fd, 1, SIGNER_WAIT_MS), 1);
	ktlsd_signer_channel_receive(&channel);
	while (ktlsd_sessions_work(&kernel.sessions))
		;
}

/* Waits until the sessions have sent something. */
static void signer_await(void)
{
	while (!kernel.count)
		signer_pump();
}

/* The identity "site" gets the credential in the files. */
static void signer_load(X509 *cert, EVP_PKEY *key)
{
	struct ktlsd_credential credential;
	struct ktlsd_fault fault;

	signer_write(cert, key);
	signer_configure(signer_uri ? "[ktlsd]\nproviders = pkcs11\n" : "");
	if (ktlsd_credentials_load(signer_path("cert"), signer_uri ? signer_uri : signer_path("key"),
				   signer_uri ? signer_path("pin") : NULL, &credential, &fault))
		fail_msg("%s", fault.reason);
	if (!kernel.config->identity_count)
		test_kernel_add_identity(&kernel, "site");
	ktlsd_context_flush(&kernel.sessions.contexts);
	ktlsd_credentials_free(&kernel.config->identities[0].credentials[0]);
	kernel.config->identities[0].credentials[0] = credential;
}

/* Answers what the session asks of the configuration. */
static void signer_serve_pieces(uint64_t id)
{
	while (kernel.sessions.buckets[id] && kernel.sessions.buckets[id]->fetching)
		test_kernel_serve_piece(&kernel);
	test_kernel_forget(&kernel);
}

/* A server's handshake @id, in which the signer takes part. */
static void signer_shake(uint64_t id, uint16_t version, const char *identity, uint64_t config)
{
	struct test_peer peer;

	test_kernel_forget(&kernel);
	test_peer_init(&peer, false);
	SSL_CTX_set_min_proto_version(peer.ctx, version);
	SSL_CTX_set_max_proto_version(peer.ctx, version);
	test_peer_trust(&peer, pki.ca, SSL_VERIFY_PEER);
	test_peer_begin(&peer);
	test_peer_step(&peer);
	test_kernel_start(&kernel, KTLS_CMD_START, id, KTLS_ROLE_SERVER, identity, config, NULL);
	signer_serve_pieces(id);
	test_kernel_send_batch(&kernel, &peer, id, 8000);
	/* The worker does not wait. */
	assert_int_equal(kernel.count, 0);
	signer_await();
	test_kernel_last(&kernel, KTLS_CMD_DATA);
	test_kernel_deliver(&kernel, &peer);
	test_peer_step(&peer);
	test_kernel_send_batch(&kernel, &peer, id, 8000);
	test_kernel_check_done(&kernel, 0, "");
	test_kernel_deliver(&kernel, &peer);
	test_peer_step(&peer);
	assert_true(peer.finished);
	test_peer_free(&peer);
	test_kernel_forget(&kernel);
}

/* The counts of a kind of key, one after the other. */
static void signer_check_uses(enum ktlsd_metrics_key key, unsigned int done,
			      unsigned int refused, unsigned int failed)
{
	const struct ktlsd_metrics_uses *uses = &kernel.sessions.metrics.keys[key];

	assert_int_equal(uses->counts[KTLSD_USE_DONE], done);
	assert_int_equal(uses->counts[KTLSD_USE_REFUSED], refused);
	assert_int_equal(uses->counts[KTLSD_USE_FAILED], failed);
	assert_int_equal(!uses->durations.microseconds, !done);
}

static void signer_kinds(void **state)
{
	static const char *const kinds[] = {
		"ec", "ec384", "rsa2048", "ed25519", "RSA-PSS", "ED448",
	};
	const struct test_pki_spec spec = { .cn = "leaf", .san = "DNS:server.test" };
	EVP_PKEY *key;
	uint64_t id;
	X509 *cert;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		key = kinds[i][0] < 'a' ? EVP_PKEY_Q_keygen(NULL, NULL, kinds[i]) :
					  test_pki_key(kinds[i]);
		if (!strcmp(kinds[i], "RSA-PSS")) {
			EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, kinds[i], NULL);

			assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
			assert_int_equal(EVP_PKEY_keygen(ctx, &key), 1);
			EVP_PKEY_CTX_free(ctx);
		}
		assert_non_null(key);
		cert = test_pki_issue(&spec, key, pki.ca, pki.ca_key);
		signer_load(cert, key);
		assert_ptr_not_equal(kernel.config->identities[0].credentials[0].key, key);
		id = 10 * i + 1;
		signer_shake(id, TLS1_3_VERSION, "site", 0);
		signer_shake(id + 1, TLS1_2_VERSION, "site", 0);
		X509_free(cert);
		EVP_PKEY_free(key);
	}
	signer_check_uses(KTLSD_KEY_EC, 4, 0, 0);
	signer_check_uses(KTLSD_KEY_RSA, 2, 0, 0);
	signer_check_uses(KTLSD_KEY_RSA_PSS, 2, 0, 0);
	signer_check_uses(KTLSD_KEY_ED25519, 2, 0, 0);
	signer_check_uses(KTLSD_KEY_ED448, 2, 0, 0);
}

/* What the signer has refused is not counted as what it did not get to. */
static void signer_counts(void **state)
{
	struct ktlsd_signer_head head = { .op = KTLSD_SIGNER_SIGN, .error = -EKEYREJECTED };

	(void)state;
	ktlsd_signer_channel_count("EC", &head, -EKEYREJECTED, 0);
	signer_check_uses(KTLSD_KEY_EC, 0, 1, 0);
	head.error = -ENOBUFS;
	ktlsd_signer_channel_count("EC", &head, -ENOBUFS, 0);
	head.error = 0;
	ktlsd_signer_channel_count("EC", &head, -ECANCELED, 0);
	signer_check_uses(KTLSD_KEY_EC, 0, 1, 2);
}

/* RSA key transport. The key is needed only when the client has sent its secret. */
static void signer_transport(void **state)
{
	struct ktlsd_policy *policy;
	struct ktlsd_fault fault;
	struct test_peer peer;

	(void)state;
	signer_load(pki.rsa, pki.rsa_key);
	policy = calloc(1, sizeof(*policy));
	kernel.config->policies = policy;
	kernel.config->policy_count = 1;
	assert_int_equal(ktlsd_policy_set(policy, "rsa_key_transport", 1, "yes", &fault), 0);
	signer_configure("[policy]\nrsa_key_transport = yes\n");
	test_peer_init(&peer, false);
	SSL_CTX_set_max_proto_version(peer.ctx, TLS1_2_VERSION);
	assert_int_equal(SSL_CTX_set_cipher_list(peer.ctx, "AES128-GCM-SHA256"), 1);
	test_peer_trust(&peer, pki.ca, SSL_VERIFY_PEER);
	test_peer_begin(&peer);
	test_peer_step(&peer);
	test_kernel_start(&kernel, KTLS_CMD_START, 1, KTLS_ROLE_SERVER, "site", 0, NULL);
	test_kernel_send_batch(&kernel, &peer, 1, 8000);
	test_kernel_last(&kernel, KTLS_CMD_DATA);
	test_kernel_deliver(&kernel, &peer);
	test_kernel_forget(&kernel);
	test_peer_step(&peer);
	test_kernel_send_batch(&kernel, &peer, 1, 8000);
	/* The worker does not wait. */
	assert_int_equal(kernel.count, 0);
	signer_await();
	test_kernel_check_done(&kernel, 0, "");
	test_kernel_deliver(&kernel, &peer);
	test_peer_step(&peer);
	assert_true(peer.finished);
	assert_string_equal(SSL_get_cipher(peer.ssl), "AES128-GCM-SHA256");
	test_peer_free(&peer);
	test_kernel_forget(&kernel);
	signer_check_uses(KTLSD_KEY_RSA_DECRYPT, 1, 0, 0);
}

/* KTLS_PRIVATE_KEY. */
static void signer_own_key(void **state)
{
	struct test_peer peer;

	(void)state;
	test_pki_put_cert(&kernel.parts[KTLS_CONFIG_CERTIFICATE], pki.ec);
	test_pki_put_key(&kernel.parts[KTLS_CONFIG_PRIVATE_KEY], pki.ec_key, NULL);
	test_peer_init(&peer, false);
	test_peer_begin(&peer);
	test_peer_step(&peer);
	test_kernel_start(&kernel, KTLS_CMD_START, 5, KTLS_ROLE_SERVER, NULL, 6, NULL);
	signer_serve_pieces(5);
	/* The key is on its way to the signer. */
	assert_non_null(kernel.sessions.buckets[5]->job);
	while (kernel.sessions.buckets[5]->job)
		signer_pump();
	test_kernel_send_batch(&kernel, &peer, 5, 8000);
	signer_await();
	test_kernel_deliver(&kernel, &peer);
	test_peer_step(&peer);
	test_kernel_send_batch(&kernel, &peer, 5, 8000);
	test_kernel_check_done(&kernel, 0, "");
	test_peer_free(&peer);
	test_kernel_forget(&kernel);
	/* From the cache of contexts. */
	signer_shake(6, TLS1_3_VERSION, NULL, 6);

	/* A broken key; a CANCEL while it is on its way. */
	kernel.parts[KTLS_CONFIG_PRIVATE_KEY].len = 60;
	test_kernel_start(&kernel, KTLS_CMD_START, 7, KTLS_ROLE_SERVER, NULL, 7, NULL);
	signer_serve_pieces(7);
	signer_await();
	test_kernel_check_done(&kernel, EINVAL, "KTLS_CERTIFICATE and KTLS_PRIVATE_KEY cannot be used: there is no readable PEM");
	test_kernel_start(&kernel, KTLS_CMD_START, 8, KTLS_ROLE_SERVER, NULL, 8, NULL);
	signer_serve_pieces(8);
	ktlsd_sessions_clear(&kernel.sessions);
	assert_null(channel.calls);
}

/* A client's certificate; in TLS 1.2 all messages so far are signed. */
static void signer_client(void **state)
{
	static const uint16_t versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct test_peer peer;
	size_t i;

	(void)state;
	test_pki_put_cert(&kernel.parts[KTLS_CONFIG_TRUST], pki.ca);
	test_pki_put_cert(&kernel.parts[KTLS_CONFIG_CERTIFICATE], pki.client);
	test_pki_put_key(&kernel.parts[KTLS_CONFIG_PRIVATE_KEY], pki.ec_key, NULL);
	for (i = 0; i < 2; i++) {
		test_peer_init(&peer, true);
		SSL_CTX_set_max_proto_version(peer.ctx, versions[i]);
		test_peer_credential(&peer, pki.ec, pki.ec_key);
		test_peer_trust(&peer, pki.ca, SSL_VERIFY_PEER |
						SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
		test_peer_begin(&peer);
		test_kernel_start(&kernel, KTLS_CMD_START, 50 + i, KTLS_ROLE_CLIENT, NULL,
				  20 + i, NULL);
		signer_serve_pieces(50 + i);
		while (kernel.sessions.buckets[50 + i]->job)
			signer_pump();
		test_kernel_last(&kernel, KTLS_CMD_DATA);
		test_kernel_deliver(&kernel, &peer);
		test_peer_step(&peer);
		test_kernel_send_batch(&kernel, &peer, 50 + i, 8000);
		signer_await();
		test_kernel_deliver(&kernel, &peer);
		test_peer_step(&peer);
		if (versions[i] == TLS1_2_VERSION)
			test_kernel_send_batch(&kernel, &peer, 50 + i, 8000);
		test_kernel_check_done(&kernel, 0, "");
		assert_true(peer.finished);
		assert_non_null(SSL_get0_peer_certificate(peer.ssl));
		test_peer_free(&peer);
		test_kernel_forget(&kernel);
	}
}

/* A server's handshake, which the signer refuses. */
static void signer_refused(uint64_t id, const char *word)
{
	struct test_peer peer;

	test_kernel_forget(&kernel);
	test_peer_init(&peer, false);
	test_peer_begin(&peer);
	test_peer_step(&peer);
	test_kernel_start(&kernel, KTLS_CMD_START, id, KTLS_ROLE_SERVER, "site", 0, NULL);
	test_kernel_send_batch(&kernel, &peer, id, 8000);
	signer_await();
	test_kernel_check_done(&kernel, EKEYREJECTED, word);
	test_peer_free(&peer);
}

/* Whom a key of ktlsd.conf is for: "role", else the certificate. */
static void signer_roles(void **state)
{
	const struct test_pki_spec both = { .cn = "leaf", .san = "DNS:server.test" };
	struct ktlsd_credential credential;
	struct ktlsd_fault fault;
	X509 *cert;

	(void)state;
	cert = test_pki_issue(&both, pki.ec_key, pki.ca, pki.ca_key);
	signer_load(cert, pki.ec_key);
	signer_shake(1, TLS1_3_VERSION, "site", 0);
	X509_free(cert);
	signer_load(pki.client, pki.ec_key);
	signer_refused(2, "not for servers");
	/* Not in ktlsd.conf: whoever has taken over the worker cannot choose the certificate. */
	test_kernel_forget(&kernel);
	rename(signer_path("cert"), signer_path("other"));
	assert_int_equal(ktlsd_credentials_load(signer_path("other"), signer_path("key"), NULL,
						&credential, &fault), -EACCES);
	assert_non_null(strstr(fault.reason, "no identity in ktlsd.conf has it"));
	unlink(signer_path("other"));
	/* "role" outweighs the certificate. */
	signer_write(pki.ec, pki.ec_key);
	signer_configure("role = client\n");
	ktlsd_credentials_free(&kernel.config->identities[0].credentials[0]);
	ktlsd_context_flush(&kernel.sessions.contexts);
	assert_int_equal(ktlsd_credentials_load(signer_path("cert"), signer_path("key"), NULL,
						&kernel.config->identities[0].credentials[0],
						&fault), 0);
	signer_refused(3, "not for servers");
}

/* Puts the key of signer_write() into SoftHSM. Return: false without SoftHSM. */
static bool signer_fill_token(const char *label)
{
	char command[640];

	snprintf(command, sizeof(command),
		 "command -v softhsm2-util >/dev/null && cd %s && mkdir -p tokens && echo 1234 >pin && "
		 "echo directories.tokendir = $PWD/tokens >softhsm.conf && "
		 "{ ls tokens/* >/dev/null 2>&1 || softhsm2-util --init-token --free --label t --pin 1234 --so-pin 5678; } && "
		 "openssl pkcs8 -topk8 -nocrypt -in key -out key8 && "
		 "softhsm2-util --import key8 --token t --label %s --id %02x --pin 1234",
		 directory, label, label[0]);
	return !system(command);
}

/* Keys in a PKCS #11 token. */
static void signer_token(void **state)
{
	struct ktlsd_credential credential;
	struct ktlsd_buffer pin = { 0 };
	struct ktlsd_fault fault;

	(void)state;
	signer_write(pki.ec, pki.ec_key);
	if (EVP_default_properties_is_fips_enabled(NULL) ||
	    !OSSL_PROVIDER_try_load(NULL, "pkcs11", 1) || !signer_fill_token("ec")) {
		print_message("softhsm2 or pkcs11-provider is not installed, or FIPS forbids it\n");
		skip();
	}
	signer_uri = "pkcs11:token=t;object=ec;type=private";
	signer_load(pki.ec, pki.ec_key);
	signer_shake(1, TLS1_3_VERSION, "site", 0);
	signer_shake(2, TLS1_2_VERSION, "site", 0);
	/* Another certificate's key; a key that is not there. */
	signer_write(pki.rsa, pki.rsa_key);
	assert_int_equal(ktlsd_credentials_load(signer_path("cert"), signer_uri,
						signer_path("pin"), &credential, &fault),
			 -EINVAL);
	assert_non_null(strstr(fault.reason, "does not belong to the first certificate"));
	/* A token counts wrong PINs: none but that of ktlsd.conf is tried, and nobody reads it. */
	assert_int_equal(ktlsd_credentials_load(signer_path("cert"), signer_uri,
						signer_path("cert"), &credential, &fault),
			 -EACCES);
	assert_int_equal(ktlsd_file_read(signer_path("pin"), 100, &pin, NULL, &fault), -EACCES);
	assert_non_null(strstr(fault.reason, "holds a passphrase"));
	signer_uri = "pkcs11:token=t;object=none;type=private";
	signer_configure("[ktlsd]\nproviders = pkcs11\n");
	assert_int_equal(ktlsd_credentials_load(signer_path("cert"), signer_uri,
						signer_path("pin"), &credential, &fault),
			 -EINVAL);
	assert_non_null(strstr(fault.reason, "the private key was not found"));
	signer_uri = "pkcs11:token=t;object=rsa;type=private";
	assert_true(signer_fill_token("rsa"));
	signer_load(pki.rsa, pki.rsa_key);
	signer_shake(3, TLS1_3_VERSION, "site", 0);
	signer_shake(4, TLS1_2_VERSION, "site", 0);
	signer_uri = NULL;
}

/* What names no provider gets OpenSSL's own. */
static void signer_provider_last(void **state)
{
	EVP_KEYMGMT *keymgmt = EVP_KEYMGMT_fetch(NULL, "EC", NULL);
	EVP_SIGNATURE *signature = EVP_SIGNATURE_fetch(NULL, "ECDSA", NULL);

	(void)state;
	assert_string_not_equal(OSSL_PROVIDER_get0_name(EVP_KEYMGMT_get0_provider(keymgmt)),
				"ktlsd");
	assert_string_not_equal(OSSL_PROVIDER_get0_name(EVP_SIGNATURE_get0_provider(signature)),
				"ktlsd");
	EVP_KEYMGMT_free(keymgmt);
	EVP_SIGNATURE_free(signature);
}

static void signer_bad_files(void **state)
{
	struct ktlsd_credential credential;
	struct ktlsd_buffer file = { 0 };
	struct ktlsd_fault fault;
	mode_t mode;

	(void)state;
	signer_write(pki.ec, pki.rsa_key);
	assert_int_equal(ktlsd_credentials_load(signer_path("cert"), signer_path("key"), NULL,
						&credential, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "does not belong to the first certificate"));
	assert_int_equal(ktlsd_credentials_load(signer_path("cert"), signer_path("none"), NULL,
						&credential, &fault), -EACCES);
	assert_non_null(strstr(fault.reason, "no identity in ktlsd.conf has it with this key"));
	assert_int_equal(ktlsd_file_read(signer_path("none"), 100, &file, NULL, &fault), -ENOENT);
	assert_int_equal(ktlsd_file_read(signer_path("cert"), 100, &file, NULL, &fault), -EINVAL);
	assert_int_equal(ktlsd_file_read(signer_path("cert"), 65536, &file, &mode, &fault), 0);
	assert_int_equal(mode & 0777, 0600);
	assert_non_null(memmem(file.data, file.len, "CERTIFICATE", 11));
	file.len = 0;
	assert_int_equal(ktlsd_file_read(signer_path("key"), 65536, &file, NULL, &fault), 0);
	assert_int_equal(file.len, 0);
	ktlsd_buffer_free(&file);
}

/* The signer dies while handshakes wait for it. */
static void signer_dies(void **state)
{
	struct test_peer peer;
	char name[64];
	FILE *children;
	int pid = 0;

	(void)state;
	signer_load(pki.ec, pki.ec_key);
	snprintf(name, sizeof(name), "/proc/self/task/%d/children", getpid());
	children = fopen(name, "r");
	assert_non_null(children);
	assert_int_equal(fscanf(children, "%d", &pid), 1);
	fclose(children);
	kill(pid, SIGSTOP);
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
	test_peer_init(&peer, false);
	test_peer_begin(&peer);
	test_peer_step(&peer);
	test_kernel_start(&kernel, KTLS_CMD_START, 1, KTLS_ROLE_SERVER, "site", 0, NULL);
	test_kernel_send_batch(&kernel, &peer, 1, 8000);
	assert_int_equal(kernel.count, 0);
	kill(pid, SIGKILL);
	signer_await();
	test_kernel_check_done(&kernel, EKEYREJECTED, "signer process, which has the private keys, has ended");
	test_peer_free(&peer);
	/* The next one does not wait at all. */
	test_kernel_forget(&kernel);
	test_peer_init(&peer, false);
	test_peer_begin(&peer);
	test_peer_step(&peer);
	test_kernel_start(&kernel, KTLS_CMD_START, 2, KTLS_ROLE_SERVER, "site", 0, NULL);
	test_kernel_send_batch(&kernel, &peer, 2, 8000);
	test_kernel_check_done(&kernel, EKEYREJECTED, "has ended");
	test_peer_free(&peer);
	signer_check_uses(KTLSD_KEY_EC, 0, 0, 2);
}

/* Debian 12 has no package of it: selftests/vm/setup unpacks that of bookworm-backports. */
static void signer_find_provider(void)
{
	const char *cache = getenv("KTLS_CACHE"), *home = getenv("HOME");
	char path[512];

	snprintf(path, sizeof(path), "%s%s/pkcs11-provider/usr/lib/x86_64-linux-gnu/ossl-modules",
		 cache ? cache : home ? home : "", cache ? "" : "/.cache/ktls");
	if (!access(path, R_OK))
		OSSL_PROVIDER_set_default_search_path(NULL, path);
}

static int signer_setup(void **state)
{
	if (!mkdtemp(directory))
		return -1;
	/* The signer has the environment of this process. */
	setenv("SOFTHSM2_CONF", signer_path("softhsm.conf"), 1);
	setenv("PKCS11_PROVIDER_MODULE", "/usr/lib/softhsm/libsofthsm2.so", 1);
	signer_find_provider();
	return test_kernel_setup(state);
}

static int signer_teardown(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command) || test_pki_teardown(state);
}

#define SIGNER_TEST(name) \
	cmocka_unit_test_setup_teardown(name, signer_start, signer_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SIGNER_TEST(signer_kinds),
		SIGNER_TEST(signer_counts),
		SIGNER_TEST(signer_transport),
		SIGNER_TEST(signer_own_key),
		SIGNER_TEST(signer_client),
		SIGNER_TEST(signer_roles),
		SIGNER_TEST(signer_provider_last),
		SIGNER_TEST(signer_bad_files),
		SIGNER_TEST(signer_dies),
		SIGNER_TEST(signer_token),
	};

	return cmocka_run_group_tests_name("signer", tests, signer_setup, signer_teardown);
}
