/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program while it is performed: both sockets, and the line that says what a step saw. */
#ifndef _SELFTESTS_DIFFER_SCENE_H
#define _SELFTESTS_DIFFER_SCENE_H

#include <liburing.h>
#include <poll.h>
#include <signal.h>

#include "differ.h"

#define DIFFER_ROOM	(1 << 20)

enum {
	/* So much is in flight at most, or it would depend on the sizes of records and
	 * segments what there is room for.
	 */
	FLIGHT_MAX	= 40000,
	WAIT_MS		= 30,		/* SO_RCVTIMEO and SO_SNDTIMEO */
	SETTLE_MS	= 500,		/* more than TCP holds back what MSG_MORE is on */
	WAIT_BITS	= POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLRDBAND | POLLWRNORM |
			  POLLWRBAND | POLLRDHUP,
};

/* A call in a thread of its own. */
struct waiter {
	struct job	job;
	bool		started;
	int		fd, flags, revents;
	bool		polls;
	uint32_t	len;
	uint8_t		buf[65536];
};

struct side {
	int		fd[2];			/* of the same socket; -1: none */
	size_t		sent, got;		/* bytes */
	size_t		at;			/* in the pattern */
	bool		dead;			/* it was told of a reset */
	int		shut;			/* 1: reads, 2: writes no more */
	struct waiter	waiter;
};

struct scene {
	const struct differ_program *p;
	struct side	side[2];
	int		epoll;
	char		*line;
	size_t		used;
	unsigned int	nap;
};

/* For all programs */
struct differ_shared {
	uint8_t		*room, *pattern;	/* DIFFER_ROOM bytes each, shared with children */
	int		file, pipes[2];		/* the file has the pattern */
	struct io_uring	ring;
	volatile sig_atomic_t signals;		/* SIGPIPE came */
};
extern struct differ_shared shared;

/* Appends to the line of this step. */
void scene_say(struct scene *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What a call returned, and errno */
void scene_say_ret(struct scene *s, long long ret);
void scene_say_received(struct scene *s, struct side *side, long long ret, int flags);
void scene_say_sent(struct scene *s, struct side *side, long long ret);
bool scene_is_reset(long long ret);

/* One of the descriptors of that end, or -1. */
int scene_fd(const struct side *side, unsigned int choice);
/* The step's flags, but so that it does not wait where there are threads for that. */
int scene_flags(const struct scene *s, const struct differ_op *op);
/* Bytes that TCP has not sent, or that are not acknowledged, at both ends */
int scene_on_its_way(const struct scene *s);

/* io_uring's result of the one request, as a system call's */
ssize_t differ_ring_wait(void);
/* A child sends @from, or receives into the room if that is NULL. */
ssize_t differ_child(int fd, const uint8_t *from, size_t len, int flags);
/* Waits for the call in a thread; if it still waits, a signal ends it. */
void differ_waiter_end(struct scene *s, struct side *side);

typedef void (*differ_step)(struct scene *s, const struct differ_op *op, int fd);
void differ_do_send(struct scene *s, const struct differ_op *op, int fd);
void differ_do_sendfile(struct scene *s, const struct differ_op *op, int fd);
void differ_do_fill(struct scene *s, const struct differ_op *op, int fd);
void differ_do_recv(struct scene *s, const struct differ_op *op, int fd);
void differ_do_poll(struct scene *s, const struct differ_op *op, int fd);
void differ_do_epoll(struct scene *s, const struct differ_op *op, int fd);
void differ_do_start(struct scene *s, const struct differ_op *op, int fd);
void differ_do_join(struct scene *s, const struct differ_op *op, int fd);
void differ_do_shutdown(struct scene *s, const struct differ_op *op, int fd);
void differ_do_close(struct scene *s, const struct differ_op *op, int fd);
void differ_do_dup(struct scene *s, const struct differ_op *op, int fd);
void differ_do_set(struct scene *s, const struct differ_op *op, int fd);
void differ_do_get(struct scene *s, const struct differ_op *op, int fd);
void differ_do_misuse(struct scene *s, const struct differ_op *op, int fd);

#endif /* _SELFTESTS_DIFFER_SCENE_H */
