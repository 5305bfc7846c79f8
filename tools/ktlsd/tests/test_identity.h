/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An identity whose private key is in a signer process, and handshakes with it. */
#ifndef KTLSD_TEST_IDENTITY_H
#define KTLSD_TEST_IDENTITY_H

#include "signer/channel.h"
#include "test_kernel.h"

/**
 * struct test_identity - the identity "site", a signer, and sessions
 * @directory: with ktlsd.conf, "conf", and what it names: "cert", "key", "pin"
 * @uri: private_key, NULL for the file "key"
 * @provider: loaded for @uri, NULL for none
 * @settings: more lines of [ktlsd], NULL for none
 * @pin: the passphrase is in the file "pin"
 * @channel: to the signer
 * @kernel: of the sessions
 */
struct test_identity {
	char				directory[32];
	const char			*uri;
	const char			*provider;
	const char			*settings;
	bool				pin;
	struct ktlsd_signer_channel	channel;
	struct test_kernel		kernel;
};

extern struct test_identity site;

/* Set up and tear down a group of tests. */
int test_identity_setup(void **state);
int test_identity_teardown(void **state);

/* Start and stop the signer and the sessions: before and after each test. */
int test_identity_start(void **state);
int test_identity_end(void **state);

/* Return: the path of a file of @site, which is good until the fourth call from now */
const char *test_identity_path(const char *name);

/* Writes "cert" and "key". */
void test_identity_write(X509 *cert, EVP_PKEY *key);

/* Writes "conf", with @more behind the lines of the identity, and has the signer read it. */
void test_identity_configure(const char *more);

/* Loads the credential that "conf" names. Return: 0 or a negative errno. */
int test_identity_read(struct ktlsd_credential *ret_credential, struct ktlsd_fault *fault);

/* Writes all files, and gives the credential in them to the identity. @more: as above */
void test_identity_load(X509 *cert, EVP_PKEY *key, const char *more);

/* Gives the credential that test_identity_read() returned to the identity. */
void test_identity_use(const struct ktlsd_credential *credential);

/* Receives an answer of the signer, and lets the sessions go on. */
void test_identity_pump(void);

/* Does so until the sessions have sent something. */
void test_identity_await(void);

/* Answers what a session asks of the configuration of its socket. */
void test_identity_serve_pieces(uint64_t id);

/* A server's handshake, which must succeed. @config: as for test_kernel_start() */
void test_identity_shake(uint64_t id, uint16_t version, const char *identity, uint64_t config);

/* A server's handshake with the identity, which must fail. @word: in the reason */
void test_identity_fail(uint64_t id, const char *word);

/* Has the sessions allow RSA key transport; the signer decides for itself. */
void test_identity_allow_transport(void);

/* A server's handshake with RSA key transport, up to the answer to the client's secret. */
void test_identity_transport(uint64_t id, struct test_peer *peer);

/* All of it must succeed; and whatever is wrong with the client's secret, the signer answers with
 * 48 random bytes.
 */
void test_identity_check_transport(uint64_t id);

#endif
