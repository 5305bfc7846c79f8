// SPDX-License-Identifier: GPL-2.0
/* Places for children in their handshake: who may have how many.
 *
 *	all (children_max) > a user (children_per_uid)
 *		> a listener (children_per_listener) > a source
 *
 * A source is an IPv4 address, or the first 64 bits of an IPv6 address, because a peer
 * gets all addresses below those for free.
 *
 * At a cap, the largest user's largest listener's largest source gives up a child: its
 * oldest silent one, that is, one that the helper has not answered with bytes, or if there
 * is none its oldest. So a user, a listener and a source that have fewer than others always
 * get a place. The largest displace only silent children.
 *
 * Shares are on lists by the power of two of their size, so the largest is found without a
 * search.
 */

#include <linux/hashtable.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <net/ipv6.h>

#include "config.h"
#include "mib.h"
#include "socket/ctx.h"
#include "socket/places.h"

static unsigned int places_children_max = 8192;
module_param_named(children_max, places_children_max, uint, 0644);
MODULE_PARM_DESC(children_max, "Connections that shake hands before accept, in all (8192)");

static unsigned int places_per_listener = 1024;
module_param_named(children_per_listener, places_per_listener, uint, 0644);
MODULE_PARM_DESC(children_per_listener, "The same, of one listening socket (1024)");

static unsigned int places_per_uid = 4096;
module_param_named(children_per_uid, places_per_uid, uint, 0644);
MODULE_PARM_DESC(children_per_uid, "The same, of all listening sockets of one user (4096)");

/**
 * struct places_user - the listeners of a user
 * @share: of all places
 * @hash: in places_users
 * @uid: whose credential the listeners were given
 * @refs: how many listeners refer to this
 * @listeners: those with children
 */
struct places_user {
	struct ktls_places_share	share;
	struct hlist_node		hash;
	kuid_t				uid;
	unsigned int			refs;
	struct ktls_places_group	listeners;
};

/**
 * struct places_key - what tells sources apart
 * @places: of the listener
 * @prefix: of the address; of IPv4 with a mark that no IPv6 prefix of a peer has
 */
struct places_key {
	const struct ktls_places	*places;
	u64				prefix;
};

/**
 * struct places_source - where children of a listener come from
 * @share: of the listener's places
 * @hash: in places_sources
 * @key: which it is
 * @silent: &ktls_ctx.place.node of its silent children, oldest first
 * @answered: likewise of the others
 */
struct places_source {
	struct ktls_places_share	share;
	struct hlist_node		hash;
	struct places_key		key;
	struct list_head		silent;
	struct list_head		answered;
};

/* Covers everything here, and ktls_ctx.place. Taken three times in a
 * handshake, for a handful of instructions.
 */
static DEFINE_SPINLOCK(places_lock);
static DEFINE_HASHTABLE(places_users, 12);
static struct ktls_places_group places_all;
static unsigned int places_count;
static DEFINE_HASHTABLE(places_sources, 12);
static siphash_key_t places_secret __read_mostly;

static void places_group_init(struct ktls_places_group *group)
{
	unsigned int i;

	for (i = 0; i < KTLS_PLACES_CLASSES; i++) {
		INIT_LIST_HEAD(&group->members[i][false]);
		INIT_LIST_HEAD(&group->members[i][true]);
	}
}

static void places_share_init(struct ktls_places_share *share, struct ktls_places_group *in)
{
	INIT_LIST_HEAD(&share->node);
	share->in = in;
}

/** ktls_places_init - before there is any listener */
void __init ktls_places_init(void)
{
	places_group_init(&places_all);
	get_random_bytes(&places_secret, sizeof(places_secret));
}

/* --- Shares --- */

static unsigned int places_class(const struct ktls_places_share *share)
{
	return min_t(unsigned int, ilog2(share->count), KTLS_PLACES_CLASSES - 1);
}

static void places_change(struct ktls_places_share *share, int count, int silent)
{
	struct list_head *on;

	share->count += count;
	share->silent += silent;
	if (!share->count) {
		list_del_init(&share->node);
		share->on = NULL;
		return;
	}
	on = &share->in->members[places_class(share)][!!share->silent];
	if (on == share->on)
		return;
	share->on = on;
	list_move_tail(&share->node, on);
}

/* Of the class's members one with a silent child, or without. */
static struct ktls_places_share *places_first(struct ktls_places_group *group, unsigned int class,
					      bool silent)
{
	return list_first_entry_or_null(&group->members[class][silent],
					struct ktls_places_share, node);
}

/* Who has most? @own, unless somebody has clearly more; @own may be NULL. */
static struct ktls_places_share *places_largest(struct ktls_places_group *group,
						struct ktls_places_share *own)
{
	struct ktls_places_share *share = NULL;
	int class;

	for (class = KTLS_PLACES_CLASSES - 1; class >= 0 && !share; class--) {
		if (own && own->count && places_class(own) == class)
			return own;
		share = places_first(group, class, true) ? : places_first(group, class, false);
	}
	return share;
}

/* The child that makes room: of a listener, a user, or all. What the new one is of
 * is given where that is among those to choose from, else NULL. NULL: nobody does.
 */
static struct ktls_ctx *places_victim(struct ktls_places *places, struct places_source *own)
{
	struct ktls_places_share *share;
	struct places_source *source;
	struct ktls_ctx *child;

	share = places_largest(&places->sources, own ? &own->share : NULL);
	/* Of those who have as much as it has, somebody who has a silent child. */
	if (share && own && share == &own->share && !share->silent)
		share = places_first(&places->sources, places_class(share), true);
	if (!share)
		return NULL;
	source = container_of(share, struct places_source, share);
	child = list_first_entry_or_null(&source->silent, struct ktls_ctx, place.node);
	return child ? : list_first_entry(&source->answered, struct ktls_ctx, place.node);
}

static struct ktls_ctx *places_victim_of_user(struct places_user *user, struct ktls_places *own,
					      struct places_source *source)
{
	struct ktls_places_share *share;
	struct ktls_places *places;

	share = places_largest(&user->listeners, own ? &own->share : NULL);
	if (!share)
		return NULL;
	places = container_of(share, struct ktls_places, share);
	return places_victim(places, places == own ? source : NULL);
}

static struct ktls_ctx *places_victim_of_all(struct ktls_places *own, struct places_source *source)
{
	struct ktls_places_share *share = places_largest(&places_all, &own->user->share);
	struct places_user *user;

	if (!share)
		return NULL;
	user = container_of(share, struct places_user, share);
	return places_victim_of_user(user, user == own->user ? own : NULL, source);
}

/* --- Sources --- */

static void places_key_make(struct places_key *key, const struct ktls_places *places,
			    const struct sock *sk)
{
	memset(key, 0, sizeof(*key));
	key->places = places;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_daddr)) {
		memcpy(&key->prefix, &sk->sk_v6_daddr, sizeof(key->prefix));
		return;
	}
#endif
	key->prefix = (u64)0xffff << 32 | (__force u32)inet_sk(sk)->inet_daddr;
}

static u32 places_hash(const struct places_key *key)
{
	return siphash(key, sizeof(*key), &places_secret);
}

static struct places_source *places_source_find(const struct places_key *key)
{
	const u32 hash = places_hash(key);
	struct places_source *source;

	lockdep_assert_held(&places_lock);
	hash_for_each_possible(places_sources, source, hash, hash)
		if (!memcmp(&source->key, key, sizeof(*key)))
			return source;
	return NULL;
}

static struct places_source *places_source_new(const struct places_key *key,
					       struct ktls_places *places,
					       const struct ktls_config *config)
{
	struct places_source *source = ktls_config_zalloc(config, sizeof(*source));

	if (!source)
		return NULL;
	source->key = *key;
	places_share_init(&source->share, &places->sources);
	INIT_LIST_HEAD(&source->silent);
	INIT_LIST_HEAD(&source->answered);
	return source;
}

/* --- Children --- */

static void places_enter(struct ktls_places *places, struct places_source *source,
			 struct ktls_ctx *child)
{
	child->place.source = source;
	list_add_tail(&child->place.node, &source->silent);
	places_change(&source->share, 1, 1);
	places_change(&places->share, 1, 1);
	places_change(&places->user->share, 1, 1);
	places_count++;
}

static bool places_is_silent(const struct ktls_ctx *child)
{
	return !test_bit(KTLS_F_ANSWERED, &child->flags);
}

static void places_remove(struct ktls_ctx *child)
{
	struct places_source *source = child->place.source;
	struct ktls_places *places = container_of(source->share.in, struct ktls_places, sources);
	int silent = places_is_silent(child) ? -1 : 0;

	lockdep_assert_held(&places_lock);
	child->place.source = NULL;
	list_del_init(&child->place.node);
	places_change(&source->share, -1, silent);
	places_change(&places->share, -1, silent);
	places_change(&places->user->share, -1, silent);
	places_count--;
	if (source->share.count)
		return;
	hash_del(&source->hash);
	kfree(source);
}

/* Has its work reset it. It cannot be gone before it has left its place. */
static void places_evict(struct ktls_ctx *child)
{
	ktls_mib_inc(sock_net(child->rl.sk), KTLS_MIB_CHILDREN_EVICTED);
	places_remove(child);
	set_bit(KTLS_F_DROP, &child->flags);
	ktls_ctx_kick(child);
}

/* Room for one more? At a cap somebody makes room, if that is fair. @source: where
 * it comes from, if the listener has children from there.
 */
static bool places_admit(struct ktls_places *places, struct places_source *source)
{
	struct ktls_ctx *victim;

	lockdep_assert_held(&places_lock);
	if (places->share.count >= READ_ONCE(places_per_listener))
		victim = places_victim(places, source);
	else if (places->user->share.count >= READ_ONCE(places_per_uid))
		victim = places_victim_of_user(places->user, places, source);
	else if (places_count >= READ_ONCE(places_children_max))
		victim = places_victim_of_all(places, source);
	else
		return true;
	if (victim)
		places_evict(victim);
	return victim;
}

/**
 * ktls_places_take - a place for a new child
 * @places: of its listener
 * @child: the child; it is silent
 *
 * From here on the child may be dropped to make room, which its work does.
 *
 * Context: process, child's lock held, sleeps for memory.
 * Return: 0; -ENOBUFS: it is one too many; -ENOMEM.
 */
int ktls_places_take(struct ktls_places *places, struct ktls_ctx *child)
{
	struct places_source *fresh, *source;
	struct places_key key;
	bool admitted;

	sock_owned_by_me(child->rl.sk);
	places_key_make(&key, places, child->rl.sk);
	fresh = places_source_new(&key, places, child->config);
	if (!fresh)
		return -ENOMEM;

	spin_lock(&places_lock);
	admitted = places_admit(places, places_source_find(&key));
	if (admitted) {
		/* The child that made room may have been the last one of its source. */
		source = places_source_find(&key);
		if (!source) {
			hash_add(places_sources, &fresh->hash, places_hash(&key));
			swap(source, fresh);
		}
		places_enter(places, source, child);
	}
	spin_unlock(&places_lock);
	kfree(fresh);
	return admitted ? 0 : -ENOBUFS;
}

/**
 * ktls_places_answered - the helper has answered a child with bytes
 * @child: silent no more
 *
 * Context: process, child's lock held.
 */
void ktls_places_answered(struct ktls_ctx *child)
{
	struct ktls_places *places;

	sock_owned_by_me(child->rl.sk);
	if (!places_is_silent(child))
		return;
	spin_lock(&places_lock);
	set_bit(KTLS_F_ANSWERED, &child->flags);
	if (child->place.source) {
		places = container_of(child->place.source->share.in, struct ktls_places, sources);
		list_move_tail(&child->place.node, &child->place.source->answered);
		places_change(&child->place.source->share, 0, -1);
		places_change(&places->share, 0, -1);
		places_change(&places->user->share, 0, -1);
	}
	spin_unlock(&places_lock);
}

/**
 * ktls_places_leave - a child shakes hands no more
 * @child: the child
 *
 * Context: process.
 * Return: whether it had its place until now; if not, it was dropped.
 */
bool ktls_places_leave(struct ktls_ctx *child)
{
	bool had;

	spin_lock(&places_lock);
	had = child->place.source;
	if (had)
		places_remove(child);
	spin_unlock(&places_lock);
	return had;
}

/* --- Listeners --- */

/* A container may have thousands of users, and choose which. */
static u32 places_user_hash(kuid_t uid)
{
	return siphash_1u32(__kuid_val(uid), &places_secret);
}

static struct places_user *places_user_find(kuid_t uid)
{
	struct places_user *user;

	lockdep_assert_held(&places_lock);
	hash_for_each_possible(places_users, user, hash, places_user_hash(uid))
		if (uid_eq(user->uid, uid))
			return user;
	return NULL;
}

/**
 * ktls_places_begin - a socket is about to listen
 * @places: its
 * @uid: whose credential it was given
 *
 * Context: process, sleeps for memory.
 * Return: 0 or -ENOMEM.
 */
int ktls_places_begin(struct ktls_places *places, kuid_t uid)
{
	struct places_user *fresh, *user;

	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return -ENOMEM;
	fresh->uid = uid;
	places_share_init(&fresh->share, &places_all);
	places_group_init(&fresh->listeners);

	spin_lock(&places_lock);
	user = places_user_find(uid);
	if (!user) {
		hash_add(places_users, &fresh->hash, places_user_hash(uid));
		swap(user, fresh);
	}
	user->refs++;
	spin_unlock(&places_lock);
	kfree(fresh);

	places->user = user;
	places_share_init(&places->share, &user->listeners);
	places_group_init(&places->sources);
	return 0;
}

/**
 * ktls_places_end - nobody listens here any more
 * @places: all children have left
 *
 * Context: process.
 */
void ktls_places_end(struct ktls_places *places)
{
	struct places_user *user = places->user;

	spin_lock(&places_lock);
	if (--user->refs)
		user = NULL;
	else
		hash_del(&user->hash);
	spin_unlock(&places_lock);
	kfree(user);
}
