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
#include "config/date.h"
#include "crl_points.h"

#define CRL_POINTS_KIND		"crl"
#define CRL_POINTS_MAGIC	"ktlsd crl 1\n"		/* then URL, newline, issuer, CRL */

enum {
	CRL_POINTS_FILE_MAX	= KTLSD_CRLS_FILE_MAX + 65536 + KTLS_FETCH_URL_MAX,
	CRL_POINTS_AGE		= 86400,	/* seconds, of a CRL without nextUpdate */
};

/**
 * struct ktlsd_crl_points_item - a distribution point
 * @next: in the list
 * @errand: when it is to be fetched
 * @all: those that it belongs to
 * @what: issuer and URL
 * @name: of the issuer, for the log
 * @file: in the store
 * @crl: the newest, or NULL
 * @bytes: of it
 */
struct ktlsd_crl_points_item {
	struct ktlsd_crl_points_item	*next;
	struct ktlsd_errand		errand;
	struct ktlsd_crl_points		*all;
	struct ktlsd_crl_points_wanted	what;
	char				name[72];
	char				file[KTLSD_STORE_NAME];
	X509_CRL			*crl;
	size_t				bytes;
};

static struct ktlsd_crl_points_item *crl_points_item(struct ktlsd_errand *errand)
{
	return (void *)((char *)errand - offsetof(struct ktlsd_crl_points_item, errand));
}

/* --- what certificates name --- */

static bool crl_points_name(const GENERAL_NAME *name, char *dst)
{
	const ASN1_IA5STRING *uri;
	const char *text;
	size_t len;
	int type;

	uri = GENERAL_NAME_get0_value(name, &type);
	if (type != GEN_URI)
		return false;
	text = (const char *)ASN1_STRING_get0_data(uri);
	len = (size_t)ASN1_STRING_length(uri);
	if (len >= KTLS_FETCH_URL_MAX || len < 8 || strlen(text) != len ||
	    strncasecmp(text, "http://", 7) || strpbrk(text, " \t\r\n"))
		return false;
	memcpy(dst, text, len + 1);
	return true;
}

bool ktlsd_crl_points_url(X509 *cert, char *dst)
{
	CRL_DIST_POINTS *list = X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);
	const DIST_POINT *point;
	bool found = false;
	int i, k;

	for (i = 0; i < sk_DIST_POINT_num(list) && !found; i++) {
		point = sk_DIST_POINT_value(list, i);
		/* Not one for some reasons only, or of another authority. */
		if (point->reasons || point->CRLissuer || !point->distpoint ||
		    point->distpoint->type)
			continue;
		for (k = 0; k < sk_GENERAL_NAME_num(point->distpoint->name.fullname) && !found; k++)
			found = crl_points_name(sk_GENERAL_NAME_value(point->distpoint->name.fullname,
								      k), dst);
	}
	CRL_DIST_POINTS_free(list);
	ERR_clear_error();
	return found;
}

static bool crl_points_hash(X509 *issuer, const char *url, uint8_t *ret_key)
{
	uint8_t both[EVP_MAX_MD_SIZE + KTLS_FETCH_URL_MAX];
	size_t url_len = strlen(url);
	unsigned int len;

	if (!X509_digest(issuer, EVP_sha256(), both, &len))
		return false;
	memcpy(both + len, url, url_len);
	return EVP_Digest(both, len + url_len, ret_key, NULL, EVP_sha256(), NULL);
}

/* --- the set; with the lock of the errands --- */

static void crl_points_publish(struct ktlsd_crl_points *points)
{
	STACK_OF(X509_CRL) *list = sk_X509_CRL_new_null();
	const struct ktlsd_crl_points_item *item;
	bool good = list;

	for (item = points->items; item && good; item = item->next)
		good = !item->crl || sk_X509_CRL_push(list, item->crl);
	if (points->crls && (!good || ktlsd_crls_set_fetched(points->crls, list)))
		ktlsd_log(KTLSD_LOG_ERROR, "ktlsd is out of memory: the old CRLs stay in force.");
	sk_X509_CRL_free(list);
}

/* --- checks --- */

static bool crl_points_is_indirect(X509_CRL *crl)
{
	ISSUING_DIST_POINT *point;
	bool indirect;

	point = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, NULL, NULL);
	indirect = point && point->indirectCRL > 0;
	ISSUING_DIST_POINT_free(point);
	return indirect;
}

/* Others would make OpenSSL refuse each certificate of the issuer. */
static bool crl_points_has_unknown(X509_CRL *crl)
{
	X509_EXTENSION *extension;
	int i, nid;

	for (i = 0; i < X509_CRL_get_ext_count(crl); i++) {
		extension = X509_CRL_get_ext(crl, i);
		nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
		if (X509_EXTENSION_get_critical(extension) &&
		    nid != NID_issuing_distribution_point && nid != NID_authority_key_identifier)
			return true;
	}
	return false;
}

static int64_t crl_points_expires(const X509_CRL *crl)
{
	if (X509_CRL_get0_nextUpdate(crl))
		return ktlsd_date_seconds(X509_CRL_get0_nextUpdate(crl));
	return ktlsd_date_seconds(X509_CRL_get0_lastUpdate(crl)) + CRL_POINTS_AGE;
}

/* Return: NULL, or why a CRL is of no use: "it ...". @any_time: it may be stale, or from the
 * future.
 */
static const char *crl_points_check(X509_CRL *crl, X509 *issuer, const X509_CRL *old,
				    int64_t now, bool any_time)
{
	int64_t from = ktlsd_date_seconds(X509_CRL_get0_lastUpdate(crl));

	if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(issuer)))
		return "it is of another issuer";
	if (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0)
		return "it is a delta, not a complete CRL";
	if (crl_points_has_unknown(crl) || crl_points_is_indirect(crl))
		return "it has extensions that ktlsd does not know";
	if (X509_get_extension_flags(issuer) & EXFLAG_KUSAGE &&
	    !(X509_get_key_usage(issuer) & KU_CRL_SIGN))
		return "the certificate of its issuer is not for CRLs";
	if (X509_CRL_verify(crl, X509_get0_pubkey(issuer)) != 1)
		return "its signature is wrong";
	if (!from || (from > now && !any_time))
		return "it is from the future: check this machine's clock";
	if (old && from < ktlsd_date_seconds(X509_CRL_get0_lastUpdate(old)))
		return "it is older than the one at hand";
	if (crl_points_expires(crl) <= now && !any_time)
		return "it is out of date";
	return NULL;
}

/* Checks a CRL and replaces the one at hand. Return: 0 or a negative errno. */
static int crl_points_use(struct ktlsd_crl_points_item *item, const uint8_t *der, size_t len,
			  int64_t now, bool any_time, char *why)
{
	STACK_OF(X509_CRL) *list = sk_X509_CRL_new_null();
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
		trouble = crl_points_check(crl, item->what.issuer, item->crl, now, any_time);
	if (!trouble && item->all->bytes - item->bytes + len > KTLSD_CRL_POINTS_BYTES)
		trouble = "there is no room for more CRLs";
	if (!trouble) {
		X509_CRL_up_ref(crl);
		X509_CRL_free(item->crl);
		item->crl = crl;
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
	return ktlsd_errands_refresh_after(ktlsd_date_seconds(X509_CRL_get0_lastUpdate(item->crl)),
					   crl_points_expires(item->crl), now);
}

/* --- the disk --- */

static void crl_points_save(const struct ktlsd_crl_points_item *item, const uint8_t *crl,
			    size_t len)
{
	struct ktlsd_buffer file = { 0 };
	uint8_t *issuer = NULL;
	int issuer_len = i2d_X509(item->what.issuer, &issuer);

	if (issuer_len > 0 &&
	    !ktlsd_buffer_append(&file, CRL_POINTS_MAGIC, strlen(CRL_POINTS_MAGIC),
				 CRL_POINTS_FILE_MAX) &&
	    !ktlsd_buffer_append(&file, item->what.url, strlen(item->what.url),
				 CRL_POINTS_FILE_MAX) &&
	    !ktlsd_buffer_append(&file, "\n", 1, CRL_POINTS_FILE_MAX) &&
	    !ktlsd_buffer_append(&file, issuer, (size_t)issuer_len, CRL_POINTS_FILE_MAX) &&
	    !ktlsd_buffer_append(&file, crl, len, CRL_POINTS_FILE_MAX))
		ktlsd_store_write(item->all->store, item->file, file.data, file.len);
	ktlsd_buffer_free(&file);
	OPENSSL_free(issuer);
}

/* Reads what is before the CRL. Return: where that begins, or NULL. */
static const uint8_t *crl_points_read_head(const struct ktlsd_buffer *file,
					   struct ktlsd_crl_points_wanted *what)
{
	const size_t magic = strlen(CRL_POINTS_MAGIC);
	const uint8_t *end = file->len > magic ? memchr(file->data + magic, '\n',
							file->len - magic) : NULL;
	const unsigned char *at;
	size_t url_len;

	if (!end || memcmp(file->data, CRL_POINTS_MAGIC, magic))
		return NULL;
	url_len = (size_t)(end - file->data) - magic;
	if (url_len >= sizeof(what->url) || memchr(file->data + magic, 0, url_len))
		return NULL;
	memcpy(what->url, file->data + magic, url_len);
	what->url[url_len] = '\0';
	if (strncasecmp(what->url, "http://", 7))
		return NULL;
	at = end + 1;
	what->issuer = d2i_X509(NULL, &at, (long)(file->data + file->len - at));
	ERR_clear_error();
	return what->issuer && crl_points_hash(what->issuer, what->url, what->key) ? at : NULL;
}

/* --- errands --- */

static int64_t crl_points_take(struct ktlsd_errand *errand, const uint8_t *data, size_t len,
			       int64_t now, char why[KTLS_FETCH_TEXT_MAX])
{
	struct ktlsd_crl_points_item *item = crl_points_item(errand);
	bool first = !item->crl;
	int err;

	err = crl_points_use(item, data, len, now, false, why);
	if (err)
		return err;
	crl_points_publish(item->all);
	crl_points_save(item, data, len);
	ktlsd_log(first ? KTLSD_LOG_INFO : KTLSD_LOG_DEBUG,
		  "The CRL of '%s' was fetched from %s.", item->name, item->what.url);
	return crl_points_refresh_after(item, now);
}

static void crl_points_fail(struct ktlsd_errand *errand, const char *why, int64_t now,
			    int64_t delay)
{
	struct ktlsd_crl_points_item *item = crl_points_item(errand);
	bool stale = item->crl && crl_points_expires(item->crl) <= now;

	if (errand->failures & (errand->failures - 1) && !stale)
		return;
	ktlsd_log(stale ? KTLSD_LOG_ERROR : KTLSD_LOG_WARNING,
		  "The CRL of '%s' could not be fetched from %s: %s. %s. Next attempt in %lld s.",
		  item->name, item->what.url, why,
		  stale ? "The one at hand is stale: certificates of this issuer are refused" :
		  item->crl ? "The one at hand is used" : "There is none", (long long)delay);
}

static const struct ktlsd_errand_kind crl_points_kind = {
	.timeout_ms = KTLSD_CRL_POINTS_FETCH_MS,
	.max = KTLSD_CRLS_FILE_MAX,
	.take = crl_points_take,
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
	X509_CRL_free(item->crl);
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
		if (!item->crl && item->errand.failures >= KTLSD_CRL_POINTS_FAILURES)
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

	if (!ktlsd_crl_points_url(cert, what.url) ||
	    !crl_points_hash(issuer, what.url, what.key))
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
		if (ktlsd_clock_holds(ktlsd_date_seconds(X509_CRL_get0_lastUpdate(item->crl)),
				      crl_points_expires(item->crl), now))
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
		if (!item->crl)
			continue;
		expires = crl_points_expires(item->crl);
		sum.valid += expires > points->errands->now();
		if (!sum.expires || expires < sum.expires)
			sum.expires = expires;
	}
	pthread_mutex_unlock(&points->errands->lock);
	return sum;
}
