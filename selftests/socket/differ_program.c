// SPDX-License-Identifier: GPL-2.0-or-later
/* Which programs there are: random, but such that TCP itself always does the same. */
#include <sys/epoll.h>

#include "differ.h"

/* xorshift64* */
static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)(*state * 0x2545f4914f6cdd1dULL >> 33) % below;
}

/* The kernel's, for more datagrams to come */
#ifndef MSG_BATCH
#define MSG_BATCH	0x40000
#endif

/* Lengths around what matters: none, one, a page, a record, several records. */
static uint32_t draw_len(uint64_t *state)
{
	static const uint32_t around[] = { 0, 1, 100, 1400, 4096, 16384, 32768 };
	uint32_t len = around[draw(state, ARRAY_SIZE(around))];

	switch (draw(state, 4)) {
	case 0: return len;
	case 1: return len + draw(state, 4);
	case 2: return len > 3 ? len - draw(state, 4) : len;
	default: return draw(state, 20000);
	}
}

static enum differ_call draw_call(uint64_t *state, enum differ_mode mode)
{
	/* How often, of a hundred */
	static const uint8_t often[CALLS] = {
		[CALL_SEND] = 25, [CALL_RECV] = 25, [CALL_SENDFILE] = 5, [CALL_POLL] = 9,
		[CALL_EPOLL] = 5, [CALL_SHUTDOWN] = 3, [CALL_CLOSE] = 2, [CALL_DUP] = 2,
		[CALL_SET] = 6, [CALL_GET] = 6, [CALL_MISUSE] = 3, [CALL_FILL] = 2,
		[CALL_HOLD] = 1, [CALL_TRUNCATE] = 1, [CALL_WATCH] = 2, [CALL_SHOTS] = 1,
		[CALL_REAP] = 1, [CALL_FLAGS] = 1,
	};
	unsigned int call = 0, n;

	if (mode == DIFFER_THREADS && !draw(state, 4))
		return draw(state, 2) ? CALL_START : CALL_JOIN;
	for (n = draw(state, 100); n >= often[call]; call++)
		n -= often[call];
	return call;
}

static int draw_send_flags(uint64_t *state)
{
	static const int flags[] = {
		0, 0, 0, 0, MSG_NOSIGNAL, MSG_DONTWAIT, MSG_MORE, MSG_EOR, MSG_DONTROUTE,
		MSG_CONFIRM, MSG_PROXY, MSG_ZEROCOPY, MSG_MORE | MSG_DONTWAIT, MSG_BATCH,
	};

	return flags[draw(state, ARRAY_SIZE(flags))];
}

static int draw_recv_flags(uint64_t *state)
{
	static const int flags[] = {
		0, 0, 0, 0, MSG_PEEK, MSG_DONTWAIT, MSG_WAITALL, MSG_TRUNC, MSG_PEEK | MSG_TRUNC,
		MSG_PEEK | MSG_WAITALL, MSG_DONTWAIT | MSG_WAITALL, MSG_NOSIGNAL, MSG_CMSG_CLOEXEC,
		MSG_OOB, MSG_WAITFORONE,
	};

	return flags[draw(state, ARRAY_SIZE(flags))];
}

static const uint32_t epoll_flags[] = {
	0, 0, EPOLLET, EPOLLET, EPOLLONESHOT, EPOLLONESHOT | EPOLLET, EPOLLEXCLUSIVE,
	EPOLLEXCLUSIVE | EPOLLET,
};

void differ_make(struct differ_program *p, uint64_t seed, enum differ_mode mode)
{
	uint64_t state = (seed + 1) * 0x9e3779b97f4a7c15ULL;
	struct differ_op *op;

	memset(p, 0, sizeof(*p));
	p->seed = seed;
	p->mode = mode;
	p->epoll = epoll_flags[draw(&state, ARRAY_SIZE(epoll_flags))];
	p->connects = draw(&state, 4);
	p->accepts = draw(&state, 4);
	p->ipv6 = !draw(&state, 4);
	p->small = !draw(&state, 8);
	p->nodelay = draw(&state, 4);
	p->async = !draw(&state, 4);
	p->n = 8 + draw(&state, DIFFER_OPS - 8 + 1);
	for (op = p->op; op < p->op + p->n; op++) {
		op->call = draw_call(&state, mode);
		op->end = draw(&state, 2);
		op->way = draw(&state, 64);
		op->choice = draw(&state, 1024);
		op->len = draw_len(&state);
		op->flags = op->call == CALL_SEND ? draw_send_flags(&state) :
						    draw_recv_flags(&state);
	}
}
