/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A CRL that was fetched, in a file of the cache directory. */
#ifndef KTLSD_CRL_FILE_H
#define KTLSD_CRL_FILE_H

#include "crl_points.h"
#include "lib/buffer.h"

enum {
	KTLSD_CRL_FILE_MAX	= KTLSD_CRLS_FILE_MAX + 65536 + KTLS_FETCH_URL_MAX,	/* bytes */
};

/* Writes the CRL of a distribution point. What fails is logged. Return: 0 or a negative errno. */
int ktlsd_crl_file_save(const struct ktlsd_crl_points_item *item);

/* Reads what is before the CRL. @what: filled; its issuer is to be freed. Return: where the CRL
 * begins, or NULL.
 */
const uint8_t *ktlsd_crl_file_read_head(const struct ktlsd_buffer *file,
					struct ktlsd_crl_points_wanted *what);

#endif
