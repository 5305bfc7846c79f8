// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "lib/buffer.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "config/credentials.h"
#include "config/crls.h"
#include "config/date.h"
#include "config/file.h"

static int crls_parse_der(const uint8_t *der, size_t len, STACK_OF(X509_CRL) *list,
			  struct ktlsd_fault *fault)
{
	const unsigned char *end = der;
	X509_CRL *crl = d2i_X509_CRL(NULL, &end, (long)len);

	if (crl && end == der + len && sk_X509_CRL_push(list, crl))
		return 0;
	X509_CRL_free(crl);
	return ktlsd_errors_set(fault, -EINVAL, "there is no CRL in DER in it%s",
				crl ? ", or something behind it" : "");
}

static int crls_parse_pem(const void *pem, size_t len, STACK_OF(X509_CRL) *list,
			  struct ktlsd_fault *fault)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	int before = sk_X509_CRL_num(list);
	unsigned long code;
	X509_CRL *crl;

	if (!bio)
		return ktlsd_errors_set(fault, -ENOMEM, "out of memory");
	while ((crl = PEM_read_bio_X509_CRL(bio, NULL, ktlsd_credentials_no_passphrase,
					    NULL))) {
		if (sk_X509_CRL_push(list, crl))
			continue;
		X509_CRL_free(crl);
		break;
	}
	BIO_free(bio);
	code = ERR_peek_last_error();
	if (ERR_GET_LIB(code) != ERR_LIB_PEM || ERR_GET_REASON(code) != PEM_R_NO_START_LINE)
		return ktlsd_errors_set(fault, -EINVAL, "a CRL in it cannot be decoded: %s",
					ktlsd_errors_openssl_reason());
	if (sk_X509_CRL_num(list) == before)
		return ktlsd_errors_set(fault, -EINVAL,
					"there is no CRL in it, neither PEM nor DER");
	return 0;
}

int ktlsd_crls_parse(const void *data, size_t len, STACK_OF(X509_CRL) *list,
		     struct ktlsd_fault *fault)
{
	const uint8_t *bytes = data;
	int err;

	ERR_clear_error();
	if (!len)
		err = ktlsd_errors_set(fault, -EINVAL, "it is empty");
	else if (bytes[0] == (V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED))
		err = crls_parse_der(bytes, len, list, fault);
	else
		err = crls_parse_pem(data, len, list, fault);
	ERR_clear_error();
	return err;
}

/* --- files --- */

/* FNV-1a. */
static uint64_t crls_hash(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	size_t i;

	for (i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
	return hash;
}

static uint64_t crls_hash_file(const char *name, const struct stat *status)
{
	const int64_t facts[] = {
		(int64_t)status->st_dev, (int64_t)status->st_ino, (int64_t)status->st_size,
		(int64_t)status->st_mtim.tv_sec, (int64_t)status->st_mtim.tv_nsec,
	};
	uint64_t hash = crls_hash(UINT64_C(14695981039346656037), name, strlen(name));

	return crls_hash(hash, facts, sizeof(facts));
}

/* Return: a number that changes when a file does, or 0 if @path cannot be read. */
static uint64_t crls_stamp(const char *path)
{
	struct dirent *entry;
	struct stat status;
	uint64_t stamp;
	DIR *dir;

	if (stat(path, &status))
		return 0;
	stamp = crls_hash_file("", &status);
	if (!S_ISDIR(status.st_mode))
		return stamp;
	dir = opendir(path);
	if (!dir)
		return 0;
	/* A sum, as the order of the entries has no meaning. */
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && !fstatat(dirfd(dir), entry->d_name, &status, 0))
			stamp += crls_hash_file(entry->d_name, &status);
	}
	closedir(dir);
	return stamp ? stamp : 1;
}

static int crls_read_file(const char *path, struct ktlsd_crl_set *set,
			  struct ktlsd_fault *fault)
{
	struct ktlsd_buffer data = { 0 };
	struct ktlsd_fault why;
	int err;

	err = ktlsd_file_read(path, KTLSD_CRLS_FILE_MAX, &data, NULL, &why);
	set->bytes += data.len;
	if (err)
		ktlsd_errors_set(fault, err, "the CRL %s", why.reason);
	else if (ktlsd_crls_parse(data.data, data.len, set->list, &why))
		err = ktlsd_errors_set(fault, why.error, "the CRL %s cannot be used: %s",
				       path, why.reason);
	else if (set->bytes > KTLSD_CRLS_BYTES_MAX ||
		 sk_X509_CRL_num(set->list) > KTLSD_CRLS_MAX)
		err = ktlsd_errors_set(fault, -EINVAL,
			"the CRLs are too many with %s: at most %d of them and %d MiB",
			path, KTLSD_CRLS_MAX, KTLSD_CRLS_BYTES_MAX >> 20);
	ktlsd_buffer_free(&data);
	return err;
}

static int crls_read_directory(const char *path, struct ktlsd_crl_set *set,
			       struct ktlsd_fault *fault)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char file[4096];
	int err = 0;

	if (!dir)
		return ktlsd_errors_set(fault, -errno,
					"the CRL directory %s cannot be read: %s", path,
					strerror(errno));
	while (!err && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		err = crls_read_file(file, set, fault);
		/* It was removed meanwhile. */
		if (err == -ENOENT)
			err = 0;
	}
	closedir(dir);
	return err;
}

static void crls_warn_of_stale(const struct ktlsd_crl_set *set, const char *path)
{
	const ASN1_TIME *next;
	int i, stale = 0;

	for (i = 0; i < sk_X509_CRL_num(set->list); i++) {
		next = X509_CRL_get0_nextUpdate(sk_X509_CRL_value(set->list, i));
		stale += next && X509_cmp_current_time(next) < 0;
	}
	if (stale)
		ktlsd_log(KTLSD_LOG_WARNING,
			  "%d of %d CRLs in %s are stale: their next update is overdue. Certificates of their issuers are refused until it is there.",
			  stale, sk_X509_CRL_num(set->list), path);
}

static struct ktlsd_crl_set *crls_new_set(void)
{
	struct ktlsd_crl_set *set = calloc(1, sizeof(*set));

	if (set)
		set->list = sk_X509_CRL_new_null();
	if (!set || !set->list) {
		free(set);
		return NULL;
	}
	set->refs = 1;
	return set;
}

static int crls_read(const char *path, struct ktlsd_crl_set **ret_set,
		     struct ktlsd_fault *fault)
{
	struct ktlsd_crl_set *set = crls_new_set();
	struct stat status;
	int err;

	if (!set)
		return ktlsd_errors_set(fault, -ENOMEM, "out of memory");
	if (!stat(path, &status) && S_ISDIR(status.st_mode))
		err = crls_read_directory(path, set, fault);
	else
		err = crls_read_file(path, set, fault);
	if (err) {
		ktlsd_crls_put_set(set);
		return err;
	}
	crls_warn_of_stale(set, path);
	*ret_set = set;
	return 0;
}

/* --- sets --- */

struct ktlsd_crl_fetched *ktlsd_crls_new_fetched(X509_CRL *crl, const uint8_t *issuer)
{
	struct ktlsd_crl_fetched *fetched = calloc(1, sizeof(*fetched));

	if (!fetched)
		return NULL;
	fetched->refs = 1;
	X509_CRL_up_ref(crl);
	fetched->crl = crl;
	memcpy(fetched->issuer, issuer, sizeof(fetched->issuer));
	return fetched;
}

void ktlsd_crls_put_fetched(struct ktlsd_crl_fetched *fetched)
{
	if (!fetched || atomic_fetch_sub(&fetched->refs, 1) != 1)
		return;
	X509_CRL_free(fetched->crl);
	free(fetched);
}

static bool crls_add(struct ktlsd_crl_set *set, const struct ktlsd_crl_set *from)
{
	X509_CRL *crl;
	int i;

	for (i = 0; i < sk_X509_CRL_num(from->list); i++) {
		crl = sk_X509_CRL_value(from->list, i);
		X509_CRL_up_ref(crl);
		if (!sk_X509_CRL_push(set->list, crl)) {
			X509_CRL_free(crl);
			return false;
		}
	}
	return true;
}

static bool crls_add_fetched(struct ktlsd_crl_set *set, struct ktlsd_crl_fetched *const *fetched,
			     unsigned int count)
{
	if (!count)
		return true;
	set->fetched = calloc(count, sizeof(*set->fetched));
	if (!set->fetched)
		return false;
	for (; set->fetched_count < count; set->fetched_count++) {
		set->fetched[set->fetched_count] = fetched[set->fetched_count];
		atomic_fetch_add(&fetched[set->fetched_count]->refs, 1);
	}
	return true;
}

/* Replaces one part, *@part, and what is used. Takes over @new. Return: 0 or -ENOMEM. */
static int crls_replace(struct ktlsd_crls *crls, struct ktlsd_crl_set **part,
			struct ktlsd_crl_set *new)
{
	struct ktlsd_crl_set *all = crls_new_set(), *old_part, *old_all;
	bool good;

	pthread_mutex_lock(&crls->lock);
	old_part = *part;
	*part = new;
	good = all && (!crls->files || crls_add(all, crls->files)) &&
	       (!crls->fetched || crls_add_fetched(all, crls->fetched->fetched,
						   crls->fetched->fetched_count));
	if (!good)
		*part = old_part;
	old_all = good ? crls->set : all;
	if (good)
		crls->set = all;
	pthread_mutex_unlock(&crls->lock);
	ktlsd_crls_put_set(good ? old_part : new);
	ktlsd_crls_put_set(old_all);
	return good ? 0 : -ENOMEM;
}

int ktlsd_crls_open(const char *path, struct ktlsd_crls **ret_crls,
		    struct ktlsd_fault *fault)
{
	struct ktlsd_crls *crls = calloc(1, sizeof(*crls));
	struct ktlsd_crl_set *files = NULL;
	int err = 0;

	if (crls && path)
		crls->path = strdup(path);
	if (!crls || (path && !crls->path)) {
		free(crls);
		return ktlsd_errors_set(fault, -ENOMEM, "out of memory");
	}
	crls->refs = 1;
	pthread_mutex_init(&crls->lock, NULL);
	/* Before they are read: a change meanwhile is seen the next time. */
	if (path) {
		crls->stamp = crls_stamp(path);
		err = crls_read(path, &files, fault);
	}
	if (!err) {
		err = crls_replace(crls, &crls->files, files);
		if (err)
			ktlsd_errors_set(fault, err, "out of memory");
	}
	if (err) {
		ktlsd_crls_put(crls);
		return err;
	}
	*ret_crls = crls;
	return 0;
}

bool ktlsd_crls_refresh(struct ktlsd_crls *crls)
{
	int64_t now = ktlsd_clock_ms();
	struct ktlsd_crl_set *set;
	struct ktlsd_fault fault;
	uint64_t stamp;
	bool same;
	int count;

	if (!crls || !crls->path)
		return false;
	stamp = crls_stamp(crls->path);
	same = stamp == crls->stamp;
	if (same && (!crls->retry || now < crls->retry))
		return false;
	crls->stamp = stamp;
	crls->retry = now + KTLSD_CRLS_RETRY_MS;
	if (crls_read(crls->path, &set, &fault)) {
		if (!same)
			ktlsd_log(KTLSD_LOG_ERROR, "%s: the old CRLs stay in force.",
				  fault.reason);
		return false;
	}
	count = sk_X509_CRL_num(set->list);
	if (crls_replace(crls, &crls->files, set)) {
		ktlsd_log(KTLSD_LOG_ERROR, "ktlsd is out of memory: the old CRLs stay in force.");
		return false;
	}
	crls->retry = 0;
	ktlsd_log(KTLSD_LOG_INFO, "%s was read again: %d CRLs.", crls->path, count);
	return true;
}

int ktlsd_crls_set_fetched(struct ktlsd_crls *crls, struct ktlsd_crl_fetched *const *fetched,
			   unsigned int count)
{
	struct ktlsd_crl_set *set = crls_new_set();

	if (set && crls_add_fetched(set, fetched, count))
		return crls_replace(crls, &crls->fetched, set);
	ktlsd_crls_put_set(set);
	return -ENOMEM;
}

struct ktlsd_crl_set *ktlsd_crls_get_set(struct ktlsd_crls *crls)
{
	struct ktlsd_crl_set *set;

	if (!crls)
		return NULL;
	pthread_mutex_lock(&crls->lock);
	set = crls->set;
	atomic_fetch_add(&set->refs, 1);
	pthread_mutex_unlock(&crls->lock);
	return set;
}

void ktlsd_crls_put_set(struct ktlsd_crl_set *set)
{
	if (!set || atomic_fetch_sub(&set->refs, 1) != 1)
		return;
	sk_X509_CRL_pop_free(set->list, X509_CRL_free);
	while (set->fetched_count)
		ktlsd_crls_put_fetched(set->fetched[--set->fetched_count]);
	free(set->fetched);
	free(set);
}

struct ktlsd_crls *ktlsd_crls_get(struct ktlsd_crls *crls)
{
	if (crls)
		atomic_fetch_add(&crls->refs, 1);
	return crls;
}

void ktlsd_crls_put(struct ktlsd_crls *crls)
{
	if (!crls || atomic_fetch_sub(&crls->refs, 1) != 1)
		return;
	ktlsd_crls_put_set(crls->set);
	ktlsd_crls_put_set(crls->files);
	ktlsd_crls_put_set(crls->fetched);
	pthread_mutex_destroy(&crls->lock);
	free(crls->path);
	free(crls);
}
