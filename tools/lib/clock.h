/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monotonic clock, by which deadlines are set. Any thread. */
#ifndef KTLS_TOOLS_LIB_CLOCK_H
#define KTLS_TOOLS_LIB_CLOCK_H

#include <stdint.h>

/* Return: milliseconds of CLOCK_MONOTONIC, the unit of KTLS_A_DEADLINE. */
int64_t ktlsd_clock_ms(void);

/* Return: microseconds of CLOCK_MONOTONIC. */
int64_t ktlsd_clock_us(void);

/* Return: microseconds of processor time that this thread has used. */
int64_t ktlsd_clock_cpu_us(void);

/* Return: seconds of CLOCK_MONOTONIC. */
int64_t ktlsd_clock_seconds(void);

#endif
