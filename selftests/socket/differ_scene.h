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
	FLIGHT_SMALL	= 1000,		/* with the smallest buffers */
	RECORD		= 16384,	/* bytes that are sent in one, RFC 8446 5.1 */
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
	int		epoll;			/* polls with that, if not 0 */
	uint32_t	len;
	uint8_t		buf[65536];
};

/* Who waits beside it for the same, with EPOLLEXCLUSIVE: one of both is woken at least. */
struct rival {
	struct job	job;
	int		epoll, revents;
};

/* A multishot receive by io_uring. */
struct shots {
	struct io_uring	*ring;
	bool		armed;
	int		group;			/* of buffers */
	uint8_t		*bufs;
};

struct side {
	int		fd[2];			/* of the same socket; -1: none */
	size_t		sent, got;		/* bytes */
	size_t		at;			/* in the pattern */
	bool		dead;			/* it was told of a reset */
	bool		unconnected;		/* by connect() */
	int		shut;			/* 1: reads, 2: writes no more */
	bool		late;			/* both were shut when something was unread */
	struct waiter	waiter;
	struct rival	rival;
	struct shots	shots;
};

struct scene {
	const struct differ_program *p;
	struct side	side[2];
	int		epoll;
	int		async[2];		/* the descriptors that signals name */
	int		holder;			/* a pipe: a child has all descriptors until it is closed */
	pid_t		child;
	char		*line;
	size_t		used;
	unsigned int	nap;
};

/* For all programs */
struct differ_shared {
	uint8_t		*room, *pattern;	/* DIFFER_ROOM bytes each, shared with children */
	int		file, pipes[2], tee[2];	/* the file has the pattern */
	bool		truncated;		/* the file is */
	bool		peek_off;		/* this kernel's TCP has SO_PEEK_OFF */
	/* For single requests; and for multishots of each end. They live as long as the process:
	 * the end of a ring interrupts calls that wait.
	 */
	struct io_uring	ring, shots[2];
	volatile sig_atomic_t signals;		/* SIGPIPE came */
};
extern struct differ_shared shared;

/* An event comes once. */
bool scene_has_edges(const struct scene *s);
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

/* Waits for io_uring's next answer, but for those that say that TCP is through with the
 * memory of a zero-copy send.
 */
struct io_uring_cqe differ_ring_next(void);
/* io_uring's result of the one request, as a system call's */
ssize_t differ_ring_wait(void);
/* A child sends @from, or receives into the room if that is NULL. */
ssize_t differ_child(int fd, const uint8_t *from, size_t len, int flags);
/* Whether somebody else receives at that end. */
bool scene_is_waited(const struct side *side);
/* Both ends of a connection, made as the program wants it: differ_connect.c */
void differ_connect(const struct differ_program *p, bool tls, int ends[2]);
void differ_file_restore(void);
/* No child holds descriptors any more. */
void differ_holder_end(struct scene *s);
/* What a multishot receive got; it ends. */
void differ_shots_end(struct scene *s, struct side *side);
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
void differ_do_shots(struct scene *s, const struct differ_op *op, int fd);
void differ_do_reap(struct scene *s, const struct differ_op *op, int fd);
void differ_do_hold(struct scene *s, const struct differ_op *op, int fd);
void differ_do_truncate(struct scene *s, const struct differ_op *op, int fd);
void differ_do_watch(struct scene *s, const struct differ_op *op, int fd);
void differ_do_flags(struct scene *s, const struct differ_op *op, int fd);
void differ_do_misuse(struct scene *s, const struct differ_op *op, int fd);

#endif /* _SELFTESTS_DIFFER_SCENE_H */
