// SPDX-License-Identifier: GPL-2.0-or-later
/* What a handshake hears of the peer's certificate: the response that a server has stapled, the
 * answer of a responder, and CRLs of files and from distribution points.
 *
 * The input is two bytes, and a response or CRL. The bytes say in which handshake, from whom,
 * and who signs it again, as a change spoils the signature.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "config/crl_lookup.h"
#include "fuzz.h"
#include "fuzz/fixed.h"
#include "fuzz/pki.h"
#include "lib/log.h"
#include "tests/test_authority.h"
#include "tests/test_peer.h"

/* Of the first byte. */
enum status_kind {
	STATUS_TLS12	= 1,
	STATUS_SERVER	= 2,		/* we are the server, and the client has the certificate */
	STATUS_WAY	= 4,		/* unit: how it comes, enum status_way */
	STATUS_WHO	= 16,		/* unit: who signs again, enum status_who */
	STATUS_MODE	= 64,		/* unit: the mode, without off */
};

enum status_way {
	STATUS_STAPLE,
	STATUS_ANSWER,
	STATUS_FILE,
	STATUS_FETCHED,
};

enum status_who {
	STATUS_NOBODY,
	STATUS_CA,
	STATUS_STRANGER,
	STATUS_NAMESAKE,		/* with the name of the authority, but not its key */
};

/* Of the second byte. */
enum status_more {
	STATUS_MUST	= 1,		/* the certificate must be stapled */
	STATUS_WAITS	= 2,		/* for the answer */
	STATUS_ENDS	= 4,		/* the handshake, while it waits */
	STATUS_OWN	= 8,		/* the anchors are a program's */
};

/**
 * status - this input
 * @data: response or CRL; owned
 * @len: bytes
 * @way: how it comes
 * @waits: it is not there yet
 * @ends: the handshake ends then
 */
static struct {
	uint8_t		*data;
	int		len;
	enum status_way	way;
	bool		waits;
	bool		ends;
} status;

static X509 *status_certs[2];		/* the second must be stapled */
static X509 *status_clients[2];
static X509 *status_namesake;

/* --- seeds --- */

static uint8_t status_first(enum status_way way, enum status_who who,
			    enum ktlsd_revocation_mode mode)
{
	return (uint8_t)(way * STATUS_WAY | who * STATUS_WHO |
			 (mode - KTLSD_REVOCATION_STAPLE) * STATUS_MODE);
}

static void status_write_response(X509 *cert, const char *name, int good, uint8_t flags)
{
	const struct test_authority_response spec = {
		.cert = cert, .issuer = pki.ca, .signer = pki.ca, .key = pki.ca_key,
		.status = good, .from = -60,
	};
	static const uint8_t mores[] = { 0, STATUS_WAITS, STATUS_MUST };
	uint8_t head[2], *der;
	char path[64];
	int len;
	int i;

	der = test_authority_response(&spec, &len);
	for (i = 0; i < 3; i++) {
		head[0] = status_first(i ? STATUS_ANSWER : STATUS_STAPLE, STATUS_CA,
				       KTLSD_REVOCATION_HARD) | flags;
		head[1] = mores[i];
		snprintf(path, sizeof(path), "%s-%d", name, i);
		fuzz_pki_seed(path, head, 2, der, (size_t)len);
	}
	OPENSSL_free(der);
}

static void status_write_crl(X509 *cert, const char *name, int base, uint8_t flags)
{
	const struct test_authority_crl spec = {
		.issuer = pki.ca, .key = pki.ca_key, .revoked = cert, .reason = -1,
		.from = -60, .number = 2, .base = base,
	};
	X509_CRL *crl = test_authority_crl(&spec);
	uint8_t head[2] = { 0 }, *der = NULL;
	int len = i2d_X509_CRL(crl, &der);
	enum status_way way;
	char path[64];

	for (way = STATUS_FILE; way <= STATUS_FETCHED; way++) {
		head[0] = status_first(way, STATUS_CA, KTLSD_REVOCATION_HARD) | flags;
		snprintf(path, sizeof(path), "%s-%d", name, way);
		fuzz_pki_seed(path, head, 2, der, (size_t)len);
	}
	OPENSSL_free(der);
	X509_CRL_free(crl);
}

static void status_write(void)
{
	status_write_response(status_certs[0], "good", V_OCSP_CERTSTATUS_GOOD, 0);
	status_write_response(status_certs[0], "good12", V_OCSP_CERTSTATUS_GOOD, STATUS_TLS12);
	status_write_response(status_certs[0], "revoked", V_OCSP_CERTSTATUS_REVOKED, 0);
	status_write_response(status_clients[0], "client", V_OCSP_CERTSTATUS_GOOD, STATUS_SERVER);
	status_write_crl(NULL, "crl-empty", 0, 0);
	status_write_crl(status_certs[0], "crl", 0, STATUS_TLS12);
	status_write_crl(status_clients[0], "crl-client", 0, STATUS_SERVER);
	status_write_crl(status_certs[0], "delta", 1, 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct test_pki_spec namesake = { .cn = "Test CA", .is_ca = true, .from = -3600 };
	int i;

	fuzz_fixed_setup();
	ktlsd_log_open("fuzz", KTLSD_LOG_SYSLOG, KTLSD_LOG_ERROR);
	fuzz_pki_setup();
	status_namesake = test_pki_issue(&namesake, pki.other_key, NULL, pki.other_key);
	for (i = 0; i < 2; i++) {
		status_certs[i] = X509_dup(pki.ec);
		status_clients[i] = X509_dup(pki.client);
		test_authority_extend(status_certs[i], pki.ca_key, NID_crl_distribution_points,
				      "URI:http://crl.test/ca.crl");
	}
	test_authority_extend(status_certs[1], pki.ca_key, NID_tlsfeature, "status_request");
	test_authority_extend(status_clients[1], pki.ca_key, NID_tlsfeature, "status_request");
	fuzz_pki_seeds(*argc, *argv, status_write);
	return 0;
}

/* --- who answers --- */

static int status_ask(struct ktlsd_status_asker *asker,
		      const struct ktlsd_ocsp_question *question,
		      struct ktlsd_ocsp_answer *ret_answer)
{
	(void)asker;
	memset(ret_answer, 0, sizeof(*ret_answer));
	strcpy(ret_answer->why, "it is not there");
	if (status.way != STATUS_ANSWER)
		return -ENOENT;
	if (status.waits)
		return 0;
	ktlsd_ocsp_check(status.data, (size_t)status.len, question, ret_answer);
	return 1;
}

static int status_wait(struct ktlsd_status_asker *asker)
{
	(void)asker;
	status.waits = false;
	return status.ends ? -ECANCELED : 0;
}

static void status_want_crl(struct ktlsd_status_asker *asker, X509 *cert, X509 *issuer,
			    uint64_t user)
{
	(void)asker;
	(void)user;
	if (!cert || !issuer)
		abort();
}

static int status_staple(SSL *ssl, void *arg)
{
	uint8_t *copy;

	(void)arg;
	if (!SSL_is_server(ssl))
		return 1;
	copy = status.way == STATUS_STAPLE ? OPENSSL_memdup(status.data, (size_t)status.len) : NULL;
	if (!copy || !SSL_set_tlsext_status_ocsp_resp(ssl, copy, status.len))
		return SSL_TLSEXT_ERR_NOACK;
	return SSL_TLSEXT_ERR_OK;
}

/* --- CRLs --- */

static struct ktlsd_crls *status_open_file(void)
{
	int fd = memfd_create("crl", MFD_CLOEXEC);
	struct ktlsd_crls *crls = NULL;
	struct ktlsd_fault fault = { 0 };
	char path[32];

	if (fd < 0 || write(fd, status.data, (size_t)status.len) != status.len)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (ktlsd_crls_open(path, &crls, &fault) && !fault.reason[0])
		abort();
	close(fd);
	return crls;
}

static struct ktlsd_crls *status_open_fetched(void)
{
	const unsigned char *at = status.data;
	X509_CRL *crl = d2i_X509_CRL(NULL, &at, status.len);
	struct ktlsd_crl_fetched *fetched;
	uint8_t tag[KTLSD_CRLS_ISSUER];
	struct ktlsd_crls *crls;
	struct ktlsd_fault fault;

	ERR_clear_error();
	if (!crl)
		return NULL;
	if (ktlsd_crls_open(NULL, &crls, &fault) || ktlsd_crl_lookup_hash(pki.ca, tag))
		abort();
	fetched = ktlsd_crls_new_fetched(crl, tag);
	if (!fetched || ktlsd_crls_set_fetched(crls, &fetched, 1))
		abort();
	ktlsd_crls_put_fetched(fetched);
	X509_CRL_free(crl);
	return crls;
}

/* --- the handshake --- */

/* Return: whether the peer may be believed: nobody else has signed, or the mode allows that. */
static bool status_may_finish(uint8_t kind, const struct test_side *side)
{
	enum ktlsd_revocation_mode mode = side->handshake->status.mode;
	bool forged = kind / STATUS_WHO % 4 >= STATUS_STRANGER;

	if (!forged)
		return true;
	if (mode == KTLSD_REVOCATION_HARD)
		return false;
	return kind / STATUS_WAY % 4 != STATUS_STAPLE || kind & STATUS_SERVER;
}

static void status_shake(uint8_t kind, struct test_side *side, struct test_peer *peer)
{
	struct ktlsd_result result;

	test_peer_shake(side, peer);
	if (side->last < 0 && !side->fault.reason[0])
		abort();
	if (side->last != 1)
		return;
	if (!status_may_finish(kind, side))
		abort();
	if (!ktlsd_handshake_finish(side->handshake, &result, &side->fault))
		ktlsd_handshake_wipe_result(&result);
}

static void status_connect(uint8_t kind, uint8_t more, struct ktlsd_crls *crls)
{
	struct ktlsd_status_asker asker = {
		.ask = status_ask, .wait = status_wait, .want_crl = status_want_crl,
	};
	bool is_server = kind & STATUS_SERVER, must = more & STATUS_MUST;
	struct test_side side;
	struct test_peer peer;

	test_side_init(&side, is_server ? KTLS_ROLE_SERVER : KTLS_ROLE_CLIENT);
	side.config.revocation = (struct ktlsd_revocation) {
		true, KTLSD_REVOCATION_STAPLE + kind / STATUS_MODE % 4,
	};
	side.config.revocation_ktls_trust = true;
	side.config.crls = crls;
	if (is_server)
		side.request.verify = KTLS_VERIFY_REQUIRED;
	test_peer_init(&peer, !is_server);
	test_peer_credential(&peer, is_server ? status_clients[must] : status_certs[must],
			     pki.ec_key);
	SSL_CTX_set_max_proto_version(peer.ctx, kind & STATUS_TLS12 ? TLS1_2_VERSION :
				      TLS1_3_VERSION);
	SSL_CTX_set_tlsext_status_cb(peer.ctx, status_staple);
	test_side_prepare(&side, is_server ? pki.ec : NULL, is_server ? pki.ec_key : NULL, pki.ca);
	if (test_side_begin(&side))
		abort();
	side.handshake->status.asker = &asker;
	side.handshake->status.own_anchors = more & STATUS_OWN;
	test_peer_begin(&peer);
	status_shake(kind, &side, &peer);
	ERR_clear_error();
	test_peer_free(&peer);
	test_side_free(&side);
}

/* Return: a copy, signed again if the input says so; NULL if it is neither. */
static uint8_t *status_sign(struct fuzz *fuzz, enum status_who who, bool is_crl, int *ret_len)
{
	X509 *const signers[] = { NULL, pki.ca, pki.other_ca, status_namesake };
	EVP_PKEY *key = who == STATUS_CA ? pki.ca_key : pki.other_key;

	if (who != STATUS_NOBODY)
		return is_crl ? fuzz_pki_sign_crl(fuzz->data, fuzz->len, key, ret_len) :
		       fuzz_pki_sign_response(fuzz->data, fuzz->len, signers[who], key, ret_len);
	*ret_len = (int)fuzz->len;
	return fuzz->len ? OPENSSL_memdup(fuzz->data, fuzz->len) : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz fuzz = { data, len };
	uint8_t kind = fuzz_byte(&fuzz), more = fuzz_byte(&fuzz);
	enum status_way way = kind / STATUS_WAY % 4;
	struct ktlsd_crls *crls = NULL;

	fuzz_fixed_reset();
	status.data = status_sign(&fuzz, kind / STATUS_WHO % 4, way >= STATUS_FILE, &status.len);
	if (!status.data)
		return 0;
	status.way = way;
	status.waits = more & STATUS_WAITS;
	status.ends = more & STATUS_ENDS;
	if (way == STATUS_FILE)
		crls = status_open_file();
	else if (way == STATUS_FETCHED)
		crls = status_open_fetched();
	status_connect(kind, more, crls);
	ktlsd_crls_put(crls);
	OPENSSL_free(status.data);
	status.data = NULL;
	return 0;
}
