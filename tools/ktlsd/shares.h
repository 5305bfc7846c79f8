/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fair scheduling of a worker's sessions, in two levels: uids, and within a uid the sources
 * of its sessions. A source is the network that the peers of a server come from; all
 * clients of a uid are one source.
 *
 * Work is done round robin on both levels, by processor time (deficit round robin): a share
 * owes what its steps take, pays KTLSD_SHARE_QUANTUM_US each time the round comes to it, and
 * has its next turn when it has paid. A share that had nothing to do before, and owes next to
 * nothing or less than the others, comes first. So a single handshake waits for no more than
 * the step under way, however many handshakes others have. A share without sessions is
 * remembered until its debt has expired: it does not help to begin one expensive handshake
 * after the other.
 *
 * When there is no room for a new session, the oldest session of the largest source of the
 * largest uid makes room. If the uid of the new session would become as large as that uid, it
 * has to make room itself; if its source is the largest then, the new session is refused.
 *
 * Belongs to one thread; nothing here is locked.
 */
#ifndef KTLSD_SHARES_H
#define KTLSD_SHARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct ktlsd_share;

/**
 * struct ktlsd_source - where a session of a uid comes from
 * @kind: CHECKs are a kind of their own: no peer is involved, and they are not counted
 * @prefix: of a server's peer: the IPv4 address, or the first 64 bits of an IPv6 address
 */
struct ktlsd_source {
	enum {
		KTLSD_SOURCE_CLIENT,
		KTLSD_SOURCE_PEER,
		KTLSD_SOURCE_CHECK,
	}		kind;
	uint64_t	prefix;
};

/**
 * struct ktlsd_place - what the scheduler knows about a session; embedded in it
 * @share: of its source
 * @age: in @share->all
 * @turn: in @share->waiting, if @ready
 * @ready: it has work to do
 */
struct ktlsd_place {
	struct ktlsd_share		*share;
	TAILQ_ENTRY(ktlsd_place)	age;
	TAILQ_ENTRY(ktlsd_place)	turn;
	bool				ready;
};

TAILQ_HEAD(ktlsd_places, ktlsd_place);
TAILQ_HEAD(ktlsd_share_list, ktlsd_share);

enum {
	KTLSD_SHARE_BUCKETS	= 1024,	/* a power of two */
	KTLSD_SHARE_FRESH_MAX	= 3,	/* fresh shares in a row, before one of the others */
	KTLSD_SHARE_QUANTUM_US	= 500,	/* about a step of a handshake */
	KTLSD_SHARE_FORGIVE	= 4,	/* so much time without work forgives one of debt */
	KTLSD_SHARE_DEBT_MAX	= 1000000,	/* us, that a share can owe */
	KTLSD_SHARE_LINGER_MAX	= 1024,	/* shares without sessions */
};

/**
 * struct ktlsd_ring - shares with work to do
 * @fresh: shares that had no work before: they come first
 * @turns: shares that had a turn already; the next one first
 * @streak: how many turns in a row went to @fresh
 */
struct ktlsd_ring {
	struct ktlsd_share_list	fresh;
	struct ktlsd_share_list	turns;
	unsigned int		streak;
};

/**
 * struct ktlsd_share - a uid, or a source of a uid, with sessions
 * @next: in its bucket
 * @parent: of a source: the share of its uid; NULL: this is the share of a uid
 * @uid: key
 * @source: key, of a source
 * @count: sessions, without CHECKs
 * @debt: processor time it has used ahead of the others, us
 * @idle_at: since when it has no work to do, us of the monotonic clock
 * @all: of a source: its sessions, oldest first
 * @waiting: of a source: its sessions with work to do
 * @sources: of a uid: its sources
 * @ring: of a uid: its sources with work to do
 * @sibling: in @parent->sources, or in the list of all uids
 * @turn: in the list @on
 * @on: list of the ring of @parent, or of the ring of all uids; NULL without work
 * @lingers: it has no session and is in @linger
 * @linger: in the list of such shares
 */
struct ktlsd_share {
	struct ktlsd_share		*next;
	struct ktlsd_share		*parent;
	uint32_t			uid;
	struct ktlsd_source		source;
	unsigned int			count;
	int64_t				debt;
	int64_t				idle_at;
	struct ktlsd_places		all;
	struct ktlsd_places		waiting;
	struct ktlsd_share_list		sources;
	struct ktlsd_ring		ring;
	TAILQ_ENTRY(ktlsd_share)	sibling;
	TAILQ_ENTRY(ktlsd_share)	turn;
	struct ktlsd_share_list		*on;
	bool				lingers;
	TAILQ_ENTRY(ktlsd_share)	linger;
};

/**
 * struct ktlsd_shares - the scheduler of a worker
 * @uids: uids with sessions
 * @ring: uids with work to do
 * @running: source of the session that has the turn, until it is charged
 * @lingering: sources without sessions that have a debt, or whose uid has, oldest first
 * @linger_count: how many
 * @buckets: shares of both levels
 */
struct ktlsd_shares {
	struct ktlsd_share_list		uids;
	struct ktlsd_ring		ring;
	struct ktlsd_share		*running;
	struct ktlsd_share_list		lingering;
	unsigned int			linger_count;
	struct ktlsd_share		*buckets[KTLSD_SHARE_BUCKETS];
};

void ktlsd_shares_init(struct ktlsd_shares *shares);

/* Forgets the shares without sessions. */
void ktlsd_shares_free(struct ktlsd_shares *shares);

/**
 * ktlsd_shares_add - add a session, without work to do
 *
 * Return: 0 or -ENOMEM
 */
int ktlsd_shares_add(struct ktlsd_shares *shares, struct ktlsd_place *place,
		     uint32_t uid, const struct ktlsd_source *source);

/* Removes a session. Does nothing if it was never added. */
void ktlsd_shares_del(struct ktlsd_shares *shares, struct ktlsd_place *place);

/* The session has work to do. */
void ktlsd_shares_ready(struct ktlsd_shares *shares, struct ktlsd_place *place);

/* Return: whether any session has work to do. */
bool ktlsd_shares_pending(const struct ktlsd_shares *shares);

/* Return: the session whose turn it is, which is no longer ready; NULL if none is ready. */
struct ktlsd_place *ktlsd_shares_next(struct ktlsd_shares *shares);

/* Charges the last turn with the processor time it took, whether its session has ended or not. */
void ktlsd_shares_charge(struct ktlsd_shares *shares, int64_t us);

/**
 * ktlsd_shares_victim - choose the session that makes room for a new one
 * @shares: of the worker
 * @uid: of the new session
 * @source: of the new session
 *
 * Return: the session to end, or NULL if the new one has to be refused
 */
struct ktlsd_place *ktlsd_shares_victim(struct ktlsd_shares *shares, uint32_t uid,
					const struct ktlsd_source *source);

/* The same among the sessions of the user @of; a CHECK never makes room. */
struct ktlsd_place *ktlsd_shares_victim_of(struct ktlsd_shares *shares, uint32_t of,
					   uint32_t uid, const struct ktlsd_source *source);

#endif
