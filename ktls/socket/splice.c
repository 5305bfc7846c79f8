// SPDX-License-Identifier: GPL-2.0
/* splice() and read_sock(): opened records as the pages that hold them, to a pipe, or as
 * an skb to a reader in the kernel.
 */
#include <linux/mm.h>
#include <linux/pipe_fs_i.h>
#include <linux/skbuff.h>
#include <linux/splice.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "wire.h"
#include "record/rx.h"
#include "record/rxbuf.h"
#include "socket/ctx.h"
#include "socket/ready.h"
#include "socket/recv.h"
#include "socket/splice.h"

enum splice_sizes {
	/* A payload of full size, not on a page boundary. */
	SPLICE_PAGES	= KTLS_PAYLOAD_MAX / PAGE_SIZE + 1,
};

static struct ktls_rxbuf *splice_first(struct ktls_ctx *ctx)
{
	return list_first_entry_or_null(&ctx->rl.flow->opened.list, struct ktls_rxbuf, node);
}

static void splice_release(struct splice_pipe_desc *spd, unsigned int i)
{
	put_page(spd->pages[i]);
}

/* Give a pipe the pages of an opened record. Returns the bytes it took. */
static ssize_t splice_to(struct ktls_ctx *ctx, struct ktls_rxbuf *buf,
			 struct pipe_inode_info *pipe, size_t len)
{
	struct partial_page partial[SPLICE_PAGES];
	struct page *pages[SPLICE_PAGES];
	struct splice_pipe_desc spd = {
		.pages		= pages,
		.partial	= partial,
		.nr_pages_max	= SPLICE_PAGES,
		.ops		= &nosteal_pipe_buf_ops,
		.spd_release	= splice_release,
	};
	size_t left = min_t(size_t, len, buf->len), step;
	u8 *at = ktls_rxbuf_payload(buf);
	ssize_t ret;

	/* The pipe reads the pages later: nothing else may be written there. */
	buf->shared = true;
	while (left && spd.nr_pages < SPLICE_PAGES) {
		step = min_t(size_t, left, PAGE_SIZE - offset_in_page(at));
		pages[spd.nr_pages] = ktls_rxbuf_page(at);
		get_page(pages[spd.nr_pages]);
		partial[spd.nr_pages].offset = offset_in_page(at);
		partial[spd.nr_pages].len = step;
		partial[spd.nr_pages].private = 0;
		spd.nr_pages++;
		at += step;
		left -= step;
	}
	ret = splice_to_pipe(pipe, &spd);
	if (ret > 0)
		ktls_rxbuf_advance(&ctx->rl, buf, ret);
	return ret;
}

static ssize_t splice_read(struct ktls_ctx *ctx, struct pipe_inode_info *pipe, size_t len,
			   long timeo)
{
	struct ktls_recv_pace pace = { .since = jiffies };
	struct ktls_rxbuf *buf;
	ssize_t copied = 0, ret;

	for (;;) {
		ret = ktls_ready_admit(ctx);
		if (ret)
			break;
		buf = splice_first(ctx);
		if (buf) {
			/* Only recvmsg() can tell what type a record has. */
			ret = -EINVAL;
			if (buf->type != KTLS_CT_DATA)
				break;
			ret = splice_to(ctx, buf, pipe, len - copied);
			if (ret <= 0)
				break;
			copied += ret;
			if (copied == len)
				break;
			continue;
		}

		ret = ktls_rx_open(&ctx->rl, NULL, 0, NULL);
		if (ret > KTLS_RX_NONE) {
			ret = ktls_recv_pace(ctx, &pace, ret, &timeo, copied);
			if (ret)
				break;
			continue;
		}
		if ((ret < 0 && !ctx->rl.rx.error) || copied)
			break;
		ret = ktls_recv_wait(ctx, &timeo, false);
		if (ret <= 0)
			break;
		pace.since = jiffies;
	}
	return copied ?: ret;
}

/**
 * ktls_splice_read - splice() from a TLS socket into a pipe
 * @sock: the socket
 * @ppos: must be NULL or 0; sockets have no position
 * @pipe: the pipe, locked by the caller
 * @len: bytes wanted
 * @flags: SPLICE_F_*
 *
 * Moves the pages in which records were opened. What the pipe had no room for
 * stays opened and comes first next time.
 *
 * Context: process context, takes the socket lock and drops it while waiting.
 * Return: bytes, 0 at the end of the stream, or a negative errno.
 */
ssize_t ktls_splice_read(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe,
			 size_t len, unsigned int flags)
{
	struct sock *sk = sock->sk;
	struct ktls_ctx *ctx = ktls_ctx_get(sk);
	ssize_t ret;
	bool wait;

	if (unlikely(ppos && *ppos))
		return -ESPIPE;
	wait = !(flags & SPLICE_F_NONBLOCK) &&
	       !(sock->file && (sock->file->f_flags & O_NONBLOCK));

	lock_sock(sk);
	ret = splice_read(ctx, pipe, min_t(size_t, len, INT_MAX), sock_rcvtimeo(sk, !wait));
	/* A pipe that is full says nothing about the socket. */
	if (ret > 0)
		ktls_ready_was_read(ctx, ret, ret == len || ctx->rl.flow->opened.len);
	ktls_rx_end_call(&ctx->rl);
	release_sock(sk);
	return ret;
}

/* An skb around the unread bytes of an opened record. */
static struct sk_buff *splice_skb(struct ktls_rxbuf *buf)
{
	struct sk_buff *skb = alloc_skb(0, GFP_KERNEL);
	u8 *at = ktls_rxbuf_payload(buf);
	u32 left = buf->len, step;
	unsigned int i;

	if (!skb)
		return NULL;
	buf->shared = true;
	for (i = 0; left; i++, at += step, left -= step) {
		step = min_t(u32, left, PAGE_SIZE - offset_in_page(at));
		get_page(ktls_rxbuf_page(at));
		skb_add_rx_frag(skb, i, ktls_rxbuf_page(at), offset_in_page(at), step, step);
	}
	return skb;
}

/**
 * ktls_splice_read_sock - offer what was received to a reader inside the kernel
 * @sk: the socket
 * @desc: the reader's; ends when desc->count is 0
 * @actor: takes bytes of an skb that may only be read
 *
 * Context: process context, socket lock held; never waits.
 * Return: bytes the actor took, or a negative errno if none; a lack of memory is in
 * desc->error as well.
 */
int ktls_splice_read_sock(struct sock *sk, read_descriptor_t *desc, sk_read_actor_t actor)
{
	struct ktls_recv_pace pace = {};
	struct ktls_ctx *ctx = ktls_ctx_get(sk);
	struct ktls_rxbuf *buf;
	struct sk_buff *skb;
	int copied = 0, ret;
	long timeo = 0;

	sock_owned_by_me(sk);
	ret = ktls_ready_admit(ctx);
	while (!ret && desc->count) {
		buf = splice_first(ctx);
		if (!buf) {
			ret = ktls_rx_open(&ctx->rl, NULL, 0, NULL);
			if (ret == KTLS_RX_NONE && ctx->rl.flow->opening.rekey)
				ret = -EKEYEXPIRED;
			if (ret <= KTLS_RX_NONE)
				break;
			/* Nobody else calls again: the socket says so when it is released. */
			ret = ktls_recv_pace(ctx, &pace, ret, &timeo, copied);
			if (ret)
				set_bit(KTLS_F_WAKE, &ctx->flags);
			continue;
		}
		if (buf->type != KTLS_CT_DATA) {
			ret = -EINVAL;
			break;
		}
		skb = splice_skb(buf);
		if (!skb) {
			ret = -ENOMEM;
			break;
		}
		ret = actor(desc, skb, 0, skb->len);
		kfree_skb(skb);
		if (ret <= 0)
			break;
		copied += ret;
		ktls_rxbuf_advance(&ctx->rl, buf, min_t(u32, ret, buf->len));
		ret = 0;
	}
	/* A strparser looks at nothing else, and then it asks again. */
	if (ret == -ENOMEM)
		desc->error = ret;
	ktls_rx_end_call(&ctx->rl);
	return copied ?: ret;
}
