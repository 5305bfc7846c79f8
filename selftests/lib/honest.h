/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An honest user's handshakes with the real ktlsd: does somebody else's attack delay
 * them?
 *
 * What counts as normal is measured first, with as many processes computing beside it
 * as the attack will have: how processors are shared is the scheduler's business, and
 * an attacker may take no more than that.
 *
 * All this is for a VM whose clock counts instructions (vm/run --icount-idle): there a
 * handshake takes the same time however busy the machine is.
 */
#ifndef _SELFTESTS_HONEST_H
#define _SELFTESTS_HONEST_H

#include "interop.h"

/**
 * struct honest - root's client and server, on 127.0.0.1 of this namespace
 * @addr: where the server listens
 * @listener: its socket
 * @accepting: the thread that accepts and closes
 * @normal: median of full handshakes beside computing processes, seconds
 * @pids: the processes that attack
 * @attackers: how many
 * @times: so many times the normal time is allowed; honest_start() sets 2
 * @grain_ms: and so much more, for the scheduler; honest_start() sets a few time slices of
 *	each attacker
 */
struct honest {
	struct addr	addr;
	int		listener;
	struct job	accepting;
	double		normal;
	pid_t		pids[8];
	unsigned int	attackers;
	unsigned int	times;
	unsigned int	grain_ms;
};

/* Call after real_start(). Starts the server and measures the normal time beside @attackers
 * processes.
 */
void honest_start(struct honest *h, unsigned int attackers);

/* @attackers processes call @attack, which does not return, until honest_attack_end(). */
void honest_attack(struct honest *h, void (*attack)(void *arg), void *arg);
void honest_attack_end(struct honest *h);

/* One full handshake, seconds; the test fails if it fails. */
double honest_handshake(struct honest *h);

/* The median of some handshakes must be at most @times the normal time, plus
 * @grain_ms. An attack delays all handshakes, while an unlucky order of time slices delays a
 * few; so the median may be taken three times. @when is for the diagnostics: "during the
 * attack".
 */
void honest_expect(struct honest *h, const char *when);

#endif /* _SELFTESTS_HONEST_H */
