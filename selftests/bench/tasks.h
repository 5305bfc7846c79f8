/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processor time of all tasks of the machine but our own. Under instruction counting a
 * nanosecond is an instruction.
 */
#ifndef _SELFTESTS_BENCH_TASKS_H
#define _SELFTESTS_BENCH_TASKS_H

#include <stdint.h>

#define TASKS_MAX	4096

struct task {
	int		tid;
	uint64_t	ns;
	char		name[32];
};

struct tasks {
	unsigned int	n;
	struct task	at[TASKS_MAX];
};

/* What all of them have taken until now. */
void tasks_read(struct tasks *t);
/* What all of them have taken since @then, and of those with each name into @by, if there is
 * one; what a task took that has ended meanwhile is not in it.
 */
uint64_t tasks_since(const struct tasks *then, struct tasks *by);
/* What this process has taken. */
uint64_t tasks_own_ns(void);

#endif /* _SELFTESTS_BENCH_TASKS_H */
