// SPDX-License-Identifier: GPL-2.0-or-later
/* Performs a program, and notes what it saw. */
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "differ_scene.h"

struct differ_shared shared;

bool scene_has_edges(const struct scene *s)
{
	return s->p->async || s->p->epoll & EPOLLET;
}

void scene_say(struct scene *s, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	s->used += vsnprintf(s->line + s->used, DIFFER_LINE - s->used, fmt, args);
	va_end(args);
	ASSERT_LT(s->used, DIFFER_LINE);
}

void scene_say_ret(struct scene *s, long long ret)
{
	if (ret < 0)
		scene_say(s, " = %s", strerrorname_np(errno));
	else
		scene_say(s, " = %lld", ret);
}

static void on_signal(int sig)
{
	if (sig == SIGPIPE)
		shared.signals = shared.signals + 1;
}

void differ_prepare(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t set;
	int fd = OK(open("/proc/sys/net/ipv4/tcp_wmem", O_WRONLY));

	/* Small, so that it is soon full */
	ASSERT_EQ(16, write(fd, "4096 65536 65536", 16));
	close(fd);
	OK(sigaction(SIGPIPE, &action, NULL));
	OK(sigaction(SIGUSR1, &action, NULL));
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	OK(sigprocmask(SIG_BLOCK, &set, NULL));
	shared.room = mmap(NULL, 2 * DIFFER_ROOM, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, shared.room);
	shared.pattern = shared.room + DIFFER_ROOM;
	net_pattern(shared.pattern, DIFFER_ROOM, 0);
	shared.file = OK(memfd_create("differ", MFD_CLOEXEC));
	shared.truncated = true;
	differ_file_restore();
	OK(pipe2(shared.pipes, O_CLOEXEC));
	OK(fcntl(shared.pipes[0], F_SETPIPE_SZ, 65536));
	fd = net_socket(AF_INET);
	shared.peek_off = !setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &(int){ 0 }, 4);
	close(fd);
	OK(pipe2(shared.tee, O_CLOEXEC));
	OK(fcntl(shared.tee[0], F_SETPIPE_SZ, 65536));
	OK(io_uring_queue_init(4, &shared.ring, 0));
	/* Nothing is received but when the results are asked for: no wait is interrupted by it. */
	for (int i = 0; i < 2; i++)
		OK(io_uring_queue_init(256, &shared.shots[i], IORING_SETUP_SINGLE_ISSUER |
				       IORING_SETUP_DEFER_TASKRUN));
}

void differ_file_restore(void)
{
	if (!shared.truncated)
		return;
	OK(ftruncate(shared.file, 0));
	ASSERT_EQ(DIFFER_ROOM, pwrite(shared.file, shared.pattern, DIFFER_ROOM, 0));
	shared.truncated = false;
}

bool scene_is_waited(const struct side *side)
{
	return side->waiter.started || side->shots.armed;
}

static uint32_t hash_of(const uint8_t *data, size_t len)
{
	uint32_t hash = 2166136261;

	while (len--)
		hash = (hash ^ *data++) * 16777619;
	return hash;
}

int scene_fd(const struct side *side, unsigned int choice)
{
	return side->fd[choice & 1] >= 0 ? side->fd[choice & 1] : side->fd[!(choice & 1)];
}

int scene_on_its_way(const struct scene *s)
{
	int n, fd, pending = 0;

	for (int i = 0; i < 2; i++) {
		fd = scene_fd(&s->side[i], 0);
		if (fd >= 0 && net_tcp_state(fd) != TCP_CLOSE && !ioctl(fd, SIOCOUTQ, &n))
			pending += n;
	}
	return pending;
}

/* The signals for data since it was called last. */
static void take_async(const struct scene *s, long bands[2])
{
	const struct timespec now = { 0, 0 };
	siginfo_t info;
	sigset_t set;

	bands[0] = bands[1] = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	while (sigtimedwait(&set, &info, &now) > 0)
		for (int i = 0; i < 2; i++)
			/* With TCP, what comes when nobody can read is a reset at once: ktls(7).
			 * While somebody waits it depends on the moment whether there is one.
			 */
			if (info.si_fd == s->async[i] && s->side[i].shut != 3 &&
			    !s->side[i].waiter.started)
				bands[i] |= info.si_band & (POLLIN | POLLHUP);
}

/* How many there were depends on the sizes of segments. */
static void say_async(struct scene *s)
{
	long bands[2];

	take_async(s, bands);
	if (bands[0] | bands[1])
		scene_say(s, ", signals %#lx %#lx", bands[0], bands[1]);
}

static void settle(struct scene *s)
{
	const double end = harness_now() + SETTLE_MS / 1e3 * harness_scale();

	while (scene_on_its_way(s) && harness_now() < end)
		harness_nap(1);
	if (s->nap)
		harness_nap(s->nap);
	else if (s->p->mode == DIFFER_LOSSY || scene_is_waited(&s->side[0]) ||
		 scene_is_waited(&s->side[1]))
		harness_nap(3);
}

bool scene_is_reset(long long ret)
{
	return ret < 0 && (errno == ECONNRESET || errno == EPIPE || errno == ETIMEDOUT);
}

/* A call in a thread has told of a reset, though this has not been said yet. */
static bool waiter_was_reset(const struct waiter *w)
{
	return w->started && !w->polls && w->job.done && w->job.ret < 0 &&
	       w->job.err == ECONNRESET;
}

/* What was received. After a reset TCP's end of file is ECONNRESET with ktls. */
void scene_say_received(struct scene *s, struct side *side, long long ret, int flags)
{
	size_t len = ret > 0 && (!(flags & MSG_TRUNC) || flags & MSG_PEEK) ? ret : 0;

	side->dead |= waiter_was_reset(&side->waiter);
	if (side->dead && (!ret || (ret < 0 && errno == ECONNRESET))) {
		scene_say(s, " = the end");
		return;
	}
	if (scene_is_reset(ret))
		side->dead = true;
	scene_say_ret(s, ret);
	if (len && !(flags & MSG_TRUNC))
		scene_say(s, " [%08x]", hash_of(shared.room, len));
	if (ret > 0 && !(flags & MSG_PEEK))
		side->got += ret;
}

void scene_say_sent(struct scene *s, struct side *side, long long ret)
{
	/* TCP has EPIPE and SIGPIPE for that: ktls(7). */
	if (side->unconnected && ret < 0 && (errno == EPIPE || errno == ENOTCONN)) {
		scene_say(s, " = not connected");
		shared.signals = 0;
		return;
	}
	if (scene_is_reset(ret))
		side->dead = true;
	scene_say_ret(s, ret);
	if (ret > 0) {
		side->sent += ret;
		side->at = (side->at + ret) % (DIFFER_ROOM / 2);
	}
	if (shared.signals)
		scene_say(s, " SIGPIPE");
	shared.signals = 0;
}

struct io_uring_cqe differ_ring_next(void)
{
	struct io_uring_cqe *cqe, ret;

	do {
		OK(io_uring_wait_cqe(&shared.ring, &cqe));
		ret = *cqe;
		io_uring_cqe_seen(&shared.ring, cqe);
	} while (ret.flags & IORING_CQE_F_NOTIF);
	return ret;
}

ssize_t differ_ring_wait(void)
{
	struct io_uring_cqe cqe;

	OK(io_uring_submit(&shared.ring));
	cqe = differ_ring_next();
	if (cqe.res < 0) {
		errno = -cqe.res;
		return -1;
	}
	return cqe.res;
}

ssize_t differ_child(int fd, const uint8_t *from, size_t len, int flags)
{
	struct { ssize_t ret; int err; } *result = (void *)(shared.room + DIFFER_ROOM - 64);
	pid_t pid;

	shared.signals = 0;
	/* As fork(): descriptors and signals of its own. Its memory need not be a copy. */
	pid = OK(vfork());
	if (!pid) {
		signal(SIGPIPE, SIG_IGN);
		result->ret = from ? send(fd, from, len, flags) : recv(fd, shared.room, len, flags);
		result->err = errno;
		_exit(0);
	}
	OK(waitpid(pid, NULL, 0));
	errno = result->err;
	return result->ret;
}

int scene_flags(const struct scene *s, const struct differ_op *op)
{
	return op->flags | (s->p->mode == DIFFER_THREADS ? MSG_DONTWAIT : 0);
}

/* Never more in flight than there is always room for. */
static const differ_step steps[CALLS] = {
	[CALL_SEND] = differ_do_send, [CALL_RECV] = differ_do_recv,
	[CALL_SENDFILE] = differ_do_sendfile, [CALL_POLL] = differ_do_poll,
	[CALL_EPOLL] = differ_do_epoll, [CALL_SHUTDOWN] = differ_do_shutdown,
	[CALL_CLOSE] = differ_do_close, [CALL_DUP] = differ_do_dup, [CALL_SET] = differ_do_set,
	[CALL_GET] = differ_do_get, [CALL_MISUSE] = differ_do_misuse,
	[CALL_FILL] = differ_do_fill, [CALL_START] = differ_do_start,
	[CALL_JOIN] = differ_do_join, [CALL_SHOTS] = differ_do_shots,
	[CALL_REAP] = differ_do_reap, [CALL_HOLD] = differ_do_hold,
	[CALL_TRUNCATE] = differ_do_truncate, [CALL_WATCH] = differ_do_watch,
	[CALL_FLAGS] = differ_do_flags,
};

/* The signals wait until they are looked for: no call is interrupted. */
static void be_async(struct scene *s, unsigned int end, int fd)
{
	s->async[end] = fd;
	OK(fcntl(fd, F_SETOWN, getpid()));
	OK(fcntl(fd, F_SETSIG, SIGRTMIN));
	OK(fcntl(fd, F_SETFL, OK(fcntl(fd, F_GETFL)) | O_ASYNC));
}

static void scene_open(struct scene *s, bool tls)
{
	const struct timeval wait = { .tv_usec = WAIT_MS * 1000 };
	struct epoll_event ev;
	long bands[2];
	int ends[2];

	differ_file_restore();
	take_async(s, bands);		/* of earlier connections */
	s->holder = -1;
	differ_connect(s->p, tls, ends);
	s->epoll = OK(epoll_create1(EPOLL_CLOEXEC));
	for (uint32_t i = 0; i < 2; i++) {
		s->side[i].fd[0] = ends[i];
		s->side[i].fd[1] = -1;
		net_nonblock(ends[i], s->p->mode == DIFFER_NONBLOCKING ||
				      s->p->mode == DIFFER_LOSSY);
		/* Also where nothing waits, until it has another flag. */
		if (s->p->mode == DIFFER_BLOCKING || s->p->mode == DIFFER_NONBLOCKING) {
			OK(setsockopt(ends[i], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)));
			OK(setsockopt(ends[i], SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)));
		}
		if (s->p->async)
			be_async(s, i, ends[i]);
		if (s->p->nodelay)
			OK(setsockopt(ends[i], IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, 4));
		ev.events = WAIT_BITS | s->p->epoll;
		/* The kernel allows few others with it. */
		if (s->p->epoll & EPOLLEXCLUSIVE)
			ev.events &= EPOLLIN | EPOLLOUT | EPOLLET | EPOLLEXCLUSIVE;
		ev.data.u64 = i;
		OK(epoll_ctl(s->epoll, EPOLL_CTL_ADD, ends[i], &ev));
	}
}

static void scene_close(struct scene *s)
{
	for (int i = 0; i < 2; i++) {
		if (s->side[i].waiter.started)
			differ_waiter_end(s, &s->side[i]);
		if (s->side[i].shots.armed)
			differ_shots_end(s, &s->side[i]);
	}
	differ_holder_end(s);
	close(s->epoll);
	for (int i = 0; i < 4; i++)
		if (s->side[i / 2].fd[i % 2] >= 0)
			close(s->side[i / 2].fd[i % 2]);
}

void differ_perform(const struct differ_program *p, bool tls, unsigned int nap,
		    struct differ_trace *trace)
{
	static struct scene s;
	unsigned int i;
	int fd;

	memset(&s, 0, sizeof(s));
	memset(trace, 0, sizeof(*trace));
	s.p = p;
	s.nap = nap;
	scene_open(&s, tls);
	for (i = 0; i < p->n; i++) {
		s.line = trace->line[i];
		s.used = 0;
		fd = scene_fd(&s.side[p->op[i].end], p->op[i].choice);
		if (fd < 0)
			continue;
		scene_say(&s, "%u: ", p->op[i].end);
		steps[p->op[i].call](&s, &p->op[i], fd);
		settle(&s);
		if (p->async)
			say_async(&s);
	}
	s.line = trace->line[i];
	s.used = 0;
	scene_close(&s);
}

