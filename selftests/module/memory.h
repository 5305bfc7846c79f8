/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who has how much of the machine's memory for sockets that do nothing. */
#ifndef _SELFTESTS_MEMORY_H
#define _SELFTESTS_MEMORY_H

/**
 * struct cost - bytes a socket
 * @slab: in the kernel's slabs
 * @all: of the machine, whoever has it
 * @charged: to the program's memory cgroup
 * @program: of the program itself, which has them in no file
 * @ktlsd: of ktlsd's processes, likewise
 */
struct cost { long slab, all, charged, program, ktlsd; };

/* The sockets that are measured, and how many: KTLS_MEMORY_SOCKETS, or what the test says. */
extern int memory_fds[];
extern unsigned int memory_sockets;

/* At the head of a test; then it enters a memory cgroup. */
void memory_start(unsigned int usual);

/* @make fills memory_fds, with connections at 2 i and 2 i + 1. If what is left when they are
 * dropped is more than what was there before, or less, somebody else has used memory meanwhile, and
 * it is done once more.
 */
struct cost memory_measure(const char *what, void (*make)(void), void (*drop)(void));

/* Makes and drops @n of them, for what is made once. */
void memory_warm(unsigned int n, void (*make)(void), void (*drop)(void));

/* Closes them. */
void memory_drop(void);

/* Bytes in each of them. */
void memory_traffic(void);

#endif /* _SELFTESTS_MEMORY_H */
