// SPDX-License-Identifier: GPL-2.0
/* One of each mistake that the debug kernel is there to find, made on demand:
 * does it find them, and does the runner then fail? See ../debug-selftest.
 *
 * What the compiler could see through is hidden from it, so that the mistake
 * is still in the code that runs.
 */
#include <linux/delay.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

static char *what = "";
module_param(what, charp, 0);
MODULE_PARM_DESC(what, "the mistakes to make, comma-separated");

#define OBJECT_SIZE	120

/* noinline: the reports name the function, and the self-test asks for it. */

static noinline void debugmod_uaf(void)
{
	char *p = kzalloc(OBJECT_SIZE, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	kfree(p);
	if (p)
		WRITE_ONCE(p[5], 1);
}

static noinline void debugmod_oob(void)
{
	char *p = kzalloc(OBJECT_SIZE, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	if (p)
		WRITE_ONCE(p[OBJECT_SIZE], 1);
	kfree(p);
}

static noinline void debugmod_double_free(void)
{
	char *p = kzalloc(OBJECT_SIZE, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	kfree(p);
	OPTIMIZER_HIDE_VAR(p);
	kfree(p);
}

static noinline void debugmod_atomic(void)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	msleep(1);
	spin_unlock(&lock);
}

/* Several: a stale pointer on some stack may hide one of them. */
static noinline void debugmod_leak(void)
{
	int i;

	for (i = 0; i < 8; i++) {
		char *p = kmalloc(OBJECT_SIZE, GFP_KERNEL);

		if (p)
			memset(p, 'L', OBJECT_SIZE);
		OPTIMIZER_HIDE_VAR(p);
	}
}

static noinline void debugmod_lockdep(void)
{
	static DEFINE_MUTEX(a);
	static DEFINE_MUTEX(b);

	mutex_lock(&a);
	mutex_lock(&b);
	mutex_unlock(&b);
	mutex_unlock(&a);

	mutex_lock(&b);
	mutex_lock(&a);
	mutex_unlock(&a);
	mutex_unlock(&b);
}

static noinline void debugmod_rcu(void)
{
	static int value;
	static int __rcu *pointer = RCU_INITIALIZER(&value);

	pr_info("debugmod: %d\n", *rcu_dereference(pointer));
}

static noinline void debugmod_shift(void)
{
	int bits = 40, one = 1;

	OPTIMIZER_HIDE_VAR(bits);
	OPTIMIZER_HIDE_VAR(one);
	pr_info("debugmod: %d\n", one << bits);
}

static noinline void debugmod_index(void)
{
	static int array[4];
	int i = 6;

	OPTIMIZER_HIDE_VAR(i);
	/* Read only, and from an address that is the module's. */
	pr_info("debugmod: %d\n", READ_ONCE(array[i]));
}

static noinline void debugmod_refcount(void)
{
	static refcount_t ref = REFCOUNT_INIT(1);

	if (refcount_dec_and_test(&ref))
		refcount_inc(&ref);
}

static noinline void debugmod_list(void)
{
	LIST_HEAD(head);
	struct list_head entry;

	list_add(&entry, &head);
	list_add(&entry, &head);
}

static void debugmod_work_fn(struct work_struct *work)
{
}

static noinline void debugmod_work(void)
{
	struct delayed_work *work = kzalloc(sizeof(*work), GFP_KERNEL);

	if (!work)
		return;
	INIT_DELAYED_WORK(work, debugmod_work_fn);
	schedule_delayed_work(work, 3600 * HZ);
	/* Freed while its timer runs: found, and the timer is then stopped. */
	kfree(work);
}

/* Scatterlists must not point to the stack: that is vmalloc memory. Fatal. */
static noinline void debugmod_sg(void)
{
	struct scatterlist sg;
	char buf[16];

	sg_init_one(&sg, buf, sizeof(buf));
}

static const struct {
	const char *name;
	void (*make)(void);
} mistakes[] = {
	{ "uaf", debugmod_uaf },
	{ "oob", debugmod_oob },
	{ "double-free", debugmod_double_free },
	{ "atomic", debugmod_atomic },
	{ "leak", debugmod_leak },
	{ "lockdep", debugmod_lockdep },
	{ "rcu", debugmod_rcu },
	{ "shift", debugmod_shift },
	{ "index", debugmod_index },
	{ "refcount", debugmod_refcount },
	{ "list", debugmod_list },
	{ "work", debugmod_work },
	{ "sg", debugmod_sg },
};

static int __init debugmod_init(void)
{
	char *rest = *what ? what : NULL, *name;
	size_t i;

	while ((name = strsep(&rest, ","))) {
		for (i = 0; i < ARRAY_SIZE(mistakes); i++)
			if (!strcmp(name, mistakes[i].name))
				break;
		if (i == ARRAY_SIZE(mistakes)) {
			pr_err("debugmod: what is \"%s\"?\n", name);
			return -EINVAL;
		}
		pr_info("debugmod: %s\n", name);
		mistakes[i].make();
	}
	return 0;
}

static void __exit debugmod_exit(void)
{
}

module_init(debugmod_init);
module_exit(debugmod_exit);
MODULE_DESCRIPTION("makes mistakes on demand");
MODULE_LICENSE("GPL");
