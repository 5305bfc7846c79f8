/* SPDX-License-Identifier: GPL-2.0 */
/* Between rx.c, which opens records, and recv.c, which hands out what was in them. */
#ifndef _KTLS_RX_H
#define _KTLS_RX_H

#include <linux/types.h>

struct iov_iter;
struct ktls_ctx;
struct ktls_rxbuf;

/* What ktls_rx_open() did; negative: an errno. */
enum ktls_rx_opened {
	KTLS_RX_NONE,		/* no whole record is there, or no more are wanted */
	KTLS_RX_DATA,		/* a record for the program was put on ktls_rxq.opened */
	KTLS_RX_CONTROL,	/* a record that carries none was dealt with */
	KTLS_RX_DIRECT,		/* application data was put into the reader's memory */
};

/* rx.c; socket lock held */
int ktls_rx_open(struct ktls_ctx *ctx, struct iov_iter *iter, size_t room, size_t *ret_len);
u8 *ktls_rx_payload(struct ktls_rxbuf *buf);
void ktls_rx_advance(struct ktls_ctx *ctx, struct ktls_rxbuf *buf, u32 len);
void ktls_rx_trim(struct ktls_ctx *ctx);

/* recv.c; socket lock held and dropped while waiting */
int ktls_rx_admit(const struct ktls_ctx *ctx);
int ktls_rx_wait(struct ktls_ctx *ctx, long *timeo, bool partial);

#endif /* _KTLS_RX_H */
