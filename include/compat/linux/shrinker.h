/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _KTLS_COMPAT_LINUX_SHRINKER_H
#define _KTLS_COMPAT_LINUX_SHRINKER_H

#include_next <linux/shrinker.h>

/* Shrinkers were part of their owner's memory, and got a name when they were registered, which
 * could fail: then nobody calls it, and unregister_shrinker() notices.
 */
#ifndef KTLS_HAVE_SHRINKER_ALLOC
#include <linux/slab.h>

static inline struct shrinker *shrinker_alloc(unsigned int flags, const char *name)
{
	struct shrinker *shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);

	if (shrinker) {
		shrinker->flags = flags;
		shrinker->seeks = DEFAULT_SEEKS;
	}
	return shrinker;
}

static inline void shrinker_register(struct shrinker *shrinker)
{
	int err = register_shrinker(shrinker, "ktls");

	if (err)
		pr_warn("ktls: no shrinker: %d\n", err);
}

static inline void shrinker_free(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(shrinker);
}
#endif

#endif /* _KTLS_COMPAT_LINUX_SHRINKER_H */
