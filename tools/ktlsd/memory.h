/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Freed memory goes back to the kernel: malloc() would keep the heap of the largest burst of
 * handshakes for good, because something that lives longer lies above most holes.
 */
#ifndef KTLSD_MEMORY_H
#define KTLSD_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "relay.h"

enum {
	KTLSD_MEMORY_IDLE_MS	= 10000,	/* from the first work to giving back */
	KTLSD_MEMORY_BUSY_MS	= 30000,	/* the same, if there is always something under way */
};

/**
 * struct ktlsd_memory - what a worker, or its thread in the signer, has to give back
 * @due: when, milliseconds of the monotonic clock; 0 if it did nothing since
 * @latest: when at the latest, likewise
 * @idle: it is time, and there is nothing under way: all goes back
 * @passed: this thread has begun for that
 *
 * Zeroed to begin with.
 */
struct ktlsd_memory {
	int64_t	due;
	int64_t	latest;
	bool	idle;
	bool	passed;
};

/* Sets up malloc(), before there are threads: the heap does not shrink and grow again with
 * each handshake.
 */
void ktlsd_memory_init(void);

/* The thread did something: it is not idle any more, and what it has begun must not go on in
 * another one.
 */
void ktlsd_memory_note_work(struct ktlsd_memory *memory, int64_t now);

/**
 * ktlsd_memory_step - give memory back, if that is due
 * @memory: of the thread
 * @now: milliseconds of the monotonic clock
 * @is_idle: there is no handshake under way, and none waits for tickets; else, and while a job of
 *	this thread is paused (tls/pause.h), it is put off, up to
 *	KTLSD_MEMORY_BUSY_MS: a server may never be idle, and has to come back from a burst too
 *
 * If the thread is idle, this is left to ktlsd_memory_pass().
 *
 * Return: milliseconds until it is due, -1 for never
 */
int ktlsd_memory_step(struct ktlsd_memory *memory, int64_t now, bool is_idle);

/**
 * ktlsd_memory_pass - give all back that an idle thread has
 * @memory: of the thread, whose idle stacks (tls/pause.h) go back as well
 * @relay: of the thread; another goes on, with what malloc() keeps for a new one: nothing.
 *	NULL: this one goes on
 *
 * Call it before each wait, and behind ktlsd_memory_step(), whose 0 means that.
 *
 * Return: whether the thread has to return from its run()
 */
bool ktlsd_memory_pass(struct ktlsd_memory *memory, struct ktlsd_relay *relay);

#endif
