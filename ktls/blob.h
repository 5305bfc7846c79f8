/* SPDX-License-Identifier: GPL-2.0 */
/* Bytes of a program. */
#ifndef _KTLS_BLOB_H
#define _KTLS_BLOB_H

#include <linux/refcount.h>
#include <linux/types.h>

/**
 * struct ktls_blob - bytes a program passed in, immutable once made
 * @ref: one for each configuration that has it
 * @len: bytes in @data
 * @data: the bytes, followed by a NUL that @len does not count
 */
struct ktls_blob {
	refcount_t	ref;
	u32		len;
	u8		data[];
};

struct ktls_blob *ktls_blob_new(const void *data, size_t len);
struct ktls_blob *ktls_blob_get(struct ktls_blob *blob);
void ktls_blob_put(struct ktls_blob *blob);

#endif /* _KTLS_BLOB_H */
