// SPDX-License-Identifier: GPL-2.0-or-later
/* Policies hold: what a program asks for against them is refused, what it leaves open is
 * narrowed, and peers' keys are judged.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "comply.h"
#include "lib/clock.h"
#include "test_kernel.h"

/* Adds a policy of "KEY=VALUE" words to @config; key i is in line i + 1. */
static struct ktlsd_policy *comply_add(struct ktlsd_config *config, const char *name,
				       const char *const *words)
{
	struct ktlsd_policy *policy;
	struct ktlsd_fault fault;
	char key[64];
	int i;

	config->policies = reallocarray(config->policies, config->policy_count + 1,
					sizeof(*policy));
	policy = &config->policies[config->policy_count++];
	assert_int_equal(ktlsd_policy_init(policy, name, "/etc/k.conf", 1), 0);
	for (i = 0; words[i]; i++) {
		snprintf(key, sizeof(key), "%.*s", (int)strcspn(words[i], "="), words[i]);
		if (ktlsd_policy_set(policy, key, i + 2, strchr(words[i], '=') + 1, &fault))
			fail_msg("%s: %s", words[i], fault.reason);
	}
	return policy;
}

#define COMPLY_ADD(config, name, ...) \
	comply_add(config, name, (const char *const []){ __VA_ARGS__, NULL })

static void comply_clear(struct ktlsd_config *config)
{
	while (config->policy_count)
		ktlsd_policy_free(&config->policies[--config->policy_count]);
	free(config->policies);
	memset(config, 0, sizeof(*config));
}

/* --- the request alone --- */

static void comply_begin(struct ktlsd_request *request, bool is_server)
{
	memset(request, 0, sizeof(*request));
	request->is_server = is_server;
	request->caller.uid = 1000;
	request->verify = is_server ? KTLS_VERIFY_NONE : KTLS_VERIFY_REQUIRED;
	request->version_min = KTLS_TLS_1_2;
	request->version_max = KTLS_TLS_1_3;
	request->tickets = 2;
}

/* The default protocols of an identity, and of those that it can stand for. */
static void comply_alpn_of_identity(void **state)
{
	static struct ktlsd_identity identity = { .name = "front", .alpn = "\2h2", .alpn_len = 3 };
	static struct ktlsd_identity other = { .name = "b", .alpn = "\4imap\2h2", .alpn_len = 8 };
	const struct ktlsd_identity *others[] = { &other };
	struct ktlsd_config config = { 0 };
	struct ktlsd_request request;
	struct ktlsd_fault fault;

	(void)state;
	comply_begin(&request, true);
	COMPLY_ADD(&config, "", "alpn=h2");
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), 0);
	identity.names.others = others;
	identity.names.other_count = 1;
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), -EACCES);
	assert_non_null(strstr(fault.reason, "'b' has 'imap' in alpn"));
	assert_non_null(strstr(fault.reason, "/etc/k.conf"));
	/* Only servers use those, and KTLS_ALPN takes precedence. */
	request.is_server = false;
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), 0);
	request.is_server = true;
	request.alpn_len = 3;
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), 0);
	request.alpn_len = 0;
	comply_clear(&config);
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), 0);
	comply_clear(&config);
}

static void comply_says_nothing(void **state)
{
	struct ktlsd_config config = { 0 };
	struct ktlsd_request request;
	struct ktlsd_fault fault;

	(void)state;
	comply_begin(&request, true);
	assert_int_equal(ktlsd_comply_request(&config, &request, &fault), 0);
	assert_int_equal(request.version_min, KTLS_TLS_1_2);
	assert_int_equal(request.tickets, 2);
	assert_int_equal(request.verify, KTLS_VERIFY_NONE);

	COMPLY_ADD(&config, "", "min_version=1.3", "verify=required", "verify_clients=required",
		   "tickets=1", "own_keys=no", "own_anchors=no", "alpn=h2");
	assert_int_equal(ktlsd_comply_request(&config, &request, &fault), 0);
	assert_int_equal(request.version_min, KTLS_TLS_1_3);
	assert_int_equal(request.tickets, 1);
	assert_int_equal(request.verify, KTLS_VERIFY_REQUIRED);

	COMPLY_ADD(&config, "more", "uids=1000", "tickets=0");
	COMPLY_ADD(&config, "others", "uids=1001", "max_version=1.2");
	comply_begin(&request, false);
	assert_int_equal(ktlsd_comply_request(&config, &request, &fault), 0);
	assert_int_equal(request.version_max, KTLS_TLS_1_3);
	assert_int_equal(request.tickets, 0);
	/* Policies that exclude each other. */
	comply_begin(&request, false);
	request.caller.uid = 1001;
	assert_int_equal(ktlsd_comply_request(&config, &request, &fault), -EACCES);
	assert_non_null(strstr(fault.reason, "The policies for uid 1001 leave no TLS version"));
	comply_clear(&config);
}

static void comply_asks_for_less(void **state)
{
	static const char *const policy[] = {
		"min_version=1.3", "cipher_suites=TLS_AES_256_GCM_SHA384",
		"groups=X25519", "signature_algorithms=ed25519", "verify=required",
		"verify_clients=required", "own_keys=no", "own_anchors=no",
		"alpn=h2 http/1.1", NULL
	};
	/* Of the policy, for each case. */
	static const int lines[] = { 2, 3, 4, 5, 6, 7, 7, 8, 8, 9, 10 };
	struct ktlsd_config config = { 0 };
	struct ktlsd_request request;
	struct ktlsd_fault fault;
	char want[80];
	int i;

	(void)state;
	comply_add(&config, "floor", policy);
	for (i = 0; i < 12; i++) {
		comply_begin(&request, i == 5 || i == 6);
		switch (i) {
		case 0: request.version_max = KTLS_TLS_1_2; break;
		case 1: strcpy(request.ciphers, "TLS_AES_256_GCM_SHA384:"
			       "TLS_AES_128_GCM_SHA256"); break;
		case 2: strcpy(request.groups, "X25519:P-256"); break;
		case 3: strcpy(request.sigalgs, "rsa_pss_rsae_sha256"); break;
		case 4:
		case 5:
			request.verify_given = true;
			request.verify = KTLS_VERIFY_NONE;
			break;
		case 6:
			request.verify_given = true;
			request.verify = KTLS_VERIFY_OPTIONAL;
			break;
		case 7: request.parts = 1u << KTLS_CONFIG_PRIVATE_KEY; break;
		case 8: request.parts = 1u << KTLS_CONFIG_PSK; break;
		case 9: request.parts = 1u << KTLS_CONFIG_TRUST; break;
		case 10:
			memcpy(request.alpn, "\2h2\2h3", 6);
			request.alpn_len = 6;
			break;
		default: break;	/* nothing */
		}
		if (i == 11) {
			memcpy(request.alpn, "\10http/1.1\2h2", 12);
			request.alpn_len = 12;
			strcpy(request.ciphers, "TLS_AES_256_GCM_SHA384");
			strcpy(request.groups, "x25519");
			assert_int_equal(ktlsd_comply_request(&config, &request, &fault), 0);
			break;
		}
		assert_int_equal(ktlsd_comply_request(&config, &request, &fault), -EACCES);
		snprintf(want, sizeof(want), "/etc/k.conf:%d)", lines[i]);
		if (!strstr(fault.reason, "Forbidden by policy 'floor' (") ||
		    !strstr(fault.reason, want))
			fail_msg("case %d, want %s: %s", i, want, fault.reason);
	}
	comply_clear(&config);
}

/* --- sessions --- */

static void comply_listen(void **state)
{
	struct ktlsd_message message;
	struct test_kernel kernel;

	(void)state;
	test_kernel_init(&kernel);
	test_kernel_add_identity(&kernel, "web");
	COMPLY_ADD(kernel.config, "", "cipher_suites=TLS_AES_256_GCM_SHA384");
	test_kernel_start(&kernel, KTLS_CMD_CHECK, 1, 0, "web", 0, NULL);
	test_kernel_check_done(&kernel, 0, "");
	test_kernel_start(&kernel, KTLS_CMD_CHECK, 2, 0, "web", 0, "TLS_AES_128_GCM_SHA256");
	test_kernel_check_done(&kernel, EACCES,
			       "Forbidden by policy (cipher_suites, /etc/k.conf:2): "
			       "KTLS_CIPHERS names TLS_AES_128_GCM_SHA256");
	/* The program must have said so itself. */
	COMPLY_ADD(kernel.config, "mutual", "verify_clients=required");
	test_kernel_start(&kernel, KTLS_CMD_CHECK, 3, 0, "web", 0, NULL);
	test_kernel_check_done(&kernel, 0, "");
	test_kernel_begin(&message, KTLS_CMD_CHECK, 4);
	ktlsd_message_put_u64(&message, KTLS_A_DEADLINE, (uint64_t)ktlsd_clock_ms() + 10000);
	ktlsd_message_put_u32(&message, KTLS_A_UID, 1000);
	ktlsd_message_put_string(&message, KTLS_A_IDENTITY, "web");
	ktlsd_message_put_u32(&message, KTLS_A_VERIFY, KTLS_VERIFY_OPTIONAL);
	test_kernel_tell(&kernel, &message);
	test_kernel_check_done(&kernel, EACCES, "KTLS_VERIFY is KTLS_VERIFY_OPTIONAL");
	/* The key of an identity counts too. */
	COMPLY_ADD(kernel.config, "curves", "curves=P-384");
	test_kernel_start(&kernel, KTLS_CMD_CHECK, 5, 0, "web", 0, NULL);
	test_kernel_check_done(&kernel, EACCES, "The certificate of this side has a key on a curve");
	test_kernel_free(&kernel);
}

/* --- handshakes --- */

/* All that the server supports, only TLS 1.2 then. */
static const char *comply_ciphers;

/* Our client with a policy, against a server. Return: 0 or the error of our side. */
static int comply_shake(const char *word, X509 *cert, EVP_PKEY *key,
			struct ktlsd_result *result, char *reason)
{
	struct test_side side;
	struct test_peer peer;
	int err;

	test_peer_init(&peer, true);
	test_peer_credential(&peer, cert, key);
	if (comply_ciphers) {
		SSL_CTX_set_max_proto_version(peer.ctx, TLS1_2_VERSION);
		SSL_CTX_set_cipher_list(peer.ctx, comply_ciphers);
	}
	test_peer_begin(&peer);
	test_side_init(&side, KTLS_ROLE_CLIENT);
	COMPLY_ADD(&side.config, "", word);
	err = ktlsd_comply_request(&side.config, &side.request, &side.fault);
	assert_int_equal(err, 0);
	test_side_prepare(&side, NULL, NULL, pki.ca);
	err = test_side_begin(&side);
	if (!err) {
		test_peer_shake(&side, &peer);
		err = side.last == 1 ? ktlsd_handshake_finish(side.handshake, result,
							      &side.fault)
				     : side.fault.error;
	}
	strcpy(reason, side.fault.reason);
	while (side.config.policy_count)
		ktlsd_policy_free(&side.config.policies[--side.config.policy_count]);
	free(side.config.policies);
	test_side_free(&side);
	test_peer_free(&peer);
	return err;
}

static void comply_handshakes(void **state)
{
	struct ktlsd_result result;
	char reason[300];

	(void)state;
	assert_int_equal(comply_shake("max_version=1.2", pki.ec, pki.ec_key, &result, reason), 0);
	assert_int_equal(result.version, KTLS_TLS_1_2);
	assert_int_equal(comply_shake("groups=P-384 P-521", pki.ec, pki.ec_key, &result,
				      reason), 0);
	assert_int_equal(result.group, 24);
	assert_int_equal(comply_shake("cipher_suites=TLS_CHACHA20_POLY1305_SHA256", pki.ec,
				      pki.ec_key, &result, reason), 0);
	assert_int_equal(result.suite->id, 0x1303);
	assert_int_equal(result.version, KTLS_TLS_1_3);
	assert_int_equal(comply_shake("signature_algorithms=ecdsa_secp256r1_sha256", pki.ec,
				      pki.ec_key, &result, reason), 0);
	assert_int_equal(result.sigalg, 0x0403);
	assert_int_equal(comply_shake("signature_algorithms=rsa_pss_rsae_sha256", pki.ec,
				      pki.ec_key, &result, reason), -EPROTO);
	/* The key of the peer, and of the authority. */
	assert_int_equal(comply_shake("min_rsa_bits=2048", pki.rsa, pki.rsa_key, &result,
				      reason), 0);
	assert_int_equal(comply_shake("min_rsa_bits=3072", pki.rsa, pki.rsa_key, &result,
				      reason), -EKEYREJECTED);
	assert_non_null(strstr(reason, "A certificate of the peer has an RSA key of 2048 bits, "
			       "and policy (min_rsa_bits, /etc/k.conf:2) requires 3072"));
	assert_int_equal(comply_shake("curves=P-256", pki.ec, pki.ec_key, &result, reason), 0);
	assert_int_equal(comply_shake("curves=Ed25519", pki.rsa, pki.rsa_key, &result,
				      reason), -EKEYREJECTED);
	assert_non_null(strstr(reason, "a key on a curve"));
}

/* A server that has nothing else. */
static void comply_rsa_transport(void **state)
{
	struct ktlsd_config config = { 0 };
	struct ktlsd_request request;
	struct ktlsd_result result;
	struct ktlsd_fault fault;
	char reason[300];

	(void)state;
	comply_begin(&request, false);
	strcpy(request.ciphers, "TLS_AES_128_GCM_SHA256:AES128-GCM-SHA256");
	assert_int_equal(ktlsd_comply_request(&config, &request, &fault), -EACCES);
	assert_non_null(strstr(fault.reason, "KTLS_CIPHERS names AES128-GCM-SHA256, which "
			       "transports keys with RSA"));
	comply_ciphers = "AES256-GCM-SHA384";
	assert_int_equal(comply_shake("max_version=1.2", pki.rsa, pki.rsa_key, &result, reason),
			 -EPROTO);
	assert_int_equal(comply_shake("rsa_key_transport=no", pki.rsa, pki.rsa_key, &result,
				      reason), -EPROTO);
	assert_int_equal(comply_shake("rsa_key_transport=yes", pki.rsa, pki.rsa_key, &result,
				      reason), 0);
	assert_int_equal(result.suite->id, 0x9d);
	assert_int_equal(result.version, KTLS_TLS_1_2);
	assert_true(result.verified);
	assert_int_equal(result.sigalg, 0);
	comply_ciphers = NULL;
}

/* "role" of an identity. */
static void comply_roles(void **state)
{
	struct ktlsd_identity identity = { .name = "a" }, other = { .name = "b" };
	const struct ktlsd_identity *others[] = { &other };
	struct ktlsd_config config = { .path = (char *)"/etc/k.conf" };
	struct ktlsd_request request;
	struct ktlsd_fault fault;

	(void)state;
	comply_begin(&request, true);
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), 0);
	identity.roles = KTLSD_ROLES_SERVER;
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), 0);
	identity.names.others = others;
	identity.names.other_count = 1;
	other.roles = KTLSD_ROLES_CLIENT;
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), -EACCES);
	assert_string_equal(fault.reason,
			    "The identity 'b' is only for clients: see role in /etc/k.conf.");
	request.is_server = false;
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), -EACCES);
	assert_non_null(strstr(fault.reason, "'a' is only for servers"));
	identity.roles = KTLSD_ROLES_BOTH;
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), 0);
}

/* Without it, what any of the certificates is for. */
static void comply_roles_of_certificates(void **state)
{
	struct ktlsd_identity identity = {
		.name = "a", .credentials = { { .leaf = pki.ec }, { .leaf = pki.client } },
		.credential_count = 1,
	};
	struct ktlsd_config config = { .path = (char *)"/etc/k.conf" };
	struct ktlsd_request request;
	struct ktlsd_fault fault;

	(void)state;
	comply_begin(&request, false);
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), -EACCES);
	assert_string_equal(fault.reason, "The identity 'a' is only for servers, says the extended "
			    "key usage of its certificate: see role in /etc/k.conf.");
	identity.credential_count = 2;
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), 0);
	identity.credential_count = 1;
	identity.roles = KTLSD_ROLES_BOTH;
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), 0);
	identity.roles = 0;
	request.is_server = true;
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), 0);
	identity.credentials[0].leaf = pki.client;
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), -EACCES);
}

/* RSA key transport: the policy is for the program, "rsa_key_transport" for the keys. */
static void comply_rsa_identity(void **state)
{
	struct ktlsd_identity identity = { .name = "a" }, other = { .name = "b" };
	const struct ktlsd_identity *others[] = { &other };
	struct ktlsd_config config = { 0 };
	struct ktlsd_request request;
	struct ktlsd_fault fault;

	(void)state;
	COMPLY_ADD(&config, "old", "rsa_key_transport=yes");
	comply_begin(&request, true);
	strcpy(request.ciphers, "AES128-GCM-SHA256");
	assert_int_equal(ktlsd_comply_request(&config, &request, &fault), 0);
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), -EACCES);
	assert_string_equal(fault.reason, "KTLS_CIPHERS names AES128-GCM-SHA256, which transports "
			    "keys with RSA: the identity 'a' in ktlsd.conf must have "
			    "rsa_key_transport = yes for that.");
	/* Without KTLS_CIPHERS the others remain. */
	request.ciphers[0] = '\0';
	assert_int_equal(ktlsd_comply_request(&config, &request, &fault), 0);
	assert_int_equal(request.bounds.no_suites & ktlsd_suites_rsa(), 0);
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), 0);
	assert_int_equal(request.bounds.no_suites, ktlsd_suites_rsa());

	identity.rsa_transport = true;
	identity.names.others = others;
	identity.names.other_count = 1;
	assert_int_equal(ktlsd_comply_request(&config, &request, &fault), 0);
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), 0);
	assert_int_equal(request.bounds.no_suites, ktlsd_suites_rsa());
	other.rsa_transport = true;
	assert_int_equal(ktlsd_comply_request(&config, &request, &fault), 0);
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), 0);
	assert_int_equal(request.bounds.no_suites, 0);
	/* A client decrypts nothing. */
	request.is_server = false;
	identity.rsa_transport = false;
	assert_int_equal(ktlsd_comply_request(&config, &request, &fault), 0);
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), 0);
	assert_int_equal(request.bounds.no_suites, 0);
	/* Nothing would remain. */
	request.is_server = true;
	COMPLY_ADD(&config, "only", "cipher_suites=AES128-GCM-SHA256");
	assert_int_equal(ktlsd_comply_request(&config, &request, &fault), 0);
	assert_int_equal(ktlsd_comply_identity(&config, &request, &identity, &fault), -EACCES);
	assert_non_null(strstr(fault.reason, "leave no TLS version or no cipher suite"));
	comply_clear(&config);
}

/* What another policy allowed is not resumed. */
static void comply_resumption(void **state)
{
	struct ktlsd_fingerprint parts = { { 0 } }, one, other;
	struct ktlsd_request request;

	(void)state;
	comply_begin(&request, false);
	assert_int_equal(ktlsd_fingerprint_request(&parts, &request, &one), 0);
	request.bounds.rsa_min = 3072;
	assert_int_equal(ktlsd_fingerprint_request(&parts, &request, &other), 0);
	assert_memory_not_equal(&one, &other, sizeof(one));
	request.bounds.rsa_min = 0;
	request.bounds.revocation = KTLSD_REVOCATION_OCSP;
	assert_int_equal(ktlsd_fingerprint_request(&parts, &request, &other), 0);
	assert_memory_not_equal(&one, &other, sizeof(one));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comply_says_nothing),
		cmocka_unit_test(comply_alpn_of_identity),
		cmocka_unit_test(comply_asks_for_less),
		cmocka_unit_test(comply_listen),
		cmocka_unit_test(comply_handshakes),
		cmocka_unit_test(comply_rsa_transport),
		cmocka_unit_test(comply_roles),
		cmocka_unit_test(comply_roles_of_certificates),
		cmocka_unit_test(comply_rsa_identity),
		cmocka_unit_test(comply_resumption),
	};

	return cmocka_run_group_tests_name("comply", tests, test_kernel_setup, test_pki_teardown);
}
