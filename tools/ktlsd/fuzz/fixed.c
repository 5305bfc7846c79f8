// SPDX-License-Identifier: GPL-2.0-or-later
/* OpenSSL 3.0 has no other way that also covers keys and nonces of signatures. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "fuzz/fixed.h"

enum {
	FIXED_TIME	= 1800000000,	/* January 2027 */
	FIXED_CLOCK	= 1000000000,	/* microseconds */
	FIXED_CALL	= 50,		/* microseconds that pass with each look at the clock */
};

static _Thread_local uint64_t fixed_state;
static _Thread_local int64_t fixed_calls;
static char fixed_path[] = "/dev/shm/fuzz.XXXXXX";

time_t time(time_t *ret_time);

/* Replaces the function of libc, for OpenSSL too. */
time_t time(time_t *ret_time)
{
	if (ret_time)
		*ret_time = FIXED_TIME;
	return FIXED_TIME;
}

/* A loop with a deadline ends. */
int64_t __wrap_ktlsd_clock_us(void)
{
	return FIXED_CLOCK + fixed_calls++ * FIXED_CALL;
}

int64_t __wrap_ktlsd_clock_cpu_us(void)
{
	return __wrap_ktlsd_clock_us();
}

int64_t __wrap_ktlsd_clock_ms(void)
{
	return __wrap_ktlsd_clock_us() / 1000;
}

int64_t __wrap_ktlsd_clock_seconds(void)
{
	return __wrap_ktlsd_clock_us() / 1000000;
}

/* splitmix64 */
static uint64_t fixed_next(void)
{
	uint64_t value = fixed_state += 0x9e3779b97f4a7c15;

	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
	value = (value ^ value >> 27) * 0x94d049bb133111eb;
	return value ^ value >> 31;
}

static int fixed_bytes(unsigned char *dst, int len)
{
	int i;

	for (i = 0; i < len; i++)
		dst[i] = (unsigned char)fixed_next();
	return 1;
}

static int fixed_status(void)
{
	return 1;
}

void fuzz_fixed_reset(void)
{
	fixed_state = 0;
	fixed_calls = 0;
}

void fuzz_fixed_setup(void)
{
	static const RAND_METHOD method = {
		.bytes = fixed_bytes, .pseudorand = fixed_bytes, .status = fixed_status,
	};

	if (RAND_set_rand_method(&method) != 1)
		abort();
}

static void fixed_remove(void)
{
	rmdir(fixed_path);
}

void fuzz_fixed_directory(void)
{
	if (!mkdtemp(fixed_path) || chdir(fixed_path) || atexit(fixed_remove))
		abort();
}
