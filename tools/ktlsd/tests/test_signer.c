// SPDX-License-Identifier: GPL-2.0-or-later
/* The signer process: sessions whose keys are there. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/provider.h>

#include "lib/clock.h"
#include "config/file.h"
#include "config/private_key.h"
#include "config/trust.h"
#include "signer/process.h"
#include "signer/protocol.h"
#include "signer/provider.h"
#include "test_identity.h"

/* The counts of a kind of key, one after the other. */
static void signer_check_uses(enum ktlsd_metrics_key key, unsigned int done,
			      unsigned int refused, unsigned int failed)
{
	const struct ktlsd_metrics_uses *uses = &site.kernel.sessions.metrics.keys[key];

	assert_int_equal(uses->counts[KTLSD_USE_DONE], done);
	assert_int_equal(uses->counts[KTLSD_USE_REFUSED], refused);
	assert_int_equal(uses->counts[KTLSD_USE_FAILED], failed);
	assert_int_equal(!uses->durations.microseconds, !done);
}

/* Sends the signer @count descriptors with a message that wants one. */
static void signer_send_files(const int *files, size_t count)
{
	char ancillary[CMSG_SPACE(2 * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct ktlsd_signer_head head = { .op = KTLSD_SIGNER_CHANNEL };
	struct iovec part = { .iov_base = &head, .iov_len = sizeof(head) };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = ancillary, .msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	struct cmsghdr *control = CMSG_FIRSTHDR(&message);

	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(control), files, count * sizeof(int));
	assert_int_equal(sendmsg(ktlsd_signer_fd(), &message, 0), sizeof(head));
}

/* The signer keeps no descriptors that it does not want: it would run out of them. */
static void signer_descriptors(void **state)
{
	struct pollfd end = { .events = POLLHUP };
	int pipes[2], files[2];

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	files[0] = pipes[1];
	files[1] = pipes[1];
	signer_send_files(files, 2);
	close(pipes[1]);
	/* It has answered this one behind it. */
	test_identity_load(pki.ec, pki.ec_key, "");
	end.fd = pipes[0];
	assert_int_equal(poll(&end, 1, 5000), 1);
	assert_true(end.revents & POLLHUP);
	close(pipes[0]);
}

/* Return: its pid. */
static int signer_stop(void)
{
	char name[64];
	FILE *children;
	int pid = 0;

	snprintf(name, sizeof(name), "/proc/self/task/%d/children", getpid());
	children = fopen(name, "r");
	assert_non_null(children);
	assert_int_equal(fscanf(children, "%d", &pid), 1);
	fclose(children);
	kill(pid, SIGSTOP);
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
	return pid;
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
		test_identity_load(cert, key, "");
		assert_ptr_not_equal(site.kernel.config->identities[0].credentials[0].key, key);
		id = 10 * i + 1;
		test_identity_shake(id, TLS1_3_VERSION, "site", 0);
		test_identity_shake(id + 1, TLS1_2_VERSION, "site", 0);
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

/* RSA key transport, with a key of ktlsd.conf. */
static void signer_transport(void **state)
{
	struct test_peer peer;

	(void)state;
	test_identity_allow_transport();
	/* The serving process was taken over, and allows it itself. */
	test_identity_load(pki.rsa, pki.rsa_key, "[policy]\nrsa_key_transport = yes\n");
	test_identity_transport(1, &peer);
	test_kernel_check_done(&site.kernel, EKEYREJECTED, "this key is not for RSA key transport");
	test_peer_free(&peer);
	signer_check_uses(KTLSD_KEY_RSA_DECRYPT, 0, 1, 0);

	test_identity_load(pki.rsa, pki.rsa_key,
			   "rsa_key_transport = yes\n[policy]\nrsa_key_transport = yes\n");
	test_identity_check_transport(2);
	signer_check_uses(KTLSD_KEY_RSA_DECRYPT, 18, 1, 0);

	/* The identity keeps its old key, as after a reload that could not load it. */
	test_identity_configure("[policy]\nrsa_key_transport = yes\n");
	test_identity_transport(200, &peer);
	test_kernel_check_done(&site.kernel, EKEYREJECTED, "this key is not for RSA key transport");
	test_peer_free(&peer);
	test_identity_configure("role = client\n");
	test_identity_fail(201, "this key is not for servers");
}

/* KTLS_PRIVATE_KEY. */
static void signer_own_key(void **state)
{
	struct test_peer peer;

	(void)state;
	test_pki_put_cert(&site.kernel.parts[KTLS_CONFIG_CERTIFICATE], pki.ec);
	test_pki_put_key(&site.kernel.parts[KTLS_CONFIG_PRIVATE_KEY], pki.ec_key, NULL);
	test_peer_init(&peer, false);
	test_peer_begin(&peer);
	test_peer_step(&peer);
	test_kernel_start(&site.kernel, KTLS_CMD_START, 5, KTLS_ROLE_SERVER, NULL, 6, NULL);
	test_identity_serve_pieces(5);
	/* The key is on its way to the signer. */
	assert_non_null(site.kernel.sessions.buckets[5]->job);
	while (site.kernel.sessions.buckets[5]->job)
		test_identity_pump();
	test_kernel_send_batch(&site.kernel, &peer, 5, 8000);
	test_identity_await();
	test_kernel_deliver(&site.kernel, &peer);
	test_peer_step(&peer);
	test_kernel_send_batch(&site.kernel, &peer, 5, 8000);
	test_kernel_check_done(&site.kernel, 0, "");
	test_peer_free(&peer);
	test_kernel_forget(&site.kernel);
	/* From the cache of contexts. */
	test_identity_shake(6, TLS1_3_VERSION, NULL, 6);

	/* A broken key; a CANCEL while it is on its way. */
	site.kernel.parts[KTLS_CONFIG_PRIVATE_KEY].len = 60;
	test_kernel_start(&site.kernel, KTLS_CMD_START, 7, KTLS_ROLE_SERVER, NULL, 7, NULL);
	test_identity_serve_pieces(7);
	test_identity_await();
	test_kernel_check_done(&site.kernel, EINVAL, "KTLS_CERTIFICATE and KTLS_PRIVATE_KEY cannot be used: there is no readable PEM");
	test_kernel_start(&site.kernel, KTLS_CMD_START, 8, KTLS_ROLE_SERVER, NULL, 8, NULL);
	test_identity_serve_pieces(8);
	ktlsd_sessions_clear(&site.kernel.sessions);
	assert_null(site.channel.calls);
}

/* A job: signs what a server signs. */
static int signer_sign(void *arg)
{
	uint8_t text[64 + 34 + 32], signature[256];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = sizeof(signature);
	int ret;

	memset(text, ' ', sizeof(text));
	memcpy(text + 64, "TLS 1.3, server CertificateVerify", 34);
	ret = EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, arg, NULL) == 1 &&
	      EVP_DigestSign(ctx, signature, &len, text, sizeof(text)) == 1;
	ERR_clear_error();
	EVP_MD_CTX_free(ctx);
	return ret;
}

/* Return: whether the signer has a key with this handle, that of pki.ec. */
static bool signer_has_key(uint64_t handle)
{
	struct ktlsd_pause_owner owner = { .deadline = ktlsd_clock_ms() + 10000 };
	struct ktlsd_pause *job = NULL;
	uint8_t *public = NULL;
	int len, ret = 0;
	EVP_PKEY *key;

	len = i2d_PUBKEY(pki.ec_key, &public);
	key = ktlsd_provider_new_key(handle, public, (size_t)len);
	assert_non_null(key);
	while (ktlsd_pause_run(&job, &owner, signer_sign, key, &ret) == 1)
		test_identity_pump();
	EVP_PKEY_free(key);
	OPENSSL_free(public);
	assert_true(ret || strstr(owner.fault.reason, "does not have this private key"));
	return ret;
}

/* A program that closes its socket while its key is on the way back leaves none in the signer. */
static void signer_cancelled_key(void **state)
{
	struct pollfd answer = { .fd = site.channel.fd, .events = POLLIN };

	(void)state;
	test_pki_put_cert(&site.kernel.parts[KTLS_CONFIG_CERTIFICATE], pki.ec);
	test_pki_put_key(&site.kernel.parts[KTLS_CONFIG_PRIVATE_KEY], pki.ec_key, NULL);
	test_kernel_start(&site.kernel, KTLS_CMD_START, 5, KTLS_ROLE_SERVER, NULL, 6, NULL);
	test_identity_serve_pieces(5);
	assert_int_equal(poll(&answer, 1, 10000), 1);
	ktlsd_signer_channel_receive(&site.channel);
	ktlsd_sessions_clear(&site.kernel.sessions);
	/* The first of this signer, which is told to release it. */
	assert_true(ktlsd_signer_await());
	assert_false(signer_has_key(1));
}

/* Nor does an identity whose key comes when nobody waits for it any more, as from a slow token. */
static void signer_late_key(void **state)
{
	const struct timeval limit = { .tv_usec = 100000 }, long_limit = { .tv_sec = 30 };
	struct ktlsd_credential credential;
	struct ktlsd_fault fault;
	int pid;

	(void)state;
	test_identity_write(pki.ec, pki.ec_key);
	test_identity_configure("");
	pid = signer_stop();
	assert_int_equal(setsockopt(ktlsd_signer_fd(), SOL_SOCKET, SO_RCVTIMEO, &limit,
				    sizeof(limit)), 0);
	assert_int_equal(test_identity_read(&credential, &fault), -EPIPE);
	kill(pid, SIGCONT);
	assert_int_equal(setsockopt(ktlsd_signer_fd(), SOL_SOCKET, SO_RCVTIMEO, &long_limit,
				    sizeof(long_limit)), 0);
	assert_int_equal(test_identity_read(&credential, &fault), 0);
	test_identity_use(&credential);
	assert_true(ktlsd_signer_await());
	assert_false(signer_has_key(1));
	test_identity_shake(1, TLS1_3_VERSION, "site", 0);
}

/* A client's certificate; in TLS 1.2 all messages so far are signed. */
static void signer_client(void **state)
{
	static const uint16_t versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct test_peer peer;
	size_t i;

	(void)state;
	test_pki_put_cert(&site.kernel.parts[KTLS_CONFIG_TRUST], pki.ca);
	test_pki_put_cert(&site.kernel.parts[KTLS_CONFIG_CERTIFICATE], pki.client);
	test_pki_put_key(&site.kernel.parts[KTLS_CONFIG_PRIVATE_KEY], pki.ec_key, NULL);
	for (i = 0; i < 2; i++) {
		test_peer_init(&peer, true);
		SSL_CTX_set_max_proto_version(peer.ctx, versions[i]);
		test_peer_credential(&peer, pki.ec, pki.ec_key);
		test_peer_trust(&peer, pki.ca, SSL_VERIFY_PEER |
						SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
		test_peer_begin(&peer);
		test_kernel_start(&site.kernel, KTLS_CMD_START, 50 + i, KTLS_ROLE_CLIENT, NULL,
				  20 + i, NULL);
		test_identity_serve_pieces(50 + i);
		while (site.kernel.sessions.buckets[50 + i]->job)
			test_identity_pump();
		test_kernel_last(&site.kernel, KTLS_CMD_DATA);
		test_kernel_deliver(&site.kernel, &peer);
		test_peer_step(&peer);
		test_kernel_send_batch(&site.kernel, &peer, 50 + i, 8000);
		test_identity_await();
		test_kernel_deliver(&site.kernel, &peer);
		test_peer_step(&peer);
		if (versions[i] == TLS1_2_VERSION)
			test_kernel_send_batch(&site.kernel, &peer, 50 + i, 8000);
		test_kernel_check_done(&site.kernel, 0, "");
		assert_true(peer.finished);
		assert_non_null(SSL_get0_peer_certificate(peer.ssl));
		test_peer_free(&peer);
		test_kernel_forget(&site.kernel);
	}
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
	test_identity_load(cert, pki.ec_key, "");
	test_identity_shake(1, TLS1_3_VERSION, "site", 0);
	X509_free(cert);
	test_identity_load(pki.client, pki.ec_key, "");
	test_identity_fail(2, "not for servers");
	/* Not in ktlsd.conf: whoever has taken over the worker cannot choose the certificate. */
	test_kernel_forget(&site.kernel);
	rename(test_identity_path("cert"), test_identity_path("other"));
	assert_int_equal(ktlsd_credentials_load(test_identity_path("other"),
						test_identity_path("key"), NULL,
						&credential, &fault), -EACCES);
	assert_non_null(strstr(fault.reason, "no identity in ktlsd.conf has it"));
	unlink(test_identity_path("other"));
	/* "role" outweighs the certificate. */
	test_identity_write(pki.ec, pki.ec_key);
	test_identity_configure("role = client\n");
	assert_int_equal(test_identity_read(&credential, &fault), 0);
	test_identity_use(&credential);
	test_identity_fail(3, "not for servers");
}

/* Several identities have the same files: reading them again takes nothing from the key that one
 * of them still allows.
 */
static void signer_roles_of_several(void **state)
{
	static const char other[] = "role = client\n[identity other]\ncertificate = %s\n"
				    "private_key = %s\nrole = %s\n";
	char text[400];

	(void)state;
	snprintf(text, sizeof(text), other, test_identity_path("cert"), test_identity_path("key"),
		 "server");
	test_identity_load(pki.ec, pki.ec_key, text);
	test_identity_shake(1, TLS1_3_VERSION, "site", 0);
	test_identity_configure(text);
	test_identity_shake(2, TLS1_3_VERSION, "site", 0);
	snprintf(text, sizeof(text), other, test_identity_path("cert"), test_identity_path("key"),
		 "client");
	test_identity_configure(text);
	test_identity_fail(3, "not for servers");
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
	char more[100];
	mode_t mode;

	(void)state;
	test_identity_write(pki.ec, pki.rsa_key);
	site.settings = more;
	snprintf(more, sizeof(more), "crl = %s\n", site.directory);
	test_identity_configure("");
	assert_int_equal(test_identity_read(&credential, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "does not belong to the first certificate"));
	site.uri = test_identity_path("none");
	assert_int_equal(test_identity_read(&credential, &fault), -EACCES);
	assert_non_null(strstr(fault.reason, "no identity in ktlsd.conf has it with this key"));
	assert_int_equal(ktlsd_file_read(test_identity_path("none"), 100, &file, NULL,
					 &fault), -ENOENT);
	assert_int_equal(ktlsd_file_read(test_identity_path("cert"), 100, &file, NULL,
					 &fault), -EINVAL);
	assert_int_equal(ktlsd_file_read(test_identity_path("cert"), 65536, &file, &mode,
					 &fault), 0);
	assert_int_equal(mode & 0777, 0600);
	assert_non_null(memmem(file.data, file.len, "CERTIFICATE", 11));
	file.len = 0;
	assert_int_equal(ktlsd_file_read(test_identity_path("key"), 65536, &file, NULL,
					 &fault), 0);
	assert_int_equal(file.len, 0);
	ktlsd_buffer_free(&file);
}

static void signer_check_unnamed(const char *path)
{
	struct ktlsd_buffer file = { 0 };
	struct ktlsd_fault fault;

	assert_int_equal(ktlsd_file_read(path, 65536, &file, NULL, &fault), -EACCES);
	assert_non_null(strstr(fault.reason, "is not named in ktlsd.conf"));
	assert_int_equal(file.len, 0);
}

/* The serving process gets no files but those that ktlsd.conf names for it. */
static void signer_files(void **state)
{
	char more[160], path[80];
	struct ktlsd_buffer file = { 0 };
	struct ktlsd_fault fault;

	(void)state;
	test_identity_write(pki.ec, pki.ec_key);
	site.settings = more;
	snprintf(more, sizeof(more), "crl = %s\n", test_identity_path("cert"));
	test_identity_configure("");
	assert_int_equal(ktlsd_file_read(test_identity_path("cert"), 65536, &file, NULL,
					 &fault), 0);
	ktlsd_buffer_free(&file);
	signer_check_unnamed("/proc/self/status");
	signer_check_unnamed("/etc/passwd");
	signer_check_unnamed(test_identity_path("key"));
	site.settings = more;
	snprintf(more, sizeof(more), "crl = %s\ntrust = %s\n", site.directory,
		 "/etc/hostname");
	test_identity_configure("");
	assert_int_equal(ktlsd_file_read(test_identity_path("cert"), 65536, &file, NULL,
					 &fault), 0);
	ktlsd_buffer_free(&file);
	snprintf(path, sizeof(path), "%s/../%s/cert", site.directory,
		 strrchr(site.directory, '/') + 1);
	signer_check_unnamed(path);
	signer_check_unnamed(KTLSD_TRUST_SYSTEM);
}

/* The signer dies while handshakes wait for it. */
static void signer_dies(void **state)
{
	struct test_peer peer;
	int pid;

	(void)state;
	test_identity_load(pki.ec, pki.ec_key, "");
	pid = signer_stop();
	test_peer_init(&peer, false);
	test_peer_begin(&peer);
	test_peer_step(&peer);
	test_kernel_start(&site.kernel, KTLS_CMD_START, 1, KTLS_ROLE_SERVER, "site", 0, NULL);
	test_kernel_send_batch(&site.kernel, &peer, 1, 8000);
	assert_int_equal(site.kernel.count, 0);
	kill(pid, SIGKILL);
	test_identity_await();
	test_kernel_check_done(&site.kernel, EKEYREJECTED, "signer process, which has the private keys, has ended");
	test_peer_free(&peer);
	/* The next one fails at once. */
	test_identity_fail(2, "has ended");
	signer_check_uses(KTLSD_KEY_EC, 0, 0, 2);
}

#define SIGNER_TEST(name) \
	cmocka_unit_test_setup_teardown(name, test_identity_start, test_identity_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SIGNER_TEST(signer_kinds),
		SIGNER_TEST(signer_counts),
		SIGNER_TEST(signer_transport),
		SIGNER_TEST(signer_files),
		SIGNER_TEST(signer_own_key),
		SIGNER_TEST(signer_cancelled_key),
		SIGNER_TEST(signer_late_key),
		SIGNER_TEST(signer_client),
		SIGNER_TEST(signer_roles),
		SIGNER_TEST(signer_roles_of_several),
		SIGNER_TEST(signer_provider_last),
		SIGNER_TEST(signer_bad_files),
		SIGNER_TEST(signer_descriptors),
		SIGNER_TEST(signer_dies),
	};

	return cmocka_run_group_tests_name("signer", tests, test_identity_setup,
					   test_identity_teardown);
}
