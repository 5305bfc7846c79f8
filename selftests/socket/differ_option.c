// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs that use options, or calls that are not for sockets, or end a connection. */
#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "differ_scene.h"

void differ_do_shutdown(struct scene *s, const struct differ_op *op, int fd)
{
	static const int how[] = { SHUT_RD, SHUT_WR, SHUT_WR, SHUT_RDWR, 3 };
	struct side *me = &s->side[op->end];
	int i = op->choice % ARRAY_SIZE(how), ret;

	scene_say(s, "shutdown %d", how[i]);
	if (me->shots.armed && how[i] != SHUT_WR) {
		scene_say(s, " not");
		return;
	}
	if (op->way & 1) {
		io_uring_prep_shutdown(io_uring_get_sqe(&shared.ring), fd, how[i]);
		ret = differ_ring_wait();
	} else {
		ret = shutdown(fd, how[i]);
	}
	scene_say_ret(s, ret);
	if (!ret)
		me->shut |= how[i] + 1;
	if (me->shut == 3 && s->side[!op->end].sent > me->got)
		me->late = true;
}

void differ_do_close(struct scene *s, const struct differ_op *op, int fd)
{
	struct side *me = &s->side[op->end];

	scene_say(s, "close");
	if (scene_is_waited(me)) {
		scene_say(s, " not");
		return;
	}
	me->fd[me->fd[1] == fd] = -1;
	scene_say_ret(s, close(fd));
}

/* Another flag in the middle, by fcntl() or ioctl(). Threads wait, and packets are late. */
void differ_do_flags(struct scene *s, const struct differ_op *op, int fd)
{
	int set = op->choice & 1;

	if (s->p->mode != DIFFER_BLOCKING && s->p->mode != DIFFER_NONBLOCKING)
		return;
	scene_say(s, "O_NONBLOCK %d", set);
	if (op->way & 1)
		scene_say_ret(s, ioctl(fd, FIONBIO, &set));
	else
		scene_say_ret(s, fcntl(fd, F_SETFL, set ? O_NONBLOCK : 0));
}

/* 6.1's TCP does not have it, ktls does: ktls(7). */
static bool is_new(int level, int name)
{
	return level == SOL_SOCKET && name == SO_PEEK_OFF && !shared.peek_off;
}

/* What is told makes an event more with EPOLLET and O_ASYNC: ktls(7). */
static bool is_told(const struct scene *s, int level, int name)
{
	return level == IPPROTO_TCP && name == TCP_INQ && scene_has_edges(s);
}

static int hold(void *arg)
{
	const int *ends = arg;
	char byte;

	close(ends[1]);
	_exit(read(ends[0], &byte, 1));
}

/* A child that has all descriptors: nothing is closed as long as it is there. It shares the
 * memory, for a copy of that takes longer than all else that a program does.
 */
void differ_do_hold(struct scene *s, const struct differ_op *op, int fd)
{
	static char stack[16384] __attribute__((aligned(16)));
	static int ends[2];

	(void)op;
	(void)fd;
	scene_say(s, "hold");
	if (s->holder >= 0) {
		differ_holder_end(s);
		return;
	}
	OK(pipe2(ends, O_CLOEXEC));
	s->child = OK(clone(hold, stack + sizeof(stack), CLONE_VM | SIGCHLD, ends));
	close(ends[0]);
	s->holder = ends[1];
}

void differ_holder_end(struct scene *s)
{
	if (s->holder < 0)
		return;
	close(s->holder);
	s->holder = -1;
	OK(waitpid(s->child, NULL, 0));
}

/* Only if none of it is still on its way: TCP sends the pages as they are then. */
void differ_do_truncate(struct scene *s, const struct differ_op *op, int fd)
{
	static const off_t sizes[] = { 0, 1000, 50000, DIFFER_ROOM - 500 };
	const off_t size = sizes[op->choice / 8 % ARRAY_SIZE(sizes)];

	(void)fd;
	if (s->side[0].sent > s->side[1].got || s->side[1].sent > s->side[0].got)
		return;
	scene_say(s, "the file has %ld bytes", (long)size);
	shared.truncated = true;
	OK(ftruncate(shared.file, size));
}

void differ_do_dup(struct scene *s, const struct differ_op *op, int fd)
{
	struct side *me = &s->side[op->end];

	if (me->fd[0] >= 0 && me->fd[1] >= 0)
		return;
	me->fd[me->fd[0] >= 0] = OK(dup(fd));
	scene_say(s, "dup");
}

void differ_do_set(struct scene *s, const struct differ_op *op, int fd)
{
	static const struct { int level, name, value; } opts[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 }, { IPPROTO_TCP, TCP_NODELAY, 0 },
		{ IPPROTO_TCP, TCP_CORK, 1 }, { IPPROTO_TCP, TCP_CORK, 0 },
		{ IPPROTO_TCP, TCP_CORK, 0 }, { IPPROTO_TCP, TCP_QUICKACK, 1 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 60000 }, { IPPROTO_TCP, TCP_KEEPIDLE, 100 },
		{ IPPROTO_TCP, TCP_MAXSEG, 1000 }, { IPPROTO_TCP, TCP_MAXSEG, 1 },
		{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, 1 << 20 }, { IPPROTO_TCP, 999, 1 },
		{ IPPROTO_TCP, TCP_LINGER2, 3 }, { IPPROTO_TCP, TCP_WINDOW_CLAMP, 1 << 20 },
		{ IPPROTO_TCP, TCP_THIN_DUPACK, 7 }, { IPPROTO_IP, IP_TOS, 8 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 }, { SOL_SOCKET, SO_RCVLOWAT, 1 },
		{ SOL_SOCKET, SO_RCVLOWAT, 3000 }, { SOL_SOCKET, SO_RCVLOWAT, 0 },
		{ SOL_SOCKET, SO_PRIORITY, 3 }, { SOL_SOCKET, SO_SNDLOWAT, 100 },
		{ SOL_SOCKET, SO_REUSEADDR, 1 }, { SOL_SOCKET, SO_MARK, 7 },
		{ SOL_SOCKET, SO_ERROR, 1 }, { SOL_SOCKET, SO_TYPE, 1 }, { 12345, 1, 1 },
		{ IPPROTO_TCP, TCP_QUICKACK, 0 }, { IPPROTO_TCP, TCP_KEEPINTVL, 9 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 300 }, { IPPROTO_TCP, TCP_SYNCNT, 3 },
		{ IPPROTO_TCP, TCP_DEFER_ACCEPT, 1 }, { IPPROTO_TCP, TCP_SAVE_SYN, 1 },
		{ IPPROTO_TCP, TCP_INQ, 1 }, { IPPROTO_TCP, TCP_NOTSENT_LOWAT, 1 << 20 },
		{ IPPROTO_TCP, TCP_CONGESTION, 0x6f6e6572 /* "reno" */ },
		{ IPPROTO_TCP, TCP_CONGESTION, 0x78787878 },
		{ SOL_SOCKET, SO_PEEK_OFF, 0 }, { SOL_SOCKET, SO_PEEK_OFF, -1 },
		{ SOL_SOCKET, SO_PEEK_OFF, 100 }, { SOL_SOCKET, SO_DONTROUTE, 1 },
		{ SOL_SOCKET, SO_REUSEPORT, 1 }, { SOL_SOCKET, SO_BROADCAST, 1 },
		{ SOL_SOCKET, SO_RCVBUF, 200000 }, { SOL_SOCKET, SO_SNDBUF, 200000 },
		{ SOL_SOCKET, SO_PASSCRED, 1 },
		{ SOL_SOCKET, SO_INCOMING_CPU, 0 }, { SOL_SOCKET, SO_NO_CHECK, 1 },
		{ SOL_SOCKET, SO_RCVTIMEO, 1 }, { SOL_SOCKET, SO_MAX_PACING_RATE, 1 << 30 },
		{ IPPROTO_IP, IP_TTL, 3 }, { IPPROTO_IP, IP_RECVTTL, 1 },
		{ IPPROTO_IP, IP_TTL, 0 }, { IPPROTO_IPV6, IPV6_V6ONLY, 1 },
		{ IPPROTO_IPV6, IPV6_TCLASS, 8 }, { IPPROTO_IPV6, IPV6_UNICAST_HOPS, 300 },
		{ IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 0 }, { IPPROTO_TCP, TCP_INQ, 1 },
		{ SOL_SOCKET, SO_BUSY_POLL, -1 }, { SOL_SOCKET, SO_RCVLOWAT, 40000 },
		{ SOL_SOCKET, SO_INCOMING_NAPI_ID, 1 }, { SOL_SOCKET, SO_LOCK_FILTER, 0 },
		{ SOL_SOCKET, SO_BINDTODEVICE, 0 },
	};
	const struct linger linger = { op->choice & 64, op->choice & 128 ? 1 : 0 };
	unsigned int i = op->choice % (ARRAY_SIZE(opts) + 2);

	if (i >= ARRAY_SIZE(opts)) {
		scene_say(s, "SO_LINGER %d %d", linger.l_onoff, linger.l_linger);
		scene_say_ret(s, setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
		return;
	}
	if (is_new(opts[i].level, opts[i].name) || is_told(s, opts[i].level, opts[i].name))
		return;
	scene_say(s, "set %d %d to %d", opts[i].level, opts[i].name, opts[i].value);
	scene_say_ret(s, setsockopt(fd, opts[i].level, opts[i].name, &opts[i].value, op->way ? 4 : 2));
}

void differ_do_get(struct scene *s, const struct differ_op *op, int fd)
{
	static const struct { int level, name; } opts[] = {
		{ SOL_SOCKET, SO_ERROR }, { SOL_SOCKET, SO_ERROR }, { SOL_SOCKET, SO_ERROR },
		{ SOL_SOCKET, SO_TYPE }, { SOL_SOCKET, SO_DOMAIN }, { SOL_SOCKET, SO_PROTOCOL },
		{ SOL_SOCKET, SO_ACCEPTCONN }, { SOL_SOCKET, SO_LINGER }, { SOL_SOCKET, SO_KEEPALIVE },
		{ SOL_SOCKET, SO_SNDLOWAT }, { SOL_SOCKET, SO_RCVTIMEO }, { SOL_SOCKET, 9999 },
		{ IPPROTO_TCP, TCP_NODELAY }, { IPPROTO_TCP, TCP_CORK }, { IPPROTO_TCP, TCP_LINGER2 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT }, { IPPROTO_TCP, 999 }, { IPPROTO_IP, IP_TOS },
		{ IPPROTO_TCP, TCP_KEEPCNT }, { IPPROTO_TCP, TCP_SYNCNT },
		{ IPPROTO_TCP, TCP_DEFER_ACCEPT }, { IPPROTO_TCP, TCP_CONGESTION },
		{ IPPROTO_TCP, TCP_INQ }, { IPPROTO_TCP, TCP_FASTOPEN },
		{ IPPROTO_TCP, TCP_NOTSENT_LOWAT }, { IPPROTO_TCP, TCP_SAVED_SYN },
		{ IPPROTO_TCP, TCP_REPAIR }, { SOL_SOCKET, SO_PEEK_OFF },
		{ SOL_SOCKET, SO_REUSEADDR }, { SOL_SOCKET, SO_DONTROUTE },
		{ SOL_SOCKET, SO_TIMESTAMP }, { SOL_SOCKET, SO_PRIORITY },
		{ SOL_SOCKET, SO_MARK }, { SOL_SOCKET, SO_SNDTIMEO }, { IPPROTO_IP, IP_TTL },
		{ IPPROTO_IP, IP_MTU_DISCOVER }, { IPPROTO_IPV6, IPV6_V6ONLY },
		{ IPPROTO_IPV6, IPV6_TCLASS }, { IPPROTO_IPV6, IPV6_UNICAST_HOPS },
	};
	unsigned int i = op->choice % ARRAY_SIZE(opts);
	int value[4] = { 0 };
	socklen_t len = op->way ? sizeof(value) : 1;
	int ret;

	if (is_new(opts[i].level, opts[i].name))
		return;
	ret = getsockopt(fd, opts[i].level, opts[i].name, value, &len);
	scene_say(s, "get %d %d", opts[i].level, opts[i].name);
	scene_say_ret(s, ret);
	scene_say(s, " %d %d, %u bytes", value[0], value[1], len);
	if (opts[i].name == SO_ERROR && opts[i].level == SOL_SOCKET && value[0])
		s->side[op->end].dead = true;
}

/* What no program should do with a connected socket. */
static long long misuse(int fd, unsigned int choice)
{
	struct addr a = net_loopback(AF_INET, 9);
	struct iovec iov[2] = { { shared.room, 1 }, { shared.room, SIZE_MAX / 2 } };
	/* Volatile, or the compiler warns. */
	volatile int count = choice == 10 ? 1025 : -1;
	int n = 0;

	switch (choice) {
	case 0: return connect(fd, &a.sa, a.len);
	case 1: return listen(fd, 1);
	case 2: return bind(fd, &a.sa, a.len);
	case 3: return accept(fd, NULL, NULL);
	case 4: return lseek(fd, 0, SEEK_SET);
	case 5: return pread(fd, shared.room, 1, 0);
	case 6: return fsync(fd);
	case 7: return ftruncate(fd, 0);
	case 8: return flock(fd, 9);
	case 9: return recv(fd, shared.room, 10, MSG_ERRQUEUE | MSG_DONTWAIT);
	case 10: return writev(fd, iov, count);
	case 11: return readv(fd, iov, count);
	case 12: return ioctl(fd, 0x12345678, &n);
	case 13: return send(fd, net_bad_address(), 10, MSG_DONTWAIT | MSG_NOSIGNAL);
	case 14: return recvmsg(fd, net_bad_address(), MSG_DONTWAIT);
	case 15: return setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, net_bad_address(), 4);
	case 16: return getpeername(fd, net_bad_address(), (void *)&n);
	case 17: return ioctl(fd, SIOCOUTQNSD, &n) ?: n;
	case 18: return sendto(fd, shared.room, 0, MSG_DONTWAIT | MSG_NOSIGNAL, &a.sa, a.len);
	case 19: return copy_file_range(shared.file, NULL, fd, NULL, 10, 0);
	case 20: return sendfile(fd, fd, NULL, 10);
	case 21: return posix_fallocate(fd, 0, 10);
	case 22: return fcntl(fd, F_GETFL);
	default: return writev(fd, iov, 0);
	}
}

void differ_do_misuse(struct scene *s, const struct differ_op *op, int fd)
{
	long long ret;

	errno = 0;
	ret = misuse(fd, op->choice % 24);
	scene_say(s, "misuse %u", op->choice % 24);
	if (scene_is_reset(ret))
		s->side[op->end].dead = true;
	/* connect() reported the end of the connection, and disconnected. */
	if (op->choice % 24 == 0 && (scene_is_reset(ret) || (ret < 0 && errno == ECONNABORTED)))
		s->side[op->end].unconnected = true;
	scene_say_ret(s, ret);
	shared.signals = 0;
}

