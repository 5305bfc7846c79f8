/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is different in each run, and in a fuzz target must not be: clocks, random numbers, and
 * names of temporary directories. So an input means the same at all times: dates in it stay
 * valid, and what was found once is found again.
 */
#ifndef KTLSD_FUZZ_FIXED_H
#define KTLSD_FUZZ_FIXED_H

#include <stdint.h>

/* Makes OpenSSL's random numbers the same in each run. */
void fuzz_fixed_setup(void);

/* Begins with them again, in this thread, and with the clock. */
void fuzz_fixed_reset(void);

/* Makes a directory, which is empty when the program exits and is removed then, and goes there. */
void fuzz_fixed_directory(void);

/* These replace those of lib/clock.c: the linker has --wrap. */
int64_t __wrap_ktlsd_clock_ms(void);
int64_t __wrap_ktlsd_clock_us(void);
int64_t __wrap_ktlsd_clock_cpu_us(void);
int64_t __wrap_ktlsd_clock_seconds(void);

#endif
