/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may use an identity. Immutable once parsed; ktlsd_acl_init() comes before any thread. */
#ifndef KTLSD_ACL_H
#define KTLSD_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "errors.h"

/**
 * struct ktlsd_caller - the task that chose a credential, as the kernel reports it
 * @uid: in this process's user namespace
 * @gid: likewise
 * @groups: supplementary groups, likewise
 * @group_count: how many
 * @in_container: it is in another PID namespace than this process
 * @pid: for logs only
 * @comm: for logs only
 */
struct ktlsd_caller {
	uint32_t	uid;
	uint32_t	gid;
	uint32_t	groups[KTLS_GENL_GROUPS_MAX];
	size_t		group_count;
	bool		in_container;
	uint32_t	pid;
	char		comm[65];
};

/**
 * struct ktlsd_acl_list - a list of ids
 * @any: the list contains `*`
 * @ids: owned
 * @count: how many
 */
struct ktlsd_acl_list {
	bool		any;
	uint32_t	*ids;
	size_t		count;
};

/**
 * struct ktlsd_acl - who may use an identity
 * @given: allow_uids or allow_gids is set; if neither is, only uid 0 is allowed
 * @uids: allowed users
 * @gids: allowed groups, primary or supplementary
 * @containers: they may use it in containers too
 */
struct ktlsd_acl {
	bool			given;
	struct ktlsd_acl_list	uids;
	struct ktlsd_acl_list	gids;
	bool			containers;
};

/**
 * ktlsd_acl_init - find out whether overflow ids are ambiguous
 *
 * Call it once, before any thread is started. In a user namespace that does not map every
 * id, the overflow ids stand for all ids that are not mapped, and only `*` allows them.
 */
void ktlsd_acl_init(void);

/* Sets the same for tests. */
void ktlsd_acl_set_overflow(bool ambiguous, uint32_t uid, uint32_t gid);

/**
 * ktlsd_acl_parse - add a list from the configuration
 * @acl: added to; ktlsd_acl_free() releases it, after an error too
 * @groups: the words are groups, not users
 * @words: names, numbers or `*`, separated by blanks or commas
 * @fault: on error
 *
 * Return: 0, -EINVAL for a word that is no user or group, -ENOMEM
 */
int ktlsd_acl_parse(struct ktlsd_acl *acl, bool groups, const char *words,
		    struct ktlsd_fault *fault);

/* Return: whether the ids of @caller are allowed. */
bool ktlsd_acl_allows(const struct ktlsd_acl *acl,
		      const struct ktlsd_caller *caller);

/* Return: whether the lists may mean @caller: an ambiguous id counts. For restrictions. */
bool ktlsd_acl_may_name(const struct ktlsd_acl *acl, const struct ktlsd_caller *caller);

/* Return: whether @caller may use the identity from its PID namespace. A container without a
 * user namespace has the same uids as the machine, often 0, for other users.
 */
bool ktlsd_acl_allows_container(const struct ktlsd_acl *acl,
				const struct ktlsd_caller *caller);

void ktlsd_acl_free(struct ktlsd_acl *acl);

#endif
