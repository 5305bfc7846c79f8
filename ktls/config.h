/* SPDX-License-Identifier: GPL-2.0 */
/* The snapshot of what a program asked for. */
#ifndef _KTLS_CONFIG_H
#define _KTLS_CONFIG_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <uapi/linux/ktls.h>

#include "blob.h"
#include "option.h"

struct cred;
struct kmem_cache;
struct mem_cgroup;
struct pid_namespace;

/**
 * struct ktls_config_user - notified when a configuration is freed
 * @node: on ktls_config.users
 * @gone: called in any context after the last reference was dropped: frees the user
 */
struct ktls_config_user {
	struct list_head	node;
	void			(*gone)(struct ktls_config_user *user, u64 id);
};

/**
 * struct ktls_config - what a program asked for; a snapshot
 *
 * Private to one socket, and written under its lock, until @frozen. Then
 * immutable and shared by reference: by the socket, by children of a listener,
 * by requests. A later setsockopt works on a copy. Charged to the memory cgroup;
 * wiped and freed with its last reference.
 *
 * @ref: references
 * @frozen: shared from here on, not written any more
 * @id: identifies it to the helper, never reused; 0 until frozen
 * @cred: of the task that chose the credential
 * @pid_ns: of that task; a reference is owned
 * @pid: that task, for logs
 * @comm: likewise
 * @users_lock: @users, which is not constant; no other lock is taken inside of it
 * @users: whom to tell when it is gone
 * @rcu: without references: the memory is freed after a grace period
 * @memcg: of the task that made this: what peers make a kworker keep is charged to
 *	it; a reference is owned
 * @blobs: NULL: none is set; or KTLS_OPTIONS_MAX of them, owned: the options that are
 *	bytes, in the order of option.c; NULL: not set
 * @verify: enum ktls_verify or -1: the role's default
 * @versions: KTLS_VERSIONS
 * @timeout_ms: KTLS_TIMEOUT
 * @tickets: KTLS_TICKETS
 * @strict_eof: KTLS_EOF
 * @padding: KTLS_RECORD_PADDING
 */
struct ktls_config {
	refcount_t		ref;
	bool			frozen;
	u64			id;
	const struct cred	*cred;
	struct pid_namespace	*pid_ns;
	pid_t			pid;
	char			comm[TASK_COMM_LEN];
	spinlock_t		users_lock;	/* @users */
	union {
		struct list_head	users;
		struct rcu_head		rcu;
	};
	struct mem_cgroup	*memcg;
	struct ktls_blob	**blobs;
	int			verify;
	struct ktls_versions	versions;
	u32			timeout_ms;
	u32			tickets;
	u32			strict_eof;
	u16			padding;
};

/* To charge a program without waiting for room in its cgroup: ktls_config_zalloc_others(). */
#define KTLS_GFP_OTHERS	(GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN)

int ktls_config_init(void);
void ktls_config_exit(void);
struct ktls_config *ktls_config_new(void);
struct ktls_config *ktls_config_get(struct ktls_config *config);
struct ktls_config *ktls_config_get_frozen(struct ktls_config *config);
void ktls_config_put(struct ktls_config *config);
void ktls_config_choose_task(struct ktls_config *config);
void *ktls_config_zalloc(const struct ktls_config *config, size_t size);
void *ktls_config_zalloc_others(const struct ktls_config *config, size_t size);
void *ktls_config_zalloc_from(const struct ktls_config *config, struct kmem_cache *cache);
struct ktls_config *ktls_config_edit(struct ktls_config **config);
void ktls_config_drop(struct ktls_config **config);
struct ktls_config *ktls_config_freeze(struct ktls_config *config);
struct ktls_blob *ktls_config_blob(const struct ktls_config *config, int optname);
struct ktls_blob *ktls_config_part(const struct ktls_config *config, u32 part);
u32 ktls_config_parts(const struct ktls_config *config);
int ktls_config_set_blob(struct ktls_config *config, const struct ktls_option *option,
			 struct ktls_blob *blob);
int ktls_config_verify(const struct ktls_config *config, u8 role);
bool ktls_config_allows_alpn(const struct ktls_config *config, const u8 *name, size_t len);

#endif /* _KTLS_CONFIG_H */
