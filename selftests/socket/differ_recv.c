// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs that receive. */
#include <sys/uio.h>

#include "differ_scene.h"

/* All that is there, at most @len: how many pieces there are depends on the fragments. */
static ssize_t splice_out(int fd, size_t len)
{
	size_t got = 0;
	ssize_t n = 0;

	while (got < len) {
		n = splice(fd, NULL, shared.pipes[1], NULL, len - got, SPLICE_F_NONBLOCK);
		if (n <= 0)
			break;
		ASSERT_EQ(n, read(shared.pipes[0], shared.room + got, n));
		got += n;
	}
	return got ? (ssize_t)got : n;
}

static ssize_t recv_pieces(int fd, size_t len, int way, int flags, int *ret_flags)
{
	struct iovec iov[3] = {
		{ shared.room, len / 3 }, { NULL, 0 }, { shared.room + len / 3, len - len / 3 },
	};
	struct mmsghdr msg = { .msg_hdr = { .msg_iov = iov, .msg_iovlen = 3 } };
	ssize_t ret;

	switch (way) {
	case 0: return readv(fd, iov, 3);
	case 1:
		ret = recvmsg(fd, &msg.msg_hdr, flags);
		break;
	default:
		ret = recvmmsg(fd, &msg, 1, flags, NULL);
		ret = ret == 1 ? (ssize_t)msg.msg_len : ret;
	}
	*ret_flags = msg.msg_hdr.msg_flags;
	return ret;
}

void differ_do_recv(struct scene *s, const struct differ_op *op, int fd)
{
	unsigned int way = op->way % 8;
	int flags = scene_flags(s, op), seen = 0;
	size_t len = op->len;
	ssize_t ret;

	if (s->side[op->end].shots.armed)
		return;
	/* These have no flags. */
	if (way == 2 || way == 3 || way == 7)
		flags = 0;
	if (s->p->mode == DIFFER_THREADS && !flags)
		way = 0, flags = MSG_DONTWAIT;
	if (way == 6)
		flags |= MSG_DONTWAIT;
	scene_say(s, "recv %zu flags %#x way %u", len, flags, way);
	switch (way) {
	case 0: ret = recv(fd, shared.room, len, flags); break;
	case 1: ret = differ_child(fd, NULL, len, flags); break;
	case 2: ret = read(fd, shared.room, len); break;
	case 3: case 4: case 5: ret = recv_pieces(fd, len, way - 3, flags, &seen); break;
	case 6:
		io_uring_prep_recv(io_uring_get_sqe(&shared.ring), fd, shared.room, len, flags);
		ret = differ_ring_wait();
		break;
	default: ret = splice_out(fd, len);
	}
	scene_say_received(s, &s->side[op->end], ret, flags);
	if (seen && ret > 0)
		scene_say(s, " msg_flags %#x", seen);
}

