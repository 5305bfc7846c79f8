// SPDX-License-Identifier: GPL-2.0
/* Places for connections that linger (drain.c): each is memory that no file limit covers
 * any more. Connections that a program has closed, and those whose handshake has failed,
 * have separate places, so that unauthenticated peers take none from the former.
 *
 * A user may have as many places of a kind as are free at the time: the first one half of
 * them, so there are always places for the next user. At that limit the user's oldest
 * connection makes room for the newest, because a peer that answers does so soon.
 */
#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>

#include "socket/ctx.h"
#include "socket/linger.h"

static unsigned int linger_lingers_max = 16384;
module_param_named(lingers_max, linger_lingers_max, uint, 0644);
MODULE_PARM_DESC(lingers_max, "Closed sockets that are kept at a time; a fourth as many whose handshake failed (16384)");

/**
 * struct ktls_linger_share - the places that one user has of one kind
 * @node: in linger_shares
 * @uid: whose sockets they were
 * @kind: enum ktls_linger_kind
 * @count: places taken; gone when there are none
 * @oldest: the contexts that have them, struct ktls_conn.linger.node, the oldest first
 */
struct ktls_linger_share {
	struct hlist_node	node;
	kuid_t			uid;
	u8			kind;
	unsigned int		count;
	struct list_head	oldest;
};

/* Covers all below and ktls_ctx.linger; taken alone, in process context. */
static DEFINE_SPINLOCK(linger_lock);
static DEFINE_HASHTABLE(linger_shares, 6);
static unsigned int linger_taken[KTLS_LINGER_KINDS];

static unsigned int linger_max(enum ktls_linger_kind kind)
{
	const unsigned int max = READ_ONCE(linger_lingers_max);

	return kind == KTLS_LINGER_FAILED ? max / 4 : max;
}

static struct ktls_linger_share *linger_find(kuid_t uid, enum ktls_linger_kind kind)
{
	struct ktls_linger_share *share;

	lockdep_assert_held(&linger_lock);
	hash_for_each_possible(linger_shares, share, node, __kuid_val(uid))
		if (share->kind == kind && uid_eq(share->uid, uid))
			return share;
	return NULL;
}

/* Gives up one place. Returns the share if that was its last, for the caller to free. */
static struct ktls_linger_share *linger_leave(struct ktls_ctx *ctx)
{
	struct ktls_linger_share *share = ctx->conn->linger.share;

	lockdep_assert_held(&linger_lock);
	ctx->conn->linger.share = NULL;
	list_del(&ctx->conn->linger.node);
	linger_taken[share->kind]--;
	if (--share->count)
		return NULL;
	hash_del(&share->node);
	return share;
}

/* The oldest goes: its work ends it as if its time were over. It has its place, so it is
 * not gone, and cannot go while the lock is held.
 */
static void linger_evict(struct ktls_linger_share *share)
{
	struct ktls_ctx *ctx = list_first_entry(&share->oldest, struct ktls_conn,
						linger.node)->ctx;

	lockdep_assert_held(&linger_lock);
	/* Not its last: the one that takes its place is counted already. */
	linger_leave(ctx);
	set_bit(KTLS_F_DEADLINE, &ctx->flags);
	ktls_ctx_kick(ctx);
}

/**
 * ktls_linger_take - take a place for a connection that is to linger
 * @ctx: in state CLOSED, its deadline armed; it may be over at once
 * @kind: why it lingers
 *
 * Context: process, socket lock held; may sleep. What it allocates is charged to who
 * closes.
 * Return: whether there was a place; ktls_linger_leave() gives it back.
 */
bool ktls_linger_take(struct ktls_ctx *ctx, enum ktls_linger_kind kind)
{
	struct ktls_linger_share *share, *fresh;
	const kuid_t uid = ctx->rl.sk->sk_uid;
	bool full;

	sock_owned_by_me(ctx->rl.sk);
	/* Nothing was ever sent. */
	if (!ktls_rl_has_flow(&ctx->rl))
		return false;
	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return false;

	spin_lock(&linger_lock);
	share = linger_find(uid, kind);
	/* As many as are free: free places are those that nobody has. */
	full = (share ? share->count : 0) + linger_taken[kind] >= linger_max(kind);
	if (full && !share) {
		spin_unlock(&linger_lock);
		kfree(fresh);
		return false;
	}
	if (!share) {
		swap(share, fresh);
		share->uid = uid;
		share->kind = kind;
		INIT_LIST_HEAD(&share->oldest);
		hash_add(linger_shares, &share->node, __kuid_val(uid));
	}
	share->count++;
	linger_taken[kind]++;
	ctx->conn->linger.share = share;
	list_add_tail(&ctx->conn->linger.node, &share->oldest);
	if (full)
		linger_evict(share);
	spin_unlock(&linger_lock);
	kfree(fresh);
	return true;
}

/**
 * ktls_linger_leave - it lingers no more
 * @ctx: a context that may have a place
 *
 * Context: process, socket lock held.
 */
void ktls_linger_leave(struct ktls_ctx *ctx)
{
	struct ktls_linger_share *share = NULL;

	sock_owned_by_me(ctx->rl.sk);
	spin_lock(&linger_lock);
	if (ctx->conn->linger.share)
		share = linger_leave(ctx);
	spin_unlock(&linger_lock);
	kfree(share);
}
