// SPDX-License-Identifier: GPL-2.0-or-later
/* How long an honest user's handshakes take. See honest.h. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "honest.h"

enum {
	HONEST_ROUNDS	= 5,	/* odd: the median is one of them */
	HONEST_GRAIN_MS	= 40,	/* a few time slices of each attacker */
	HONEST_TRIES	= 3,
};

static void *honest_accept(void *arg)
{
	struct honest *h = arg;
	int fd;

	while ((fd = accept(h->listener, NULL, NULL)) >= 0)
		close(fd);
	return NULL;
}

double honest_handshake(struct honest *h)
{
	int fd = interop_socket("server.test");
	double start = harness_now(), end;

	/* A resumed one costs others less. */
	OK(sock_set_u32(fd, KTLS_TICKETS, 0));
	if (connect(fd, &h->addr.sa, h->addr.len)) {
		harness_fail(__FILE__, __LINE__, "an honest handshake failed after %.2f s: %s (%s)",
			     harness_now() - start, strerror(errno), sock_error(fd));
		harness_end();
	}
	end = harness_now();
	close(fd);
	return end - start;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double honest_median(struct honest *h)
{
	double seconds[HONEST_ROUNDS];

	for (int i = 0; i < HONEST_ROUNDS; i++)
		seconds[i] = honest_handshake(h);
	qsort(seconds, HONEST_ROUNDS, sizeof(*seconds), compare);
	return seconds[HONEST_ROUNDS / 2];
}

void honest_attack(struct honest *h, void (*attack)(void *arg), void *arg)
{
	for (unsigned int i = 0; i < h->attackers; i++) {
		h->pids[i] = OK(fork());
		if (h->pids[i])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		attack(arg);
		_exit(0);
	}
}

void honest_attack_end(struct honest *h)
{
	int status;

	for (unsigned int i = 0; i < h->attackers; i++) {
		kill(h->pids[i], SIGKILL);
		OK(waitpid(h->pids[i], &status, 0));
		/* else it has failed, and was no attack */
		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
}

static void honest_compute(void *n)
{
	for (;;)
		++*(volatile unsigned int *)n;
}

void honest_start(struct honest *h, unsigned int attackers)
{
	ASSERT_LE(attackers, ARRAY_SIZE(h->pids));
	h->attackers = attackers;
	h->times = 2;
	h->grain_ms = HONEST_GRAIN_MS;
	h->listener = interop_listen("ecdsa", NULL, &h->addr);
	OK(listen(h->listener, 128));
	job_run(&h->accepting, honest_accept, h);
	/* What is made once: contexts, caches, pages. */
	honest_handshake(h);

	honest_attack(h, honest_compute, &(unsigned int){ 0 });
	h->normal = honest_median(h);
	honest_attack_end(h);
	harness_note("a handshake normally takes %.0f ms", h->normal * 1e3);
}

void honest_expect(struct honest *h, const char *when)
{
	double limit = h->times * h->normal + h->grain_ms / 1e3;
	double median = 0;

	for (int i = 0; i < HONEST_TRIES; i++) {
		median = honest_median(h);
		harness_note("a handshake %s takes %.0f ms", when, median * 1e3);
		if (median <= limit)
			break;
	}
	if (median > limit)
		harness_fail(__FILE__, __LINE__, "a handshake %s takes %.0f ms, normally %.0f",
			     when, median * 1e3, h->normal * 1e3);
}
