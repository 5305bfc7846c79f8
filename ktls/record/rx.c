// SPDX-License-Identifier: GPL-2.0
/* Open the next record. There are three ways from TCP's queue to plaintext:
 *
 *  - a small record is gathered into a buffer and opened in place; if it is for the reader, the
 *    buffer is a page that is borrowed for just that time;
 *  - a large one is opened from TCP's fragments into the reader's pinned pages, if the
 *    reader has room for all of it;
 *  - otherwise it is opened from the fragments into a buffer.
 *
 * From a buffer it is copied to the reader at once, if there is room for all of it.
 *
 * Fragments are never written to: over loopback they may be pages of another program.
 * A record is opened once. Nothing of it is visible before it was authenticated, except
 * in the reader's own pages, which are wiped if that fails.
 */
#include <linux/compiler.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/uio.h>
#include <linux/unaligned.h>
#include <kunit/visibility.h>
#include <net/sock.h>

#include <compat/user_pages.h>

#include "record/aead.h"
#include "record/alert.h"
#include "record/control.h"
#include "record/framing.h"
#include "record/rl.h"
#include "record/rx.h"
#include "record/rxbuf.h"
#include "record/sg.h"
#include "mib.h"
#include "suite.h"
#include "wire.h"

enum rx_limits {
	/* From this size on, pinning is no dearer than a buffer and a copy. */
	RX_DIRECT_MIN	= 8192,
	/* The crypto API's ciphers allocate for each piece that ends within a block. */
	RX_BLOCK	= 64,	/* ChaCha20's, and four of AES */
	RX_CROOKED_MAX	= 4,
	/* More empty records in a row are refused. */
	RX_EMPTY_MAX	= 32,
};

/* A record that is not authentic is fatal; after other errors it can be opened again. */
static int rx_not_opened(struct ktls_rl *rl, int err)
{
	if (err != -EBADMSG)
		return err;
	ktls_mib_inc(sock_net(rl->sk), KTLS_MIB_RX_BAD);
	return ktls_alert_fatal(rl, KTLS_ALERT_BAD_RECORD_MAC, EBADMSG,
				"a record of the peer is not authentic");
}

/* Where a record is opened. */
struct rx_place {
	struct ktls_rxbuf	*buf;
	u8			*at;
	u32			size;	/* of the ciphertext, with the tag */
	bool			shared;	/* the buffer has other records, too */
	bool			borrowed; /* the buffer is a processor's */
	struct iov_iter		*iter;	/* of the reader, if it has room; or NULL */
};

static struct rx_place rx_place_of(const struct ktls_rl *rl, struct iov_iter *iter)
{
	return (struct rx_place){ .size = rl->flow->framing.hdr.crypt_len, .iter = iter };
}

static int rx_place_new(struct ktls_rl *rl, struct rx_place *place)
{
	place->buf = ktls_rxbuf_get(rl, place->size);
	if (unlikely(!place->buf))
		return -ENOMEM;
	place->at = ktls_rxbuf_payload(place->buf);
	return 0;
}

/* A place for a small record. */
static bool rx_place_borrow(struct ktls_rl *rl, struct rx_place *place)
{
	place->buf = ktls_rxbuf_borrow(rl);
	if (unlikely(!place->buf))
		return false;
	place->borrowed = true;
	place->at = ktls_rxbuf_payload(place->buf);
	return true;
}

/* The record in a borrowed buffer is to stay. Without memory for one of its own it has the
 * borrowed one, which is charged to nobody.
 */
static void rx_place_keep(struct ktls_rl *rl, struct rx_place *place, u32 len)
{
	struct rx_place own = { .size = place->size };

	if (likely(!place->borrowed))
		return;
	if (likely(!rx_place_new(rl, &own))) {
		memcpy(own.at, place->at, len);
		ktls_rxbuf_return(place->buf, place->size);
		*place = own;
	}
	place->borrowed = false;
}

static void rx_place_drop(struct ktls_rl *rl, const struct rx_place *place)
{
	if (place->borrowed)
		ktls_rxbuf_return(place->buf, place->size);
	else if (!place->shared)
		ktls_rxbuf_put(rl, place->buf);
}

static int rx_queue_data(struct ktls_rl *rl, struct rx_place *place, u32 len)
{
	if (unlikely(!len)) {
		rx_place_drop(rl, place);
		if (++rl->flow->counts.empty > RX_EMPTY_MAX)
			return ktls_alert_refuse(rl, KTLS_ALERT_UNEXPECTED_MESSAGE,
						 "the peer sent too many empty records");
		return KTLS_RX_CONTROL;
	}
	rl->flow->counts.empty = 0;
	rl->flow->counts.warnings = 0;
	rl->flow->counts.key_updates = 0;
	rl->flow->rx.bytes += len;
	if (place->iter && likely(ktls_rxbuf_copy(place->at, len, place->iter))) {
		rx_place_drop(rl, place);
		return KTLS_RX_DIRECT;
	}
	rx_place_keep(rl, place, len);
	if (place->shared)
		ktls_rxbuf_append(rl, place->buf, place->at, len);
	else
		ktls_rxbuf_queue(rl, place->buf, KTLS_CT_DATA, len);
	return KTLS_RX_DATA;
}

/* External keys: is there a KeyUpdate in this handshake record? A message may continue
 * in the next record, and a record may have several. If a message's header is incomplete,
 * its length counts as 0.
 */
static bool rx_has_key_update(struct ktls_opening *o, const u8 *at, u32 len)
{
	u32 n = min(len, o->rekey_skip);

	o->rekey_skip -= n;
	while (n < len) {
		if (at[n] == KTLS_HS_KEY_UPDATE)
			return true;
		if (len - n < 4)
			return false;
		n += 4;
		o->rekey_skip = get_unaligned_be24(at + n - 3);
		len -= n;
		at += n;
		n = min(len, o->rekey_skip);
		o->rekey_skip -= n;
	}
	return false;
}

/* The program gets all types. */
static int rx_queue_control(struct ktls_rl *rl, struct rx_place *place, u8 type, u32 len)
{
	if (unlikely(!type)) {
		rx_place_drop(rl, place);
		return ktls_alert_refuse(rl, KTLS_ALERT_UNEXPECTED_MESSAGE,
					 "the peer sent a record without a content type");
	}
	if (type == KTLS_CT_HANDSHAKE && rl->flow->rx.suite->version == KTLS_TLS_1_3 &&
	    rx_has_key_update(&rl->flow->opening, place->at, len)) {
		rl->flow->opening.rekey_skip = 0;
		WRITE_ONCE(rl->flow->opening.rekey, true);
	}
	rl->flow->counts.empty = 0;
	rx_place_keep(rl, place, len);
	ktls_rxbuf_queue(rl, place->buf, type, len);
	return KTLS_RX_DATA;
}

/* RFC 8446 5.4: the type is the last byte that is not zero. Returns the length of
 * the content, and the type.
 */
static int rx_inner(struct ktls_rl *rl, const u8 *at, u32 len, u8 *type)
{
	if (unlikely(len > KTLS_INNER_MAX))
		return ktls_alert_refuse(rl, KTLS_ALERT_RECORD_OVERFLOW,
					 "the peer sent a record that is too long");
	while (len && !at[len - 1])
		len--;
	if (unlikely(!len))
		return ktls_alert_refuse(rl, KTLS_ALERT_UNEXPECTED_MESSAGE,
					 "the peer sent a record without a content type");
	*type = at[len - 1];
	return len - 1;
}

/* Handle an authentic record by its type. Releases @place. */
static int rx_sort(struct ktls_rl *rl, struct rx_place *place)
{
	u8 type = rl->flow->framing.hdr.type, *at = place->at;
	int len = rl->flow->framing.hdr.crypt_len - KTLS_TAG_SIZE;
	int err;

	/* Before anything that may send: see ktls_framing_commit(). */
	ktls_framing_consume(rl);
	if (rl->flow->rx.tail_size > KTLS_TAG_SIZE)
		len = rx_inner(rl, at, len, &type);
	if (unlikely(len < 0)) {
		rx_place_drop(rl, place);
		return len;
	}
	if (likely(type == KTLS_CT_DATA && !ktls_control_pending(rl)))
		return rx_queue_data(rl, place, len);
	if (rl->rules->all_types)
		return rx_queue_control(rl, place, type, len);

	if (type != KTLS_CT_HANDSHAKE && ktls_control_pending(rl))
		err = ktls_alert_refuse(rl, KTLS_ALERT_UNEXPECTED_MESSAGE,
					"the peer interrupted a handshake message");
	else
		err = ktls_control_record(rl, type, at, len);
	rx_place_drop(rl, place);
	return err ?: KTLS_RX_CONTROL;
}

static int rx_place_gathered(struct ktls_rl *rl, struct rx_place *place)
{
	if (place->iter && place->size <= KTLS_RX_GATHER_MAX && rx_place_borrow(rl, place))
		return 0;
	place->buf = ktls_rxbuf_find_room(rl, place->size, &place->at);
	if (!place->buf)
		return rx_place_new(rl, place);
	place->shared = true;
	return 0;
}

/* A record that is for the reader, if @iter is not NULL. */
static int rx_open_gathered(struct ktls_rl *rl, struct iov_iter *iter)
{
	const struct ktls_hdr *hdr = &rl->flow->framing.hdr;
	struct scatterlist sg[KTLS_RXBUF_PIECES] __uninitialized;
	struct rx_place place = rx_place_of(rl, iter);
	struct ktls_dir *dir = &rl->flow->rx;
	u8 *aad;
	int err;

	err = rx_place_gathered(rl, &place);
	if (unlikely(err))
		return err;
	err = ktls_framing_copy(rl, dir->prefix_size, place.at, hdr->crypt_len);
	if (likely(!err)) {
		aad = place.at - dir->aad_size;
		ktls_rxbuf_map(aad, dir->aad_size + hdr->crypt_len, sg);
		err = ktls_aead_open(dir, sg, sg, aad, hdr);
	}
	if (unlikely(err)) {
		rx_place_drop(rl, &place);
		return rx_not_opened(rl, err);
	}
	return rx_sort(rl, &place);
}

/* Map the associated data and, behind it, the ciphertext in TCP's queue. Fails if that has
 * so many pieces, or so many that end within a block, that gathering is better.
 */
static int rx_map(struct ktls_rl *rl, struct scatterlist *src)
{
	int i, n, crooked = 0;

	ktls_sg_put_buf(src, rl->flow->opening.aad, rl->flow->rx.aad_size);
	n = ktls_framing_map(rl, rl->flow->rx.prefix_size, rl->flow->framing.hdr.crypt_len, src + 1,
			     KTLS_RX_PIECES);
	if (n < 0)
		return n;
	for (i = 1; i < n; i++)
		crooked += src[i].length % RX_BLOCK != 0;
	if (crooked > RX_CROOKED_MAX)
		return -EMSGSIZE;
	sg_mark_end(&src[n]);
	return 0;
}

/* The same for a large one, which is for the reader, too, if @iter is not NULL. */
static int rx_open_mapped(struct ktls_rl *rl, struct iov_iter *iter)
{
	struct scatterlist src[KTLS_RX_PIECES + 1] __uninitialized;
	struct scatterlist dst[KTLS_RXBUF_PIECES] __uninitialized;
	const struct ktls_hdr *hdr = &rl->flow->framing.hdr;
	struct rx_place place = rx_place_of(rl, iter);
	struct ktls_dir *dir = &rl->flow->rx;
	int err;

	if (rx_map(rl, src))
		return rx_open_gathered(rl, iter);
	err = rx_place_new(rl, &place);
	if (unlikely(err))
		return err;
	ktls_rxbuf_map(place.at - dir->aad_size, dir->aad_size + hdr->crypt_len, dst);
	err = ktls_aead_open(dir, src, dst, rl->flow->opening.aad, hdr);
	if (unlikely(err)) {
		rx_place_drop(rl, &place);
		return rx_not_opened(rl, err);
	}
	return rx_sort(rl, &place);
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

/* Wipe and unpin the memory, and rewind the iterator. */
static void rx_unpin_undo(struct rx_reader *reader, bool touched)
{
	unsigned int i;

	for (i = 1; touched && i <= reader->n_pages; i++)
		memzero_page(sg_page(&reader->sg[i]), reader->sg[i].offset,
			     reader->sg[i].length);
	rx_unpin(reader, touched);
	iov_iter_revert(reader->iter, reader->len);
}

static int rx_pin(struct ktls_rl *rl, struct rx_reader *reader, struct iov_iter *iter,
		  u32 len)
{
	size_t off, step;
	ssize_t got;

	reader->iter = iter;
	ktls_sg_put_buf(&reader->sg[0], rl->flow->opening.aad, rl->flow->rx.aad_size);
	reader->n_sg = 1;
	reader->n_pages = 0;
	reader->len = 0;
	while (reader->len < len) {
		got = 0;
		/* Small pieces may need more pages than there are. */
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
	if (rl->flow->rx.tail_size > KTLS_TAG_SIZE)
		ktls_sg_put_buf(&reader->sg[reader->n_sg++], &rl->flow->opening.type, 1);
	sg_mark_end(&reader->sg[reader->n_sg - 1]);
	return 0;
}

/* The record in the reader's pages is padded, or no application data. Copy it to a buffer
 * before parsing it: the program may write to its pages.
 */
static int rx_take_back(struct ktls_rl *rl, struct rx_reader *reader)
{
	struct rx_place place = rx_place_of(rl, reader->iter);
	struct scatterlist *sg;
	unsigned int i;
	int err;
	u8 *at;

	err = rx_place_new(rl, &place);
	if (likely(!err)) {
		at = place.at;
		for (i = 1; i <= reader->n_pages; i++) {
			sg = &reader->sg[i];
			memcpy_from_page(at, sg_page(sg), sg->offset, sg->length);
			at += sg->length;
		}
		*at = rl->flow->opening.type;
	}
	rx_unpin_undo(reader, true);
	if (unlikely(err))
		return ktls_alert_fatal(rl, KTLS_ALERT_INTERNAL_ERROR, ENOMEM,
					"no memory for a record of the peer");
	return rx_sort(rl, &place);
}

/* Returns as ktls_rx_open(); -EMSGSIZE: nothing was changed, use another way. */
static int rx_open_direct(struct ktls_rl *rl, struct iov_iter *iter)
{
	struct scatterlist src[KTLS_RX_PIECES + 1] __uninitialized;
	struct rx_reader reader __uninitialized;
	struct ktls_dir *dir = &rl->flow->rx;
	int err;

	if (rx_map(rl, src))
		return -EMSGSIZE;
	if (rx_pin(rl, &reader, iter, rl->flow->framing.hdr.crypt_len - dir->tail_size))
		return -EMSGSIZE;

	err = ktls_aead_open(dir, src, reader.sg, rl->flow->opening.aad, &rl->flow->framing.hdr);
	if (unlikely(err)) {
		rx_unpin_undo(&reader, true);
		return rx_not_opened(rl, err);
	}
	if (dir->tail_size > KTLS_TAG_SIZE && unlikely(rl->flow->opening.type != KTLS_CT_DATA))
		return rx_take_back(rl, &reader);

	rx_unpin(&reader, true);
	ktls_framing_consume(rl);
	rl->flow->counts.empty = 0;
	rl->flow->counts.warnings = 0;
	rl->flow->counts.key_updates = 0;
	dir->bytes += reader.len;
	return KTLS_RX_DIRECT;
}

/* Only application data without padding, as far as can be seen. */
static bool rx_may_go_direct(const struct ktls_rl *rl, const struct iov_iter *iter, u32 len)
{
	return user_backed_iter(iter) && rl->flow->framing.hdr.type == KTLS_CT_DATA &&
	       len >= RX_DIRECT_MIN && len <= KTLS_PAYLOAD_MAX && !ktls_control_pending(rl);
}

/* The next record is complete. Returns as ktls_rx_open(). */
static int rx_open_head(struct ktls_rl *rl, struct iov_iter *iter, size_t room)
{
	const u32 size = rl->flow->framing.hdr.crypt_len, len = size - rl->flow->rx.tail_size;
	int ret;

	/* Without padding it is as long; a reader that has less room gets it in pieces. */
	if (len > room)
		iter = NULL;
	if (iter && rx_may_go_direct(rl, iter, len)) {
		ret = rx_open_direct(rl, iter);
		if (ret != -EMSGSIZE)
			return ret;
	}
	return size > KTLS_RX_GATHER_MAX ? rx_open_mapped(rl, iter) : rx_open_gathered(rl, iter);
}

static int rx_refuse_header(struct ktls_rl *rl, const struct ktls_framing_fault *fault)
{
	if (rl->rules->strict_headers)
		return ktls_alert_refuse(rl, fault->alert, fault->reason);
	ktls_mib_inc(sock_net(rl->sk), KTLS_MIB_RX_INVALID);
	ktls_framing_stop(rl);
	ktls_alert_report(rl, fault->err, fault->reason);
	return KTLS_RX_NONE;
}

/**
 * ktls_rx_open - open the next record if it is complete
 * @rl: a connection with receiving keys
 * @iter: the reader's memory, if nothing opened is waiting before it; or NULL
 * @room: bytes the reader still wants
 * @ret_len: out: bytes put into @iter, for KTLS_RX_DIRECT
 *
 * Context: process context, socket lock held; may sleep and send, never waits.
 * Return: enum ktls_rx_opened; -EPROTO, -EBADMSG, ...: the connection has failed,
 * rl->rx.error is set; -ENOMEM without that: call it again.
 */
int ktls_rx_open(struct ktls_rl *rl, struct iov_iter *iter, size_t room, size_t *ret_len)
{
	const struct ktls_flow *flow = rl->flow;
	const u64 records = flow->rx.records, bytes = flow->rx.bytes;
	struct ktls_framing_fault fault;
	int ret;

	sock_owned_by_me(rl->sk);
	if (rl->rx.closed || rl->rx.error || !flow->rx.keyed || flow->framing.stopped ||
	    flow->opening.rekey)
		return KTLS_RX_NONE;
	ret = ktls_framing_next(rl, &fault);
	if (ret <= 0)
		return unlikely(ret == -EPROTO) ? rx_refuse_header(rl, &fault) : ret;

	ret = rx_open_head(rl, iter, room);
	if (ret == KTLS_RX_DIRECT)
		*ret_len = flow->rx.bytes - bytes;
	/* Counted for each record: while a call waits, others may open records. */
	if (likely(flow->rx.records != records))
		ktls_mib_record(sock_net(rl->sk), KTLS_MIB_RX_RECORDS, KTLS_MIB_RX_BYTES,
				flow->rx.bytes - bytes);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_rx_open);

/**
 * ktls_rx_end_call - release what is not needed between calls
 * @rl: the connection
 *
 * The spare buffer is kept only if the received bytes would fill it.
 *
 * Context: process context, socket lock held; what ktls_framing_map() returned is no
 * longer valid.
 */
void ktls_rx_end_call(struct ktls_rl *rl)
{
	const struct ktls_rxbuf *spare = rl->flow->opened.spare;

	sock_owned_by_me(rl->sk);
	if (unlikely(!ktls_rl_has_flow(rl)))
		return;
	ktls_framing_commit(rl);
	if (spare && (rl->rx.error || ktls_framing_avail(rl) < spare->size))
		ktls_rxbuf_trim(rl);
}

/**
 * ktls_rx_free - wipe and free opened records
 * @rl: the connection; may be used again
 *
 * Context: socket lock held, or nobody else knows @rl any longer. Does not sleep.
 */
void ktls_rx_free(struct ktls_rl *rl)
{
	if (!ktls_rl_has_flow(rl))
		return;
	ktls_rxbuf_free(rl);
	ktls_control_free(rl);
	memset(&rl->flow->counts, 0, sizeof(rl->flow->counts));
	rl->flow->control.renegotiations = 0;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_rx_free);
