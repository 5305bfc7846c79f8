/* SPDX-License-Identifier: GPL-2.0 */
/* Pages that records are sealed or opened in, used again. Process context. */
#ifndef _KTLS_RECORD_PAGES_H
#define _KTLS_RECORD_PAGES_H

#include <linux/types.h>

struct page_frag;

bool ktls_pages_refill(unsigned int size, struct page_frag *pfrag, gfp_t gfp);
void *ktls_pages_take(size_t size);
void ktls_pages_keep(void *buffer, size_t size);
int ktls_pages_init(void);
void ktls_pages_exit(void);
unsigned long ktls_pages_shrink(unsigned long max);

#endif /* _KTLS_RECORD_PAGES_H */
