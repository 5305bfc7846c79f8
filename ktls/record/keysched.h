/* SPDX-License-Identifier: GPL-2.0 */
/* The key schedule: RFC 8446 7.1, 7.3 and 7.5, RFC 5705. All of it sleeps. */
#ifndef _KTLS_RECORD_KEYSCHED_H
#define _KTLS_RECORD_KEYSCHED_H

#include <linux/types.h>

struct ktls_suite;

int ktls_keysched_expand_label(const char *hash, const u8 *secret, size_t secret_len,
			       const char *label, const u8 *context, size_t context_len,
			       u8 *out, size_t out_len);
int ktls_keysched_update(const struct ktls_suite *suite, const u8 *secret, u8 *next);
int ktls_keysched_traffic(const struct ktls_suite *suite, const u8 *secret,
			  u8 *key, u8 *iv);
int ktls_keysched_export(const struct ktls_suite *suite, const u8 *secret,
			 const u8 *label, size_t label_len,
			 const u8 *context, size_t context_len, u8 *out, size_t out_len);
int ktls_keysched_export12(const struct ktls_suite *suite, const u8 *secret,
			   const u8 *label, size_t label_len,
			   const u8 *context, size_t context_len, u8 *out, size_t out_len);

#endif /* _KTLS_RECORD_KEYSCHED_H */
