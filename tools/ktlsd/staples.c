// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/x509v3.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "staples.h"

/**
 * struct ktlsd_staples_item - a certificate for which responses are fetched
 * @next: in the list
 * @errand: when the next one is due
 * @staple: a reference; handshakes have others
 * @url: of the responder
 * @file: in the store
 * @identity: one that has the certificate, for the log
 * @must: clients refuse the certificate without a response
 * @wanted: the newest configuration has it
 * @all: those that it belongs to
 */
struct ktlsd_staples_item {
	struct ktlsd_staples_item	*next;
	struct ktlsd_errand		errand;
	struct ktlsd_staple		*staple;
	char				url[KTLSD_OCSP_URL_MAX];
	char				file[KTLSD_STORE_NAME];
	char				identity[KTLSD_IDENTITY_MAX + 1];
	bool				must;
	bool				wanted;
	struct ktlsd_staples		*all;
};

static struct ktlsd_staples_item *staples_item(struct ktlsd_errand *errand)
{
	return (void *)((char *)errand - offsetof(struct ktlsd_staples_item, errand));
}

/* --- responses --- */

static void staples_print_time(int64_t when, char *dst, size_t size)
{
	time_t seconds = (time_t)when;
	struct tm tm;

	dst[0] = '\0';
	if (gmtime_r(&seconds, &tm))
		strftime(dst, size, "%Y-%m-%d %H:%M UTC", &tm);
}

/* Logs what a new response says.
 *
 * One that says that the certificate was revoked is stapled like any other. Clients refuse the
 * server then, as they should: to hold the news back would let just those accept a revoked
 * certificate who asked for it, and the administrator could overlook it.
 */
static void staples_log(const struct ktlsd_staples_item *item,
			const struct ktlsd_ocsp_answer *answer)
{
	char until[32], revoked[32];

	staples_print_time(answer->expires, until, sizeof(until));
	staples_print_time(answer->revoked_at, revoked, sizeof(revoked));
	if (answer->status == KTLSD_OCSP_REVOKED)
		ktlsd_log(KTLSD_LOG_ERROR,
			  "A certificate of the identity '%s' WAS REVOKED on %s, says its OCSP responder %s: clients that ask are told so and refuse it. Replace the certificate and its key, and run ktlsctl reload.",
			  item->identity, revoked, item->url);
	else
		ktlsd_log(KTLSD_LOG_INFO,
			  "A certificate of the identity '%s' is good, says its OCSP responder %s; the response is stapled until %s.",
			  item->identity, item->url, until);
}

/* Checks a response and replaces the one at hand. Return: seconds until it is to be fetched
 * again, or a negative errno: -ETIME if it may be of use at another time.
 */
static int64_t staples_use(struct ktlsd_staples_item *item, const uint8_t *der, size_t len,
			   int64_t now, char *why)
{
	const struct ktlsd_staple_facts old = ktlsd_staple_describe(item->staple);
	const struct ktlsd_ocsp_question question = {
		.cert = item->staple->cert, .issuer = item->staple->issuer, .now = now,
	};
	struct ktlsd_ocsp_answer answer;
	struct ktlsd_staple_facts facts;

	ktlsd_ocsp_check(der, len, &question, &answer);
	if (answer.status == KTLSD_OCSP_BAD)
		snprintf(why, KTLS_FETCH_TEXT_MAX, "its response is refused: %s", answer.why);
	else if (answer.status == KTLSD_OCSP_UNKNOWN)
		snprintf(why, KTLS_FETCH_TEXT_MAX, "it does not know the certificate");
	else if (answer.expires <= now)
		snprintf(why, KTLS_FETCH_TEXT_MAX, "its response is out of date");
	/* Somebody on the way may repeat an old one. */
	else if (answer.this_update < old.this_update)
		snprintf(why, KTLS_FETCH_TEXT_MAX, "its response is older than the one at hand");
	if (why[0])
		return answer.expires && !ktlsd_clock_holds(answer.this_update, answer.expires, now) ?
		       -ETIME : -EPROTO;
	facts = (struct ktlsd_staple_facts) {
		answer.this_update, answer.expires, answer.status == KTLSD_OCSP_REVOKED,
	};
	if (ktlsd_staple_set(item->staple, der, len, &facts)) {
		snprintf(why, KTLS_FETCH_TEXT_MAX, "ktlsd is out of memory");
		return -ENOMEM;
	}
	if (facts.revoked || facts.this_update != old.this_update)
		staples_log(item, &answer);
	return ktlsd_errands_refresh_after(facts.this_update, facts.expires, now);
}

static int staples_request(struct ktlsd_errand *errand, uint8_t *body)
{
	struct ktlsd_staples_item *item = staples_item(errand);

	/* Without a nonce: responders can make their responses in advance. */
	return ktlsd_ocsp_request(item->staple->cert, item->staple->issuer, NULL, body);
}

static int64_t staples_take(struct ktlsd_errand *errand, const uint8_t *data, size_t len,
			    int64_t now, char why[KTLS_FETCH_TEXT_MAX])
{
	return staples_use(staples_item(errand), data, len, now, why);
}

static int staples_save(struct ktlsd_errand *errand)
{
	const struct ktlsd_staples_item *item = staples_item(errand);
	size_t len = 0;
	uint8_t *der = ktlsd_staple_copy(item->staple, item->all->errands->now(), &len);
	int err = der ? ktlsd_store_write(item->all->store, item->file, der, len) : 0;

	OPENSSL_free(der);
	return err;
}

/* Less and less often, except where clients refuse the server. */
static void staples_fail(struct ktlsd_errand *errand, const char *why, int64_t now,
			 int64_t delay)
{
	struct ktlsd_staples_item *item = staples_item(errand);
	const struct ktlsd_staple_facts facts = ktlsd_staple_describe(item->staple);
	bool valid = now < facts.expires;
	char until[32];

	staples_print_time(facts.expires, until, sizeof(until));
	if (item->must && !valid)
		ktlsd_log(KTLSD_LOG_ERROR,
			  "A certificate of the identity '%s' must be stapled (must-staple), and there is no OCSP response: clients refuse the server. The responder %s gave none: %s. Next attempt in %lld s.",
			  item->identity, item->url, why, (long long)delay);
	else if (!(errand->failures & (errand->failures - 1)))
		ktlsd_log(KTLSD_LOG_WARNING,
			  "There is no new OCSP response for a certificate of the identity '%s' from %s: %s. %s%s. Next attempt in %lld s.",
			  item->identity, item->url, why,
			  valid ? "The old one is valid until " : "Nothing is stapled",
			  valid ? until : "", (long long)delay);
}

static const struct ktlsd_errand_kind staples_kind = {
	.timeout_ms = KTLSD_STAPLES_FETCH_MS,
	.max = KTLSD_OCSP_RESPONSE_MAX,
	.request = staples_request,
	.take = staples_take,
	.save = staples_save,
	.fail = staples_fail,
};

/* --- certificates --- */

/* The file of an earlier run. It may be damaged, or not be ours: it is checked like an answer. */
static void staples_restore(struct ktlsd_staples_item *item, int64_t now)
{
	struct ktlsd_buffer file = { 0 };
	char why[KTLS_FETCH_TEXT_MAX] = "";
	int64_t after = -EINVAL;
	int err;

	err = ktlsd_store_read(item->all->store, item->file, KTLSD_OCSP_RESPONSE_MAX, &file);
	if (!err)
		after = staples_use(item, file.data, file.len, now, why);
	ktlsd_buffer_free(&file);
	if (err == -ENOENT)
		return;
	if (after > 0) {
		item->errand.due = now + after;
		return;
	}
	ktlsd_log(KTLSD_LOG_INFO,
		  "%s in the cache directory is not used for the identity '%s': %s. It is fetched again.",
		  item->file, item->identity, err ? strerror(-err) : why);
	/* The clock may be wrong until the network is there. */
	if (after != -ETIME)
		ktlsd_store_remove(item->all->store, item->file);
}

/* Return: a new item in both lists, or NULL without memory. */
static struct ktlsd_staples_item *staples_new(struct ktlsd_staples *all, X509 *cert,
					      X509 *issuer, const char *identity,
					      const char *url)
{
	struct ktlsd_staples_item *item = calloc(1, sizeof(*item));

	if (item)
		item->staple = ktlsd_staple_new(cert, issuer);
	if (!item || !item->staple) {
		free(item);
		return NULL;
	}
	item->all = all;
	item->must = ktlsd_ocsp_must_staple(cert);
	strcpy(item->identity, identity);
	strcpy(item->url, url);
	ktlsd_store_name(item->file, "ocsp", item->staple->key);
	item->errand.kind = &staples_kind;
	item->errand.url = item->url;
	item->errand.due = all->errands->now();
	staples_restore(item, item->errand.due);
	item->next = all->items;
	all->items = item;
	ktlsd_errands_add(all->errands, &item->errand);
	return item;
}

/* With the lock. Return: the item of a certificate, or NULL. */
static struct ktlsd_staples_item *staples_find(struct ktlsd_staples *all, X509 *cert,
					       X509 *issuer)
{
	struct ktlsd_staples_item *item;
	uint8_t key[KTLSD_STAPLE_KEY];

	if (ktlsd_staple_hash(cert, issuer, key))
		return NULL;
	for (item = all->items; item; item = item->next) {
		if (!memcmp(item->staple->key, key, sizeof(key)))
			return item;
	}
	return NULL;
}

/* Looks in the chain, then among the trust anchors. Return: a reference, or NULL. */
static X509 *staples_find_issuer(const struct ktlsd_credential *credential, X509_STORE *trust)
{
	X509_STORE_CTX *ctx;
	X509 *issuer = NULL;
	int i;

	for (i = 0; i < sk_X509_num(credential->chain); i++) {
		issuer = sk_X509_value(credential->chain, i);
		if (X509_check_issued(issuer, credential->leaf) == X509_V_OK) {
			X509_up_ref(issuer);
			return issuer;
		}
	}
	issuer = NULL;
	ctx = X509_STORE_CTX_new();
	if (ctx && X509_STORE_CTX_init(ctx, trust, credential->leaf, NULL) &&
	    X509_STORE_CTX_get1_issuer(&issuer, ctx, credential->leaf) != 1)
		issuer = NULL;
	X509_STORE_CTX_free(ctx);
	return issuer;
}

static void staples_warn(const char *name, const char *why)
{
	ktlsd_log(KTLSD_LOG_WARNING, "Nothing is stapled to a certificate of the identity '%s': %s.",
		  name, why);
}

/* Finds out whom to ask about a certificate. @url: of KTLSD_OCSP_URL_MAX bytes. Return: a
 * reference to the certificate of the issuer; or NULL, and the reason was logged.
 */
static X509 *staples_prepare(const struct ktlsd_config *config, const char *name,
			     const struct ktlsd_credential *credential, char *url)
{
	X509 *issuer = staples_find_issuer(credential, config->trust);

	if (!issuer) {
		staples_warn(name, "the certificate of its issuer is neither in its file nor among the trust anchors. Append it to the file");
	} else if (!ktlsd_ocsp_url(credential->leaf, url)) {
		staples_warn(name, "it names no OCSP responder. Remove staple, or ask its issuer for one that does");
		X509_free(issuer);
		return NULL;
	}
	return issuer;
}

/* Return: a reference for the identity, or NULL. */
static struct ktlsd_staple *staples_open(struct ktlsd_staples *all,
					 const struct ktlsd_config *config, const char *name,
					 const struct ktlsd_credential *credential)
{
	struct ktlsd_staples_item *item;
	char url[KTLSD_OCSP_URL_MAX];
	X509 *issuer;

	issuer = staples_prepare(config, name, credential, url);
	if (!issuer)
		return NULL;
	item = staples_find(all, credential->leaf, issuer);
	if (!item)
		item = staples_new(all, credential->leaf, issuer, name, url);
	X509_free(issuer);
	if (!item) {
		staples_warn(name, "ktlsd is out of memory");
		return NULL;
	}
	item->wanted = true;
	return ktlsd_staple_get(item->staple);
}

static void staples_warn_of_must(const struct ktlsd_identity *identity)
{
	unsigned int i;

	for (i = 0; i < identity->credential_count; i++) {
		if (ktlsd_ocsp_must_staple(identity->credentials[i].leaf))
			ktlsd_log(KTLSD_LOG_WARNING,
				  "A certificate of the identity '%s' must be stapled (must-staple), but staple is not yes: clients refuse servers that use it.",
				  identity->name);
	}
}

static void staples_remove(struct ktlsd_staples *all, struct ktlsd_staples_item **slot)
{
	struct ktlsd_staples_item *item = *slot;

	*slot = item->next;
	ktlsd_errands_del(all->errands, &item->errand);
	ktlsd_staple_put(item->staple);
	free(item);
}

void ktlsd_staples_adopt(struct ktlsd_staples *all, struct ktlsd_config *config)
{
	struct ktlsd_staples_item *item, **slot;
	struct ktlsd_identity *identity;
	unsigned int k;
	size_t i;

	if (!all->errands)
		return;
	pthread_mutex_lock(&all->errands->lock);
	for (item = all->items; item; item = item->next)
		item->wanted = false;
	for (i = 0; i < config->identity_count; i++) {
		identity = &config->identities[i];
		if (!identity->staple)
			staples_warn_of_must(identity);
		for (k = 0; identity->staple && k < identity->credential_count; k++)
			identity->staples[k] = staples_open(all, config, identity->name,
							    &identity->credentials[k]);
	}
	for (slot = &all->items; *slot;) {
		if ((*slot)->wanted)
			slot = &(*slot)->next;
		else
			staples_remove(all, slot);
	}
	pthread_mutex_unlock(&all->errands->lock);
	ktlsd_errands_wake(all->errands);
}

void ktlsd_staples_check(const struct ktlsd_config *config)
{
	const struct ktlsd_identity *identity;
	char url[KTLSD_OCSP_URL_MAX];
	unsigned int k;
	size_t i;

	for (i = 0; i < config->identity_count; i++) {
		identity = &config->identities[i];
		if (!identity->staple)
			staples_warn_of_must(identity);
		for (k = 0; identity->staple && k < identity->credential_count; k++)
			X509_free(staples_prepare(config, identity->name,
						  &identity->credentials[k], url));
	}
}

void ktlsd_staples_init(struct ktlsd_staples *all, struct ktlsd_errands *errands,
			struct ktlsd_store *store)
{
	all->errands = errands;
	all->store = store;
	all->items = NULL;
}

void ktlsd_staples_free(struct ktlsd_staples *all)
{
	while (all->items)
		staples_remove(all, &all->items);
}

/* --- numbers --- */

struct ktlsd_staples_sum ktlsd_staples_count(struct ktlsd_staples *all)
{
	struct ktlsd_staples_sum sum = { 0 };
	struct ktlsd_staples_item *item;
	struct ktlsd_staple_facts facts;

	if (!all->errands)
		return sum;
	pthread_mutex_lock(&all->errands->lock);
	for (item = all->items; item; item = item->next) {
		facts = ktlsd_staple_describe(item->staple);
		sum.count++;
		if (all->errands->now() >= facts.expires)
			continue;
		sum.valid++;
		sum.revoked += facts.revoked;
	}
	pthread_mutex_unlock(&all->errands->lock);
	return sum;
}

int64_t ktlsd_staples_expiry(const struct ktlsd_identity *identity)
{
	int64_t first = -1, expires;
	unsigned int i;

	for (i = 0; i < identity->credential_count; i++) {
		if (!identity->staples[i])
			continue;
		expires = ktlsd_staple_describe(identity->staples[i]).expires;
		if (first < 0 || expires < first)
			first = expires;
	}
	return first;
}
