/* SPDX-License-Identifier: GPL-2.0 */
/* Places for children that shake hands: see places.c. */
#ifndef _KTLS_SOCKET_PLACES_H
#define _KTLS_SOCKET_PLACES_H

#include <linux/list.h>
#include <linux/uidgid.h>

struct ktls_ctx;
struct places_source;
struct places_user;

/* Sizes are compared by their power of two. */
#define KTLS_PLACES_CLASSES	20

/**
 * struct ktls_places_group - members of a share, by how much they have
 * @members: &ktls_places_share.node, by the power of two of the count, and by
 *	whether one of the children is silent
 */
struct ktls_places_group {
	struct list_head		members[KTLS_PLACES_CLASSES][2];
};

/**
 * struct ktls_places_share - what a user, a listener or a source has
 * @node: on one of @in's lists, while @count is not 0
 * @in: the group it is a member of
 * @on: which of its lists
 * @count: children
 * @silent: those of them that the helper has not answered with bytes
 */
struct ktls_places_share {
	struct list_head		node;
	struct ktls_places_group	*in;
	struct list_head		*on;
	unsigned int			count;
	unsigned int			silent;
};

/**
 * struct ktls_places - the places of a listener's children
 * @share: of its user's
 * @sources: where its children come from
 * @user: whose it is
 *
 * All of it, here and above, under a lock of places.c.
 */
struct ktls_places {
	struct ktls_places_share	share;
	struct ktls_places_group	sources;
	struct places_user		*user;
};

/**
 * struct ktls_place - the place of a child in its handshake; a lock of places.c
 * @source: where it comes from, NULL: it has no place
 * @node: among those from there
 */
struct ktls_place {
	struct places_source	*source;
	struct list_head	node;
};

int ktls_places_begin(struct ktls_places *places, kuid_t uid);
void ktls_places_end(struct ktls_places *places);
int ktls_places_take(struct ktls_places *places, struct ktls_ctx *child);
void ktls_places_answered(struct ktls_ctx *child);
bool ktls_places_leave(struct ktls_ctx *child);
void ktls_places_init(void);

#endif /* _KTLS_SOCKET_PLACES_H */
