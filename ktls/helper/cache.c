// SPDX-License-Identifier: GPL-2.0
/* Configurations that the helper may have cached: it is sent CONFIG_DROP when one is
 * gone. That is a hint. It is not sent if something else waits to be sent, or if the
 * receive buffer is full.
 */
#include <linux/slab.h>
#include <uapi/linux/ktls_netlink.h>

#include "config.h"
#include "helper/cache.h"
#include "helper/message.h"
#include "helper/port.h"

/**
 * struct cache_user - a port that was sent the id of a configuration
 * @user: on the configuration's list
 * @port: a reference is owned
 */
struct cache_user {
	struct ktls_config_user	user;
	struct ktls_port	*port;
};

static void cache_free(struct cache_user *cache)
{
	ktls_port_put(cache->port);
	kfree(cache);
}

/* Context: any; nobody has a reference to the configuration any more. */
static void cache_gone(struct ktls_config_user *user, u64 id)
{
	struct cache_user *cache = container_of(user, struct cache_user, user);

	ktls_outbox_drop_or_send(&cache->port->outbox,
				 ktls_message_number(KTLS_CMD_CONFIG_DROP, KTLS_A_CONFIG, id));
	cache_free(cache);
}

/* Is that port on the list? Ports that are closed leave it. */
static bool cache_has(struct ktls_config *config, const struct ktls_port *port)
{
	struct cache_user *cache, *next;
	bool found = false;

	lockdep_assert_held(&config->users_lock);
	list_for_each_entry_safe(cache, next, &config->users, user.node) {
		if (cache->port == port) {
			found = true;
		} else if (!READ_ONCE(cache->port->outbox.sk)) {
			list_del(&cache->user.node);
			cache_free(cache);
		}
	}
	return found;
}

/**
 * ktls_cache_add - the helper is about to be sent the id of a configuration
 * @port: on which
 * @config: frozen
 *
 * Without memory the helper will not be notified when the configuration is freed.
 *
 * Context: process, no spinlock held.
 */
void ktls_cache_add(struct ktls_port *port, struct ktls_config *config)
{
	struct cache_user *cache;
	bool found;

	if (!ktls_config_parts(config))
		return;
	spin_lock_bh(&config->users_lock);
	found = cache_has(config, port);
	spin_unlock_bh(&config->users_lock);
	cache = found ? NULL : ktls_config_zalloc_others(config, sizeof(*cache));
	if (!cache)
		return;

	refcount_inc(&port->ref);
	cache->port = port;
	cache->user.gone = cache_gone;
	spin_lock_bh(&config->users_lock);
	list_add_tail(&cache->user.node, &config->users);
	spin_unlock_bh(&config->users_lock);
}
