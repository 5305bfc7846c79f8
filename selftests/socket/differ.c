// SPDX-License-Identifier: GPL-2.0-or-later
/* Random programs see the same on ktls sockets as on TCP sockets, but for what ktls(7) names
 * under DIFFERENCES FROM TCP.
 *
 * KTLS_DIFFER_COUNT programs a variant, from the seed KTLS_DIFFER_SEED on. What differs is made
 * as short as it still differs, and printed.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include "differ.h"

enum {
	DIFFER_COUNT	= 40,
	DIFFER_BRIEF	= 10,
	DIFFER_WORKERS	= 16,		/* they mostly wait */
	DIFFER_TRIES	= 10,		/* until it differs once more */
	DIFFER_SLOW	= 30,		/* ms after each step, to see whether it was only time */
};

FIXTURE(differ) { struct env e; };
FIXTURE_VARIANT(differ) { uint16_t suite; enum differ_mode mode; };
FIXTURE_VARIANT_ADD(differ, blocking) { S13_AES128, DIFFER_BLOCKING };
FIXTURE_VARIANT_ADD(differ, nonblocking) { S13_CHACHA, DIFFER_NONBLOCKING };
FIXTURE_VARIANT_ADD(differ, threads) { S13_AES256, DIFFER_THREADS };
FIXTURE_VARIANT_ADD(differ, nonblocking_12) { S12_AES128, DIFFER_NONBLOCKING };
FIXTURE_VARIANT_ADD(differ, lossy) { S12_CHACHA, DIFFER_LOSSY };

FIXTURE_SETUP(differ)
{
	env_start(&self->e, variant->suite);
	/* Or most of the time goes into waiting for delayed acknowledgments. */
	ASSERT_EQ(0, system("for to in 127.0.0.0/8 127.0.0.1; do ip route replace local $to dev lo "
			    "proto kernel scope host src 127.0.0.1 table local quickack 1 rto_min 5ms; "
			    "done"));
	ASSERT_EQ(0, system("ip -6 route replace local ::1 dev lo proto kernel table local "
			    "quickack 1 rto_min 5ms"));
	if (variant->mode == DIFFER_LOSSY)
		ASSERT_EQ(0, system("tc qdisc add dev lo root netem delay 300us 200us loss 2%"));
}

FIXTURE_TEARDOWN(differ)
{
}

static struct differ_trace seen[2];

static bool differs_once(const struct differ_program *p, unsigned int nap)
{
	differ_perform(p, false, nap, &seen[false]);
	differ_perform(p, true, nap, &seen[true]);
	return memcmp(&seen[false], &seen[true], sizeof(seen[0]));
}

/* Also if there is time after each step for what the kernel does by itself. */
static bool differs_always(const struct differ_program *p)
{
	return differs_once(p, 0) && differs_once(p, DIFFER_SLOW) &&
	       differs_once(p, 2 * DIFFER_SLOW);
}

static void drop(struct differ_program *p, unsigned int at)
{
	p->n--;
	memmove(&p->op[at], &p->op[at + 1], (p->n - at) * sizeof(p->op[0]));
}

/* From the end: what comes behind the difference goes first. */
static void make_short(struct differ_program *p)
{
	struct differ_program less;
	unsigned int at;

	for (at = p->n; at-- > 0;) {
		less = *p;
		drop(&less, at);
		if (differs_once(&less, 2) && differs_once(&less, DIFFER_SLOW))
			*p = less;
	}
	for (at = 0; at < DIFFER_TRIES && !differs_once(p, DIFFER_SLOW); at++)
		;
}

static void print(const struct differ_program *p)
{
	static const char *const modes[] = { "blocking", "nonblocking", "threads", "lossy" };
	const char *tcp, *tls;
	unsigned int i;

	harness_note("seed %llu, %s%s%s%s, epoll %#x, connect way %u, accept way %u",
		     (unsigned long long)p->seed, modes[p->mode], p->ipv6 ? ", IPv6" : "",
		     p->nodelay ? ", TCP_NODELAY" : "", p->small ? ", small buffers" : "",
		     p->epoll, p->connects, p->accepts);
	for (i = 0; i <= p->n; i++) {
		tcp = seen[false].line[i];
		tls = seen[true].line[i];
		if (!strcmp(tcp, tls))
			harness_note("   %s", tcp);
		else
			harness_note("-  %s", tcp), harness_note("+  %s", tls);
	}
}

static unsigned long setting(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : otherwise;
}

/* What differs again and again is performed while nobody else performs anything: a thread that
 * wakes up late is no difference.
 */
static void look_again(struct differ_program *p)
{
	if (!differs_always(p))
		return;
	make_short(p);
	print(p);
	EXPECT_EQ(0, p->seed);
	fflush(NULL);
}

/* Every DIFFER_WORKERS-th program, in a process of its own. */
static void work(unsigned long seed, unsigned long end, enum differ_mode mode,
		 pthread_rwlock_t *alone)
{
	struct differ_program p;
	bool differs;

	differ_prepare();
	for (; seed < end; seed += DIFFER_WORKERS) {
		differ_make(&p, seed, mode);
		pthread_rwlock_rdlock(alone);
		differs = differs_once(&p, 0) && differs_once(&p, 0) && differs_once(&p, 5);
		pthread_rwlock_unlock(alone);
		if (!differs)
			continue;
		pthread_rwlock_wrlock(alone);
		look_again(&p);
		pthread_rwlock_unlock(alone);
	}
	_exit(harness_failed());
}

static pthread_rwlock_t *shared_lock(void)
{
	pthread_rwlock_t *lock = mmap(NULL, sizeof(*lock), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_rwlockattr_t attr;

	ASSERT_NE(MAP_FAILED, lock);
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(lock, &attr);
	return lock;
}

TEST_F_TIMEOUT(differ, programs, 3600)
{
	const unsigned long first = setting("KTLS_DIFFER_SEED", 1);
	const unsigned long count = setting("KTLS_DIFFER_COUNT",
					    harness_brief() ? DIFFER_BRIEF : DIFFER_COUNT);
	pthread_rwlock_t *alone = shared_lock();
	int status;

	fflush(NULL);
	for (unsigned int i = 0; i < DIFFER_WORKERS; i++)
		if (!OK(fork()))
			work(first + i, first + count, variant->mode, alone);
	for (unsigned int i = 0; i < DIFFER_WORKERS; i++) {
		OK(wait(&status));
		EXPECT_EQ(0, status);
	}
	harness_note("programs %lu to %lu", first, first + count - 1);
}

TEST_HARNESS_MAIN
