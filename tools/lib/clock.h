/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monotonic clock, by which deadlines are set; and what to make of the other one, by which
 * certificates are valid, and which can be set. Any thread.
 */
#ifndef KTLS_TOOLS_LIB_CLOCK_H
#define KTLS_TOOLS_LIB_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
	KTLSD_CLOCK_TOLERANCE	= 300,	/* seconds that the time of day may be wrong by */
};

/* Return: milliseconds of CLOCK_MONOTONIC, the unit of KTLS_A_DEADLINE. */
int64_t ktlsd_clock_ms(void);

/* Return: microseconds of CLOCK_MONOTONIC. */
int64_t ktlsd_clock_us(void);

/* Return: microseconds of processor time that this thread has used. */
int64_t ktlsd_clock_cpu_us(void);

/* Return: seconds of CLOCK_MONOTONIC. */
int64_t ktlsd_clock_seconds(void);

/* Return: whether what was made at @since, and counts until @until, counts at @now; all in seconds
 * since the epoch. Not if the clock was set back since: nobody knows then how old it is.
 */
bool ktlsd_clock_holds(int64_t since, int64_t until, int64_t now);

#endif
