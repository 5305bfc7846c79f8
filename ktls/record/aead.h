/* SPDX-License-Identifier: GPL-2.0 */
/* Sealing and opening one record. Process context, socket lock held. */
#ifndef _KTLS_RECORD_AEAD_H
#define _KTLS_RECORD_AEAD_H

#include <linux/types.h>

#include "record/dir.h"

struct ktls_hdr;
struct scatterlist;

int ktls_aead_seal(struct ktls_dir *dir, struct scatterlist *src, struct scatterlist *dst,
		   u8 *aad, u8 *head, u8 type, u32 len);
int ktls_aead_open(struct ktls_dir *dir, struct scatterlist *src, struct scatterlist *dst,
		   u8 *aad, const struct ktls_hdr *hdr);

#endif /* _KTLS_RECORD_AEAD_H */
