/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The record layer: keys, sealing, opening, and what lies between TCP and the
 * program. suite.c, aead.c, chacha.c, keysched.c, tx.c, framing.c, rx.c, control.c, alert.c.
 */
#ifndef _KTLS_RECORD_H
#define _KTLS_RECORD_H

#include <linux/bvec.h>
#include <linux/crypto.h>
#include <linux/list.h>
#include <linux/scatterlist.h>
#include <linux/net.h>
#include <linux/types.h>
#include <crypto/aead.h>
#include <kunit/visibility.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <uapi/linux/ktls.h>

#include "record/suite.h"
#include <ktls/wire.h>

struct ktls_ctx;
struct ktls_rl;
struct pipe_inode_info;
struct sock;
struct socket;
struct msghdr;
struct workqueue_struct;

/**
 * struct ktls_dir - one direction of a connection; a context has two
 *
 * Under the socket lock; what diag.c shows of it is also read without.
 *
 * @keyed: it has keys
 * @suite: what was negotiated
 * @req: the one request, used record after record, of an AEAD with its key; NULL:
 *	the cipher is not of the crypto API
 * @wait: for simd wrappers that may complete later (kernels before 7.3)
 * @chacha_key: chacha.c: the key, if it is that cipher
 * @iv: 1.3: write_iv (RFC 8446 7.3); 1.2: implicit part, or all of the IV
 * @npub: nonce of the record under way, as the cipher wants it; in memory that
 *	outlives the call
 * @head: bytes before the ciphertext on the wire: header and explicit nonce
 * @aad: bytes of associated data; they end where the ciphertext begins
 * @tail: bytes behind the payload: 1.3's type byte, and the tag
 * @seq: sequence number of the next record; only ever grows under one key
 * @records_max: sealing ends at this sequence number
 * @nonce: 1.2 GCM: explicit nonce of the next record sent; receiving it only
 *	counts, for TLS_RX
 * @secret: 1.3: application_traffic_secret_N; with keys from elsewhere: the AEAD
 *	key, for TLS_TX and TLS_RX; wiped with the keys
 * @records: sealed or opened under application keys, all generations
 * @bytes: application bytes, likewise
 * @key_updates: generations after the first
 * @error: positive errno this direction reports for ever, 0: none; read by
 *	ktls_rx_worth_waking() without the lock
 * @closed: close_notify was sent, or received; likewise
 * @shut: receiving: the program wants no more (SHUT_RD). TCP is not told: in FIN_WAIT
 *	it would answer control records with a reset; likewise
 * @plain: the ULP `tls`, and no key yet: TCP's own operations apply. Set when the
 *	socket is attached, cleared with the first key and never set again; read
 *	without the lock
 */
struct ktls_dir {
	bool			keyed;
	const struct ktls_suite	*suite;
	struct aead_request	*req;
	struct crypto_wait	wait;
	u32			chacha_key[KTLS_KEY_MAX / sizeof(u32)];
	u8			iv[KTLS_NONCE_SIZE];
	u8			npub[KTLS_IV_MAX];
	u8			head;
	u8			aad;
	u8			tail;
	u64			seq;
	u64			records_max;
	u64			nonce;
	u8			secret[KTLS_SECRET_MAX];
	u64			records;
	u64			bytes;
	u32			key_updates;
	int			error;
	bool			closed;
	bool			shut;
	bool			plain;
};

/**
 * struct ktls_keys - what installs a direction
 * @suite: the cipher suite
 * @raw: not from a handshake of ours: in 1.3, too, @secret is the AEAD key and
 *	@iv all of the IV, and whoever has them answers for the AEAD's limit
 * @secret: 1.3: traffic secret; 1.2: the AEAD key
 * @secret_len: bytes in @secret
 * @iv: 1.2: the implicit part of the nonce
 * @iv_len: bytes in @iv
 * @seq: sequence number of the first record
 * @nonce: 1.2 GCM sending: explicit nonce of the first record
 */
struct ktls_keys {
	const struct ktls_suite	*suite;
	bool			raw;
	const u8		*secret;
	size_t			secret_len;
	const u8		*iv;
	size_t			iv_len;
	u64			seq;
	u64			nonce;
};

/**
 * struct ktls_generation - what follows the keys of a direction (RFC 8446 7.2)
 * @secret: application_traffic_secret_N+1
 * @key: the AEAD's key under it
 * @iv: write_iv under it
 *
 * On the stack of whoever replaces keys, who wipes it.
 */
struct ktls_generation {
	u8			secret[KTLS_SECRET_MAX];
	u8			key[KTLS_KEY_MAX];
	u8			iv[KTLS_NONCE_SIZE];
};

/* What the peer is still to be told about our sending keys. */
enum ktls_key_update {
	KTLS_KEY_UPDATE_NONE,
	KTLS_KEY_UPDATE_DUE,	/* that they are new from here on */
	KTLS_KEY_UPDATE_ASK,	/* and that we ask for the same */
};

/* Sizes of the record layer's own structures. */
enum ktls_record_limits {
	KTLS_TXQ_FIXED		= 16,	/* pieces a queue holds without memory of its own */
	KTLS_TX_PIECES		= 12,	/* of one record; page fragments */
	KTLS_TX_CHUNK		= 65536, /* sealed at once before TCP gets it */
	KTLS_RX_PIECES		= 24,	/* fragments a record is opened from */
	KTLS_RX_PAGES		= 8,	/* of the reader, a record is opened into */
	KTLS_RX_BATCH		= 256,	/* records until a call looks up */
	KTLS_RX_IDLE_MS		= 20,	/* records lie unread, before they are looked at */
	KTLS_RENEGOTIATIONS_MAX	= 8,	/* 1.2: requests refused before it is fatal */
	KTLS_WARNINGS_MAX	= 8,	/* warning alerts in a row */
	KTLS_KEY_UPDATES_MAX	= 32,	/* without application data between them */
};

/**
 * struct ktls_txq - what lies between the program and TCP; under the socket lock
 *
 * One FIFO of page fragments. In front are sealed bytes that TCP has not taken;
 * behind them are the pieces of the open record, which is plaintext and never
 * given to TCP before it is sealed.
 *
 * @vec: the fragments, each with a page reference; @fixed or allocated
 * @size: entries @vec has room for
 * @first: the first entry in use
 * @sealed: sealed entries from there
 * @open: entries of the open record behind them
 * @bytes: sealed bytes; read without the lock by ktls_tx_idle()
 * @open_len: payload bytes in the open record
 * @since: jiffies when it was opened
 * @room: bytes claimed and unused behind the last piece of the open record
 * @aad: associated data where source and destination differ
 * @type: 1.3's type byte where source and destination differ
 * @fixed: enough for the common case
 */
struct ktls_txq {
	struct bio_vec		*vec;
	u16			size;
	u16			first;
	u16			sealed;
	u16			open;
	size_t			bytes;
	u32			open_len;
	u32			room;
	unsigned long		since;
	u8			aad[KTLS_AAD_MAX];
	u8			type;
	struct bio_vec		fixed[KTLS_TXQ_FIXED];
};

/**
 * struct ktls_rxbuf - opened application data, in the pages that hold it
 *
 * Lives at the start of its own page allocation. With keys from elsewhere it is one
 * record, of any type.
 *
 * @node: on ktls_rxq.opened
 * @size: bytes from the payload's start to the end of the allocation
 * @off: of the first unread byte, from the start of the payload
 * @len: unread bytes
 * @type: content type; with a handshake of ours always application data
 * @shared: a pipe or an skb may refer to the pages; they are not used again
 * @charged: to the socket's memory
 */
struct ktls_rxbuf {
	struct list_head	node;
	u32			size;
	u32			off;
	u32			len;
	u8			type;
	bool			shared;
	bool			charged;
};

/**
 * struct ktls_head - the record at the head of what was received
 * @len: bytes on the wire, header included; 0: no header seen yet
 * @crypt_len: bytes of ciphertext with the tag
 * @type: of the header; in 1.3 always 23
 * @explicit: 1.2 GCM: explicit nonce
 */
struct ktls_head {
	u32			len;
	u32			crypt_len;
	u8			type;
	u8			explicit[KTLS_EXPLICIT_SIZE];
};

/**
 * struct ktls_framing_fault - what is wrong with a record's header
 * @alert: what the peer is to be told
 * @err: positive errno, where no alert is sent
 * @reason: for KTLS_ERROR
 */
struct ktls_framing_fault {
	u8			alert;
	int			err;
	const char		*reason;
};

/**
 * struct ktls_rxq - what lies between TCP and the program; under the socket lock
 *
 * Bytes of the peer come in this order: @opened, @raw, TCP's receive queue from
 * copied_seq + @eaten on.
 *
 * @skb: framing.c: where to begin to look in TCP's queue; only valid until
 *	ktls_framing_commit(), which comes before any lock drop
 * @at: framing.c: the next byte of TCP's queue, valid as long as @skb
 * @at_len: framing.c: bytes that lie in one piece there; 0: not known
 * @eaten: framing.c: bytes of TCP's queue that TCP has not been told about
 * @need: framing.c: bytes TCP's queue must hold before it is worth waking
 *	anyone; read without the lock
 * @raw: framing.c: bytes in front of TCP's queue, kvmalloc'ed
 * @raw_off: first byte in use
 * @raw_len: bytes in use
 * @raw_size: bytes allocated
 * @stopped: no record can be found any more: with keys from elsewhere after a bad
 *	header (framing.c); after data that nobody was to read (ready.c); likewise
 * @rekey: rx.c: keys from elsewhere, and a KeyUpdate was opened: what follows is
 *	under a key that the program has yet to set
 * @rekey_skip: rx.c: bytes of a handshake message that are still to come
 * @head: framing.c: the record at the head
 * @opened: rxbuf.c: opened application data, struct ktls_rxbuf; with keys from
 *	elsewhere records of other types, too
 * @opened_len: rxbuf.c: bytes in it; read without the lock
 * @opened_size: rxbuf.c: bytes of memory it takes; likewise
 * @opened_control: rxbuf.c: records of other types in it; likewise
 * @spare: rxbuf.c: a buffer for the next record, or NULL
 * @aad: rx.c: associated data where source and destination differ
 * @type: rx.c: likewise 1.3's type byte
 * @empty: rx.c: empty application records in a row
 * @warnings: alert.c: warning alerts in a row
 * @renegotiations: control.c: refused so far
 * @key_updates: key_update.c: received since the last application data, but for those
 *	that we have asked for
 * @key_updates_asked: key_update.c: how many we have asked for and not received
 * @msg: control.c: a handshake message that is not complete, behind its header
 * @msg_head: control.c: that header
 * @msg_have: control.c: bytes of it so far, header included
 */
struct ktls_rxq {
	struct sk_buff		*skb;
	const u8		*at;
	u32			at_len;
	u32			eaten;
	u32			need;
	u8			*raw;
	u32			raw_off;
	u32			raw_len;
	u32			raw_size;
	bool			stopped;
	bool			rekey;
	u32			rekey_skip;
	struct ktls_head	head;
	struct list_head	opened;
	size_t			opened_len;
	size_t			opened_size;
	u32			opened_control;
	struct ktls_rxbuf	*spare;
	u8			aad[KTLS_AAD_MAX];
	u8			type;
	u8			empty;
	u8			warnings;
	u8			renegotiations;
	u8			key_updates;
	u8			key_updates_asked;
	u8			*msg;
	u8			msg_head[4];
	u32			msg_have;
};

/**
 * struct ktls_rules - what depends on where the keys of a connection came from
 *
 * There are two constant tables, in socket/rules.c: one for keys of a handshake, one
 * for external keys (TLS_TX, TLS_RX), with which a socket behaves as mainline's TLS.
 *
 * @all_types: records of all types go to the program and come from it, each with its
 *	borders and its type; otherwise only application data do
 * @pack: small records opened ahead may share a buffer
 * @strict_types: the type in a record's header is checked
 * @strict_headers: a bad header is fatal; otherwise it is reported once, and nothing
 *	is received after it
 * @alerts: alerts are sent
 * @key_update: sending keys can be replaced with a KeyUpdate
 * @one_way: one direction may have keys and the other none
 * @strict_eof: a FIN without close_notify is an error, unless KTLS_EOF allows it
 * @error_before_eof: an error of the socket is reported before the end of the stream
 * @sticky_reset: reading reports a reset each time
 * @eor_with_more: MSG_EOR may be combined with MSG_MORE
 * @tcp_shut_rd: SHUT_RD is passed on to TCP
 * @linger: a closed socket is kept until its peer has closed, too
 * @ciphertext13_max: bytes behind the header of a record of TLS 1.3
 * @fail: a fatal error, with ktls_rl.reason set; returns -@err or what stands for it.
 *	Process context, socket lock held
 * @kick: there is something to send; any context. NULL without @key_update
 * @ticket: a valid NewSessionTicket has come; returns 0 or a negative errno. Process
 *	context, socket lock held. NULL with @all_types
 */
struct ktls_rules {
	bool			all_types;
	bool			pack;
	bool			strict_types;
	bool			strict_headers;
	bool			alerts;
	bool			key_update;
	bool			one_way;
	bool			strict_eof;
	bool			error_before_eof;
	bool			sticky_reset;
	bool			eor_with_more;
	bool			tcp_shut_rd;
	bool			linger;
	u16			ciphertext13_max;
	int			(*fail)(struct ktls_rl *rl, int err);
	void			(*kick)(struct ktls_rl *rl);
	int			(*ticket)(struct ktls_rl *rl, const u8 *body, size_t len);
};

/**
 * struct ktls_rl - the record layer of a connection; under the socket lock
 * @sk: the socket; the owner of the struct has the reference
 * @rules: never NULL; also read without the lock
 * @role: enum ktls_role, 0: undecided
 * @tx: keys and counters of the sending direction
 * @rx: likewise of the receiving direction
 * @txq: sealed bytes TCP has not taken, and the open record (tx.c)
 * @rxq: the record at the head of TCP's queue, and opened data (framing.c, rx.c)
 * @key_update: enum ktls_key_update: what the next record is to be preceded by
 * @padding: KTLS_RECORD_PADDING
 * @max_payload: largest plaintext fragment we send, bytes
 * @alert_sent: enum ktls_alert
 * @alert_rcvd: enum ktls_alert
 * @reason: what KTLS_ERROR tells: why the connection failed; NUL-terminated
 */
struct ktls_rl {
	struct sock		*sk;
	const struct ktls_rules	*rules;
	u8			role;
	struct ktls_dir		tx;
	struct ktls_dir		rx;
	struct ktls_txq		txq;
	struct ktls_rxq		rxq;
	u8			key_update;
	u16			padding;
	u32			max_payload;
	u8			alert_sent;
	u8			alert_rcvd;
	char			reason[KTLS_REASON_MAX];
};

/* rl.c: all of it; socket lock held, or nobody else knows @rl */
void ktls_rl_init(struct ktls_rl *rl, struct sock *sk, const struct ktls_rules *rules);
void ktls_rl_reset(struct ktls_rl *rl, const struct ktls_rules *rules);
void ktls_rl_free(struct ktls_rl *rl);

/* reason.c; lock held */
void ktls_reason_set(struct ktls_rl *rl, const char *fmt, ...) __printf(2, 3);

/* keysched.c: RFC 8446 7.1, 7.3; sleeps */
int ktls_keysched_expand_label(const char *hash, const u8 *secret, size_t secret_len,
			       const char *label, const u8 *context, size_t context_len,
			       u8 *out, size_t out_len);
int ktls_keysched_update(const struct ktls_suite *suite, const u8 *secret, u8 *next);
int ktls_keysched_traffic(const struct ktls_suite *suite, const u8 *secret,
			  u8 *key, u8 *iv);

int ktls_keysched_export(const struct ktls_suite *suite, const u8 *secret,
			 const u8 *label, size_t label_len,
			 const u8 *context, size_t context_len, u8 *out, size_t out_len);
int ktls_keysched_export12(const struct ktls_suite *suite, const u8 *secret,
			   const u8 *label, size_t label_len,
			   const u8 *context, size_t context_len, u8 *out, size_t out_len);

/* exporter.c: KTLS_EXPORTER; lock not held unless said otherwise */
int ktls_exporter_get(struct sock *sk, char __user *optval, int __user *optlen);
int ktls_exporter_set(struct sock *sk, sockptr_t optval, unsigned int optlen);
struct ktls_blob *ktls_exporter_output(const struct ktls_ctx *ctx);	/* lock held */

/* Entries of a scatterlist one by one: most of a table made for the worst case is
 * not used, and wiping all of it takes longer than filling it.
 */
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

/* aead.c: keys, sealing and opening; process context */
int ktls_dir_install(struct ktls_dir *dir, const struct ktls_keys *keys);
void ktls_dir_clear(struct ktls_dir *dir);
int ktls_dir_next(const struct ktls_dir *dir, struct ktls_generation *next);
int ktls_dir_advance(struct ktls_dir *dir, const struct ktls_generation *next);
int ktls_aead_seal(struct ktls_dir *dir, struct scatterlist *src, struct scatterlist *dst,
		   u8 *aad, u8 *head, u8 type, u32 len);
int ktls_aead_open(struct ktls_dir *dir, struct scatterlist *src, struct scatterlist *dst,
		   u8 *aad, const struct ktls_head *head);

/* chacha.c: aead.c's cipher that is not of the crypto API; socket lock held */
void ktls_chacha_set_key(struct ktls_dir *dir, const u8 *key);
void ktls_chacha_seal(const struct ktls_dir *dir, struct scatterlist *src,
		      struct scatterlist *dst, const u8 *aad, u32 len);
int ktls_chacha_open(const struct ktls_dir *dir, struct scatterlist *src,
		     struct scatterlist *dst, const u8 *aad, u32 len);

/* tx.c: sendmsg -> record -> AEAD -> TCP; socket lock held unless said otherwise */
void ktls_tx_init(struct ktls_rl *rl);
int ktls_tx_sendmsg(struct sock *sk, struct msghdr *msg, size_t size);		/* unlocked */
int ktls_tx_sendmsg_locked(struct sock *sk, struct msghdr *msg, size_t size);
int ktls_tx_admit(const struct ktls_ctx *ctx);
int ktls_send_key_update(struct ktls_ctx *ctx, int ask);
void ktls_send_step(struct ktls_ctx *ctx);
void ktls_tx_splice_eof(struct socket *sock);					/* unlocked */
void ktls_tx_end_open(struct sock *sk);						/* unlocked */
void ktls_tx_open_step(struct ktls_ctx *ctx);
unsigned int ktls_tx_queued(const struct ktls_ctx *ctx);			/* unlocked */
int ktls_tx_queue_records(struct ktls_rl *rl, const void *records, size_t len);
int ktls_tx_record(struct ktls_rl *rl, u8 type, const void *data, size_t len);
int ktls_tx_flush(struct ktls_rl *rl);
int ktls_tx_push(struct ktls_rl *rl);
bool ktls_tx_idle(const struct ktls_rl *rl);
void ktls_tx_free(struct ktls_rl *rl);

/* pages.c: pages that records are made in, used again; process context */
bool ktls_pages_refill(unsigned int size, struct page_frag *pfrag, gfp_t gfp);
void ktls_pages_init(struct workqueue_struct *wq);
void ktls_pages_exit(void);

/* framing.c: TCP bytes -> whole records; socket lock held */
void ktls_framing_init(struct ktls_rl *rl);
int ktls_framing_unread(struct ktls_rl *rl, const void *records, size_t len);
void ktls_framing_free(struct ktls_rl *rl);
u32 ktls_framing_avail(const struct ktls_rl *rl);
bool ktls_framing_stalled(const struct ktls_rl *rl);	/* or softirq */
int ktls_framing_next(struct ktls_rl *rl, struct ktls_framing_fault *fault);
int ktls_framing_copy(struct ktls_rl *rl, u32 from, void *to, u32 len);
int ktls_framing_map(struct ktls_rl *rl, u32 from, u32 len, struct scatterlist *sg,
		     unsigned int max);
void ktls_framing_eat(struct ktls_rl *rl, u32 len);
void ktls_framing_consume(struct ktls_rl *rl);
void ktls_framing_stop(struct ktls_rl *rl);
void ktls_framing_commit(struct ktls_rl *rl);
int ktls_framing_relieve(struct ktls_rl *rl);
void ktls_framing_discard(struct ktls_rl *rl);

/* batch.c: whole records for the helper; socket lock held */
int ktls_batch_find(struct ktls_ctx *ctx, u32 max, bool first, u8 *alert);
int ktls_batch_take(struct ktls_ctx *ctx, void *buf, u32 len);

/* rx.c, recv.c, splice.c: records -> AEAD -> recvmsg, splice; takes the socket lock unless
 * said otherwise
 */
int ktls_rx_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags);
ssize_t ktls_rx_splice_read(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe,
			    size_t len, unsigned int flags);
int ktls_rx_read_sock(struct sock *sk, read_descriptor_t *desc, sk_read_actor_t actor); /* locked */
int ktls_rx_inq(struct sock *sk);
bool ktls_rx_readable(struct ktls_ctx *ctx);
bool ktls_rx_worth_waking(const struct ktls_ctx *ctx);	/* softirq or lock held */
void ktls_rx_watch(struct ktls_ctx *ctx);		/* softirq or lock held */
void ktls_rx_step(struct ktls_ctx *ctx);		/* lock held */
int ktls_rx_drain_control(struct ktls_ctx *ctx);	/* lock held */
void ktls_rx_discard(struct ktls_ctx *ctx);		/* lock held */
bool ktls_rx_sift(struct ktls_ctx *ctx);		/* lock held */
void ktls_rx_init(struct ktls_rl *rl);			/* lock held */
void ktls_rx_free(struct ktls_rl *rl);			/* lock held */

/* control.c: what is not application data; lock held */
int ktls_control_record(struct ktls_rl *rl, u8 type, const u8 *data, size_t len);
bool ktls_control_pending(const struct ktls_rl *rl);
void ktls_control_free(struct ktls_rl *rl);

/* key_update.c; lock held */
bool ktls_key_update_due(const struct ktls_rl *rl);
int ktls_key_update_send(struct ktls_rl *rl);
int ktls_key_update_received(struct ktls_rl *rl, const u8 *data, size_t len);
int ktls_key_update_start(struct ktls_rl *rl, bool ask);

/* alert.c; lock held */
int ktls_alert_send(struct ktls_rl *rl, u8 alert);
int ktls_alert_fatal(struct ktls_rl *rl, u8 alert, int err, const char *reason);
int ktls_alert_refuse(struct ktls_rl *rl, u8 alert, const char *reason);
void ktls_alert_report(struct ktls_rl *rl, int err, const char *reason);
int ktls_alert_received(struct ktls_rl *rl, const u8 *data, size_t len);

#endif /* _KTLS_RECORD_H */
