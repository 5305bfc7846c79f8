/* SPDX-License-Identifier: GPL-2.0 */
/* ChaCha20-Poly1305, aead.c's cipher that is not of the crypto API. Socket lock held. */
#ifndef _KTLS_RECORD_CHACHA_H
#define _KTLS_RECORD_CHACHA_H

#include <linux/types.h>

struct ktls_dir;
struct scatterlist;

void ktls_chacha_set_key(struct ktls_dir *dir, const u8 *key);
void ktls_chacha_seal(const struct ktls_dir *dir, struct scatterlist *src,
		      struct scatterlist *dst, const u8 *aad, u32 len);
int ktls_chacha_open(const struct ktls_dir *dir, struct scatterlist *src,
		     struct scatterlist *dst, const u8 *aad, u32 len);

#endif /* _KTLS_RECORD_CHACHA_H */
