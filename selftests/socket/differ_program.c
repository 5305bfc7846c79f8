// SPDX-License-Identifier: GPL-2.0-or-later
/* Which programs there are: random, but such that TCP itself always does the same. */
#include "differ.h"

/* xorshift64* */
static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)(*state * 0x2545f4914f6cdd1dULL >> 33) % below;
}

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
		[CALL_SEND] = 26, [CALL_RECV] = 26, [CALL_SENDFILE] = 4, [CALL_POLL] = 10,
		[CALL_EPOLL] = 7, [CALL_SHUTDOWN] = 3, [CALL_CLOSE] = 2, [CALL_DUP] = 2,
		[CALL_SET] = 6, [CALL_GET] = 6, [CALL_MISUSE] = 6, [CALL_FILL] = 2,
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
		MSG_CONFIRM,
	};

	return flags[draw(state, ARRAY_SIZE(flags))];
}

static int draw_recv_flags(uint64_t *state)
{
	static const int flags[] = {
		0, 0, 0, 0, MSG_PEEK, MSG_DONTWAIT, MSG_WAITALL, MSG_TRUNC, MSG_PEEK | MSG_TRUNC,
		MSG_PEEK | MSG_WAITALL, MSG_DONTWAIT | MSG_WAITALL, MSG_NOSIGNAL, MSG_CMSG_CLOEXEC,
	};

	return flags[draw(state, ARRAY_SIZE(flags))];
}

void differ_make(struct differ_program *p, uint64_t seed, enum differ_mode mode)
{
	uint64_t state = (seed + 1) * 0x9e3779b97f4a7c15ULL;
	struct differ_op *op;

	memset(p, 0, sizeof(*p));
	p->seed = seed;
	p->mode = mode;
	p->edge = !draw(&state, 3);
	p->nodelay = draw(&state, 4);
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
