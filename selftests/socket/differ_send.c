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

static ssize_t send_way(int fd, const uint8_t *from, size_t len, unsigned int way, int flags)
{
	switch (way % 8) {
	case 0: case 1: return send(fd, from, len, flags);
	case 2: return write(fd, from, len);
	case 3: case 4: case 5: return send_pieces(fd, from, len, way % 8 - 3, flags);
	case 6:
		io_uring_prep_send(io_uring_get_sqe(&shared.ring), fd, from, len, flags | MSG_DONTWAIT);
		return differ_ring_wait();
	default: return differ_child(fd, from, len, flags);
	}
}

static size_t scene_may_send(const struct scene *s, const struct differ_op *op)
{
	const struct side *me = &s->side[op->end], *peer = &s->side[!op->end];
	size_t flight = me->sent - (peer->got < me->sent ? peer->got : me->sent);

	/* TCP answers with a reset, ktls drops it: the end of the stream may be among it. */
	if (peer->shut == 3)
		return 0;
	return flight >= FLIGHT_MAX ? 0 : op->len < FLIGHT_MAX - flight ? op->len :
		FLIGHT_MAX - flight;
}

void differ_do_send(struct scene *s, const struct differ_op *op, int fd)
{
	struct side *me = &s->side[op->end];
	size_t len = scene_may_send(s, op);
	int flags = scene_flags(s, op);

	scene_say(s, "send %zu flags %#x way %u", len, flags, op->way % 8);
	scene_say_sent(s, me, send_way(fd, shared.pattern + me->at, len, op->way, flags));
}

/* From the file, or through a pipe; it may end behind the end of the file. */
void differ_do_sendfile(struct scene *s, const struct differ_op *op, int fd)
{
	off_t at = op->choice % 8 ? op->choice * 100 : DIFFER_ROOM - 1000;
	size_t len = scene_may_send(s, op), n;
	ssize_t ret;

	scene_say(s, "%s %zu at %ld", op->way & 1 ? "splice" : "sendfile", len, (long)at);
	if (!(op->way & 1)) {
		scene_say_sent(s, &s->side[op->end], sendfile(fd, shared.file, &at, len));
		return;
	}
	n = len < 60000 ? len : 60000;
	n = op->way & 2 ? (size_t)OK(write(shared.pipes[1], shared.pattern, n)) :
			  (size_t)OK(splice(shared.file, &at, shared.pipes[1], NULL, n, 0));
	ret = splice(shared.pipes[0], NULL, fd, NULL, len, SPLICE_F_NONBLOCK | (op->way & 4 ?
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
	int before;
	ssize_t n;

	do {
		before = scene_on_its_way(s);
		n = recv(scene_fd(side, 0), shared.room, DIFFER_ROOM / 2, MSG_DONTWAIT);
		got += n > 0 ? n : 0;
		if (n < 0)
			harness_nap(1);
	} while (n > 0 || (n < 0 && errno == EAGAIN && before && harness_now() < end));
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
	if (scene_fd(peer, 0) < 0 || peer->waiter.started || peer->shut == 3)
		return;
	while ((n = send(fd, shared.pattern, 4096, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		me->sent += n;
	if (scene_is_reset(n))
		me->dead = true;
	scene_say_ret(s, n);
	OK(poll(&p, 1, 0));
	scene_say(s, ", poll %#x", p.revents);
	peer->got += drain(s, peer);
	if (!peer->dead && !me->dead)
		scene_say(s, ", %s", peer->got == me->sent ? "all came" : "not all came");
	me->sent = peer->got;
}

