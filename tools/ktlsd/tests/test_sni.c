// SPDX-License-Identifier: GPL-2.0-or-later
/* Several identities of one listener: which the client gets, by server name. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "config/parse.h"
#include "test_peer.h"
#include "tls/own_cert.h"

#define SNI_FILES	"certificate = /a\nprivate_key = /b\n"

static char sni_path[] = "/tmp/ktlsd-sni-XXXXXX";

static int sni_parse(const char *text, struct ktlsd_config **ret_config,
		     struct ktlsd_fault *fault)
{
	struct ktlsd_buffer buffer = { 0 };

	ktlsd_buffer_append(&buffer, text, strlen(text), 1 << 20);
	test_pki_write(sni_path, &buffer, 0600);
	return ktlsd_parse_config(sni_path, ret_config, fault);
}

static const char three[] =
	"[identity front]\n" SNI_FILES "sni = front.test\nalso = b, c\n"
	"allow_uids = 1000 1001\n"
	"[identity b]\n" SNI_FILES "sni = b.test *.B.test.,\n  x.c.test\nallow_uids = 1000\n"
	"[identity c]\n" SNI_FILES "sni = *.c.test xn--bcher-kva.test\nallow_uids = *\n";

/* Return: name of the identity, "" if none has it. */
static const char *sni_who(const struct ktlsd_config *config, const char *name)
{
	const struct ktlsd_identity *identity;

	identity = ktlsd_sni_find(&config->identities[0].names, name);
	return identity ? identity->name : "";
}

static void sni_patterns(void **state)
{
	static const char *const table[][2] = {
		{ "front.test", "front" },
		{ "b.test", "b" },
		{ "a.b.test", "b" },
		{ "c.test", "" },
		{ "a.c.test", "c" },
		/* an exact name goes before a wildcard */
		{ "x.c.test", "b" },
		/* one label, and not a part of one */
		{ "a.b.c.test", "" },
		{ ".b.test", "" },
		{ "b.test.", "" },
		{ "*.b.test", "" },
		{ "test", "" },
		{ "", "" },
		{ "xn--bcher-kva.test", "c" },
	};
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	size_t i;

	(void)state;
	assert_int_equal(sni_parse(three, &config, &fault), 0);
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		if (strcmp(sni_who(config, table[i][0]), table[i][1]))
			fail_msg("%s: %s", table[i][0], sni_who(config, table[i][0]));
	}
	/* A listener of b alone has the names of b alone. */
	assert_null(ktlsd_sni_find(&config->identities[1].names, "a.c.test"));
	assert_ptr_equal(ktlsd_sni_find(&config->identities[1].names, "b.test"),
			 &config->identities[1]);
	ktlsd_config_put(config);
}

static void sni_faults(void **state)
{
	static const struct {
		const char	*text;
		unsigned int	line;
		const char	*word;
	} table[] = {
		{ "sni =\n", 4, "sni is empty" },
		{ "sni = a..test\n", 4, "not a host name" },
		{ "sni = *\n", 4, "whole first label" },
		{ "sni = *.\n", 4, "not a host name" },
		{ "sni = *.*.test\n", 4, "whole first label" },
		{ "sni = w*.test\n", 4, "whole first label" },
		{ "sni = a.*.test\n", 4, "whole first label" },
		{ "sni = b\xc3\xbc" "cher.test\n", 4, "A-label" },
		{ "sni = 192.0.2.1\n", 4, "address" },
		{ "sni = 2001:db8::1\n", 4, "address" },
		{ "sni = a/b.test\n", 4, "not a host name" },
		{ "sni = a.test A.TEST\n", 1, "'a.test' twice" },
		{ "sni_strict = yes\n", 1, "sni_strict without sni" },
		{ "sni_strict = 1\n", 4, "yes or no" },
		{ "also = nobody\n", 1, "'nobody' in also, but there is no such" },
		{ "also = a\n", 1, "names itself" },
		{ "also = plain\n", 1, "has no sni" },
		{ "also = other other\n", 1, "twice" },
		{ "also = ,\n", 4, "also is empty" },
		{ "sni = other.test\nalso = other\n", 1, "both 'a' and 'other'" },
		{ "alpn =\n", 4, "alpn: the list is empty" },
		{ "alpn = h2 h2\n", 4, "twice" },
	};
	char text[1024], want[64];
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		snprintf(text, sizeof(text), "[identity a]\n" SNI_FILES "%s"
			 "[identity other]\n" SNI_FILES "sni = other.test\n"
			 "[identity plain]\n" SNI_FILES, table[i].text);
		assert_int_equal(sni_parse(text, &config, &fault), -EINVAL);
		snprintf(want, sizeof(want), "%s:%u: ", sni_path, table[i].line);
		if (strncmp(fault.reason, want, strlen(want)) ||
		    !strstr(fault.reason, table[i].word))
			fail_msg("%zu: %s", i, fault.reason);
	}
}

/* The caller needs access to every identity of the listener. */
static void sni_access(void **state)
{
	struct ktlsd_caller caller = { .uid = 1001 };
	const struct ktlsd_identity *identity;
	struct ktlsd_config *config;
	struct ktlsd_fault fault;

	(void)state;
	assert_int_equal(sni_parse(three, &config, &fault), 0);
	assert_int_equal(ktlsd_config_find(config, "front", &caller, &identity, &fault),
			 -EACCES);
	assert_non_null(strstr(fault.reason, "'b', which 'front' names in also"));
	/* -ENOKEY: allowed, but parsed only, not loaded */
	caller.uid = 1000;
	assert_int_equal(ktlsd_config_find(config, "front", &caller, &identity, &fault),
			 -ENOKEY);
	caller.in_container = true;
	assert_int_equal(ktlsd_config_find(config, "front", &caller, &identity, &fault),
			 -EACCES);
	ktlsd_config_put(config);
}

/* What a client finds. */
struct sni_seen {
	int	ret;
	int	alert;
	bool	acknowledged;
	char	subject[32];
	char	alpn[16];
	char	reason[KTLS_GENL_REASON_MAX + 1];
};

static void sni_load(struct ktlsd_config *config)
{
	struct test_pki_spec spec = { 0 };
	struct ktlsd_identity *identity;
	size_t i;

	for (i = 0; i < config->identity_count; i++) {
		identity = &config->identities[i];
		spec.cn = identity->name;
		EVP_PKEY_up_ref(pki.ec_key);
		identity->credentials[0].key = pki.ec_key;
		identity->credentials[0].leaf = test_pki_issue(&spec, pki.ec_key, pki.ca,
							       pki.ca_key);
		identity->credential_count = 1;
	}
}

/* @client: whether the message is the server's */
static void sni_note_extension(SSL *ssl, int client, int type, const unsigned char *data,
			       int len, void *arg)
{
	(void)ssl;
	(void)data;
	(void)len;
	if (client && type == TLSEXT_TYPE_server_name)
		*(bool *)arg = true;
}

/* A handshake with the first identity's listener. */
static void sni_connect(struct ktlsd_config *config, uint16_t version, const char *name,
			const char *alpn, struct sni_seen *seen)
{
	struct ktlsd_context_parts parts = { .anchors = NULL };
	const unsigned char *protocol;
	struct test_side side;
	struct test_peer peer;
	unsigned int len;

	memset(seen, 0, sizeof(*seen));
	test_side_init(&side, KTLS_ROLE_SERVER);
	side.request.version_min = version;
	side.request.version_max = version;
	assert_int_equal(ktlsd_context_make(&side.contexts, true, &side.config, &side.request,
					    &config->identities[0], &parts, &side.context,
					    &side.fault), 0);
	assert_int_equal(test_side_begin(&side), 0);
	assert_int_equal(ktlsd_own_cert_use(side.handshake, &config->identities[0]), 0);
	test_peer_init(&peer, false);
	if (alpn)
		SSL_CTX_set_alpn_protos(peer.ctx, (const uint8_t *)alpn,
					(unsigned int)strlen(alpn));
	test_peer_begin(&peer);
	SSL_set_tlsext_debug_callback(peer.ssl, sni_note_extension);
	SSL_set_tlsext_debug_arg(peer.ssl, &seen->acknowledged);
	if (name)
		SSL_set_tlsext_host_name(peer.ssl, name);
	test_peer_step(&peer);
	test_peer_shake(&side, &peer);
	seen->ret = side.last;
	seen->alert = peer.alert;
	if (peer.finished) {
		X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(peer.ssl)),
					  NID_commonName, seen->subject, sizeof(seen->subject));
		SSL_get0_alpn_selected(peer.ssl, &protocol, &len);
		if (len)
			memcpy(seen->alpn, protocol, len);
	}
	if (seen->ret < 0)
		strcpy(seen->reason, side.fault.reason);
	test_peer_free(&peer);
	test_side_free(&side);
}

static void sni_choice(void **state)
{
	static const char *const table[][2] = {
		{ "front.test", "front" },
		{ "b.test", "b" },
		{ "WWW.b.test", "b" },
		{ "a.c.test", "c" },
		{ "nobody.test", "front" },
		{ NULL, "front" },
	};
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	struct sni_seen seen;
	uint16_t version;
	size_t i;

	(void)state;
	assert_int_equal(sni_parse(three, &config, &fault), 0);
	sni_load(config);
	for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
		for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
			sni_connect(config, version, table[i][0], NULL, &seen);
			assert_int_equal(seen.ret, 1);
			assert_string_equal(seen.subject, table[i][1]);
			assert_int_equal(seen.acknowledged, table[i][0] != NULL);
		}
	}
	ktlsd_config_put(config);
}

static void sni_strict(void **state)
{
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	struct sni_seen seen;
	char text[1024];
	uint16_t version;

	(void)state;
	snprintf(text, sizeof(text), "[identity front]\n" SNI_FILES "also = b\nsni_strict = yes\n"
		 "[identity b]\n" SNI_FILES "sni = b.test\n");
	assert_int_equal(sni_parse(text, &config, &fault), 0);
	sni_load(config);
	for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
		sni_connect(config, version, "b.test", NULL, &seen);
		assert_int_equal(seen.ret, 1);
		assert_string_equal(seen.subject, "b");
		sni_connect(config, version, "other.test", NULL, &seen);
		assert_int_equal(seen.ret, -EPROTO);
		assert_int_equal(seen.alert, SSL_AD_UNRECOGNIZED_NAME);
		assert_int_equal(seen.alert, 112);
		assert_non_null(strstr(seen.reason, "'other.test', which no identity"));
		sni_connect(config, version, NULL, NULL, &seen);
		assert_int_equal(seen.ret, -EPROTO);
		/* TLS 1.2 has no missing_extension. */
		assert_int_equal(seen.alert, version == KTLS_TLS_1_3 ? SSL_AD_MISSING_EXTENSION :
							       SSL_AD_HANDSHAKE_FAILURE);
		assert_non_null(strstr(seen.reason, "no server name"));
		sni_connect(config, version, "<script>", NULL, &seen);
		assert_int_equal(seen.alert, SSL_AD_UNRECOGNIZED_NAME);
		assert_null(strstr(seen.reason, "script"));
	}
	ktlsd_config_put(config);
}

/* One broken identity does not harm the others. */
static void sni_broken(void **state)
{
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	struct sni_seen seen;

	(void)state;
	assert_int_equal(sni_parse(three, &config, &fault), 0);
	sni_load(config);
	ktlsd_credentials_free(&config->identities[1].credentials[0]);
	config->identities[1].credential_count = 0;
	strcpy(config->identities[1].trouble, "it is gone");
	sni_connect(config, KTLS_TLS_1_3, "a.c.test", NULL, &seen);
	assert_string_equal(seen.subject, "c");
	sni_connect(config, KTLS_TLS_1_3, "b.test", NULL, &seen);
	assert_int_equal(seen.ret, -ENOKEY);
	assert_int_equal(seen.alert, SSL_AD_INTERNAL_ERROR);
	assert_non_null(strstr(seen.reason, "'b', which has the client's server name"));
	assert_non_null(strstr(seen.reason, "it is gone"));
	ktlsd_config_put(config);
}

/* Protocols of the identity that was chosen. */
static void sni_alpn(void **state)
{
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	struct sni_seen seen;
	char text[1024];

	(void)state;
	snprintf(text, sizeof(text), "[identity front]\n" SNI_FILES "also = b c\nalpn = h2, http/1.1\n"
		 "[identity b]\n" SNI_FILES "sni = b.test\nalpn = imap\n"
		 "[identity c]\n" SNI_FILES "sni = c.test\n");
	assert_int_equal(sni_parse(text, &config, &fault), 0);
	sni_load(config);
	sni_connect(config, KTLS_TLS_1_3, "x.test", "\x08http/1.1\x02h2\x04imap", &seen);
	assert_string_equal(seen.alpn, "h2");
	sni_connect(config, KTLS_TLS_1_3, "b.test", "\x08http/1.1\x02h2\x04imap", &seen);
	assert_string_equal(seen.alpn, "imap");
	sni_connect(config, KTLS_TLS_1_3, "c.test", "\x08http/1.1\x02h2\x04imap", &seen);
	assert_int_equal(seen.ret, 1);
	assert_string_equal(seen.alpn, "");
	sni_connect(config, KTLS_TLS_1_3, "b.test", "\x02h2", &seen);
	assert_int_equal(seen.ret, -EPROTO);
	assert_int_equal(seen.alert, SSL_AD_NO_APPLICATION_PROTOCOL);
	ktlsd_config_put(config);
}

static int sni_setup(void **state)
{
	close(mkstemp(sni_path));
	return test_pki_setup(state);
}

static int sni_teardown(void **state)
{
	unlink(sni_path);
	return test_pki_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sni_patterns),
		cmocka_unit_test(sni_faults),
		cmocka_unit_test(sni_access),
		cmocka_unit_test(sni_choice),
		cmocka_unit_test(sni_strict),
		cmocka_unit_test(sni_broken),
		cmocka_unit_test(sni_alpn),
	};

	return cmocka_run_group_tests_name("sni", tests, sni_setup, sni_teardown);
}
