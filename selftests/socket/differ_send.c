// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs that send. */
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "differ_scene.h"

static ssize_t send_pieces(int fd, const uint8_t *from, size_t len, int way, int flags)
{
	struct iovec iov[3] = {
		{ (void *)from, len / 3 }, { NULL, 0 }, { (void *)(from + len / 3), len - len / 3 },
	};
	struct mmsghdr msg[2] = {
		{ .msg_hdr = { .msg_iov = iov, .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = iov + 2, .msg_iovlen = 1 } },
	};
	struct msghdr one = { .msg_iov = iov, .msg_iovlen = 3 };
	int n;

	switch (way) {
	case 0: return writev(fd, iov, 3);
	case 1: return sendmsg(fd, &one, flags);
	default:
		n = sendmmsg(fd, msg, 2, flags);
		return n < 1 ? n : (ssize_t)(msg[0].msg_len + (n > 1 ? msg[1].msg_len : 0));
	}
}

/* As one message, or as what a file would be written with. */
static ssize_t send_ring(int fd, const uint8_t *from, size_t len, int way, int flags)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&shared.ring);
	struct iovec iov[2] = {
		{ (void *)from, len / 2 }, { (void *)(from + len / 2), len - len / 2 },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	switch (way) {
	case 0: io_uring_prep_sendmsg(sqe, fd, &msg, flags | MSG_DONTWAIT); break;
	case 1: io_uring_prep_sendmsg_zc(sqe, fd, &msg, flags | MSG_DONTWAIT); break;
	default:
		io_uring_prep_writev(sqe, fd, iov, 2, 0);
		sqe->rw_flags = RWF_NOWAIT;
	}
	return differ_ring_wait();
}

enum { SEND_WAYS = 12 };

static ssize_t send_way(int fd, const uint8_t *from, size_t len, unsigned int way, int flags)
{
	switch (way) {
	case 0: case 1: return send(fd, from, len, flags);
	case 2: return write(fd, from, len);
	case 3: case 4: case 5: return send_pieces(fd, from, len, way - 3, flags);
	case 6:
		io_uring_prep_send(io_uring_get_sqe(&shared.ring), fd, from, len, flags | MSG_DONTWAIT);
		return differ_ring_wait();
	case 7:
		io_uring_prep_send_zc(io_uring_get_sqe(&shared.ring), fd, from, len,
				      flags | MSG_DONTWAIT, 0);
		return differ_ring_wait();
	case 8: case 9: case 10: return send_ring(fd, from, len, way - 8, flags);
	default: return differ_child(fd, from, len, flags);
	}
}

/* Somebody waits there for any data: what is sent in parts may be read in parts. */
static bool is_read_meanwhile(const struct side *peer)
{
	return peer->waiter.started && !peer->waiter.polls && !(peer->waiter.flags & MSG_WAITALL);
}

/* A reset from there may come while the second of two messages is sent, or later. */
static bool acts_between(const struct side *peer)
{
	return scene_fd(peer, 0) < 0 || peer->shut || is_read_meanwhile(peer);
}

static unsigned int way_of(const struct scene *s, const struct differ_op *op)
{
	const unsigned int way = op->way % SEND_WAYS;

	return way == 5 && acts_between(&s->side[!op->end]) ? 4 : way;
}

static size_t may_send(const struct scene *s, const struct differ_op *op)
{
	const struct side *me = &s->side[op->end], *peer = &s->side[!op->end];
	const size_t flight = me->sent - (peer->got < me->sent ? peer->got : me->sent);
	const size_t most = s->p->small ? FLIGHT_SMALL : FLIGHT_MAX;
	const size_t at_once = is_read_meanwhile(peer) ? RECORD : most;
	const size_t len = op->len < at_once ? op->len : at_once;

	/* TCP answers with a reset, ktls only when the socket is closed: ktls(7). */
	if (peer->late)
		return 0;
	return flight >= most ? 0 : len < most - flight ? len : most - flight;
}

void differ_do_send(struct scene *s, const struct differ_op *op, int fd)
{
	struct side *me = &s->side[op->end];
	size_t len = may_send(s, op);
	int flags = scene_flags(s, op);

	scene_say(s, "send %zu flags %#x way %u", len, flags, way_of(s, op));
	scene_say_sent(s, me, send_way(fd, shared.pattern + me->at, len, way_of(s, op), flags));
}

/* @len bytes into the first pipe */
static size_t fill_pipe(const struct differ_op *op, off_t at, size_t len)
{
	struct iovec iov = { shared.pattern, len };

	if (!len)
		return 0;
	switch (op->way / 2 % 4) {
	case 0: return OK(write(shared.pipes[1], shared.pattern, len));
	case 1: return OK(splice(shared.file, &at, shared.pipes[1], NULL, len, 0));
	case 2: return OK(vmsplice(shared.pipes[1], &iov, 1, 0));
	default:
		len = OK(vmsplice(shared.tee[1], &iov, 1, 0));
		ASSERT_EQ(len, tee(shared.tee[0], shared.pipes[1], len, 0));
		net_read(shared.tee[0], shared.room, len);
		return len;
	}
}

/* From the file, or through a pipe; it may end behind the end of the file. */
void differ_do_sendfile(struct scene *s, const struct differ_op *op, int fd)
{
	off_t at = op->choice % 8 ? op->choice * 100 : DIFFER_ROOM - 1000;
	size_t len = may_send(s, op), n;
	ssize_t ret;

	scene_say(s, "%s %zu at %ld", op->way & 1 ? "splice" : "sendfile", len, (long)at);
	if (!(op->way & 1)) {
		scene_say_sent(s, &s->side[op->end], sendfile(fd, shared.file, &at, len));
		return;
	}
	n = fill_pipe(op, at, len < 60000 ? len : 60000);
	ret = splice(shared.pipes[0], NULL, fd, NULL, len, SPLICE_F_NONBLOCK | (op->way & 8 ?
		     SPLICE_F_MORE : 0));
	if (!n)			/* an empty pipe */
		ret = 0;
	scene_say_sent(s, &s->side[op->end], ret);
	for (n -= ret > 0 ? ret : 0; n; n -= ret)
		ret = OK(read(shared.pipes[0], shared.room, n));
}

static size_t drain(struct scene *s, struct side *side)
{
	const double end = harness_now() + SETTLE_MS / 1e3 * harness_scale();
	size_t got = 0;
	bool ended;
	int before;
	ssize_t n;

	do {
		before = scene_on_its_way(s);
		n = recv(scene_fd(side, 0), shared.room, DIFFER_ROOM / 2, MSG_DONTWAIT);
		got += n > 0 ? n : 0;
		if (n <= 0)
			harness_nap(1);
		/* After SHUT_RD there may be nothing for a moment. */
		ended = n < 0 ? errno != EAGAIN : !n && !(side->shut & 1);
	} while (n > 0 || (!ended && before && harness_now() < end));
	scene_say(s, ", then");
	scene_say_received(s, side, n, MSG_TRUNC);
	return got;
}

/* Until there is no room; how much that is depends on the sizes of records. */
void differ_do_fill(struct scene *s, const struct differ_op *op, int fd)
{
	struct side *me = &s->side[op->end], *peer = &s->side[!op->end];
	struct pollfd p = { fd, WAIT_BITS, 0 };
	ssize_t n;

	scene_say(s, "fill");
	if (scene_fd(peer, 0) < 0 || scene_is_waited(peer) || peer->shut == 3)
		return;
	while ((n = send(fd, shared.pattern, 4096, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		me->sent += n;
	if (scene_is_reset(n))
		me->dead = true;
	scene_say_ret(s, n);
	OK(poll(&p, 1, 0));
	/* With a delay, acknowledgments may have made room since. */
	if (s->p->mode != DIFFER_LOSSY)
		scene_say(s, ", poll %#x", p.revents);
	peer->got += drain(s, peer);
	if (!peer->dead && !me->dead)
		scene_say(s, ", %s", peer->got == me->sent ? "all came" : "not all came");
	me->sent = peer->got;
}

