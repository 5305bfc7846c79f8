// SPDX-License-Identifier: GPL-2.0
/* What a bad module does, for the VM runner's self-test. */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/string.h>

static char *what = "";
module_param(what, charp, 0);

static int __init vmtest_init(void)
{
	if (!strcmp(what, "warn")) {
		WARN(1, "vmtest: a warning\n");
	} else if (!strcmp(what, "oops")) {
		WRITE_ONCE(*(volatile int *)8, 1);
	} else if (!strcmp(what, "stuck")) {
		for (;;) {
			set_current_state(TASK_UNINTERRUPTIBLE);
			schedule_timeout(HZ);
		}
	} else if (!strcmp(what, "spin")) {
		local_irq_disable();
		for (;;)
			cpu_relax();
	}
	return 0;
}

static void __exit vmtest_exit(void)
{
}

module_init(vmtest_init);
module_exit(vmtest_exit);
MODULE_DESCRIPTION("misbehaves on demand");
MODULE_ALIAS("vmtest-alias");
MODULE_LICENSE("GPL");
