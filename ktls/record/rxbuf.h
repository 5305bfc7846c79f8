/* SPDX-License-Identifier: GPL-2.0 */
/* The buffers in which records are opened. Socket lock held unless noted. */
#ifndef _KTLS_RECORD_RXBUF_H
#define _KTLS_RECORD_RXBUF_H

#include <linux/list.h>
#include <linux/math.h>
#include <linux/types.h>
#include <asm/page.h>

#include "wire.h"

struct iov_iter;
struct ktls_rl;
struct page;
struct scatterlist;

enum ktls_rxbuf_sizes {
	/* Pages under a record of any length, and what is in front of it. */
	KTLS_RXBUF_PIECES	= DIV_ROUND_UP(KTLS_CIPHERTEXT12_MAX, PAGE_SIZE) + 1,
};

/**
 * struct ktls_rxbuf - opened application data, in the pages that hold it
 *
 * It is at the start of its own page allocation. With ktls_rules.all_types it has one
 * record, of any type.
 *
 * @node: on ktls_opened.list
 * @size: bytes from the payload's start to the end of the allocation
 * @off: of the first unread byte, from the start of the payload
 * @len: unread bytes
 * @type: content type; without ktls_rules.all_types always application data
 * @shared: a pipe or an skb may refer to the pages; they are not used again
 * @charged: to the socket's memory
 * @accounted: the pages may have been charged to a memory cgroup, beyond that
 */
struct ktls_rxbuf {
	struct list_head	node;
	u32			size;
	u32			off;
	u32			len;
	u8			type;
	bool			shared;
	bool			charged;
	bool			accounted;
};

/**
 * struct ktls_opened - opened records that nobody has read; under the socket lock
 * @list: of struct ktls_rxbuf; application data, or records of all types if
 *	ktls_rules.all_types
 * @len: bytes to read; read without the lock
 * @size: bytes of memory; likewise
 * @control: records of types other than application data; likewise
 * @spare: a buffer for the next record, or NULL
 */
struct ktls_opened {
	struct list_head	list;
	size_t			len;
	size_t			size;
	u32			control;
	struct ktls_rxbuf	*spare;
};

void ktls_rxbuf_init(struct ktls_opened *q);
void ktls_rxbuf_free(struct ktls_rl *rl);
struct ktls_rxbuf *ktls_rxbuf_get(struct ktls_rl *rl, u32 size);
void ktls_rxbuf_put(struct ktls_rl *rl, struct ktls_rxbuf *buf);
struct ktls_rxbuf *ktls_rxbuf_borrow(struct ktls_rl *rl);
void ktls_rxbuf_return(struct ktls_rxbuf *buf, u32 len);
void ktls_rxbuf_exit(void);
struct ktls_rxbuf *ktls_rxbuf_find_room(struct ktls_rl *rl, u32 size, u8 **ret_at);
void ktls_rxbuf_append(struct ktls_rl *rl, struct ktls_rxbuf *buf, const u8 *at, u32 len);
void ktls_rxbuf_queue(struct ktls_rl *rl, struct ktls_rxbuf *buf, u8 type, u32 len);
u8 *ktls_rxbuf_payload(struct ktls_rxbuf *buf);
struct page *ktls_rxbuf_page(const u8 *at);
bool ktls_rxbuf_copy(const u8 *at, u32 len, struct iov_iter *iter);
void ktls_rxbuf_map(const u8 *at, u32 len, struct scatterlist *sg);
void ktls_rxbuf_advance(struct ktls_rl *rl, struct ktls_rxbuf *buf, u32 len);
bool ktls_rxbuf_is_full(const struct ktls_rl *rl);	/* or not held */
void ktls_rxbuf_trim(struct ktls_rl *rl);

#endif /* _KTLS_RECORD_RXBUF_H */
