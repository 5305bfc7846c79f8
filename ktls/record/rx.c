// SPDX-License-Identifier: GPL-2.0
/*
 * Opening the record at the head of what was received. Three ways lead from
 * TCP's queue to plaintext:
 *
 *  - a small record is gathered into a buffer and opened in place;
 *  - a large one is opened from TCP's fragments straight into the reader's pinned
 *    pages, if the reader has room for all of it;
 *  - or else from the fragments into a buffer.
 *
 * A fragment is never written to: over loopback it may be a page somebody else
 * still has. A record is opened once, and nothing of it is seen by anyone before
 * it has proved authentic, but for the reader's own pages, which are wiped if it
 * does not.
 */
#include <linux/compiler.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/uio.h>
#include <linux/unaligned.h>
#include <net/sock.h>

#include <compat/user_pages.h>
#include <ktls/ktls.h>
#include <ktls/rx.h>

enum rx_sizes {
	/* From here on pinning is cheaper than copying. */
	RX_DIRECT_MIN	= 4096,
	/* Each piece that ends within a block costs the crypto API's an allocation. */
	RX_BLOCK	= 64,	/* ChaCha20's, and four of AES */
	RX_CROOKED_MAX	= 4,
};

/* Not authentic is the end; anything else may be tried again. */
static int rx_not_opened(struct ktls_ctx *ctx, int err)
{
	if (err != -EBADMSG)
		return err;
	ktls_mib_inc(sock_net(ctx->sk), KTLS_MIB_RX_BAD);
	return ktls_alert_fatal(ctx, KTLS_ALERT_BAD_RECORD_MAC, EBADMSG,
				"a record of the peer is not authentic");
}

/* Where a record is opened. */
struct rx_place {
	struct ktls_rxbuf	*buf;
	u8			*at;
	bool			shared;	/* with records that were opened before */
};

static int rx_place_new(struct ktls_ctx *ctx, struct rx_place *place)
{
	place->shared = false;
	place->buf = ktls_rxbuf_get(ctx, ctx->rl.rxq.head.crypt_len);
	if (unlikely(!place->buf))
		return -ENOMEM;
	place->at = ktls_rx_payload(place->buf);
	return 0;
}

static void rx_place_drop(struct ktls_ctx *ctx, const struct rx_place *place)
{
	if (!place->shared)
		ktls_rxbuf_put(ctx, place->buf);
}

static int rx_queue_data(struct ktls_ctx *ctx, const struct rx_place *place, u32 len)
{
	struct ktls_rxq *q = &ctx->rl.rxq;

	if (unlikely(!len)) {
		rx_place_drop(ctx, place);
		if (++q->empty > KTLS_EMPTY_RECORDS_MAX)
			return ktls_alert_refuse(ctx, KTLS_ALERT_UNEXPECTED_MESSAGE,
						 "the peer sent too many empty records");
		return KTLS_RX_CONTROL;
	}
	q->empty = 0;
	q->warnings = 0;
	q->key_updates = 0;
	if (place->shared)
		ktls_rxbuf_append(ctx, place->buf, place->at, len);
	else
		ktls_rxbuf_queue(ctx, place->buf, KTLS_CT_DATA, len);
	ctx->rl.rx.bytes += len;
	return KTLS_RX_DATA;
}

/*
 * Keys from elsewhere: is there a KeyUpdate in this handshake record? A message may
 * go on in another record, and several may be in one. Where a message's header is
 * cut, its length counts as 0.
 */
static bool rx_has_key_update(struct ktls_rxq *q, const u8 *at, u32 len)
{
	u32 n = min(len, q->rekey_skip);

	q->rekey_skip -= n;
	while (n < len) {
		if (at[n] == KTLS_HS_KEY_UPDATE)
			return true;
		if (len - n < 4)
			return false;
		n += 4;
		q->rekey_skip = get_unaligned_be24(at + n - 3);
		len -= n;
		at += n;
		n = min(len, q->rekey_skip);
		q->rekey_skip -= n;
	}
	return false;
}

/* Keys from elsewhere: the program gets all types. */
static int rx_queue_control(struct ktls_ctx *ctx, const struct rx_place *place, u8 type, u32 len)
{
	struct ktls_rxq *q = &ctx->rl.rxq;

	if (unlikely(!type)) {
		rx_place_drop(ctx, place);
		return ktls_alert_refuse(ctx, KTLS_ALERT_UNEXPECTED_MESSAGE,
					 "the peer sent a record without a content type");
	}
	if (type == KTLS_CT_HANDSHAKE && ctx->rl.rx.suite->version == KTLS_VERSION_1_3 &&
	    rx_has_key_update(q, place->at, len)) {
		q->rekey_skip = 0;
		WRITE_ONCE(q->rekey, true);
	}
	q->empty = 0;
	ktls_rxbuf_queue(ctx, place->buf, type, len);
	return KTLS_RX_DATA;
}

/*
 * RFC 8446 5.4: the type is the last byte that is not zero. Returns the length of
 * the content, and the type.
 */
static int rx_inner(struct ktls_ctx *ctx, const u8 *at, u32 len, u8 *type)
{
	if (unlikely(len > KTLS_INNER_MAX))
		return ktls_alert_refuse(ctx, KTLS_ALERT_RECORD_OVERFLOW,
					 "the peer sent a record that is too long");
	while (len && !at[len - 1])
		len--;
	if (unlikely(!len))
		return ktls_alert_refuse(ctx, KTLS_ALERT_UNEXPECTED_MESSAGE,
					 "the peer sent a record without a content type");
	*type = at[len - 1];
	return len - 1;
}

/* An authentic record is there: sort it. The place is used up. */
static int rx_sort(struct ktls_ctx *ctx, const struct rx_place *place)
{
	u8 type = ctx->rl.rxq.head.type, *at = place->at;
	int len = ctx->rl.rxq.head.crypt_len - KTLS_TAG_SIZE;
	int err;

	/* Before anything that may send: see ktls_framing_settle(). */
	ktls_framing_consume(ctx);
	if (ctx->rl.rx.tail > KTLS_TAG_SIZE)
		len = rx_inner(ctx, at, len, &type);
	if (unlikely(len < 0)) {
		rx_place_drop(ctx, place);
		return len;
	}
	if (likely(type == KTLS_CT_DATA && !ktls_control_pending(ctx)))
		return rx_queue_data(ctx, place, len);
	if (ctx->external)
		return rx_queue_control(ctx, place, type, len);

	if (type != KTLS_CT_HANDSHAKE && ktls_control_pending(ctx))
		err = ktls_alert_refuse(ctx, KTLS_ALERT_UNEXPECTED_MESSAGE,
					"the peer interrupted a handshake message");
	else
		err = ktls_control_record(ctx, type, at, len);
	rx_place_drop(ctx, place);
	return err ?: KTLS_RX_CONTROL;
}

static int rx_open_gathered(struct ktls_ctx *ctx)
{
	const struct ktls_head *head = &ctx->rl.rxq.head;
	struct scatterlist sg[KTLS_RXBUF_PIECES] __uninitialized;
	struct ktls_dir *dir = &ctx->rl.rx;
	struct rx_place place;
	u8 *aad;
	int err;

	place.buf = ktls_rxbuf_room(ctx, head->crypt_len, &place.at);
	place.shared = place.buf;
	err = place.buf ? 0 : rx_place_new(ctx, &place);
	if (unlikely(err))
		return err;
	err = ktls_framing_copy(ctx, dir->head, place.at, head->crypt_len);
	if (likely(!err)) {
		aad = place.at - dir->aad;
		ktls_rx_map(aad, dir->aad + head->crypt_len, sg);
		err = ktls_aead_open(dir, sg, sg, aad, head);
	}
	if (unlikely(err)) {
		rx_place_drop(ctx, &place);
		return rx_not_opened(ctx, err);
	}
	return rx_sort(ctx, &place);
}

/*
 * The record's ciphertext where TCP has it, behind the associated data. Fails if
 * it is in so many pieces, or such crooked ones, that gathering is better.
 */
static int rx_map(struct ktls_ctx *ctx, struct scatterlist *src)
{
	struct ktls_rxq *q = &ctx->rl.rxq;
	int i, n, crooked = 0;

	ktls_sg_put_buf(src, q->aad, ctx->rl.rx.aad);
	n = ktls_framing_map(ctx, ctx->rl.rx.head, q->head.crypt_len, src + 1, KTLS_RX_PIECES);
	if (n < 0)
		return n;
	for (i = 1; i < n; i++)
		crooked += src[i].length % RX_BLOCK != 0;
	if (crooked > RX_CROOKED_MAX)
		return -EMSGSIZE;
	sg_mark_end(&src[n]);
	return 0;
}

static int rx_open_mapped(struct ktls_ctx *ctx)
{
	struct scatterlist src[KTLS_RX_PIECES + 1] __uninitialized;
	struct scatterlist dst[KTLS_RXBUF_PIECES] __uninitialized;
	const struct ktls_head *head = &ctx->rl.rxq.head;
	struct ktls_dir *dir = &ctx->rl.rx;
	struct rx_place place;
	int err;

	if (rx_map(ctx, src))
		return rx_open_gathered(ctx);
	err = rx_place_new(ctx, &place);
	if (unlikely(err))
		return err;
	ktls_rx_map(place.at - dir->aad, dir->aad + head->crypt_len, dst);
	err = ktls_aead_open(dir, src, dst, ctx->rl.rxq.aad, head);
	if (unlikely(err)) {
		rx_place_drop(ctx, &place);
		return rx_not_opened(ctx, err);
	}
	return rx_sort(ctx, &place);
}

/* The reader's memory, pinned for one record. */
struct rx_reader {
	struct iov_iter		*iter;
	struct page		*pages[KTLS_RX_PAGES];
	unsigned int		n_pages;
	struct scatterlist	sg[KTLS_RX_PAGES + 2];	/* and associated data, type */
	unsigned int		n_sg;
	u32			len;
};

static void rx_unpin(struct rx_reader *reader, bool keep)
{
	ktls_iter_unpin(reader->pages, reader->n_pages, keep);
}

/* Give the memory back as if it had never been touched. */
static void rx_unpin_undo(struct rx_reader *reader, bool touched)
{
	unsigned int i;

	for (i = 1; touched && i <= reader->n_pages; i++)
		memzero_page(sg_page(&reader->sg[i]), reader->sg[i].offset,
			     reader->sg[i].length);
	rx_unpin(reader, touched);
	iov_iter_revert(reader->iter, reader->len);
}

static int rx_pin(struct ktls_ctx *ctx, struct rx_reader *reader, struct iov_iter *iter,
		  u32 len)
{
	size_t off, step;
	ssize_t got;

	reader->iter = iter;
	ktls_sg_put_buf(&reader->sg[0], ctx->rl.rxq.aad, ctx->rl.rx.aad);
	reader->n_sg = 1;
	reader->n_pages = 0;
	reader->len = 0;
	while (reader->len < len) {
		got = 0;
		/* Many small pieces have more pages than their bytes would need. */
		if (reader->n_pages < KTLS_RX_PAGES)
			got = ktls_iter_pin(reader->iter, reader->pages + reader->n_pages,
					    len - reader->len,
					    KTLS_RX_PAGES - reader->n_pages, &off);
		if (got <= 0) {
			rx_unpin_undo(reader, false);
			return got ?: -EMSGSIZE;
		}
		reader->len += got;
		for (; got; got -= step, off = 0) {
			step = min_t(size_t, got, PAGE_SIZE - off);
			ktls_sg_put(&reader->sg[reader->n_sg++],
				    reader->pages[reader->n_pages++], step, off);
		}
	}
	if (ctx->rl.rx.tail > KTLS_TAG_SIZE)
		ktls_sg_put_buf(&reader->sg[reader->n_sg++], &ctx->rl.rxq.type, 1);
	sg_mark_end(&reader->sg[reader->n_sg - 1]);
	return 0;
}

/*
 * The record in the reader's pages is padded, or no application data. It moves to
 * a buffer of ours before it is looked at: the program may write to its own.
 */
static int rx_take_back(struct ktls_ctx *ctx, struct rx_reader *reader)
{
	struct scatterlist *sg;
	struct rx_place place;
	unsigned int i;
	int err;
	u8 *at;

	err = rx_place_new(ctx, &place);
	if (likely(!err)) {
		at = place.at;
		for (i = 1; i <= reader->n_pages; i++) {
			sg = &reader->sg[i];
			memcpy_from_page(at, sg_page(sg), sg->offset, sg->length);
			at += sg->length;
		}
		*at = ctx->rl.rxq.type;
	}
	rx_unpin_undo(reader, true);
	if (unlikely(err))
		return ktls_alert_fatal(ctx, KTLS_ALERT_INTERNAL_ERROR, ENOMEM,
					"no memory for a record of the peer");
	return rx_sort(ctx, &place);
}

/* -EMSGSIZE: nothing has happened, another way is better. */
static int rx_open_direct(struct ktls_ctx *ctx, struct iov_iter *iter, size_t *ret_len)
{
	struct scatterlist src[KTLS_RX_PIECES + 1] __uninitialized;
	struct rx_reader reader __uninitialized;
	struct ktls_rxq *q = &ctx->rl.rxq;
	struct ktls_dir *dir = &ctx->rl.rx;
	int err;

	if (rx_map(ctx, src))
		return -EMSGSIZE;
	if (rx_pin(ctx, &reader, iter, q->head.crypt_len - dir->tail))
		return -EMSGSIZE;

	err = ktls_aead_open(dir, src, reader.sg, q->aad, &q->head);
	if (unlikely(err)) {
		rx_unpin_undo(&reader, true);
		return rx_not_opened(ctx, err);
	}
	if (dir->tail > KTLS_TAG_SIZE && unlikely(q->type != KTLS_CT_DATA))
		return rx_take_back(ctx, &reader);

	rx_unpin(&reader, true);
	ktls_framing_consume(ctx);
	q->empty = 0;
	q->warnings = 0;
	q->key_updates = 0;
	dir->bytes += reader.len;
	*ret_len = reader.len;
	return KTLS_RX_DIRECT;
}

/* Only what looks like application data and fits as it is. */
static bool rx_may_go_direct(const struct ktls_ctx *ctx, const struct iov_iter *iter,
			     size_t room)
{
	const struct ktls_head *head = &ctx->rl.rxq.head;
	const u32 len = head->crypt_len - ctx->rl.rx.tail;

	return iter && user_backed_iter(iter) && head->type == KTLS_CT_DATA &&
	       len >= RX_DIRECT_MIN && len <= KTLS_PAYLOAD_MAX && len <= room &&
	       !ktls_control_pending(ctx);
}

/* The record at the head is whole. Returns as ktls_rx_open(). */
static int rx_open_head(struct ktls_ctx *ctx, struct iov_iter *iter, size_t room,
			size_t *ret_len)
{
	int ret;

	if (rx_may_go_direct(ctx, iter, room)) {
		ret = rx_open_direct(ctx, iter, ret_len);
		if (ret != -EMSGSIZE)
			return ret;
	}
	if (ctx->rl.rxq.head.crypt_len > KTLS_RX_GATHER_MAX)
		return rx_open_mapped(ctx);
	return rx_open_gathered(ctx);
}

/**
 * ktls_rx_open - open the record at the head, if it is there
 * @ctx: a connection with receiving keys
 * @iter: the reader's memory, if nothing opened is waiting before it; or NULL
 * @room: bytes the reader still wants
 * @ret_len: out: bytes put into @iter, for KTLS_RX_DIRECT
 *
 * Context: process context, socket lock held; may sleep and send, never waits.
 * Return: enum ktls_rx_opened; -EPROTO, -EBADMSG, ...: the connection has failed,
 * ctx->rl.rx.error is set; -ENOMEM without that: it may be tried again.
 */
int ktls_rx_open(struct ktls_ctx *ctx, struct iov_iter *iter, size_t room, size_t *ret_len)
{
	u64 records = ctx->rl.rx.records, bytes = ctx->rl.rx.bytes;
	int ret;

	sock_owned_by_me(ctx->sk);
	if (ctx->rl.rx.closed || ctx->rl.rx.error || !ctx->rl.rx.keyed || ctx->rl.rxq.stopped ||
	    ctx->rl.rxq.rekey)
		return KTLS_RX_NONE;
	ret = ktls_framing_head(ctx);
	if (ret <= 0)
		return ret;

	ret = rx_open_head(ctx, iter, room, ret_len);
	/* Here, and not by call: calls that wait let others open records meanwhile. */
	if (likely(ctx->rl.rx.records != records))
		ktls_mib_record(sock_net(ctx->sk), KTLS_MIB_RX_RECORDS, KTLS_MIB_RX_BYTES,
				ctx->rl.rx.bytes - bytes);
	return ret;
}
