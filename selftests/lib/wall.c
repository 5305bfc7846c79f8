// SPDX-License-Identifier: GPL-2.0-or-later
/* The wall clock. See wall.h. */
#include "harness.h"
#include "wall.h"

struct timespec wall_ahead(void)
{
	struct timespec day, monotonic;

	clock_gettime(CLOCK_REALTIME, &day);
	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	return (struct timespec) { day.tv_sec - monotonic.tv_sec,
				   day.tv_nsec - monotonic.tv_nsec };
}

void wall_set(const struct timespec *ahead, long seconds)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now.tv_sec += ahead->tv_sec + seconds;
	now.tv_nsec += ahead->tv_nsec;
	if (now.tv_nsec < 0 || now.tv_nsec >= 1000000000) {
		now.tv_sec += now.tv_nsec < 0 ? -1 : 1;
		now.tv_nsec += now.tv_nsec < 0 ? 1000000000 : -1000000000;
	}
	OK(clock_settime(CLOCK_REALTIME, &now));
}
