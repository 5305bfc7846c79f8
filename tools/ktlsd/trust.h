/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Trust anchors: the system's, shared by all threads, and programs' own. */
#ifndef KTLSD_TRUST_H
#define KTLSD_TRUST_H

#include <stddef.h>

#include <openssl/x509.h>

#include "errors.h"

#define KTLSD_TRUST_SYSTEM	"/etc/ssl/certs/ca-certificates.crt"

enum {
	KTLSD_TRUST_MAX		= 1048576,	/* bytes of PEM, as KTLS_TRUST */
	KTLSD_TRUST_FILE_MAX	= 8 << 20,	/* bytes of PEM in the administrator's file */
	KTLSD_TRUST_NAMES_MAX	= 16384,	/* bytes of CA names told to clients */
};

/**
 * ktlsd_trust_load - the anchors in a file
 * @path: PEM, of a regular file with one certificate at least
 * @ret_store: a reference for the caller; may be used from several threads
 * @fault: on error
 *
 * Return: 0, -ENOENT if there is no such file, another negative errno
 */
int ktlsd_trust_load(const char *path, X509_STORE **ret_store,
		     struct ktlsd_fault *fault);

/**
 * ktlsd_trust_parse - the anchors of KTLS_TRUST
 * @pem: the certificates; not terminated
 * @len: bytes, up to KTLSD_TRUST_MAX
 * @ret_store: a reference for the caller. Every certificate in it is an
 *	anchor, whether or not it is self-signed.
 * @ret_names: the subjects, for the server's CertificateRequest; NULL when
 *	they would be too long. The caller frees it.
 * @fault: on error
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int ktlsd_trust_parse(const void *pem, size_t len, X509_STORE **ret_store,
		      STACK_OF(X509_NAME) **ret_names,
		      struct ktlsd_fault *fault);

#endif
