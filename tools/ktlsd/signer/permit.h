/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ktlsd.conf permits, in the signer process. It reads the file itself: the serving
 * process parses the bytes of peers, and is not asked.
 */
#ifndef KTLSD_SIGNER_PERMIT_H
#define KTLSD_SIGNER_PERMIT_H

#include <stdbool.h>

/* @path: of ktlsd.conf; NULL: only what needs no permission. Before threads are started. */
void ktlsd_permit_init(const char *path);

/* The serving process has read @path: if that is ktlsd.conf, it may have changed. */
void ktlsd_permit_note_read(const char *path);

/* Reads ktlsd.conf if it may have changed. After an error in it nothing changes. These three
 * belong to the main thread.
 */
void ktlsd_permit_refresh(void);

/* Return: whether a policy allows RSA key transport. Any thread. */
bool ktlsd_permit_decrypt(void);

#endif
