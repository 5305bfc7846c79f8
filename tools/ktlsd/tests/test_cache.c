// SPDX-License-Identifier: GPL-2.0-or-later
/* The cache of clients' sessions, the keys of tickets, and fingerprints. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "request.h"
#include "test_pki.h"
#include "lib/clock.h"
#include "tls/cache.h"
#include "tls/context.h"
#include "tls/fingerprint.h"
#include "tls/ticket_keys.h"

static struct ktlsd_cache cache;

static struct ktlsd_fingerprint cache_fingerprint(uint32_t number)
{
	struct ktlsd_fingerprint fingerprint = { { 0 } };

	memcpy(fingerprint.bytes, &number, sizeof(number));
	return fingerprint;
}

/* @name: tells the session from others */
static struct ktlsd_saved_session *cache_saved(uint32_t number, const char *name,
					       bool once, int64_t expires)
{
	SSL_SESSION *session = SSL_SESSION_new();
	struct ktlsd_saved_session *saved;

	assert_int_equal(SSL_SESSION_set1_id_context(session, (const unsigned char *)name,
						     (unsigned int)strlen(name)), 1);
	saved = ktlsd_saved_session_new(session, NULL, NULL, expires);
	SSL_SESSION_free(session);
	assert_non_null(saved);
	saved->fingerprint = cache_fingerprint(number);
	saved->once = once;
	return saved;
}

static struct ktlsd_saved_session *cache_get(uint32_t number, int64_t now)
{
	struct ktlsd_fingerprint fingerprint = cache_fingerprint(number);

	return ktlsd_cache_take(&cache, &fingerprint, now);
}

static void cache_check(const struct ktlsd_saved_session *saved, const char *name)
{
	unsigned int len;
	const unsigned char *id = SSL_SESSION_get0_id_context(saved->session, &len);

	assert_int_equal(len, strlen(name));
	assert_memory_equal(id, name, len);
}

/* A TLS 1.3 ticket is used once, a TLS 1.2 session until it expires. */
static void cache_once(void **state)
{
	struct ktlsd_saved_session *saved;
	int i;

	(void)state;
	ktlsd_cache_init(&cache, 10);
	ktlsd_cache_put(&cache, cache_saved(1, "first", true, 100));
	ktlsd_cache_put(&cache, cache_saved(1, "second", true, 100));
	ktlsd_cache_put(&cache, cache_saved(2, "reused", false, 100));
	assert_null(cache_get(3, 0));

	saved = cache_get(1, 0);
	cache_check(saved, "second");
	ktlsd_saved_session_put(saved);
	saved = cache_get(1, 0);
	cache_check(saved, "first");
	ktlsd_saved_session_put(saved);
	assert_null(cache_get(1, 0));

	for (i = 0; i < 3; i++) {
		saved = cache_get(2, 0);
		cache_check(saved, "reused");
		ktlsd_saved_session_put(saved);
	}
	assert_int_equal(cache.owners.count, 1);
	ktlsd_cache_free(&cache);
	assert_int_equal(cache.owners.bytes, 0);
}

static void cache_is_timed(void **state)
{
	struct ktlsd_saved_session *saved;

	(void)state;
	ktlsd_cache_init(&cache, 10);
	ktlsd_cache_put(&cache, cache_saved(1, "a", true, 100));
	ktlsd_cache_put(&cache, cache_saved(1, "b", true, 50));
	saved = cache_get(1, 50);
	cache_check(saved, "a");
	ktlsd_saved_session_put(saved);
	assert_int_equal(cache.owners.count, 0);
	ktlsd_cache_put(&cache, cache_saved(1, "a", true, 100));
	assert_null(cache_get(1, 100));
	assert_int_equal(cache.owners.count, 0);
	/* The clock was set back: it would be resumed for years. */
	saved = cache_saved(1, "a", true, 2000000);
	saved->since = 1000000;
	ktlsd_cache_put(&cache, saved);
	assert_null(cache_get(1, 1000000 - KTLSD_CLOCK_TOLERANCE - 1));
	assert_int_equal(cache.owners.count, 0);
	saved = cache_saved(1, "a", true, 2000000);
	saved->since = 1000000;
	ktlsd_cache_put(&cache, saved);
	saved = cache_get(1, 1000000 - KTLSD_CLOCK_TOLERANCE);
	cache_check(saved, "a");
	ktlsd_saved_session_put(saved);
	ktlsd_cache_free(&cache);
}

/* Limits: number, bytes, sessions with one fingerprint. */
static void cache_is_bounded(void **state)
{
	STACK_OF(X509) *big = sk_X509_new_null();
	SSL_SESSION *session = SSL_SESSION_new();
	struct ktlsd_saved_session *saved;
	uint32_t i;

	(void)state;
	ktlsd_cache_init(&cache, 10);
	for (i = 0; i < 30; i++)
		ktlsd_cache_put(&cache, cache_saved(i, "x", true, 100));
	assert_int_equal(cache.owners.count, 10);
	assert_null(cache_get(19, 0));
	saved = cache_get(20, 0);
	assert_non_null(saved);
	ktlsd_saved_session_put(saved);
	for (i = 0; i < 30; i++)
		ktlsd_cache_put(&cache, cache_saved(7, "y", true, 100));
	for (i = 0; (saved = cache_get(7, 0)); i++)
		ktlsd_saved_session_put(saved);
	assert_int_equal(i, KTLSD_CACHE_PER_KEY);

	ktlsd_cache_reset(&cache, 1000);
	assert_int_equal(cache.owners.count, 0);
	/* A megabyte each. */
	for (i = 0; (int)i < (1 << 20) / 4 / i2d_X509(pki.ca, NULL); i++)
		sk_X509_push(big, pki.ca);
	for (i = 0; i < 40; i++) {
		saved = ktlsd_saved_session_new(session, NULL, big, INT64_MAX);
		assert_non_null(saved);
		saved->fingerprint = cache_fingerprint(i);
		ktlsd_cache_put(&cache, saved);
	}
	assert_true(cache.owners.bytes <= KTLSD_CACHE_BYTES);
	assert_true(cache.owners.count >= 10 && cache.owners.count <= 16);
	SSL_SESSION_free(session);
	sk_X509_free(big);

	/* 0: nothing is cached */
	ktlsd_cache_reset(&cache, 0);
	ktlsd_cache_put(&cache, cache_saved(1, "x", true, 100));
	assert_int_equal(cache.owners.count, 0);
	assert_int_equal(cache.owners.bytes, 0);
	ktlsd_cache_free(&cache);
}

/* Puts a session of a user, whose fingerprint has @number. @bytes: 0: a small one */
static void cache_put_for(uint32_t uid, uint32_t number, size_t bytes)
{
	struct ktlsd_saved_session *saved = cache_saved(number, "x", true, 100);

	saved->uid = uid;
	if (bytes)
		saved->cost = bytes;
	ktlsd_cache_put(&cache, saved);
}

static bool cache_has(uint32_t number)
{
	struct ktlsd_saved_session *saved = cache_get(number, 0);

	ktlsd_saved_session_put(saved);
	return saved;
}

/* The user with the most sessions makes room, whoever came first. */
static void cache_is_fair_by_number(void **state)
{
	uint32_t i;

	(void)state;
	ktlsd_cache_init(&cache, 10);
	cache_put_for(1, 1, KTLSD_CACHE_BYTES / 2);
	for (i = 100; i < 200; i++)
		cache_put_for(2, i, 0);
	for (i = 300; i < 304; i++)
		cache_put_for(3, i, 0);
	/* 1 has one, and the others have 5 and 4. */
	assert_int_equal(cache.owners.count, 10);
	for (i = 300; i < 304; i++)
		assert_true(cache_has(i));
	assert_false(cache_has(194));
	for (i = 195; i < 200; i++)
		assert_true(cache_has(i));
	assert_true(cache_has(1));
	assert_int_equal(cache.owners.count, 0);

	/* Of users with as many, the oldest session goes. */
	for (i = 0; i < 11; i++)
		cache_put_for(i, i, 0);
	assert_false(cache_has(0));
	for (i = 1; i < 11; i++)
		assert_true(cache_has(i));
	ktlsd_cache_free(&cache);
	assert_int_equal(cache.owners.bytes, 0);
}

/* The user with the most bytes makes room, whoever has more sessions. */
static void cache_is_fair_by_bytes(void **state)
{
	unsigned int count;
	size_t bytes;
	uint32_t i;

	(void)state;
	ktlsd_cache_init(&cache, 1000);
	for (i = 1; i < 50; i++)
		cache_put_for(1, i, 2048);
	for (i = 100; i < 200; i++)
		cache_put_for(2, i, 1 << 20);
	ktlsd_cache_measure(&cache, &count, &bytes);
	assert_int_equal(count, 49 + 15);
	assert_int_equal(bytes, 49 * 2048 + (15 << 20));
	for (i = 1; i < 50; i++)
		assert_true(cache_has(i));
	assert_false(cache_has(184));
	for (i = 185; i < 200; i++)
		assert_true(cache_has(i));
	/* One that is too large for all of it. */
	cache_put_for(1, 1, 2048);
	cache_put_for(2, 2, KTLSD_CACHE_BYTES + 1);
	assert_true(cache_has(1));
	assert_false(cache_has(2));
	cache_put_for(1, 1, 2048);
	assert_int_equal(ktlsd_cache_flush(&cache), 1);
	assert_int_equal(cache.owners.bytes, 0);
	ktlsd_cache_free(&cache);
}

/* As cache_saved(), with all that it takes to rest. */
static struct ktlsd_saved_session *cache_restful(uint32_t number, const char *name, bool once)
{
	const unsigned char id[2] = { 0x13, 0x01 }, secret[32] = { 1, 2, 3 };
	STACK_OF(X509) *chain = sk_X509_new_null();
	SSL_SESSION *session = SSL_SESSION_new();
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	SSL *ssl = SSL_new(ctx);
	struct ktlsd_saved_session *saved;

	assert_int_equal(SSL_SESSION_set_cipher(session, SSL_CIPHER_find(ssl, id)), 1);
	assert_int_equal(SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION), 1);
	assert_int_equal(SSL_SESSION_set1_master_key(session, secret, sizeof(secret)), 1);
	assert_int_equal(SSL_SESSION_set1_id_context(session, (const unsigned char *)name,
						     (unsigned int)strlen(name)), 1);
	sk_X509_push(chain, pki.ec);
	sk_X509_push(chain, pki.ca);
	saved = ktlsd_saved_session_new(session, NULL, chain, INT64_MAX);
	assert_non_null(saved);
	saved->fingerprint = cache_fingerprint(number);
	saved->once = once;
	sk_X509_free(chain);
	SSL_SESSION_free(session);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return saved;
}

/* What was not used for long is one block, and is the same when it is used. */
static void cache_rests(void **state)
{
	struct ktlsd_saved_session *saved;
	struct ktlsd_owned *owned;
	unsigned char secret[64];
	uint32_t i;

	(void)state;
	ktlsd_cache_init(&cache, 1000);
	for (i = 0; i < 200; i++)
		ktlsd_cache_put(&cache, cache_restful(i, "rests", true));
	ktlsd_cache_put(&cache, cache_restful(1000, "reused", false));
	/* OpenSSL makes no DER of it. */
	ktlsd_cache_put(&cache, cache_saved(1001, "odd", true, INT64_MAX));
	ktlsd_cache_rest(&cache);
	i = 0;
	TAILQ_FOREACH(owned, &LIST_FIRST(&cache.owners.all)->things, by_age) {
		saved = (void *)((char *)owned - offsetof(struct ktlsd_saved_session, owned));
		assert_int_equal(!saved->rest, !!saved->session);
		i += !!saved->rest;
	}
	assert_int_equal(i, 200);
	ktlsd_cache_rest(&cache);

	for (i = 0; i < 100; i++) {
		saved = cache_get(i, 0);
		assert_int_equal(ktlsd_saved_session_wake(saved), 0);
		assert_null(saved->rest);
		cache_check(saved, "rests");
		assert_int_equal(SSL_SESSION_get_master_key(saved->session, secret, sizeof(secret)), 32);
		assert_int_equal(secret[2], 3);
		assert_null(saved->presented);
		assert_int_equal(sk_X509_num(saved->chain), 2);
		assert_int_equal(X509_cmp(sk_X509_value(saved->chain, 0), pki.ec), 0);
		assert_int_equal(X509_cmp(sk_X509_value(saved->chain, 1), pki.ca), 0);
		ktlsd_saved_session_put(saved);
	}
	saved = cache_get(1000, 0);
	assert_int_equal(ktlsd_saved_session_wake(saved), 0);
	cache_check(saved, "reused");
	ktlsd_saved_session_put(saved);
	saved = cache_get(1001, 0);
	cache_check(saved, "odd");
	ktlsd_saved_session_put(saved);
	/* The others rest when they are freed. */
	ktlsd_cache_free(&cache);

	saved = cache_restful(1, "shared", true);
	saved->refs++;
	assert_false(ktlsd_saved_session_rest(saved));
	ktlsd_saved_session_put(saved);
	assert_true(ktlsd_saved_session_rest(saved));
	ktlsd_saved_session_put(saved);
}

/* A session expires with the first of its certificates. */
static void cache_chain_ends(void **state)
{
	const struct test_pki_spec spec = { .cn = "short", .san = "DNS:server.test",
					    .to = 60 };
	X509 *cert = test_pki_issue(&spec, pki.ec_key, pki.ca, pki.ca_key);
	STACK_OF(X509) *chain = sk_X509_new_null();
	int64_t now = time(NULL);
	SSL_SESSION *session = SSL_SESSION_new();
	struct ktlsd_saved_session *saved;

	(void)state;
	sk_X509_push(chain, cert);
	sk_X509_push(chain, pki.ca);
	saved = ktlsd_saved_session_new(session, chain, chain, now + 7200);
	assert_true(saved->expires >= now + 58 && saved->expires <= now + 62);
	ktlsd_saved_session_put(saved);
	saved = ktlsd_saved_session_new(session, chain, chain, now + 30);
	assert_int_equal(saved->expires, now + 30);
	ktlsd_saved_session_put(saved);
	SSL_SESSION_free(session);
	sk_X509_free(chain);
	X509_free(cert);
}

static void keys_of_tickets(void **state)
{
	struct ktlsd_fingerprint a = cache_fingerprint(1), b = cache_fingerprint(2);
	struct ktlsd_ticket_key sealed, other, found;
	struct ktlsd_ticket_keys keys;
	bool renew;

	(void)state;
	ktlsd_ticket_keys_init(&keys, 100);
	assert_int_equal(ktlsd_ticket_keys_current(&keys, 1000, &a, &sealed), 0);
	assert_int_equal(ktlsd_ticket_keys_current(&keys, 1000, &b, &other), 0);
	/* No part of the two keys is the same. */
	assert_memory_not_equal(sealed.name, other.name, sizeof(sealed.name));
	assert_memory_not_equal(sealed.aes, other.aes, sizeof(sealed.aes));
	assert_memory_not_equal(sealed.hmac, other.hmac, sizeof(sealed.hmac));
	assert_int_equal(ktlsd_ticket_keys_find(&keys, 1000, sealed.name, &b,
						&found, &renew), -ENOENT);
	assert_int_equal(ktlsd_ticket_keys_find(&keys, 1099, sealed.name, &a,
						&found, &renew), 0);
	assert_memory_equal(&found, &sealed, sizeof(found));
	assert_false(renew);

	/* After one lifetime the keys only open; after two they are gone. */
	assert_int_equal(ktlsd_ticket_keys_find(&keys, 1100, sealed.name, &a,
						&found, &renew), 0);
	assert_memory_equal(&found, &sealed, sizeof(found));
	assert_true(renew);
	assert_int_equal(ktlsd_ticket_keys_current(&keys, 1101, &a, &other), 0);
	assert_memory_not_equal(sealed.name, other.name, sizeof(sealed.name));
	assert_int_equal(ktlsd_ticket_keys_find(&keys, 1200, sealed.name, &a,
						&found, &renew), -ENOENT);
	assert_int_equal(ktlsd_ticket_keys_find(&keys, 1200, other.name, &a,
						&found, &renew), 0);

	/* After a long suspend all keys are gone. */
	assert_int_equal(ktlsd_ticket_keys_find(&keys, 5000, other.name, &a,
						&found, &renew), -ENOENT);
	assert_int_equal(keys.ring.count, 2);
	ktlsd_ticket_keys_free(&keys);

	/* Another process has other keys. */
	ktlsd_ticket_keys_init(&keys, 100);
	assert_int_equal(ktlsd_ticket_keys_find(&keys, 1000, sealed.name, &a,
						&found, &renew), -ENOENT);
	ktlsd_ticket_keys_free(&keys);
}

/* Each ticket is accepted once, in any order; tickets older than the newest million never. */
static void keys_of_used_tickets(void **state)
{
	const uint64_t window = (uint64_t)KTLSD_TICKET_USED_CHUNK * KTLSD_TICKET_USED_CHUNKS;
	struct ktlsd_fingerprint a = cache_fingerprint(1), b = cache_fingerprint(2);
	uint8_t id[KTLSD_TICKET_ID], first[KTLSD_TICKET_ID], none[KTLSD_TICKET_ID] = { 0 };
	struct ktlsd_ticket_keys keys;
	uint64_t i;

	(void)state;
	ktlsd_ticket_keys_init(&keys, 100);
	ktlsd_ticket_keys_number(&keys, 1000, &a, 0, first);
	assert_false(ktlsd_ticket_keys_mark_used(&keys, 1000, &b, 0, first));
	assert_false(ktlsd_ticket_keys_mark_used(&keys, 1000, &a, 0, none));
	for (i = 1; i < window; i++) {
		ktlsd_ticket_keys_number(&keys, 1000, &a, 0, id);
		if (i % 17)
			continue;
		assert_true(ktlsd_ticket_keys_mark_used(&keys, 1000, &a, 0, id));
		assert_false(ktlsd_ticket_keys_mark_used(&keys, 1000, &a, 0, id));
	}
	assert_true(ktlsd_ticket_keys_mark_used(&keys, 1000, &a, 0, first));
	assert_false(ktlsd_ticket_keys_mark_used(&keys, 1000, &a, 0, first));
	ktlsd_ticket_keys_number(&keys, 1000, &a, 0, id);
	/* The chunk of the first ticket is reused for this one. */
	assert_false(ktlsd_ticket_keys_mark_used(&keys, 1000, &a, 0, first));
	assert_true(ktlsd_ticket_keys_mark_used(&keys, 1000, &a, 0, id));
	assert_false(ktlsd_ticket_keys_mark_used(&keys, 1000, &a, 0, id));
	/* Numbers that were never issued are refused. */
	id[8]++;
	assert_false(ktlsd_ticket_keys_mark_used(&keys, 1000, &a, 0, id));
	assert_int_equal(ktlsd_ticket_keys_forgotten(&keys), 0);
	ktlsd_ticket_keys_free(&keys);
	assert_int_equal(keys.used.owners.bytes, 0);
}

/* A user with many resumptions or servers does not displace the records of others. */
static void keys_of_many_users(void **state)
{
	struct ktlsd_fingerprint honest = cache_fingerprint(1), other;
	uint8_t id[KTLSD_TICKET_ID], ours[KTLSD_TICKET_ID];
	struct ktlsd_ticket_key sealed, found;
	struct ktlsd_ticket_keys keys;
	uint32_t i, forgotten = 0;
	bool renew;

	(void)state;
	ktlsd_ticket_keys_init(&keys, 100);
	assert_int_equal(ktlsd_ticket_keys_current(&keys, 1000, &honest, &sealed), 0);
	ktlsd_ticket_keys_number(&keys, 1000, &honest, 0, ours);
	for (i = 0; i < 200000; i++) {
		other = cache_fingerprint(2 + i % 50000);
		ktlsd_ticket_keys_number(&keys, 1000, &other, 4242, id);
		if (ktlsd_ticket_keys_mark_used(&keys, 1000, &other, 0, id))
			forgotten++;
	}
	/* Tickets of that user are accepted too, as long as there is memory. */
	assert_int_equal(forgotten, 200000);
	assert_true(keys.used.owners.bytes <= KTLSD_TICKET_USED_BYTES);
	/* What is in memory, and what was forgotten, is all there was. */
	assert_true(ktlsd_ticket_keys_forgotten(&keys) >= 200000 - 50000);
	assert_int_equal(ktlsd_ticket_keys_find(&keys, 1000, sealed.name, &honest,
						&found, &renew), 0);
	assert_true(ktlsd_ticket_keys_mark_used(&keys, 1000, &honest, 0, ours));
	assert_false(ktlsd_ticket_keys_mark_used(&keys, 1000, &honest, 0, ours));
	/* A series that was dropped gets a new serial. */
	other = cache_fingerprint(3);
	ktlsd_ticket_keys_number(&keys, 1000, &other, 4242, id);
	for (i = 0; i < 50000; i++) {
		other = cache_fingerprint(100000 + i);
		ktlsd_ticket_keys_number(&keys, 1000, &other, 4242, ours);
	}
	other = cache_fingerprint(3);
	ktlsd_ticket_keys_number(&keys, 1000, &other, 4242, ours);
	assert_false(ktlsd_ticket_keys_mark_used(&keys, 1000, &other, 0, id));
	/* The records of tickets whose keys are gone are freed. */
	assert_int_equal(ktlsd_ticket_keys_current(&keys, 1300, &honest, &sealed), 0);
	assert_int_equal(keys.used.owners.bytes, 0);
	ktlsd_ticket_keys_free(&keys);
}

static struct ktlsd_request fingerprint_request(void)
{
	struct ktlsd_request request;

	memset(&request, 0, sizeof(request));
	request.caller.uid = 1000;
	request.verify = 2;
	request.version_min = 0x0303;
	request.version_max = 0x0304;
	request.name.kind = KTLSD_NAME_HOST;
	strcpy(request.name.text, "server.test");
	request.port = 443;
	return request;
}

static bool fingerprint_differs(const struct ktlsd_request *changed)
{
	struct ktlsd_request request = fingerprint_request();
	struct ktlsd_fingerprint parts = cache_fingerprint(5), one, two;

	assert_int_equal(ktlsd_fingerprint_request(&parts, &request, &one), 0);
	assert_int_equal(ktlsd_fingerprint_request(&parts, changed, &two), 0);
	return memcmp(&one, &two, sizeof(one));
}

/* Everything that authentication depends on changes the fingerprint. */
static void fingerprint_of_requests(void **state)
{
	struct ktlsd_request request = fingerprint_request();

	(void)state;
	request.id = 77;
	request.deadline = 12;
	request.caller.pid = 12;
	request.config_id = 99;
	assert_false(fingerprint_differs(&request));
#define CHANGES(change) do {					\
		request = fingerprint_request();		\
		change;						\
		assert_true(fingerprint_differs(&request));	\
	} while (0)
	CHANGES(request.caller.uid = 1001);
	CHANGES(request.caller.in_container = true);
	CHANGES(request.verify = 0);
	CHANGES(request.version_min = 0x0304);
	CHANGES(request.version_max = 0x0303);
	CHANGES(strcpy(request.name.text, "other.test"));
	CHANGES(request.name.kind = KTLSD_NAME_ADDRESS);
	CHANGES(request.port = 444);
	CHANGES(request.is_server = true);
	CHANGES(strcpy(request.ciphers, "TLS_AES_128_GCM_SHA256"));
	CHANGES(strcpy(request.groups, "X25519"));
	CHANGES(strcpy(request.sigalgs, "X25519"));
	CHANGES((memcpy(request.alpn, "\2h2", 3), request.alpn_len = 3));
#undef CHANGES
}

static void fingerprint_of_parts(void **state)
{
	struct ktlsd_context_parts parts = { { "cert", NULL, "trust" }, { 4, 0, 5 }, NULL, NULL };
	struct ktlsd_context_parts moved = { { "cert", "trust", NULL }, { 4, 5, 0 }, NULL, NULL };
	struct ktlsd_fingerprint one, two;

	(void)state;
	assert_int_equal(ktlsd_fingerprint_parts(&parts, "www", 1, &one), 0);
	assert_int_equal(ktlsd_fingerprint_parts(&parts, "www", 1, &two), 0);
	assert_memory_equal(&one, &two, sizeof(one));
	assert_int_equal(ktlsd_fingerprint_parts(&parts, "www", 2, &two), 0);
	assert_memory_not_equal(&one, &two, sizeof(one));
	assert_int_equal(ktlsd_fingerprint_parts(&parts, "", 1, &two), 0);
	assert_memory_not_equal(&one, &two, sizeof(one));
	assert_int_equal(ktlsd_fingerprint_parts(&moved, "www", 1, &two), 0);
	assert_memory_not_equal(&one, &two, sizeof(one));
	parts.data[2] = "trusT";
	assert_int_equal(ktlsd_fingerprint_parts(&parts, "www", 1, &two), 0);
	assert_memory_not_equal(&one, &two, sizeof(one));
}

/* Each ticket is accepted once, however many a server has issued; others do not notice. */
static void keys_single_use(void **state)
{
	struct ktlsd_fingerprint busy = cache_fingerprint(1), other = cache_fingerprint(2);
	uint8_t id[KTLSD_TICKET_ID], theirs[KTLSD_TICKET_ID], old[KTLSD_TICKET_ID];
	struct ktlsd_ticket_keys keys;
	unsigned int i;

	(void)state;
	ktlsd_ticket_keys_init(&keys, 7200);
	ktlsd_ticket_keys_number(&keys, 1000, &other, 2, theirs);
	ktlsd_ticket_keys_number(&keys, 1000, &busy, 1, old);
	for (i = 0; i < 200000; i++) {
		ktlsd_ticket_keys_number(&keys, 1000, &busy, 1, id);
		assert_true(ktlsd_ticket_keys_mark_used(&keys, 1000, &busy, 0, id));
		assert_false(ktlsd_ticket_keys_mark_used(&keys, 1000, &busy, 0, id));
	}
	/* Tickets from before all of them. */
	assert_true(ktlsd_ticket_keys_mark_used(&keys, 1000, &busy, 0, old));
	assert_false(ktlsd_ticket_keys_mark_used(&keys, 1000, &busy, 0, old));
	assert_true(ktlsd_ticket_keys_mark_used(&keys, 1000, &other, 0, theirs));
	assert_false(ktlsd_ticket_keys_mark_used(&keys, 1000, &other, 0, theirs));
	assert_int_equal(ktlsd_ticket_keys_forgotten(&keys), 0);
	ktlsd_ticket_keys_free(&keys);
}

/* After a flush no ticket that was issued before is opened or accepted. */
static void keys_are_flushed(void **state)
{
	struct ktlsd_fingerprint print = cache_fingerprint(1);
	struct ktlsd_ticket_key sealed, found;
	uint8_t id[KTLSD_TICKET_ID];
	struct ktlsd_ticket_keys keys;
	bool renew;

	(void)state;
	ktlsd_ticket_keys_init(&keys, 7200);
	assert_int_equal(ktlsd_ticket_keys_current(&keys, 1000, &print, &sealed), 0);
	ktlsd_ticket_keys_number(&keys, 1000, &print, 1, id);
	assert_int_equal(ktlsd_ticket_keys_find(&keys, 1000, sealed.name, &print, &found,
						&renew), 0);
	assert_int_equal(ktlsd_ticket_keys_flush(&keys, NULL), 0);
	assert_int_equal(ktlsd_ticket_keys_flushed(&keys), 1);
	assert_int_equal(ktlsd_ticket_keys_find(&keys, 1000, sealed.name, &print, &found,
						&renew), -ENOENT);
	assert_false(ktlsd_ticket_keys_mark_used(&keys, 1000, &print, 0, id));
	assert_int_equal(ktlsd_ticket_keys_current(&keys, 1000, &print, &found), 0);
	assert_memory_not_equal(sealed.name, found.name, sizeof(found.name));
	ktlsd_ticket_keys_free(&keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_single_use),
		cmocka_unit_test(keys_are_flushed),
		cmocka_unit_test(cache_once),
		cmocka_unit_test(cache_is_timed),
		cmocka_unit_test(cache_is_bounded),
		cmocka_unit_test(cache_is_fair_by_number),
		cmocka_unit_test(cache_is_fair_by_bytes),
		cmocka_unit_test(cache_rests),
		cmocka_unit_test(cache_chain_ends),
		cmocka_unit_test(keys_of_tickets),
		cmocka_unit_test(keys_of_used_tickets),
		cmocka_unit_test(keys_of_many_users),
		cmocka_unit_test(fingerprint_of_requests),
		cmocka_unit_test(fingerprint_of_parts),
	};

	return cmocka_run_group_tests_name("cache", tests, test_pki_setup, test_pki_teardown);
}
