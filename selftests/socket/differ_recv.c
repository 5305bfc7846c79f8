// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs that receive. */
#include <sys/uio.h>

#include "differ_scene.h"

/* All that is there, at most @len: how many pieces there are depends on the fragments. */
static ssize_t splice_out(struct side *side, int fd, size_t len)
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
	if (scene_is_reset(n))
		side->dead = true;
	return got ? (ssize_t)got : n;
}

/* TCP_INQ counts other bytes; whether there are any is the same: ktls(7). */
static void say_inq(struct scene *s, struct msghdr *msg)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);

	if (cmsg && cmsg->cmsg_level == IPPROTO_TCP && cmsg->cmsg_type == TCP_CM_INQ)
		scene_say(s, ", inq %d", !!*(int *)CMSG_DATA(cmsg));
}

/* io_uring says whether there is more. */
static ssize_t recv_ring(struct scene *s, int fd, size_t len, bool as_message, int flags)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&shared.ring);
	struct iovec iov = { shared.room, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct io_uring_cqe cqe;
	ssize_t ret;

	if (as_message)
		io_uring_prep_recvmsg(sqe, fd, &msg, flags | MSG_DONTWAIT);
	else
		io_uring_prep_recv(sqe, fd, shared.room, len, flags | MSG_DONTWAIT);
	OK(io_uring_submit(&shared.ring));
	cqe = differ_ring_next();
	ret = cqe.res;
	if (ret > 0 && !(flags & MSG_PEEK))
		scene_say(s, cqe.flags & IORING_CQE_F_SOCK_NONEMPTY ? ", more" : ", no more");
	errno = ret < 0 ? -ret : 0;
	return ret < 0 ? -1 : ret;
}

static ssize_t recv_pieces(struct scene *s, int fd, size_t len, int way, int flags, int *ret_flags)
{
	char control[128];
	struct iovec iov[3] = {
		{ shared.room, len / 3 }, { NULL, 0 }, { shared.room + len / 3, len - len / 3 },
	};
	struct mmsghdr msg = { .msg_hdr = { .msg_iov = iov, .msg_iovlen = 3 } };
	ssize_t ret;

	if (len % 2) {
		msg.msg_hdr.msg_control = control;
		msg.msg_hdr.msg_controllen = sizeof(control);
	}
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
	if (ret > 0)
		say_inq(s, &msg.msg_hdr);
	return ret;
}

void differ_do_recv(struct scene *s, const struct differ_op *op, int fd)
{
	unsigned int way = op->way % 9;
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
	scene_say(s, "recv %zu flags %#x way %u", len, flags, way);
	switch (way) {
	case 0: ret = recv(fd, shared.room, len, flags); break;
	case 1: ret = differ_child(fd, NULL, len, flags); break;
	case 2: ret = read(fd, shared.room, len); break;
	case 3: case 4: case 5: ret = recv_pieces(s, fd, len, way - 3, flags, &seen); break;
	case 6: case 8: ret = recv_ring(s, fd, len, way == 8, flags); break;
	default: ret = splice_out(&s->side[op->end], fd, len);
	}
	scene_say_received(s, &s->side[op->end], ret, flags);
	if (seen && ret > 0)
		scene_say(s, " msg_flags %#x", seen);
}

