// SPDX-License-Identifier: GPL-2.0-or-later
/* The file of ticket keys, which other hosts write, too.
 *
 * The input is a byte that says how far the clock is, and the file.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "fuzz/fixed.h"
#include "fuzz/pki.h"
#include "lib/log.h"
#include "tls/ticket_ring.h"

enum {
	TICKETS_ROTATE	= 3600,
};

static void tickets_write(void)
{
	static const char digits[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";
	char text[512] = "ktlsd ticket keys 1\n";
	const char *const begins[] = { "1000 ", "4600 ", "8200 " };
	const uint8_t kind = 0;
	int i;

	for (i = 0; i < 3; i++) {
		strcat(text, begins[i]);
		strcat(text, digits);
		if (i)
			fuzz_pki_seed(i == 1 ? "two" : "three", &kind, 1, text, strlen(text));
	}
}

static void tickets_remove(void)
{
	unlink("keys");
	unlink("lock");
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_fixed_setup();
	ktlsd_log_open("fuzz", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	fuzz_pki_seeds(*argc, *argv, tickets_write);
	fuzz_fixed_directory();
	atexit(tickets_remove);
	return 0;
}

static void tickets_check(const struct ktlsd_ticket_ring *ring)
{
	unsigned int i;

	if (ring->count < 2 || ring->count > KTLSD_TICKET_RING_MAX)
		abort();
	for (i = 1; i < ring->count; i++) {
		if (ring->at[i].begin <= ring->at[i - 1].begin)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const int64_t clocks[] = { 5000, 0, 9000, 1700000000 };
	struct fuzz fuzz = { data, len };
	int64_t now = clocks[fuzz_byte(&fuzz) & 3];
	struct ktlsd_ticket_ring ring = { 0 };
	struct ktlsd_fault fault = { 0 };
	int fd;

	fuzz_fixed_reset();
	fd = open("keys", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, fuzz.data, fuzz.len) != (ssize_t)fuzz.len)
		abort();
	close(fd);
	if (ktlsd_ticket_ring_sync(&ring, ".", now, 0, false, &fault)) {
		if (!fault.reason[0])
			abort();
		return 0;
	}
	tickets_check(&ring);
	if (ktlsd_ticket_ring_sync(&ring, ".", now, TICKETS_ROTATE, false, &fault))
		abort();
	tickets_check(&ring);
	if (ring.at[ktlsd_ticket_ring_current(&ring, now)].begin > now + TICKETS_ROTATE)
		abort();
	return 0;
}
