/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A helper that a test controls. It speaks the netlink protocol and the handshake of hs.h. A
 * test may answer any message itself, or do the whole conversation, and be wrong in both. The
 * sending functions return what the kernel acknowledged with: 0 or a negative errno.
 */
#ifndef _SELFTESTS_FAKE_H
#define _SELFTESTS_FAKE_H

#include <libmnl/libmnl.h>
#include <linux/ktls_netlink.h>
#include <pthread.h>
#include <stdatomic.h>

#include "hs.h"

struct fake_msg {
	struct fake_msg		*next;
	uint8_t			cmd;
	uint64_t		id;
	const struct nlattr	*tb[KTLS_A_MAX + 1];
	char			buf[];
};

struct fake;
typedef void (*fake_handler)(struct fake *f, struct fake_msg *m);

struct fake {
	struct mnl_socket	*nl;
	uint16_t		family;
	uint32_t		seq;
	const struct hs		*hs;
	uint32_t		messages;	/* value of KTLS_A_MESSAGES in a client's DONE */
	struct fake_msg		*queue;		/* received before an acknowledgment */
	uint16_t		suites[64];
	unsigned int		n_suites;

	/* The thread, if there is one. */
	pthread_t		thread;
	bool			running;
	int			stop[2];
	fake_handler		handler;	/* NULL: fake_answer */
	void			*arg;		/* the handler's */
	atomic_int		starts, checks, datas, cancels, others;
	_Atomic uint64_t	last_id, last_cancel;

	/* Requests under way and their roles. */
	struct { uint64_t id; uint32_t role; } request[256];
};

/* The attributes of DONE; omit: bit n leaves attribute n out. */
struct fake_done {
	uint64_t	id;
	uint32_t	error;
	int		alert;			/* -1: none */
	const char	*reason;
	uint16_t	version, suite;
	uint32_t	consumed;
	const void	*records;
	size_t		records_len;
	const void	*tx_secret, *rx_secret, *tx_iv, *rx_iv, *exporter;
	size_t		tx_secret_len, rx_secret_len, tx_iv_len, rx_iv_len, exporter_len;
	uint64_t	tx_seq, rx_seq, tx_nonce;
	bool		verified;
	const char	*peer_name, *alpn, *server_name;
	const char	*peer_subject, *peer_names;
	const void	*fingerprint;
	size_t		fingerprint_len;
	uint32_t	max_fragment, revocation;
	const void	*peer_cert;
	size_t		peer_cert_len;
	const void	*chain_cert;
	size_t		chain_cert_len;
	uint32_t	messages;
	uint64_t	omit;
};

struct fake *fake_new(const struct hs *hs);
int fake_register(struct fake *f, uint32_t credit);
/* NULL when nothing came within @ms. The caller frees it. */
struct fake_msg *fake_next(struct fake *f, int ms);
/* The next message must be this command; the caller frees it. */
struct fake_msg *fake_expect(struct fake *f, uint8_t cmd);

int fake_data(struct fake *f, uint64_t id, const void *records, size_t len, bool more);
/* What a correct helper sends at the end of the handshake of hs.h. */
void fake_done_init(struct fake_done *d, const struct fake *f, uint64_t id, uint32_t role);
int fake_done(struct fake *f, const struct fake_done *d);
/* Acknowledges CANCEL. */
int fake_cancelled(struct fake *f, uint64_t id);
/* Acknowledges MESSAGE, a ticket. */
int fake_message(struct fake *f, uint64_t id);
int fake_fail(struct fake *f, uint64_t id, int error, int alert, const char *reason);
int fake_config(struct fake *f, uint64_t id, uint32_t attr, uint32_t offset,
		void *piece, size_t size, uint32_t *total, size_t *ret_len);
/* Any message at all: attributes as @fill puts them. */
int fake_raw(struct fake *f, uint8_t cmd, void (*fill)(struct nlmsghdr *nlh, void *arg), void *arg);

/* Answers a message as a correct helper does. */
void fake_answer(struct fake *f, struct fake_msg *m);
/* Does not answer, as a helper that hangs. */
void fake_ignore(struct fake *f, struct fake_msg *m);
uint32_t fake_role(struct fake *f, uint64_t id);

/* A thread that answers, until it is stopped or dies. */
void fake_start(struct fake *f, fake_handler handler, void *arg);
void fake_stop(struct fake *f);
/* Closes the netlink socket, as when the helper exits. */
void fake_die(struct fake *f);

static inline uint32_t fake_u32(const struct fake_msg *m, int attr)
{
	return m->tb[attr] ? mnl_attr_get_u32(m->tb[attr]) : 0;
}

static inline uint64_t fake_u64(const struct fake_msg *m, int attr)
{
	return m->tb[attr] ? mnl_attr_get_u64(m->tb[attr]) : 0;
}

static inline uint16_t fake_u16(const struct fake_msg *m, int attr)
{
	return m->tb[attr] ? mnl_attr_get_u16(m->tb[attr]) : 0;
}

static inline size_t fake_len(const struct fake_msg *m, int attr)
{
	return m->tb[attr] ? mnl_attr_get_payload_len(m->tb[attr]) : 0;
}

static inline const uint8_t *fake_data_of(const struct fake_msg *m, int attr)
{
	return m->tb[attr] ? mnl_attr_get_payload(m->tb[attr]) : NULL;
}

#endif /* _SELFTESTS_FAKE_H */
