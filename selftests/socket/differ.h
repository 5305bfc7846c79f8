/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random programs of socket calls, performed once on TCP sockets and once on ktls sockets. */
#ifndef _SELFTESTS_DIFFER_H
#define _SELFTESTS_DIFFER_H

#include "lib/sock.h"

#define DIFFER_OPS	40
#define DIFFER_LINE	200

enum differ_mode {
	DIFFER_BLOCKING,	/* with SO_RCVTIMEO, so that nothing waits for ever */
	DIFFER_NONBLOCKING,
	DIFFER_THREADS,		/* calls that wait run in threads, the others have MSG_DONTWAIT */
	DIFFER_LOSSY,		/* as nonblocking; packets are late, lost and out of order */
};

enum differ_call {
	CALL_SEND, CALL_RECV, CALL_SENDFILE, CALL_POLL, CALL_EPOLL, CALL_SHUTDOWN, CALL_CLOSE,
	CALL_DUP, CALL_SET, CALL_GET, CALL_MISUSE, CALL_FILL, CALL_START, CALL_JOIN,
	CALL_SHOTS, CALL_REAP, CALL_HOLD, CALL_TRUNCATE, CALL_WATCH, CALL_FLAGS, CALLS
};

/* One step. What @way, @choice and @flags mean depends on the call. */
struct differ_op {
	enum differ_call	call;
	unsigned int		end;		/* 0: connected, 1: accepted */
	unsigned int		way;		/* which of the calls that do the same */
	unsigned int		choice;		/* of options and other arguments */
	uint32_t		len;
	int			flags;
};

struct differ_program {
	uint64_t		seed;
	enum differ_mode	mode;
	uint32_t		epoll;		/* EPOLLET, EPOLLONESHOT or EPOLLEXCLUSIVE */
	unsigned int		connects, accepts; /* which way */
	bool			ipv6;
	bool			small;		/* the smallest buffers */
	bool			nodelay;
	bool			async;		/* O_ASYNC, with signals for data */
	unsigned int		n;
	struct differ_op	op[DIFFER_OPS];
};

/* What a program saw: a line for each step. */
struct differ_trace {
	char	line[DIFFER_OPS + 1][DIFFER_LINE];
};

/* The same program for the same seed. */
void differ_make(struct differ_program *p, uint64_t seed, enum differ_mode mode);
/* Once for the process: what is shared by all programs. */
void differ_prepare(void);
/* @nap: ms after each step, for what is done by others in the kernel */
void differ_perform(const struct differ_program *p, bool tls, unsigned int nap,
		    struct differ_trace *trace);

#endif /* _SELFTESTS_DIFFER_H */
