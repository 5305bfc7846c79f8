// SPDX-License-Identifier: GPL-2.0-or-later
/* Which of a server's certificates a client gets, and which of a client's a server. */
#include <stdbool.h>
#include <string.h>

#include "config/credentials.h"
#include "test_peer.h"
#include "tls/own_cert.h"

enum {
	OWN_RSA, OWN_P256, OWN_P384, OWN_ED25519, OWN_OTHER, OWN_CERTS,
};

static X509 *certs[OWN_CERTS];
static EVP_PKEY *keys[OWN_CERTS];

static int own_cert_setup(void **state)
{
	static const char *const kinds[] = { "rsa2048", "ec", "ec384", "ed25519", "ec" };
	struct test_pki_spec spec = { .cn = "leaf" };
	int i;

	test_pki_setup(state);
	for (i = 0; i < OWN_CERTS; i++) {
		spec.san = i == OWN_OTHER ? "DNS:other.test" : "DNS:server.test";
		keys[i] = test_pki_key(kinds[i]);
		certs[i] = test_pki_issue(&spec, keys[i], pki.ca, pki.ca_key);
	}
	return 0;
}

static int own_cert_teardown(void **state)
{
	int i;

	for (i = 0; i < OWN_CERTS; i++) {
		X509_free(certs[i]);
		EVP_PKEY_free(keys[i]);
	}
	return test_pki_teardown(state);
}

/* @list: of OWN_*, ends with -1 */
static void own_cert_fill(struct ktlsd_identity *identity, const int *list)
{
	struct ktlsd_credential *credential;

	memset(identity, 0, sizeof(*identity));
	strcpy(identity->name, "test");
	for (; *list >= 0; list++) {
		credential = &identity->credentials[identity->credential_count++];
		credential->leaf = certs[*list];
		credential->key = keys[*list];
	}
}

static void own_cert_prepare(struct test_side *side, struct ktlsd_identity *identity)
{
	struct ktlsd_context_parts parts = { .anchors = NULL };

	side->request.config_id = 7;
	if (ktlsd_context_make(&side->contexts, true, &side->config, &side->request,
			       identity, &parts, &side->context, &side->fault))
		fail_msg("%s", side->fault.reason);
	assert_int_equal(test_side_begin(side), 0);
	assert_int_equal(ktlsd_own_cert_use(side->handshake, identity), 0);
}

/* Return: the OWN_* that a client with these signature algorithms gets, -1 if none. */
static int own_cert_serve(const int *list, uint16_t version, const char *sigalgs,
			  const char *groups, const char *name)
{
	struct ktlsd_identity identity;
	struct test_side side;
	struct test_peer peer;
	X509 *got;
	int i;

	own_cert_fill(&identity, list);
	test_side_init(&side, KTLS_ROLE_SERVER);
	side.request.version_min = version;
	side.request.version_max = version;
	own_cert_prepare(&side, &identity);
	test_peer_init(&peer, false);
	assert_int_equal(SSL_CTX_set1_sigalgs_list(peer.ctx, sigalgs), 1);
	if (groups)
		assert_int_equal(SSL_CTX_set1_groups_list(peer.ctx, groups), 1);
	test_peer_begin(&peer);
	if (name)
		SSL_set_tlsext_host_name(peer.ssl, name);
	test_peer_step(&peer);
	test_peer_shake(&side, &peer);
	got = peer.finished ? SSL_get0_peer_certificate(peer.ssl) : NULL;
	for (i = OWN_CERTS - 1; i >= 0; i--) {
		if (got && !X509_cmp(got, certs[i]))
			break;
	}
	assert_int_equal(!got, side.last < 0);
	test_peer_free(&peer);
	test_side_free(&side);
	return i;
}

static void own_cert_kinds(void **state)
{
	static const int rsa_first[] = { OWN_RSA, OWN_P256, OWN_ED25519, -1 };
	static const int ec_first[] = { OWN_P256, OWN_ED25519, OWN_RSA, -1 };
	static const char both[] = "ECDSA+SHA256:RSA-PSS+SHA256";
	uint16_t version;

	(void)state;
	for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
		assert_int_equal(own_cert_serve(rsa_first, version, "RSA-PSS+SHA256", NULL,
						NULL), OWN_RSA);
		assert_int_equal(own_cert_serve(rsa_first, version, "ECDSA+SHA256", NULL,
						NULL), OWN_P256);
		assert_int_equal(own_cert_serve(rsa_first, version, "ed25519", NULL, NULL),
				 OWN_ED25519);
		/* ECDSA signs faster. */
		assert_int_equal(own_cert_serve(rsa_first, version, both, NULL, NULL), OWN_P256);
		assert_int_equal(own_cert_serve(ec_first, version, both, NULL, NULL), OWN_P256);
		assert_int_equal(own_cert_serve(ec_first, version, "RSA-PSS+SHA256", NULL,
						NULL), OWN_RSA);
		assert_int_equal(own_cert_serve(ec_first, version, "ed448", NULL, NULL), -1);
	}
}

/* Several of one kind. */
static void own_cert_same_kind(void **state)
{
	static const int list[] = { OWN_P384, OWN_P256, OWN_RSA, -1 };

	(void)state;
	assert_int_equal(own_cert_serve(list, KTLS_TLS_1_3, "ECDSA+SHA256", NULL, NULL),
			 OWN_P256);
	assert_int_equal(own_cert_serve(list, KTLS_TLS_1_3, "ECDSA+SHA384", NULL, NULL),
			 OWN_P384);
	assert_int_equal(own_cert_serve(list, KTLS_TLS_1_3, "ECDSA+SHA256:ECDSA+SHA384", NULL,
					NULL), OWN_P384);
	assert_int_equal(own_cert_serve(list, KTLS_TLS_1_3, "RSA-PSS+SHA256", NULL, NULL),
			 OWN_RSA);
	/* In TLS 1.2 the groups tell the curves. */
	assert_int_equal(own_cert_serve(list, KTLS_TLS_1_2, "ECDSA+SHA256", "P-256", NULL),
			 OWN_P256);
	assert_int_equal(own_cert_serve(list, KTLS_TLS_1_2, "ECDSA+SHA256", "P-384", NULL),
			 OWN_P384);
}

static void own_cert_names(void **state)
{
	static const int list[] = { OWN_P256, OWN_OTHER, -1 };
	uint16_t version;

	(void)state;
	for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
		assert_int_equal(own_cert_serve(list, version, "ECDSA+SHA256", NULL, NULL),
				 OWN_P256);
		assert_int_equal(own_cert_serve(list, version, "ECDSA+SHA256", NULL,
						"server.test"), OWN_P256);
		assert_int_equal(own_cert_serve(list, version, "ECDSA+SHA256", NULL,
						"Other.test"), OWN_OTHER);
		assert_int_equal(own_cert_serve(list, version, "ECDSA+SHA256", NULL,
						"third.test"), OWN_P256);
	}
}

/* A client with several certificates. */
static void own_cert_client(void **state)
{
	static const int list[] = { OWN_P384, OWN_P256, OWN_RSA, -1 };
	static const struct {
		const char	*sigalgs;
		int		want;
	} table[] = {
		{ "ECDSA+SHA256:ECDSA+SHA384", OWN_P384 },
		{ "ECDSA+SHA256", OWN_P256 },
		{ "RSA-PSS+SHA256", OWN_RSA },
	};
	struct ktlsd_identity identity;
	struct test_side side;
	struct test_peer peer;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		own_cert_fill(&identity, list);
		test_side_init(&side, KTLS_ROLE_CLIENT);
		X509_STORE_add_cert(side.config.trust, pki.ca);
		side.request.version_min = KTLS_TLS_1_3;
		own_cert_prepare(&side, &identity);
		test_peer_init(&peer, true);
		test_peer_trust(&peer, pki.ca, SSL_VERIFY_PEER);
		test_peer_credential(&peer, pki.ec, pki.ec_key);
		assert_int_equal(SSL_CTX_set1_client_sigalgs_list(peer.ctx, table[i].sigalgs),
				 1);
		test_peer_begin(&peer);
		test_peer_shake(&side, &peer);
		assert_true(peer.finished);
		assert_non_null(SSL_get0_peer_certificate(peer.ssl));
		assert_int_equal(X509_cmp(SSL_get0_peer_certificate(peer.ssl),
					  certs[table[i].want]), 0);
		test_peer_free(&peer);
		test_side_free(&side);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_cert_kinds),
		cmocka_unit_test(own_cert_same_kind),
		cmocka_unit_test(own_cert_names),
		cmocka_unit_test(own_cert_client),
	};

	return cmocka_run_group_tests(tests, own_cert_setup, own_cert_teardown);
}
