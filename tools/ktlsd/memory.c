// SPDX-License-Identifier: GPL-2.0-or-later
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "memory.h"
#include "tls/pause.h"

enum {
	MEMORY_KEEP	= 1 << 20,	/* bytes at the top of a heap, while it works */
	MEMORY_PAD	= 256 << 10,	/* bytes that a heap grows by */
	MEMORY_MMAP	= 256 << 10,	/* larger blocks are mapped on their own */
	MEMORY_LARGE	= 128 << 10,	/* when such a block is freed, free() looks at the top */
};

/* Held while the two are not what they should be. */
static pthread_mutex_t memory_lock = PTHREAD_MUTEX_INITIALIZER;

static void memory_keep(int keep, int pad)
{
	mallopt(M_TRIM_THRESHOLD, keep);
	mallopt(M_TOP_PAD, pad);
}

void ktlsd_memory_init(void)
{
	/* With huge pages the kernel fills again what malloc_trim() gave back: a page that is in use
	 * becomes one of 2 MiB.
	 */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	memory_keep(MEMORY_KEEP, MEMORY_PAD);
	/* Setting the others ends its adjustment by malloc(). */
	mallopt(M_MMAP_THRESHOLD, MEMORY_MMAP);
}

/* malloc_trim() is for all heaps, but it leaves the top of each where it is, except the first
 * heap's: only free() cuts off that of its own.
 */
static void memory_give_back(void)
{
	void *volatile block;

	ktlsd_pause_flush();
	malloc_trim(0);
	pthread_mutex_lock(&memory_lock);
	memory_keep(0, 0);
	block = malloc(MEMORY_LARGE);
	free(block);
	memory_keep(MEMORY_KEEP, MEMORY_PAD);
	pthread_mutex_unlock(&memory_lock);
}

void ktlsd_memory_note_work(struct ktlsd_memory *memory, int64_t now)
{
	if (!memory->passed)
		memory->idle = false;
	if (memory->due)
		return;
	memory->due = now + KTLSD_MEMORY_IDLE_MS;
	memory->latest = now + KTLSD_MEMORY_BUSY_MS;
}

int ktlsd_memory_step(struct ktlsd_memory *memory, int64_t now, bool is_idle)
{
	if (!memory->due)
		return -1;
	if (now < memory->due)
		return (int)(memory->due - now);
	/* What waits in the middle, as a CHECK does for the signer, must go on in this thread. */
	is_idle = is_idle && !ktlsd_pause_pending();
	if (!is_idle && now < memory->latest) {
		memory->due = now + KTLSD_MEMORY_IDLE_MS;
		return KTLSD_MEMORY_IDLE_MS;
	}
	memory->due = 0;
	memory->idle = is_idle;
	if (is_idle)
		return 0;
	memory_give_back();
	/* What is under way may end without work, by its deadline. */
	ktlsd_memory_note_work(memory, now);
	return KTLSD_MEMORY_IDLE_MS;
}

bool ktlsd_memory_pass(struct ktlsd_memory *memory, struct ktlsd_relay *relay)
{
	if (!memory->idle)
		return false;
	if (!memory->passed) {
		ktlsd_pause_flush();
		memory->passed = true;
		if (relay && ktlsd_relay_pass(relay))
			return true;
	}
	memory->idle = false;
	memory->passed = false;
	memory_give_back();
	return false;
}
