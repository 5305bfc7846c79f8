/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ktlsd.conf permits, in the signer process. It reads the file itself: the serving
 * process parses the bytes of peers, and is not asked.
 */
#ifndef KTLSD_SIGNER_PERMIT_H
#define KTLSD_SIGNER_PERMIT_H

#include <stdbool.h>

#include "config/config.h"
#include "signer/keys.h"

/* @path: of ktlsd.conf; NULL: only what needs no permission. Before threads are started. */
void ktlsd_permit_init(const char *path);

/* The serving process has read @path: if that is ktlsd.conf, it may have changed. */
void ktlsd_permit_note_read(const char *path);

/* Reads ktlsd.conf if it may have changed, and takes rights that an identity has lost from its
 * keys. After an error in it nothing changes. Only the main
 * thread calls this, the functions above and ktlsd_permit_rights(). Return: 0 or a negative errno
 */
int ktlsd_permit_refresh(struct ktlsd_fault *fault);

/**
 * ktlsd_permit_rights - what is done with a key?
 * @files: of a certificate and its key
 * @cert: the certificate
 *
 * Without ktlsd.conf (ktlsd_permit_init() with NULL) all files are permitted.
 *
 * Return: what one of the identities that have these files is for
 */
struct ktlsd_signer_rights ktlsd_permit_rights(const struct ktlsd_identity_files *files,
					       X509 *cert);

/* Return: whether an identity in ktlsd.conf has these files, or there is no ktlsd.conf */
bool ktlsd_permit_has(const struct ktlsd_identity_files *files);

/* Calls @visit for the files of each certificate in ktlsd.conf. */
void ktlsd_permit_for_each(void (*visit)(const struct ktlsd_identity_files *files));

/* Return: whether the serving process reads @path: ktlsd.conf and what it includes, trust anchors
 * and CRLs
 */
bool ktlsd_permit_may_read(const char *path);

/* Return: whether @path leads to a passphrase, which the serving process does not need */
bool ktlsd_permit_is_passphrase(const char *path);

/* Return: whether a policy allows RSA key transport, with keys that have this right. Any thread. */
bool ktlsd_permit_decrypt(void);

#endif
