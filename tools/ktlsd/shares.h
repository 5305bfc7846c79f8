/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who has how many of a worker's sessions, and whose turn it is to have work done.
 *
 * Sessions are shared out twice: among uids, and within a uid among the sources that
 * its servers' peers come from (its clients together count as one source). Work goes
 * round both rings; whoever had none for a while comes first, so that somebody's many
 * handshakes cost another's one no more than the step that is under way. When there is no room for another session, whoever has most has
 * to give up the oldest: that uid which would then still not have less than the one
 * that wants it, and within a uid the largest source, if it has more than the one
 * that wants. Belongs to one thread.
 */
#ifndef KTLSD_SHARES_H
#define KTLSD_SHARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct ktlsd_share;

/**
 * struct ktlsd_source - where sessions of a uid come from
 * @kind: CHECKs are a kind of their own: they wait for no peer, and are not counted
 * @prefix: of a server's peer, as ktlsd_request has it
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
 * struct ktlsd_place - a session's place among the others; part of it
 * @share: of its source
 * @age: among those of @share
 * @turn: among those of @share that have work to do
 * @ready: it has
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
	KTLSD_SHARE_FRESH_MAX	= 3,	/* in a row, before one that waits for longer */
};

/**
 * struct ktlsd_ring - shares with work to do
 * @fresh: those that had none before: they want little, and come first
 * @turns: those that have more than one turn's worth; the next one first
 * @streak: how many came from @fresh in a row
 */
struct ktlsd_ring {
	struct ktlsd_share_list	fresh;
	struct ktlsd_share_list	turns;
	unsigned int		streak;
};

/**
 * struct ktlsd_share - a uid, or a source of a uid, with sessions
 * @next: in its bucket
 * @parent: the uid's; NULL: this is one
 * @uid: what it stands for
 * @source: likewise, of a source
 * @count: sessions that count
 * @all: sessions of a source, oldest first
 * @waiting: those of them with work to do
 * @sources: of a uid
 * @ring: those of them with work to do
 * @sibling: on @sources, or among all uids
 * @turn: on the ring of its uid, or of all uids
 * @on: which list of it; NULL: there is no work to do
 */
struct ktlsd_share {
	struct ktlsd_share		*next;
	struct ktlsd_share		*parent;
	uint32_t			uid;
	struct ktlsd_source		source;
	unsigned int			count;
	struct ktlsd_places		all;
	struct ktlsd_places		waiting;
	struct ktlsd_share_list		sources;
	struct ktlsd_ring		ring;
	TAILQ_ENTRY(ktlsd_share)	sibling;
	TAILQ_ENTRY(ktlsd_share)	turn;
	struct ktlsd_share_list		*on;
};

/**
 * struct ktlsd_shares - all of a worker
 * @uids: those with sessions
 * @ring: those with work to do
 * @buckets: shares of both levels
 */
struct ktlsd_shares {
	struct ktlsd_share_list		uids;
	struct ktlsd_ring		ring;
	struct ktlsd_share		*buckets[KTLSD_SHARE_BUCKETS];
};

void ktlsd_shares_init(struct ktlsd_shares *shares);

/**
 * ktlsd_shares_add - a new session, without work to do
 *
 * Return: 0 or -ENOMEM
 */
int ktlsd_shares_add(struct ktlsd_shares *shares, struct ktlsd_place *place,
		     uint32_t uid, const struct ktlsd_source *source);

/* The session has ended. Harmless if it was never added. */
void ktlsd_shares_del(struct ktlsd_shares *shares, struct ktlsd_place *place);

/* There is work to do for it. */
void ktlsd_shares_ready(struct ktlsd_shares *shares, struct ktlsd_place *place);

/* Does any session have work to do? */
bool ktlsd_shares_pending(const struct ktlsd_shares *shares);

/* Return: the session whose turn it is, not ready any more, or NULL. */
struct ktlsd_place *ktlsd_shares_next(struct ktlsd_shares *shares);

/**
 * ktlsd_shares_victim - which session is to make room for a new one?
 * @uid: whose the new one would be
 * @source: where it comes from
 *
 * Return: the oldest of whoever has most, or NULL: the new one is to be refused.
 */
struct ktlsd_place *ktlsd_shares_victim(struct ktlsd_shares *shares, uint32_t uid,
					const struct ktlsd_source *source);

#endif
