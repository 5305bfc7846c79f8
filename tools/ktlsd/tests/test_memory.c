// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory of a burst of handshakes goes back to the kernel. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "memory.h"
#include "test_kernel.h"
#include "tls/pause.h"

enum {
	MEMORY_BURST	= 2000,		/* handshakes at once */
};

/* Return: KiB. */
static long memory_resident(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Clients that have sent their ClientHello. */
static void memory_burst(struct test_kernel *kernel, uint64_t first)
{
	uint64_t id;

	for (id = first; id < first + MEMORY_BURST; id++) {
		test_kernel_forget(kernel);
		test_kernel_start(kernel, KTLS_CMD_START, id, KTLS_ROLE_CLIENT, NULL, 0, NULL);
	}
	assert_int_equal(kernel->sessions.count, MEMORY_BURST);
}

static void memory_comes_back(void **state)
{
	struct ktlsd_memory memory = { 0 };
	struct test_kernel kernel;
	long before, during, after;
	void *above[64];
	size_t i;

	(void)state;
	ktlsd_memory_init();
	test_kernel_init(&kernel);
	kernel.sessions.max = MEMORY_BURST;
	/* What OpenSSL and the worker make once. */
	test_kernel_start(&kernel, KTLS_CMD_START, 1, KTLS_ROLE_CLIENT, NULL, 0, NULL);
	ktlsd_sessions_clear(&kernel.sessions);
	assert_int_equal(ktlsd_memory_step(&memory, 1, true), -1);
	/* valgrind and AddressSanitizer have a malloc() of their own, that gives nothing back. */
	if (!mallinfo2().arena) {
		test_kernel_free(&kernel);
		skip();
	}
	before = memory_resident();

	memory_burst(&kernel, 10);
	during = memory_resident();
	/* Something that stays at the top of the heap, as sessions in the cache do. */
	for (i = 0; i < 64; i++)
		above[i] = malloc(2000);
	ktlsd_memory_note_work(&memory, 1000);
	ktlsd_sessions_clear(&kernel.sessions);
	assert_true(memory_resident() > before * 2);

	/* Not at once, and not while something is under way. */
	assert_int_equal(ktlsd_memory_step(&memory, 1000, true), KTLSD_MEMORY_IDLE_MS);
	assert_int_equal(ktlsd_memory_step(&memory, 1000 + KTLSD_MEMORY_IDLE_MS, false),
			 KTLSD_MEMORY_IDLE_MS);
	assert_true(memory_resident() > before * 2);
	assert_false(ktlsd_memory_pass(&memory, NULL));
	assert_int_equal(ktlsd_memory_step(&memory, 1000 + 2 * KTLSD_MEMORY_IDLE_MS, true), 0);
	assert_false(ktlsd_memory_pass(&memory, NULL));
	assert_int_equal(ktlsd_memory_step(&memory, 1000 + 2 * KTLSD_MEMORY_IDLE_MS, true), -1);
	after = memory_resident();
	printf("# before %ld KiB, during %ld KiB, after %ld KiB\n", before, during, after);
	assert_true(after * 10 <= before * 11);
	for (i = 0; i < 64; i++)
		free(above[i]);
	test_kernel_free(&kernel);
}

/* A server that always has something under way gives back the memory of a burst as well, and again
 * what is under way then.
 */
static void memory_comes_back_while_busy(void **state)
{
	const int64_t begun = 1000, latest = begun + KTLSD_MEMORY_BUSY_MS;
	struct ktlsd_memory memory = { 0 };
	struct test_kernel kernel;
	long before, during;
	int64_t now;

	(void)state;
	test_kernel_init(&kernel);
	kernel.sessions.max = MEMORY_BURST;
	malloc_trim(0);
	before = memory_resident();
	memory_burst(&kernel, 10);
	during = memory_resident();
	ktlsd_memory_note_work(&memory, begun);
	ktlsd_sessions_clear(&kernel.sessions);
	test_kernel_start(&kernel, KTLS_CMD_START, 1, KTLS_ROLE_CLIENT, NULL, 0, NULL);
	for (now = begun; now < latest; now += KTLSD_MEMORY_IDLE_MS)
		assert_int_equal(ktlsd_memory_step(&memory, now, false), KTLSD_MEMORY_IDLE_MS);
	assert_int_equal(ktlsd_memory_step(&memory, latest, false), KTLSD_MEMORY_IDLE_MS);
	printf("# before %ld KiB, during %ld KiB, after %ld KiB\n", before, during,
	       memory_resident());
	/* sanitizers: see above */
	assert_true(!mallinfo2().arena || memory_resident() * 10 <= before * 11);
	assert_int_equal(ktlsd_memory_step(&memory, latest + KTLSD_MEMORY_IDLE_MS, true), 0);
	assert_false(ktlsd_memory_pass(&memory, NULL));
	test_kernel_free(&kernel);
}

static int memory_job(void *arg)
{
	(void)arg;
	return ktlsd_pause();
}

/* What is under way, although no handshake is, goes on in the thread that began it: a CHECK that
 * waits for the signer.
 */
static void memory_waits_for_a_job(void **state)
{
	struct ktlsd_pause_owner owner = { .id = 1 };
	struct ktlsd_memory memory = { 0 };
	struct ktlsd_pause *job = NULL;
	int value;

	(void)state;
	assert_int_equal(ktlsd_pause_run(&job, &owner, memory_job, NULL, &value), 1);
	ktlsd_memory_note_work(&memory, 1000);
	assert_int_equal(ktlsd_memory_step(&memory, 1000 + KTLSD_MEMORY_IDLE_MS, true),
			 KTLSD_MEMORY_IDLE_MS);
	assert_false(memory.idle);
	assert_int_equal(ktlsd_memory_step(&memory, 1000 + KTLSD_MEMORY_BUSY_MS, true),
			 KTLSD_MEMORY_IDLE_MS);
	assert_false(memory.idle);
	assert_int_equal(ktlsd_pause_run(&job, &owner, memory_job, NULL, &value), 0);
	assert_int_equal(ktlsd_memory_step(&memory, 2000 + 2 * KTLSD_MEMORY_BUSY_MS, true), 0);
	assert_true(memory.idle);
	assert_false(ktlsd_memory_pass(&memory, NULL));
}

/* Where the kernel has transparent huge pages for who asks, malloc() does: it is as with Debian's
 * kernels, which have them for all.
 */
static void memory_use_huge_pages(char **argv)
{
	free(malloc(1));
	/* valgrind: see above */
	if (getenv("GLIBC_TUNABLES") || !mallinfo2().arena)
		return;
	setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 1);
	execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_comes_back),
		cmocka_unit_test(memory_comes_back_while_busy),
		cmocka_unit_test(memory_waits_for_a_job),
	};

	(void)argc;
	memory_use_huge_pages(argv);
	return cmocka_run_group_tests_name("memory", tests, test_kernel_setup,
					   test_pki_teardown);
}
