// SPDX-License-Identifier: GPL-2.0-or-later
/* How fast this machine's time stamp counter runs, in kHz. QEMU's emulated processor
 * shows it to the guest as it is.
 */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

struct reading {
	unsigned long long	tsc;
	double			seconds;
};

/* Of several tries the one that was interrupted least. */
static struct reading read_both(void)
{
	unsigned long long least = ~0ULL, before, after;
	struct reading best = { 0, 0 };
	struct timespec ts;

	for (int i = 0; i < 20; i++) {
		before = __rdtsc();
		clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
		after = __rdtsc();
		if (after - before < least) {
			least = after - before;
			best.tsc = before + least / 2;
			best.seconds = ts.tv_sec + ts.tv_nsec / 1e9;
		}
	}
	return best;
}

int main(void)
{
	struct timespec pause = { 0, 100000000 };
	struct reading a = read_both(), b;

	nanosleep(&pause, NULL);
	b = read_both();
	printf("%.0f\n", (b.tsc - a.tsc) / (b.seconds - a.seconds) / 1000);
	return 0;
}
