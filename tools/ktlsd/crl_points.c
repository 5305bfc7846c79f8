// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "config/crl_lookup.h"
#include "config/date.h"
#include "crl_check.h"
#include "crl_points.h"

#define CRL_POINTS_KIND		"crl"
#define CRL_POINTS_MAGIC	"ktlsd crl 2\n"
/* Then a letter, the URL, a newline, the issuer, the CRL. */
#define CRL_POINTS_FOR_CA	'a'
#define CRL_POINTS_FOR_END	'e'

enum {
	CRL_POINTS_FILE_MAX	= KTLSD_CRLS_FILE_MAX + 65536 + KTLS_FETCH_URL_MAX,
};

/**
 * struct ktlsd_crl_points_item - a distribution point
 * @next: in the list
 * @errand: when it is to be fetched
 * @all: those that it belongs to
 * @what: issuer and URL
 * @name: of the issuer, for the log
 * @file: in the store
 * @fetched: the newest CRL; a reference, or NULL
 * @bytes: of it
 */
struct ktlsd_crl_points_item {
	struct ktlsd_crl_points_item	*next;
	struct ktlsd_errand		errand;
	struct ktlsd_crl_points		*all;
	struct ktlsd_crl_points_wanted	what;
	char				name[72];
	char				file[KTLSD_STORE_NAME];
	struct ktlsd_crl_fetched	*fetched;
	size_t				bytes;
};

static struct ktlsd_crl_points_item *crl_points_item(struct ktlsd_errand *errand)
{
	return (void *)((char *)errand - offsetof(struct ktlsd_crl_points_item, errand));
}

static bool crl_points_hash(struct ktlsd_crl_points_wanted *what)
{
	uint8_t all[KTLSD_CRLS_ISSUER + 1 + KTLS_FETCH_URL_MAX];
	size_t url_len = strlen(what->url);

	if (ktlsd_crl_lookup_hash(what->issuer, what->tag))
		return false;
	memcpy(all, what->tag, sizeof(what->tag));
	all[sizeof(what->tag)] = what->is_ca ? CRL_POINTS_FOR_CA : CRL_POINTS_FOR_END;
	memcpy(all + sizeof(what->tag) + 1, what->url, url_len);
	return EVP_Digest(all, sizeof(what->tag) + 1 + url_len, what->key, NULL, EVP_sha256(),
			  NULL);
}

/* --- the set; with the lock of the errands --- */

static void crl_points_publish(struct ktlsd_crl_points *points)
{
	struct ktlsd_crl_fetched *fetched[KTLSD_CRL_POINTS_MAX];
	const struct ktlsd_crl_points_item *item;
	unsigned int count = 0;

	for (item = points->items; item; item = item->next) {
		if (item->fetched)
			fetched[count++] = item->fetched;
	}
	if (points->crls && ktlsd_crls_set_fetched(points->crls, fetched, count))
		ktlsd_log(KTLSD_LOG_ERROR, "ktlsd is out of memory: the old CRLs stay in force.");
}

/* Checks a CRL and replaces the one at hand. Return: 0 or a negative errno. */
static int crl_points_use(struct ktlsd_crl_points_item *item, const uint8_t *der, size_t len,
			  int64_t now, bool any_time, char *why)
{
	const struct ktlsd_crl_check check = {
		.issuer = item->what.issuer, .url = item->what.url, .is_ca = item->what.is_ca,
		.any_time = any_time, .old = item->fetched ? item->fetched->crl : NULL,
		.now = now,
	};
	STACK_OF(X509_CRL) *list = sk_X509_CRL_new_null();
	struct ktlsd_crl_fetched *fetched = NULL;
	const char *trouble = NULL;
	struct ktlsd_fault fault;
	X509_CRL *crl = NULL;

	if (!list || ktlsd_crls_parse(der, len, list, &fault))
		trouble = list ? fault.reason : "ktlsd is out of memory";
	else if (sk_X509_CRL_num(list) != 1)
		trouble = "it is more than one CRL";
	else
		crl = sk_X509_CRL_value(list, 0);
	if (crl)
		trouble = ktlsd_crl_check(crl, &check);
	if (!trouble && item->all->bytes - item->bytes + len > KTLSD_CRL_POINTS_BYTES)
		trouble = "there is no room for more CRLs";
	if (!trouble) {
		fetched = ktlsd_crls_new_fetched(crl, item->what.tag);
		trouble = fetched ? NULL : "ktlsd is out of memory";
	}
	if (!trouble) {
		ktlsd_crls_put_fetched(item->fetched);
		item->fetched = fetched;
		item->all->bytes += len - item->bytes;
		item->bytes = len;
	}
	if (trouble)
		snprintf(why, KTLS_FETCH_TEXT_MAX, "the CRL is refused: %.130s", trouble);
	sk_X509_CRL_pop_free(list, X509_CRL_free);
	ERR_clear_error();
	return trouble ? -EPROTO : 0;
}

static int64_t crl_points_refresh_after(const struct ktlsd_crl_points_item *item, int64_t now)
{
	const X509_CRL *crl = item->fetched->crl;

	return ktlsd_errands_refresh_after(ktlsd_date_seconds(X509_CRL_get0_lastUpdate(crl)),
					   ktlsd_crl_check_expires(crl), now);
}

/* --- the disk --- */

static int crl_points_save(struct ktlsd_errand *errand)
{
	const struct ktlsd_crl_points_item *item = crl_points_item(errand);
	char kind = item->what.is_ca ? CRL_POINTS_FOR_CA : CRL_POINTS_FOR_END;
	uint8_t *issuer = NULL, *crl = NULL;
	int issuer_len = i2d_X509(item->what.issuer, &issuer);
	int len = i2d_X509_CRL(item->fetched->crl, &crl), err = -ENOMEM;
	struct ktlsd_buffer file = { 0 };

	if (issuer_len > 0 && len > 0 &&
	    !ktlsd_buffer_append(&file, CRL_POINTS_MAGIC, strlen(CRL_POINTS_MAGIC),
				 CRL_POINTS_FILE_MAX) &&
	    !ktlsd_buffer_append(&file, &kind, 1, CRL_POINTS_FILE_MAX) &&
	    !ktlsd_buffer_append(&file, item->what.url, strlen(item->what.url),
				 CRL_POINTS_FILE_MAX) &&
	    !ktlsd_buffer_append(&file, "\n", 1, CRL_POINTS_FILE_MAX) &&
	    !ktlsd_buffer_append(&file, issuer, (size_t)issuer_len, CRL_POINTS_FILE_MAX) &&
	    !ktlsd_buffer_append(&file, crl, (size_t)len, CRL_POINTS_FILE_MAX))
		err = ktlsd_store_write(item->all->store, item->file, file.data, file.len);
	ktlsd_buffer_free(&file);
	OPENSSL_free(issuer);
	OPENSSL_free(crl);
	return err;
}

/* Reads what is before the CRL. Return: where that begins, or NULL. */
static const uint8_t *crl_points_read_head(const struct ktlsd_buffer *file,
					   struct ktlsd_crl_points_wanted *what)
{
	const size_t magic = strlen(CRL_POINTS_MAGIC), head = magic + 1;
	const uint8_t *end = file->len > head ? memchr(file->data + head, '\n',
						       file->len - head) : NULL;
	const unsigned char *at;
	size_t url_len;

	if (!end || memcmp(file->data, CRL_POINTS_MAGIC, magic))
		return NULL;
	url_len = (size_t)(end - file->data) - head;
	if (url_len >= sizeof(what->url) || memchr(file->data + head, 0, url_len))
		return NULL;
	what->is_ca = file->data[magic] == CRL_POINTS_FOR_CA;
	memcpy(what->url, file->data + head, url_len);
	what->url[url_len] = '\0';
	if (strncasecmp(what->url, "http://", 7))
		return NULL;
	at = end + 1;
	what->issuer = d2i_X509(NULL, &at, (long)(file->data + file->len - at));
	ERR_clear_error();
	return what->issuer && crl_points_hash(what) ? at : NULL;
}

/* --- errands --- */

static int64_t crl_points_take(struct ktlsd_errand *errand, const uint8_t *data, size_t len,
			       int64_t now, char why[KTLS_FETCH_TEXT_MAX])
{
	struct ktlsd_crl_points_item *item = crl_points_item(errand);
	bool first = !item->fetched;
	int err;

	err = crl_points_use(item, data, len, now, false, why);
	if (err)
		return err;
	crl_points_publish(item->all);
	ktlsd_log(first ? KTLSD_LOG_INFO : KTLSD_LOG_DEBUG,
		  "The CRL of '%s' was fetched from %s.", item->name, item->what.url);
	return crl_points_refresh_after(item, now);
}

static void crl_points_fail(struct ktlsd_errand *errand, const char *why, int64_t now,
			    int64_t delay)
{
	struct ktlsd_crl_points_item *item = crl_points_item(errand);
	bool stale = item->fetched && ktlsd_crl_check_expires(item->fetched->crl) <= now;

	if (errand->failures & (errand->failures - 1) && !stale)
		return;
	ktlsd_log(stale ? KTLSD_LOG_ERROR : KTLSD_LOG_WARNING,
		  "The CRL of '%s' could not be fetched from %s: %s. %s. Next attempt in %lld s.",
		  item->name, item->what.url, why,
		  stale ? "The one at hand is stale: certificates of this issuer are refused" :
		  item->fetched ? "The one at hand is used" : "There is none", (long long)delay);
}

static const struct ktlsd_errand_kind crl_points_kind = {
	.timeout_ms = KTLSD_CRL_POINTS_FETCH_MS,
	.max = KTLSD_CRLS_FILE_MAX,
	.take = crl_points_take,
	.save = crl_points_save,
	.fail = crl_points_fail,
};

/* Takes over what @what refers to. Return: a new item, which is not in the list; or NULL. */
static struct ktlsd_crl_points_item *crl_points_new(struct ktlsd_crl_points *points,
						    const struct ktlsd_crl_points_wanted *what)
{
	struct ktlsd_crl_points_item *item = calloc(1, sizeof(*item));

	if (!item) {
		X509_free(what->issuer);
		return NULL;
	}
	item->all = points;
	item->what = *what;
	item->errand.kind = &crl_points_kind;
	item->errand.url = item->what.url;
	item->errand.due = points->errands->now();
	ktlsd_errors_print_name(item->name, sizeof(item->name),
				X509_get_subject_name(what->issuer));
	ktlsd_store_name(item->file, CRL_POINTS_KIND, what->key);
	return item;
}

static void crl_points_add(struct ktlsd_crl_points *points, struct ktlsd_crl_points_item *item)
{
	item->next = points->items;
	points->items = item;
	ktlsd_errands_add(points->errands, &item->errand);
}

static void crl_points_free_item(struct ktlsd_crl_points_item *item)
{
	item->all->bytes -= item->bytes;
	ktlsd_crls_put_fetched(item->fetched);
	X509_free(item->what.issuer);
	free(item);
}

/* It can be wanted again. */
static void crl_points_forget(struct ktlsd_crl_points *points, const uint8_t *key)
{
	unsigned int i;

	pthread_mutex_lock(&points->lock);
	for (i = 0; i < points->key_count; i++) {
		if (memcmp(points->keys[i], key, KTLSD_CRL_POINTS_KEY))
			continue;
		memmove(points->keys[i], points->keys[--points->key_count], KTLSD_CRL_POINTS_KEY);
		points->full = false;
		break;
	}
	pthread_mutex_unlock(&points->lock);
}

static void crl_points_remove(struct ktlsd_crl_points *points,
			      struct ktlsd_crl_points_item **slot)
{
	struct ktlsd_crl_points_item *item = *slot;

	*slot = item->next;
	ktlsd_errands_del(points->errands, &item->errand);
	crl_points_forget(points, item->what.key);
	crl_points_free_item(item);
}

/* Takes over what handshakes want, and forgets what is not there. */
static void crl_points_prepare(void *arg)
{
	struct ktlsd_crl_points_wanted wanted[KTLSD_CRL_POINTS_WANTED];
	struct ktlsd_crl_points_item *item, **slot;
	struct ktlsd_crl_points *points = arg;
	unsigned int i, count;

	for (slot = &points->items; *slot;) {
		item = *slot;
		if (!item->fetched && item->errand.failures >= KTLSD_CRL_POINTS_FAILURES)
			crl_points_remove(points, slot);
		else
			slot = &item->next;
	}
	pthread_mutex_lock(&points->lock);
	count = points->wanted_count;
	memcpy(wanted, points->wanted, count * sizeof(*wanted));
	points->wanted_count = 0;
	pthread_mutex_unlock(&points->lock);
	for (i = 0; i < count; i++) {
		item = crl_points_new(points, &wanted[i]);
		if (item)
			crl_points_add(points, item);
		else
			crl_points_forget(points, wanted[i].key);
	}
	/* By a handshake of an older configuration. */
	while (!points->fetch && points->items)
		crl_points_remove(points, &points->items);
}

/* --- for others --- */

/* With the lock. Return: whether it is new, and there is room for it. */
static bool crl_points_note(struct ktlsd_crl_points *points, const uint8_t *key)
{
	unsigned int i;

	for (i = 0; i < points->key_count; i++) {
		if (!memcmp(points->keys[i], key, KTLSD_CRL_POINTS_KEY))
			return false;
	}
	if (i < KTLSD_CRL_POINTS_MAX) {
		memcpy(points->keys[points->key_count++], key, KTLSD_CRL_POINTS_KEY);
		return true;
	}
	if (!points->full)
		ktlsd_log(KTLSD_LOG_WARNING,
			  "There are more than %d CRLs to fetch: the rest is not fetched.",
			  KTLSD_CRL_POINTS_MAX);
	points->full = true;
	return false;
}

void ktlsd_crl_points_want(struct ktlsd_crl_points *points, X509 *cert, X509 *issuer)
{
	struct ktlsd_crl_points_wanted what = { .issuer = issuer };
	bool new;

	what.is_ca = X509_get_extension_flags(cert) & EXFLAG_CA;
	if (!ktlsd_crl_check_url(cert, what.url) || !crl_points_hash(&what))
		return;
	pthread_mutex_lock(&points->lock);
	new = points->wanted_count < KTLSD_CRL_POINTS_WANTED && crl_points_note(points, what.key);
	if (new) {
		X509_up_ref(issuer);
		points->wanted[points->wanted_count++] = what;
	}
	pthread_mutex_unlock(&points->lock);
	if (new)
		ktlsd_errands_wake(points->errands);
}

/* A file of an earlier run: a CRL that is stale now has still to be used, like any other, and so
 * has one from the future, as the clock may be wrong until the network is there: certificates of
 * its issuer are refused then, not accepted unseen. Nobody has verified the issuer in it; OpenSSL
 * verifies the CRL with the one in the peer's chain.
 */
static void crl_points_restore(void *arg, const char *name)
{
	struct ktlsd_crl_points_wanted what = { .issuer = NULL };
	struct ktlsd_crl_points *points = arg;
	struct ktlsd_crl_points_item *item;
	char why[KTLS_FETCH_TEXT_MAX] = "it is damaged";
	int64_t now = points->errands->now();
	struct ktlsd_buffer file = { 0 };
	const uint8_t *crl = NULL;
	bool new = false;

	if (!ktlsd_store_read(points->store, name, CRL_POINTS_FILE_MAX, &file))
		crl = crl_points_read_head(&file, &what);
	item = crl ? crl_points_new(points, &what) : NULL;
	if (!item && !crl)
		X509_free(what.issuer);
	if (item && !crl_points_use(item, crl, (size_t)(file.data + file.len - crl), now, true,
				    why)) {
		pthread_mutex_lock(&points->lock);
		new = crl_points_note(points, what.key);
		pthread_mutex_unlock(&points->lock);
	}
	if (new) {
		if (ktlsd_clock_holds(ktlsd_date_seconds(X509_CRL_get0_lastUpdate(
							item->fetched->crl)),
				      ktlsd_crl_check_expires(item->fetched->crl), now))
			item->errand.due = now + crl_points_refresh_after(item, now);
		crl_points_add(points, item);
	} else {
		ktlsd_log(KTLSD_LOG_INFO, "%s in the cache directory is not used: %s.", name, why);
		ktlsd_store_remove(points->store, name);
		if (item)
			crl_points_free_item(item);
	}
	ktlsd_buffer_free(&file);
}

void ktlsd_crl_points_init(struct ktlsd_crl_points *points, struct ktlsd_errands *errands,
			   struct ktlsd_store *store)
{
	memset(points, 0, sizeof(*points));
	points->errands = errands;
	points->store = store;
	pthread_mutex_init(&points->lock, NULL);
	errands->prepare = crl_points_prepare;
	errands->prepare_arg = points;
}

void ktlsd_crl_points_adopt(struct ktlsd_crl_points *points, const struct ktlsd_config *config)
{
	if (!points->errands)
		return;
	pthread_mutex_lock(&points->errands->lock);
	if (config->crl_fetch && !points->fetch)
		ktlsd_store_each(points->store, CRL_POINTS_KIND, crl_points_restore, points);
	points->fetch = config->crl_fetch;
	while (!points->fetch && points->items)
		crl_points_remove(points, &points->items);
	ktlsd_crls_put(points->crls);
	points->crls = ktlsd_crls_get(config->crls);
	crl_points_publish(points);
	pthread_mutex_unlock(&points->errands->lock);
	ktlsd_errands_wake(points->errands);
}

void ktlsd_crl_points_free(struct ktlsd_crl_points *points)
{
	if (!points->errands)
		return;
	while (points->items)
		crl_points_remove(points, &points->items);
	while (points->wanted_count)
		X509_free(points->wanted[--points->wanted_count].issuer);
	ktlsd_crls_put(points->crls);
	pthread_mutex_destroy(&points->lock);
	points->errands = NULL;
}

struct ktlsd_crl_points_sum ktlsd_crl_points_count(struct ktlsd_crl_points *points)
{
	struct ktlsd_crl_points_sum sum = { 0 };
	struct ktlsd_crl_points_item *item;
	int64_t expires;

	if (!points->errands)
		return sum;
	pthread_mutex_lock(&points->errands->lock);
	for (item = points->items; item; item = item->next) {
		sum.count++;
		if (!item->fetched)
			continue;
		expires = ktlsd_crl_check_expires(item->fetched->crl);
		sum.valid += expires > points->errands->now();
		if (!sum.expires || expires < sum.expires)
			sum.expires = expires;
	}
	pthread_mutex_unlock(&points->errands->lock);
	return sum;
}
