/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fault injection: the n-th allocation, or copy from or to user space, by the module in a task
 * fails. Needs a kernel with fault injection (selftests/vm/debug-kernel). A path is walked: it
 * runs again and again, and each time a later step of it fails, until it ends before that step.
 */
#ifndef _SELFTESTS_INJECT_H
#define _SELFTESTS_INJECT_H

#include <stdbool.h>

/* Which tasks' steps fail. */
enum inject_who {
	INJECT_SELF,	/* the calling thread's */
	INJECT_HELPER,	/* all other threads of this process: the fake helper */
	INJECT_WORK,	/* kworkers: handshakes, children, lingering */
};

/* Fails the test on a kernel that cannot do it. */
void inject_init(void);
/* Likewise; only what modules do while they are loaded is a step. */
void inject_init_load(void);
void inject_on(void);
void inject_off(void);

/* The first step in @function fails, in any context: for softirqs and callbacks, which are not
 * in a task of ours. In force until inject_everywhere_hit() has returned true once.
 */
void inject_everywhere(const char *function);
bool inject_everywhere_hit(void);
/* Walks @path. @run does it, with inject_on() and inject_off() around what may fail, and
 * returns 0 or an errno. After each failure @after, unless it is NULL, tests that the next
 * attempt works. The test fails if no failure was injected, if an error is not that of missing
 * memory or a bad address, and if there is an error without a failure.
 */
void inject_walk(const char *path, enum inject_who who, int (*run)(void *arg),
		 void (*after)(void *arg), void *arg);

#endif /* _SELFTESTS_INJECT_H */
