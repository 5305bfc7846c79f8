/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Failures on demand: the n-th allocation, or copy from or to user space, that the
 * module or somebody on its behalf makes in a task. Needs a kernel with fault
 * injection (selftests/vm/debug-kernel).
 *
 * A path is walked: it is gone again and again, and each time a later step of it
 * fails, until it is at its end before that.
 */
#ifndef _SELFTESTS_INJECT_H
#define _SELFTESTS_INJECT_H

#include <stdbool.h>

/* In whose steps. */
enum inject_who {
	INJECT_SELF,	/* the calling thread's */
	INJECT_HELPER,	/* all other threads' of this process: the fake helper */
	INJECT_WORK,	/* the kernel's workers': handshakes, children, lingering */
};

/* Fails the test on a kernel that cannot do it. */
void inject_init(void);
/* Likewise; only what modules do while they are loaded is a step. */
void inject_init_load(void);
void inject_on(void);
void inject_off(void);

/* The first step in one function fails, in any context; where a
 * task's own steps are not all: softirqs, callbacks. Until inject_everywhere_hit()
 * has returned true once.
 */
void inject_everywhere(const char *function);
bool inject_everywhere_hit(void);
/* Walks @path. @run goes it, with inject_on() and inject_off() around what may
 * fail, and returns 0 or what a program would have in errno. @after, unless it is
 * NULL, sees after each failure whether the next one works. Fails the test if
 * nothing has failed, if an error does not say that it is for want of memory (or a
 * bad address), and if there is an error though nothing has failed.
 */
void inject_walk(const char *path, enum inject_who who, int (*run)(void *arg),
		 void (*after)(void *arg), void *arg);

#endif /* _SELFTESTS_INJECT_H */
