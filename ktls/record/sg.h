/* SPDX-License-Identifier: GPL-2.0 */
/* Entries of a scatterlist one by one: most of a table made for the worst case is
 * not used, and wiping all of it takes longer than filling it.
 */
#ifndef _KTLS_RECORD_SG_H
#define _KTLS_RECORD_SG_H

#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

static inline void ktls_sg_put(struct scatterlist *sg, struct page *page, u32 len, u32 off)
{
	*sg = (struct scatterlist){};
	sg_set_page(sg, page, len, off);
}

static inline void ktls_sg_put_buf(struct scatterlist *sg, const void *at, u32 len)
{
	ktls_sg_put(sg, virt_to_page(at), len, offset_in_page(at));
}

static inline void ktls_sg_one(struct scatterlist *sg, const void *at, u32 len)
{
	ktls_sg_put_buf(sg, at, len);
	sg_mark_end(sg);
}

#endif /* _KTLS_RECORD_SG_H */
