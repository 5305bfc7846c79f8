/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A clock that is set: replaces time() of libc in the program that includes it, for OpenSSL too. */
#ifndef KTLSD_TEST_CLOCK_H
#define KTLSD_TEST_CLOCK_H

#include <time.h>

static time_t skew;	/* seconds by which it is wrong */

time_t time(time_t *ret_time);

time_t time(time_t *ret_time)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret_time)
		*ret_time = now.tv_sec + skew;
	return now.tv_sec + skew;
}

#endif
