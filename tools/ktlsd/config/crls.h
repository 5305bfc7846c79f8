/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The certificate revocation lists of ktlsd.conf: a file, or all files of a directory, and those
 * that were fetched. Files are read again when they change, without a reload. The main thread
 * reads them; any thread uses them.
 */
#ifndef KTLSD_CRLS_H
#define KTLSD_CRLS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "errors.h"

enum {
	KTLSD_CRLS_FILE_MAX	= 16 << 20,	/* bytes of a file */
	KTLSD_CRLS_BYTES_MAX	= 64 << 20,	/* of all files */
	KTLSD_CRLS_MAX		= 4096,		/* CRLs, deltas included */
	KTLSD_CRLS_REFRESH_MS	= 5000,		/* how often the files are looked at */
	KTLSD_CRLS_RETRY_MS	= 60000,	/* when those that could not be read are read again */
	KTLSD_CRLS_ISSUER	= 32,		/* bytes: SHA-256 */
};

/**
 * struct ktlsd_crl_fetched - a CRL that was fetched
 * @refs: the last one frees it
 * @crl: a complete CRL
 * @issuer: whose signature it has, see ktlsd_crl_lookup_hash()
 * @used: by which handshake last, milliseconds of the monotonic clock
 * @user: on whose behalf, see struct ktlsd_crl_view
 *
 * Any authority can sign a CRL that carries the name of another. So it counts only for
 * certificates whose issuer has the same name and the same key.
 */
struct ktlsd_crl_fetched {
	atomic_uint		refs;
	X509_CRL		*crl;
	uint8_t			issuer[KTLSD_CRLS_ISSUER];
	atomic_int_fast64_t	used;
	atomic_uint_fast64_t	user;
};

/**
 * struct ktlsd_crl_set - CRLs that are used together; does not change
 * @refs: the last one frees it
 * @list: of files: complete and delta CRLs
 * @fetched: those that were fetched; a reference each
 * @fetched_count: how many
 * @bytes: of the files, while they are read
 */
struct ktlsd_crl_set {
	atomic_uint			refs;
	STACK_OF(X509_CRL)		*list;
	struct ktlsd_crl_fetched	**fetched;
	unsigned int			fetched_count;
	size_t				bytes;
};

/**
 * struct ktlsd_crls - the CRLs of a path, and those that were fetched
 * @refs: generations of the configuration that share it; the last one frees it
 * @path: of the file or directory, or NULL
 * @fetch: CRLs that certificates name are fetched too
 * @lock: protects what follows
 * @set: what is used: @files and @fetched; a reference
 * @files: the newest that could be read; a reference, or NULL
 * @fetched: the newest of each; a reference, or NULL
 * @stamp: names, sizes and times of the files when they were last read; main thread only
 * @retry: when they are read again though these are the same, milliseconds of the monotonic
 *	clock; 0 for never, after they could be read; main thread only
 */
struct ktlsd_crls {
	atomic_uint		refs;
	char			*path;
	atomic_bool		fetch;
	pthread_mutex_t		lock;
	struct ktlsd_crl_set	*set;
	struct ktlsd_crl_set	*files;
	struct ktlsd_crl_set	*fetched;
	uint64_t		stamp;
	int64_t			retry;
};

/**
 * ktlsd_crls_parse - read the CRLs in a buffer
 * @data: one CRL in DER, or any number in PEM; not NUL-terminated
 * @len: bytes
 * @list: added to
 * @fault: on error: "there is ..."
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int ktlsd_crls_parse(const void *data, size_t len, STACK_OF(X509_CRL) *list,
		     struct ktlsd_fault *fault);

/**
 * ktlsd_crls_open - read the CRLs of a path
 * @path: of a file, or of a directory: all its files whose names do not begin with a dot; or
 *	NULL for none
 * @ret_crls: a reference for the caller
 * @fault: on error
 *
 * Warns in the log of CRLs whose next update is overdue.
 *
 * Return: 0 or a negative errno
 */
int ktlsd_crls_open(const char *path, struct ktlsd_crls **ret_crls,
		    struct ktlsd_fault *fault);

/**
 * ktlsd_crls_refresh - read the CRLs again if a file has changed
 * @crls: may be NULL; stays as it is if they cannot be read, which is logged, once for each change
 *
 * Return: whether there is a new set
 */
bool ktlsd_crls_refresh(struct ktlsd_crls *crls);

/* Makes one that was fetched; takes a reference to @crl. Return: a reference, or NULL. */
struct ktlsd_crl_fetched *ktlsd_crls_new_fetched(X509_CRL *crl, const uint8_t *issuer);
void ktlsd_crls_put_fetched(struct ktlsd_crl_fetched *fetched);

/* Replaces the CRLs that were fetched; takes references to the new ones. Return: 0 or -ENOMEM.
 * Any thread.
 */
int ktlsd_crls_set_fetched(struct ktlsd_crls *crls, struct ktlsd_crl_fetched *const *fetched,
			   unsigned int count);

/* Return: a reference to the newest set, or NULL if @crls is NULL. */
struct ktlsd_crl_set *ktlsd_crls_get_set(struct ktlsd_crls *crls);
void ktlsd_crls_put_set(struct ktlsd_crl_set *set);

struct ktlsd_crls *ktlsd_crls_get(struct ktlsd_crls *crls);
void ktlsd_crls_put(struct ktlsd_crls *crls);

#endif
