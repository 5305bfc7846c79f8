// SPDX-License-Identifier: GPL-2.0
/* The snapshot of what a program asked for, shared by reference. */

#include <linux/atomic.h>
#include <linux/cred.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <kunit/visibility.h>

#include "config.h"
#include "option.h"

/* Bytes of ktls_config.blobs. */
#define CONFIG_BLOBS_SIZE	(KTLS_OPTIONS_MAX * sizeof(struct ktls_blob *))

static struct kmem_cache *config_cache;
static atomic64_t config_ids = ATOMIC64_INIT(0);

static void config_init_users(struct ktls_config *config)
{
	spin_lock_init(&config->users_lock);
	INIT_LIST_HEAD(&config->users);
}

/* Nobody has a reference, so nobody else uses the list. */
static void config_tell_users(struct ktls_config *config)
{
	struct ktls_config_user *user, *next;

	list_for_each_entry_safe(user, next, &config->users, node)
		user->gone(user, config->id);
}

/* The credential that decides over identities is that of the task which
 * attached the ULP, or set KTLS_IDENTITY after that.
 */
static void config_capture_task(struct ktls_config *config)
{
	config->cred = get_current_cred();
	config->pid_ns = get_pid_ns(task_active_pid_ns(current));
	config->pid = task_tgid_nr(current);
	get_task_comm(config->comm, current);
	config->memcg = get_mem_cgroup_from_mm(current->mm);
}

static void config_put_task(struct ktls_config *config)
{
	put_cred(config->cred);
	put_pid_ns(config->pid_ns);
	mem_cgroup_put(config->memcg);
}

/**
 * ktls_config_choose_task - the calling task has chosen the credential
 * @config: private
 *
 * Context: process, socket lock held.
 */
void ktls_config_choose_task(struct ktls_config *config)
{
	config_put_task(config);
	config_capture_task(config);
}

/**
 * ktls_config_new - an empty configuration with the defaults
 *
 * Context: process; the caller is the task whose credentials count.
 * Return: a private configuration with one reference, or NULL.
 */
struct ktls_config *ktls_config_new(void)
{
	struct ktls_config *config = kmem_cache_zalloc(config_cache, GFP_KERNEL);

	if (!config)
		return NULL;
	refcount_set(&config->ref, 1);
	config_init_users(config);
	config_capture_task(config);
	ktls_option_set_defaults(config);
	return config;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_config_new);

/** ktls_config_get - take a reference */
struct ktls_config *ktls_config_get(struct ktls_config *config)
{
	refcount_inc(&config->ref);
	return config;
}

static void config_free(struct rcu_head *rcu)
{
	kmem_cache_free(config_cache, container_of(rcu, struct ktls_config, rcu));
}

/**
 * ktls_config_put - give up a reference
 * @config: the configuration or NULL
 *
 * The last one calls ktls_config_user.gone of each user.
 *
 * Context: any.
 */
void ktls_config_put(struct ktls_config *config)
{
	unsigned int i;

	if (!config || !refcount_dec_and_test(&config->ref))
		return;
	config_tell_users(config);
	for (i = 0; config->blobs && i < KTLS_OPTIONS_MAX; i++)
		ktls_blob_put(config->blobs[i]);
	kfree(config->blobs);
	config_put_task(config);
	call_rcu(&config->rcu, config_free);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_config_put);

/**
 * ktls_config_get_frozen - take a reference to a configuration that somebody else owns
 * @config: the configuration or NULL, found under RCU
 *
 * Context: any, under RCU.
 * Return: the configuration, immutable; NULL if it is not frozen, or about to be freed.
 */
struct ktls_config *ktls_config_get_frozen(struct ktls_config *config)
{
	/* Pairs with the release in ktls_config_freeze(). */
	if (!config || !smp_load_acquire(&config->frozen) ||
	    !refcount_inc_not_zero(&config->ref))
		return NULL;
	return config;
}

/**
 * ktls_config_zalloc_others - memory for a socket, from somebody else than its program
 * @config: the configuration of the socket
 * @size: bytes, all zeros
 *
 * What a kworker or the helper allocates is charged to the memory cgroup of the
 * configuration, without waiting for room in it: a cgroup at its limits would keep the
 * worker thread for seconds. It goes beyond its limit instead, which its own tasks
 * notice. Only without memory in reserve such an allocation is charged to nobody.
 *
 * Context: process, may sleep.
 * Return: memory for kvfree(), or for kfree() if it is no more than a page; NULL.
 */
void *ktls_config_zalloc_others(const struct ktls_config *config, size_t size)
{
	struct mem_cgroup *active = set_active_memcg(config->memcg);
	void *memory = kzalloc(size, KTLS_GFP_OTHERS);

	set_active_memcg(active);
	return memory ? : kvzalloc(size, GFP_KERNEL);
}

/**
 * ktls_config_zalloc - memory for a socket with this configuration
 * @config: the configuration
 * @size: bytes, all zeros
 *
 * In a kworker as ktls_config_zalloc_others(); otherwise the caller is the program.
 *
 * Context: process, may sleep.
 * Return: memory for kvfree(), or for kfree() if it is no more than a page; NULL.
 */
void *ktls_config_zalloc(const struct ktls_config *config, size_t size)
{
	if (current->flags & PF_KTHREAD)
		return ktls_config_zalloc_others(config, size);
	return kvzalloc(size, GFP_KERNEL_ACCOUNT);
}

/**
 * ktls_config_zalloc_from - ktls_config_zalloc() from a cache
 * @config: the configuration
 * @cache: made with SLAB_ACCOUNT
 *
 * Context: process, may sleep.
 * Return: an object, all zeros, for kmem_cache_free(); NULL.
 */
void *ktls_config_zalloc_from(const struct ktls_config *config, struct kmem_cache *cache)
{
	struct mem_cgroup *active;
	void *memory;

	if (!(current->flags & PF_KTHREAD))
		return kmem_cache_zalloc(cache, GFP_KERNEL);

	active = set_active_memcg(config->memcg);
	memory = kmem_cache_zalloc(cache, KTLS_GFP_OTHERS);
	set_active_memcg(active);
	return memory ? : kmem_cache_zalloc(cache, GFP_KERNEL);
}

static struct ktls_config *config_dup(const struct ktls_config *old)
{
	struct ktls_config *config = kmem_cache_alloc(config_cache, GFP_KERNEL);
	unsigned int i;

	if (!config)
		return NULL;
	*config = *old;
	if (old->blobs) {
		config->blobs = kmemdup(old->blobs, CONFIG_BLOBS_SIZE, GFP_KERNEL_ACCOUNT);
		if (!config->blobs) {
			kmem_cache_free(config_cache, config);
			return NULL;
		}
	}
	refcount_set(&config->ref, 1);
	config->frozen = false;
	config->id = 0;
	config_init_users(config);
	get_cred(config->cred);
	get_pid_ns(config->pid_ns);
	config->memcg = get_mem_cgroup_from_mm(current->mm);
	for (i = 0; config->blobs && i < KTLS_OPTIONS_MAX; i++)
		ktls_blob_get(config->blobs[i]);
	return config;
}

/**
 * ktls_config_edit - a configuration that may be written
 * @config: a socket's, or a copy of it from here on
 *
 * A frozen one is replaced by a copy; those who share it keep what they have.
 *
 * Context: process, the socket's lock held.
 * Return: the configuration, still owned by the socket, or NULL without memory.
 */
struct ktls_config *ktls_config_edit(struct ktls_config **config)
{
	struct ktls_config *copy, *old;

	if (!(*config)->frozen)
		return *config;

	copy = config_dup(*config);
	if (!copy)
		return NULL;
	old = *config;
	/* ORDER: who reads without a lock does not find what is freed after a grace period. */
	WRITE_ONCE(*config, copy);
	ktls_config_put(old);
	return copy;
}

/**
 * ktls_config_drop - a socket has no configuration any more
 * @config: the socket's, whose reference is given up; NULL afterwards
 *
 * Context: process, the socket's lock held.
 */
void ktls_config_drop(struct ktls_config **config)
{
	struct ktls_config *old = *config;

	/* ORDER: as in ktls_config_edit(). */
	WRITE_ONCE(*config, NULL);
	ktls_config_put(old);
}

/**
 * ktls_config_freeze - share the configuration from now on
 * @config: a socket's
 *
 * Only what a helper may have to fetch by pieces needs an id, because only that
 * is worth being cached under it.
 *
 * Context: the socket's lock held.
 * Return: @config, still owned by the socket.
 */
struct ktls_config *ktls_config_freeze(struct ktls_config *config)
{
	if (config->frozen)
		return config;

	if (ktls_config_parts(config))
		config->id = atomic64_inc_return(&config_ids);
	/* Pairs with the acquire in ktls_config_get_frozen(). */
	smp_store_release(&config->frozen, true);
	return config;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_config_freeze);

/**
 * ktls_config_blob - the value of an option that is bytes
 * @config: the configuration
 * @optname: the option
 *
 * Context: any.
 * Return: the bytes, or NULL: not set. The reference is the configuration's.
 */
struct ktls_blob *ktls_config_blob(const struct ktls_config *config, int optname)
{
	const struct ktls_option *option = ktls_option_find(optname);

	return option && config->blobs ? config->blobs[option - ktls_options] : NULL;
}

/**
 * ktls_config_set_blob - set an option that is bytes
 * @config: private
 * @option: the row of the option
 * @blob: the value; @config takes a reference
 *
 * Context: process, the socket's lock held.
 * Return: 0, or -ENOMEM: nothing has changed.
 */
int ktls_config_set_blob(struct ktls_config *config, const struct ktls_option *option,
			 struct ktls_blob *blob)
{
	if (!config->blobs)
		config->blobs = kzalloc(CONFIG_BLOBS_SIZE, GFP_KERNEL_ACCOUNT);
	if (!config->blobs)
		return -ENOMEM;
	ktls_blob_put(config->blobs[option - ktls_options]);
	config->blobs[option - ktls_options] = ktls_blob_get(blob);
	return 0;
}

/**
 * ktls_config_part - what the helper fetches with CONFIG
 * @config: the configuration
 * @part: enum ktls_config_attr
 *
 * Context: any.
 * Return: the bytes, or NULL: not set. The reference is the configuration's.
 */
struct ktls_blob *ktls_config_part(const struct ktls_config *config, u32 part)
{
	const struct ktls_option *option;

	if (!config->blobs)
		return NULL;
	ktls_for_each_option(option)
		if ((option->flags & KTLS_OPTION_PART) && option->attr == part)
			return config->blobs[option - ktls_options];
	return NULL;
}

/**
 * ktls_config_parts - which parts of a configuration the helper fetches
 * @config: the configuration
 *
 * Context: any.
 * Return: a bit for each enum ktls_config_attr; 0: the helper does not learn its id.
 */
u32 ktls_config_parts(const struct ktls_config *config)
{
	const struct ktls_option *option;
	u32 parts = 0;

	if (!config->blobs)
		return 0;
	ktls_for_each_option(option)
		if ((option->flags & KTLS_OPTION_PART) && config->blobs[option - ktls_options])
			parts |= BIT(option->attr);
	return parts;
}

/**
 * ktls_config_verify - what KTLS_VERIFY means for a role
 * @config: the configuration
 * @role: enum ktls_role
 *
 * Context: any.
 * Return: enum ktls_verify.
 */
int ktls_config_verify(const struct ktls_config *config, u8 role)
{
	if (role == KTLS_ROLE_SERVER)
		return config->verify < 0 ? KTLS_VERIFY_NONE : config->verify;
	return config->verify == KTLS_VERIFY_NONE ? KTLS_VERIFY_NONE : KTLS_VERIFY_REQUIRED;
}

/**
 * ktls_config_allows_alpn - is this protocol one of KTLS_ALPN?
 * @config: the configuration
 * @name: the protocol, without a length byte
 * @len: bytes in @name
 *
 * Without KTLS_ALPN an identity has protocols of its own, which only the helper knows.
 *
 * Context: any.
 * Return: whether it does.
 */
bool ktls_config_allows_alpn(const struct ktls_config *config, const u8 *name, size_t len)
{
	const struct ktls_blob *alpn = ktls_config_blob(config, KTLS_ALPN);
	const u8 *p, *end;

	if (!alpn)
		return ktls_config_blob(config, KTLS_IDENTITY);

	end = alpn->data + alpn->len;
	for (p = alpn->data; p < end; p += 1 + *p)
		if (*p == len && !memcmp(p + 1, name, len))
			return true;
	return false;
}

/**
 * ktls_config_init - make the cache of configurations
 *
 * Return: 0 or -ENOMEM.
 */
int __init ktls_config_init(void)
{
	config_cache = KMEM_CACHE(ktls_config, SLAB_ACCOUNT);
	return config_cache ? 0 : -ENOMEM;
}

/** ktls_config_exit - free the cache; no configuration is left */
void ktls_config_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(config_cache);
}
