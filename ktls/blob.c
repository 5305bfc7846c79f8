// SPDX-License-Identifier: GPL-2.0
/* Bytes of a program: immutable once made, shared by reference. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "blob.h"

/**
 * ktls_blob_new - copy bytes of a program
 * @data: the bytes; NULL leaves the content to the caller
 * @len: how many
 *
 * Context: process.
 * Return: a blob with one reference, charged to the caller's memory cgroup, or
 * NULL.
 */
struct ktls_blob *ktls_blob_new(const void *data, size_t len)
{
	struct ktls_blob *blob;

	blob = kvmalloc(struct_size(blob, data, len + 1), GFP_KERNEL_ACCOUNT);
	if (!blob)
		return NULL;
	refcount_set(&blob->ref, 1);
	blob->len = len;
	if (data)
		memcpy(blob->data, data, len);
	blob->data[len] = '\0';
	return blob;
}

/** ktls_blob_get - take a reference; NULL is allowed */
struct ktls_blob *ktls_blob_get(struct ktls_blob *blob)
{
	if (blob)
		refcount_inc(&blob->ref);
	return blob;
}

/** ktls_blob_put - give up a reference, wiping with the last; NULL is allowed */
void ktls_blob_put(struct ktls_blob *blob)
{
	if (blob && refcount_dec_and_test(&blob->ref))
		kvfree_sensitive(blob, struct_size(blob, data, blob->len + 1));
}
