/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The wall clock of the VM, which a test may set, and sets back. */
#ifndef _SELFTESTS_WALL_H
#define _SELFTESTS_WALL_H

#include <time.h>

/* Of CLOCK_MONOTONIC. */
struct timespec wall_ahead(void);
/* So many seconds from where the clock was when wall_ahead() returned @ahead. */
void wall_set(const struct timespec *ahead, long seconds);

#endif /* _SELFTESTS_WALL_H */
