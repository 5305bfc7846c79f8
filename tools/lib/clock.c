// SPDX-License-Identifier: GPL-2.0-or-later
#include <time.h>

#include "clock.h"

static int64_t clock_read_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t ktlsd_clock_ms(void)
{
	return clock_read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t ktlsd_clock_us(void)
{
	return clock_read_us(CLOCK_MONOTONIC);
}

int64_t ktlsd_clock_cpu_us(void)
{
	return clock_read_us(CLOCK_THREAD_CPUTIME_ID);
}

int64_t ktlsd_clock_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

bool ktlsd_clock_holds(int64_t since, int64_t until, int64_t now)
{
	return since <= now + KTLSD_CLOCK_TOLERANCE && now < until;
}
