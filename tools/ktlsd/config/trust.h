/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system's trust anchors. Loaded by the main thread, shared by all threads. */
#ifndef KTLSD_TRUST_H
#define KTLSD_TRUST_H

#include <stddef.h>

#include <openssl/x509.h>

#include "errors.h"

#define KTLSD_TRUST_SYSTEM	"/etc/ssl/certs/ca-certificates.crt"

enum {
	KTLSD_TRUST_FILE_MAX	= 8 << 20,	/* bytes of PEM in the file */
};

/**
 * ktlsd_trust_load - load the trust anchors in a file
 * @path: of a regular file with at least one PEM certificate
 * @ret_store: a reference for the caller; can be used from several threads
 * @fault: on error
 *
 * Return: 0, -ENOENT if there is no such file, another negative errno
 */
int ktlsd_trust_load(const char *path, X509_STORE **ret_store,
		     struct ktlsd_fault *fault);

#endif
