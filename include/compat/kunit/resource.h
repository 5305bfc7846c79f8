/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _KTLS_COMPAT_KUNIT_RESOURCE_H
#define _KTLS_COMPAT_KUNIT_RESOURCE_H

#include_next <kunit/resource.h>

/* Deferred actions are a test resource like any other; kernels without them
 * only lack the wrapping. Actions run in the reverse order of their adding.
 */
#ifndef KTLS_HAVE_KUNIT_ADD_ACTION
typedef void (kunit_action_t)(void *);

struct ktls_kunit_action {
	kunit_action_t *func;
	void *ctx;
};

static inline int ktls_kunit_action_init(struct kunit_resource *res, void *data)
{
	res->data = kmemdup(data, sizeof(struct ktls_kunit_action), GFP_KERNEL);
	return res->data ? 0 : -ENOMEM;
}

static inline void ktls_kunit_action_free(struct kunit_resource *res)
{
	struct ktls_kunit_action *action = res->data;

	action->func(action->ctx);
	kfree(action);
}

static inline int
kunit_add_action(struct kunit *test, kunit_action_t *func, void *ctx)
{
	struct ktls_kunit_action action = { .func = func, .ctx = ctx };

	/* Gives back what the init callback left in data, NULL if it failed. */
	if (!kunit_alloc_resource(test, ktls_kunit_action_init,
				  ktls_kunit_action_free, GFP_KERNEL, &action))
		return -ENOMEM;
	return 0;
}

static inline int
kunit_add_action_or_reset(struct kunit *test, kunit_action_t *func, void *ctx)
{
	int err = kunit_add_action(test, func, ctx);

	if (err)
		func(ctx);
	return err;
}
#endif

#endif /* _KTLS_COMPAT_KUNIT_RESOURCE_H */
