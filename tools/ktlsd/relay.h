/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread that can go on as another. malloc() keeps up to seven blocks of each size below 1 KiB
 * for a thread: after a burst of handshakes each of them holds a page, wherever it lies, and
 * malloc_trim() does not touch them. They go back when the thread exits.
 */
#ifndef KTLSD_RELAY_H
#define KTLSD_RELAY_H

#include <pthread.h>
#include <stdbool.h>

/**
 * struct ktlsd_relay - the threads, one after the other
 * @run: what they do; it returns after ktlsd_relay_pass() has returned true, or at the end
 * @arg: for @run
 * @lock: protects the rest
 * @thread: the one that runs
 * @before: the one before it, until it has exited
 * @has_before: there is one
 * @ends: ktlsd_relay_join() waits: no other is started
 */
struct ktlsd_relay {
	void		(*run)(void *arg);
	void		*arg;
	pthread_mutex_t	lock;
	pthread_t	thread;
	pthread_t	before;
	bool		has_before;
	bool		ends;
};

/* Starts the first. Return: 0 or a negative errno. */
int ktlsd_relay_start(struct ktlsd_relay *relay, void (*run)(void *arg), void *arg);

/**
 * ktlsd_relay_pass - let another thread go on
 * @relay: of the calling thread
 *
 * The other waits until this one has exited, so there are never two in @run.
 *
 * Return: whether @run has to return. If not, no thread could be started, or this one is to be
 * the last: it just goes on.
 */
bool ktlsd_relay_pass(struct ktlsd_relay *relay);

/* Waits until the last has exited, which must have been told to. Instead, the last may detach
 * itself, and free @relay.
 */
void ktlsd_relay_join(struct ktlsd_relay *relay);

#endif
