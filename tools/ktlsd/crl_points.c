// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "config/crl_lookup.h"
#include "config/date.h"
#include "crl_check.h"
#include "crl_file.h"
#include "crl_points.h"
#include "crl_room.h"

#define CRL_POINTS_KIND		"crl"

static struct ktlsd_crl_points_item *crl_points_item(struct ktlsd_errand *errand)
{
	return (void *)((char *)errand - offsetof(struct ktlsd_crl_points_item, errand));
}

int ktlsd_crl_points_hash(struct ktlsd_crl_points_wanted *what)
{
	uint8_t all[KTLSD_CRLS_ISSUER + 1 + KTLS_FETCH_URL_MAX];
	size_t url_len = strlen(what->url);

	if (ktlsd_crl_lookup_hash(what->issuer, what->tag))
		return -ENOMEM;
	memcpy(all, what->tag, sizeof(what->tag));
	all[sizeof(what->tag)] = what->is_ca ? KTLSD_CRL_POINTS_FOR_CA : KTLSD_CRL_POINTS_FOR_END;
	memcpy(all + sizeof(what->tag) + 1, what->url, url_len);
	return EVP_Digest(all, sizeof(what->tag) + 1 + url_len, what->key, NULL, EVP_sha256(),
			  NULL) ? 0 : -ENOMEM;
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

static void crl_points_free_item(struct ktlsd_crl_points_item *item)
{
	item->all->bytes -= item->bytes;
	ktlsd_crls_put_fetched(item->fetched);
	X509_free(item->what.issuer);
	free(item);
}

/* --- the keys; with their lock --- */

static bool crl_points_has_key(const struct ktlsd_crl_points *points, const uint8_t *key)
{
	unsigned int i;

	for (i = 0; i < points->key_count; i++) {
		if (!memcmp(points->keys[i], key, KTLSD_CRL_POINTS_KEY))
			return true;
	}
	return false;
}

/* Return: whether it is new, and there is room for it. There may be none while the thread admits
 * what was wanted, because more can be wanted then.
 */
static bool crl_points_add_key(struct ktlsd_crl_points *points, const uint8_t *key)
{
	if (points->key_count == sizeof(points->keys) / sizeof(*points->keys) ||
	    crl_points_has_key(points, key))
		return false;
	memcpy(points->keys[points->key_count++], key, KTLSD_CRL_POINTS_KEY);
	return true;
}

/* --- the items; with the lock of the errands --- */

/* It can be wanted again. */
static void crl_points_forget(struct ktlsd_crl_points *points, const uint8_t *key)
{
	unsigned int i;

	pthread_mutex_lock(&points->lock);
	for (i = 0; i < points->key_count; i++) {
		if (memcmp(points->keys[i], key, KTLSD_CRL_POINTS_KEY))
			continue;
		memmove(points->keys[i], points->keys[--points->key_count], KTLSD_CRL_POINTS_KEY);
		break;
	}
	pthread_mutex_unlock(&points->lock);
}

static void crl_points_remove(struct ktlsd_crl_points *points,
			      struct ktlsd_crl_points_item **slot)
{
	struct ktlsd_crl_points_item *item = *slot;

	*slot = item->next;
	points->count--;
	ktlsd_errands_del(points->errands, &item->errand);
	crl_points_forget(points, item->what.key);
	crl_points_free_item(item);
}

static void crl_points_evict(struct ktlsd_crl_points *points,
			     const struct ktlsd_crl_points_item *item)
{
	struct ktlsd_crl_points_item **slot = &points->items;

	if (!points->full)
		ktlsd_log(KTLSD_LOG_WARNING,
			  "More CRLs are needed than there is room for (%d, and %d MiB): those that were not used for longest make room, and are fetched again when they are needed.",
			  KTLSD_CRL_POINTS_MAX, KTLSD_CRL_POINTS_BYTES >> 20);
	points->full = true;
	points->evicted++;
	while (*slot != item)
		slot = &(*slot)->next;
	ktlsd_store_remove(points->store, item->file);
	crl_points_remove(points, slot);
}

/* Makes room for a CRL of @len bytes. Return: whether there is some now. */
static bool crl_points_make_room(struct ktlsd_crl_points_item *item, size_t len)
{
	struct ktlsd_crl_points *points = item->all;
	struct ktlsd_crl_points_item *other;

	while (points->bytes - item->bytes + len > KTLSD_CRL_POINTS_BYTES) {
		if (len <= item->bytes || item->what.user == KTLSD_CRL_POINTS_NOBODY)
			return false;
		other = ktlsd_crl_room_choose(points, item->what.user, len - item->bytes, item);
		if (!other)
			return false;
		crl_points_evict(points, other);
	}
	return true;
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
	if (!trouble && !crl_points_make_room(item, len))
		trouble = "there is no room for more CRLs";
	if (!trouble) {
		fetched = ktlsd_crls_new_fetched(crl, item->what.tag);
		trouble = fetched ? NULL : "ktlsd is out of memory";
	}
	if (!trouble && item->fetched) {
		fetched->used = item->fetched->used;
		fetched->user = item->fetched->user;
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

static int crl_points_save(struct ktlsd_errand *errand)
{
	return ktlsd_crl_file_save(crl_points_item(errand));
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
	if (what->user != KTLSD_CRL_POINTS_NOBODY)
		item->used = ktlsd_clock_ms();
	ktlsd_errors_print_name(item->name, sizeof(item->name),
				X509_get_subject_name(what->issuer));
	ktlsd_store_name(item->file, CRL_POINTS_KIND, what->key);
	return item;
}

static void crl_points_add(struct ktlsd_crl_points *points, struct ktlsd_crl_points_item *item)
{
	item->next = points->items;
	points->items = item;
	points->count++;
	ktlsd_errands_add(points->errands, &item->errand);
}

/* --- what was on disk --- */

static bool crl_points_note(struct ktlsd_crl_points *points, const uint8_t *key)
{
	bool new;

	pthread_mutex_lock(&points->lock);
	new = crl_points_add_key(points, key);
	pthread_mutex_unlock(&points->lock);
	return new;
}

/* Takes over what @what refers to. Return: NULL, or why the file is of no use. */
static const char *crl_points_take_file(struct ktlsd_crl_points *points,
					const struct ktlsd_crl_points_wanted *what,
					const uint8_t *der, size_t len, char *why)
{
	int64_t now = points->errands->now();
	struct ktlsd_crl_points_item *item;
	const X509_CRL *crl;

	/* A handshake was faster: it is fetched. */
	if (points->count < KTLSD_CRL_POINTS_MAX && !crl_points_note(points, what->key)) {
		X509_free(what->issuer);
		return NULL;
	}
	if (points->count == KTLSD_CRL_POINTS_MAX) {
		X509_free(what->issuer);
		return "there is no room for it";
	}
	item = crl_points_new(points, what);
	if (!item || crl_points_use(item, der, len, now, true, why)) {
		crl_points_forget(points, what->key);
		if (item)
			crl_points_free_item(item);
		return item ? why : "ktlsd is out of memory";
	}
	crl = item->fetched->crl;
	if (ktlsd_clock_holds(ktlsd_date_seconds(X509_CRL_get0_lastUpdate(crl)),
			      ktlsd_crl_check_expires(crl), now))
		item->errand.due = now + crl_points_refresh_after(item, now);
	crl_points_add(points, item);
	return NULL;
}

/* A file of an earlier run: a CRL that is stale now has still to be used, like any other, and so
 * has one from the future, as the clock may be wrong until the network is there: certificates of
 * its issuer are refused then, not accepted unseen. Nobody has verified the issuer in it: the CRL
 * counts only for chains whose issuer has the same key. Return: bytes.
 */
static size_t crl_points_restore(struct ktlsd_crl_points *points, const char *name)
{
	struct ktlsd_crl_points_wanted what = { .user = KTLSD_CRL_POINTS_NOBODY };
	const char *why = "it is damaged";
	char text[KTLS_FETCH_TEXT_MAX];
	struct ktlsd_buffer file = { 0 };
	const uint8_t *crl = NULL;
	size_t len;

	if (!ktlsd_store_read(points->store, name, KTLSD_CRL_FILE_MAX, &file))
		crl = ktlsd_crl_file_read_head(&file, &what);
	if (crl)
		why = crl_points_take_file(points, &what, crl,
					   (size_t)(file.data + file.len - crl), text);
	else
		X509_free(what.issuer);
	if (why) {
		ktlsd_log(KTLSD_LOG_INFO, "%s in the cache directory is not used: %s.", name, why);
		ktlsd_store_remove(points->store, name);
	}
	len = file.len;
	ktlsd_buffer_free(&file);
	return len;
}

static void crl_points_forget_files(struct ktlsd_crl_points *points)
{
	free(points->files);
	points->files = NULL;
	points->file_count = 0;
}

static void crl_points_list(void *arg, const char *name)
{
	struct ktlsd_crl_points *points = arg;

	if (points->file_count < KTLSD_STORE_FILES)
		snprintf(points->files[points->file_count++], KTLSD_STORE_NAME, "%s", name);
}

/* Reads some of the files. Return: whether there is a CRL more. */
static bool crl_points_read_some(struct ktlsd_crl_points *points)
{
	unsigned int files = 0, before = points->count;
	size_t bytes = 0;

	while (points->file_count && files++ < KTLSD_CRL_POINTS_READ_FILES &&
	       bytes < KTLSD_CRL_POINTS_READ_BYTES)
		bytes += crl_points_restore(points, points->files[--points->file_count]);
	if (!points->file_count)
		crl_points_forget_files(points);
	return points->count != before;
}

/* --- what handshakes want --- */

/* Takes over what @what refers to. */
static void crl_points_admit(struct ktlsd_crl_points *points,
			     const struct ktlsd_crl_points_wanted *what)
{
	struct ktlsd_crl_points_item *item = NULL, *other = NULL;

	if (points->count == KTLSD_CRL_POINTS_MAX)
		other = ktlsd_crl_room_choose(points, what->user, 0, NULL);
	if (other)
		crl_points_evict(points, other);
	if (points->count < KTLSD_CRL_POINTS_MAX)
		item = crl_points_new(points, what);
	else
		X509_free(what->issuer);
	if (item)
		crl_points_add(points, item);
	else
		crl_points_forget(points, what->key);
}

static void crl_points_admit_all(struct ktlsd_crl_points *points)
{
	struct ktlsd_crl_points_wanted wanted[KTLSD_CRL_POINTS_WANTED];
	unsigned int i, count;

	pthread_mutex_lock(&points->lock);
	count = points->wanted_count;
	memcpy(wanted, points->wanted, count * sizeof(*wanted));
	points->wanted_count = 0;
	pthread_mutex_unlock(&points->lock);
	for (i = 0; i < count; i++)
		crl_points_admit(points, &wanted[i]);
}

static void crl_points_drop_failed(struct ktlsd_crl_points *points)
{
	struct ktlsd_crl_points_item *item, **slot;

	for (slot = &points->items; *slot;) {
		item = *slot;
		if (!item->fetched && item->errand.failures >= KTLSD_CRL_POINTS_FAILURES)
			crl_points_remove(points, slot);
		else
			slot = &item->next;
	}
}

/* Return: whether there is more to do at once. */
static bool crl_points_prepare(void *arg)
{
	struct ktlsd_crl_points *points = arg;
	struct ktlsd_crl_points_item *next;
	uint64_t evicted = points->evicted;
	bool changed;

	crl_points_drop_failed(points);
	ktlsd_crl_room_reckon(points);
	changed = crl_points_read_some(points);
	crl_points_admit_all(points);
	if (changed || points->evicted != evicted)
		crl_points_publish(points);
	/* By a handshake of an older configuration. */
	while (!points->fetch && points->items)
		crl_points_remove(points, &points->items);
	next = ktlsd_crl_room_next(points, points->errands->now());
	if (next) {
		/* To the front. */
		ktlsd_errands_del(points->errands, &next->errand);
		ktlsd_errands_add(points->errands, &next->errand);
	}
	return points->file_count;
}

/* With the lock. Return: whether the thread can take one more, for this user. */
static bool crl_points_may_want(const struct ktlsd_crl_points *points,
				const struct ktlsd_crl_points_wanted *what)
{
	unsigned int i, same = 0;

	for (i = 0; i < points->wanted_count; i++)
		same += points->wanted[i].user >> 32 == what->user >> 32;
	return i < KTLSD_CRL_POINTS_WANTED && same < KTLSD_CRL_POINTS_WANTED_UID;
}

void ktlsd_crl_points_want(struct ktlsd_crl_points *points, X509 *cert, X509 *issuer,
			   uint64_t user)
{
	struct ktlsd_crl_points_wanted what = { .issuer = issuer, .user = user };
	bool new;

	what.is_ca = X509_get_extension_flags(cert) & EXFLAG_CA;
	if (!ktlsd_crl_check_url(cert, what.url) || ktlsd_crl_points_hash(&what))
		return;
	pthread_mutex_lock(&points->lock);
	new = crl_points_may_want(points, &what) && crl_points_add_key(points, what.key);
	if (new) {
		X509_up_ref(issuer);
		points->wanted[points->wanted_count++] = what;
	}
	pthread_mutex_unlock(&points->lock);
	if (new)
		ktlsd_errands_wake(points->errands);
}

/* --- for others --- */

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
	if (config->crl_fetch && !points->fetch) {
		crl_points_forget_files(points);
		points->files = calloc(KTLSD_STORE_FILES, sizeof(*points->files));
		if (points->files)
			ktlsd_store_each(points->store, CRL_POINTS_KIND, crl_points_list, points);
		crl_points_read_some(points);
	}
	points->fetch = config->crl_fetch;
	if (!points->fetch)
		crl_points_forget_files(points);
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
	crl_points_forget_files(points);
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
	sum.evicted = points->evicted;
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
