/* SPDX-License-Identifier: GPL-2.0 */
/* Between rxbuf.c, which has the buffers, rx.c, which opens records in them, and recv.c and
 * splice.c, which hand out what was in them.
 */
#ifndef _KTLS_RX_H
#define _KTLS_RX_H

#include <linux/math.h>
#include <linux/types.h>
#include <asm/page.h>

#include <ktls/wire.h>

struct iov_iter;
struct ktls_ctx;
struct ktls_rl;
struct ktls_rxbuf;
struct page;
struct scatterlist;

enum ktls_rx_sizes {
	/* Up to here copying is cheaper than scatterlists. */
	KTLS_RX_GATHER_MAX	= 2048,
	/* Pages under a record of any length, and what is in front of it. */
	KTLS_RXBUF_PIECES	= DIV_ROUND_UP(KTLS_CIPHERTEXT12_MAX, PAGE_SIZE) + 1,
};

/* What ktls_rx_open() did; negative: an errno. */
enum ktls_rx_opened {
	KTLS_RX_NONE,		/* no whole record is there, or no more are wanted */
	KTLS_RX_DATA,		/* a record for the program was put on ktls_rxq.opened */
	KTLS_RX_CONTROL,	/* a record that carries none was dealt with */
	KTLS_RX_DIRECT,		/* application data was put into the reader's memory */
};

/* rxbuf.c; socket lock held */
void ktls_rxbuf_init(struct ktls_rl *rl);
void ktls_rxbuf_free(struct ktls_rl *rl);
struct ktls_rxbuf *ktls_rxbuf_get(struct ktls_rl *rl, u32 size);
void ktls_rxbuf_put(struct ktls_rl *rl, struct ktls_rxbuf *buf);
struct ktls_rxbuf *ktls_rxbuf_find_room(struct ktls_rl *rl, u32 size, u8 **ret_at);
void ktls_rxbuf_append(struct ktls_rl *rl, struct ktls_rxbuf *buf, const u8 *at, u32 len);
void ktls_rxbuf_queue(struct ktls_rl *rl, struct ktls_rxbuf *buf, u8 type, u32 len);
u8 *ktls_rxbuf_payload(struct ktls_rxbuf *buf);
struct page *ktls_rxbuf_page(const u8 *at);
void ktls_rxbuf_map(const u8 *at, u32 len, struct scatterlist *sg);
void ktls_rxbuf_advance(struct ktls_rl *rl, struct ktls_rxbuf *buf, u32 len);
bool ktls_rxbuf_is_full(const struct ktls_rl *rl);	/* or not held */
void ktls_rx_end_call(struct ktls_rl *rl);
void ktls_rxbuf_trim(struct ktls_rl *rl);

/* rx.c; socket lock held */
int ktls_rx_open(struct ktls_rl *rl, struct iov_iter *iter, size_t room, size_t *ret_len);

/* ready.c; socket lock held, unless said otherwise */
bool ktls_rx_has_news(const struct ktls_ctx *ctx);	/* or softirq, or not held */
bool ktls_rx_is_shut(const struct ktls_ctx *ctx);
bool ktls_rx_has_ended(const struct ktls_ctx *ctx);	/* or not held */
int ktls_rx_prepare(struct ktls_ctx *ctx, size_t target);

/**
 * struct ktls_rx_pace - how much a call has dealt with; on its stack
 * @records: since it looked up
 * @control: of them without application data
 * @since: jiffies, from when time is to be deducted
 */
struct ktls_rx_pace {
	unsigned int	records;
	unsigned int	control;
	unsigned long	since;
};

/* recv.c; socket lock held and dropped while waiting */
int ktls_rx_admit(const struct ktls_ctx *ctx);
int ktls_rx_wait(struct ktls_ctx *ctx, long *timeo, bool partial);
int ktls_rx_pace(struct ktls_ctx *ctx, struct ktls_rx_pace *pace, int opened, long *timeo,
		 bool enough);

#endif /* _KTLS_RX_H */
