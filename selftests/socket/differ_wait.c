// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs that wait: poll(), epoll, and calls in a thread of its own. */
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "differ_scene.h"

void differ_do_poll(struct scene *s, const struct differ_op *op, int fd)
{
	struct pollfd p = { fd, WAIT_BITS, 0 };

	int inq = 0;

	OK(poll(&p, 1, 0));
	scene_say(s, "poll %#x, state %d", p.revents, net_tcp_state(fd));
	(void)op;
	/* Who was told of less than there is gets another event: ktls(7). */
	if (scene_has_edges(s))
		return;
	OK(ioctl(fd, FIONREAD, &inq));
	scene_say(s, ", %s to read", inq ? "something" : "nothing");
}

void differ_do_epoll(struct scene *s, const struct differ_op *op, int fd)
{
	struct epoll_event ev[4];
	uint32_t bits[2] = { 0, 0 };
	int n = OK(epoll_wait(s->epoll, ev, 4, 0));

	for (int i = 0; i < n; i++)
		bits[ev[i].data.u32] |= ev[i].events;
	scene_say(s, "epoll %#x %#x", bits[0], bits[1]);
	(void)op;
	(void)fd;
}

static void *rival_run(void *arg)
{
	struct rival *r = arg;
	struct epoll_event ev = { 0 };

	r->job.ret = epoll_wait(r->epoll, &ev, 1, 10000);
	r->revents = ev.events;
	return NULL;
}

static void *waiter_run(void *arg)
{
	struct waiter *w = arg;
	struct pollfd p = { w->fd, POLLIN | POLLRDHUP, 0 };
	struct epoll_event ev = { 0 };
	ssize_t ret;

	if (w->epoll) {
		ret = epoll_wait(w->epoll, &ev, 1, 10000);
		w->revents = ev.events;
	} else if (w->polls) {
		ret = poll(&p, 1, 10000);
		w->revents = p.revents;
	} else {
		ret = recv(w->fd, w->buf, w->len, w->flags);
	}
	w->job.ret = ret;
	w->job.err = errno;
	return NULL;
}

/* Others watch it as well: the program's own set, and who asks poll(). */
static int waiter_epoll(const struct scene *s, int fd)
{
	struct epoll_event ev = { EPOLLIN | (s->p->epoll & (EPOLLEXCLUSIVE | EPOLLET)), { 0 } };
	int set = OK(epoll_create1(EPOLL_CLOEXEC));

	OK(epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev));
	return set;
}

void differ_do_start(struct scene *s, const struct differ_op *op, int fd)
{
	struct waiter *w = &s->side[op->end].waiter;
	struct rival *rival = &s->side[op->end].rival;

	if (scene_is_waited(&s->side[op->end]))
		return;
	w->started = true;
	w->fd = fd;
	w->polls = op->way & 1;
	/* TCP's recv() of no bytes ends with any wake-up: ktls(7). */
	w->len = !op->len ? 1 : op->len < sizeof(w->buf) ? op->len : sizeof(w->buf);
	w->flags = op->flags & (MSG_PEEK | MSG_WAITALL);
	/* TCP counts twice what it sees again because somebody else has read meanwhile. */
	if (w->flags & MSG_PEEK)
		w->flags = MSG_PEEK;
	w->epoll = w->polls && op->way & 2 ? waiter_epoll(s, fd) : 0;
	scene_say(s, "begin to wait: %s %u flags %#x",
		  w->epoll ? "epoll" : w->polls ? "poll" : "recv", w->len, w->flags);
	job_run(&w->job, waiter_run, w);
	if (!w->epoll || !(s->p->epoll & EPOLLEXCLUSIVE) || op->way & 4)
		return;
	rival->epoll = waiter_epoll(s, fd);
	scene_say(s, ", and a rival");
	job_run(&rival->job, rival_run, rival);
}

static void interrupt(struct job *job)
{
	while (!job->done) {
		pthread_kill(job->thread, SIGUSR1);
		harness_nap(2);
	}
	job_wait(job, 10000);
}

/* The other one is woken as well if there was a second event. */
static void rival_end(struct waiter *w, struct rival *r)
{
	interrupt(&r->job);
	if (w->job.ret < 0 && r->job.ret > 0) {
		w->job.ret = r->job.ret;
		w->revents = r->revents;
	}
	close(r->epoll);
	r->epoll = 0;
}

static bool is_woken(const struct side *side)
{
	return side->waiter.job.done || (side->rival.epoll && side->rival.job.done);
}

void differ_waiter_end(struct scene *s, struct side *side)
{
	struct waiter *w = &side->waiter;
	long long ret;

	for (int i = 0; i < 5 && !is_woken(side); i++)
		harness_nap(1);
	scene_say(s, "the wait%s", is_woken(side) ? "" : " with a signal");
	interrupt(&w->job);
	if (side->rival.epoll)
		rival_end(w, &side->rival);
	w->started = false;
	ret = w->job.ret;
	if (w->epoll)
		close(w->epoll);
	errno = w->job.err;
	if (w->polls) {
		scene_say_ret(s, ret);
		scene_say(s, " %#x", ret > 0 ? w->revents : 0);
		return;
	}
	if (ret > 0)
		memcpy(shared.room, w->buf, ret);
	scene_say_received(s, side, ret, w->flags);
}

void differ_do_join(struct scene *s, const struct differ_op *op, int fd)
{
	(void)fd;
	if (s->side[op->end].waiter.started)
		differ_waiter_end(s, &s->side[op->end]);
}


/* EPOLL_CTL_MOD: what is there is reported again, and after EPOLLONESHOT, too. */
void differ_do_watch(struct scene *s, const struct differ_op *op, int fd)
{
	struct epoll_event ev = { WAIT_BITS | s->p->epoll, { .u64 = op->end } };

	scene_say(s, "watch again");
	scene_say_ret(s, epoll_ctl(s->epoll, EPOLL_CTL_MOD, fd, &ev));
}

/* --- multishot receive --- */

enum { SHOT_BUFS = 128, SHOT_SIZE = 4096 };

void differ_do_shots(struct scene *s, const struct differ_op *op, int fd)
{
	struct shots *shots = &s->side[op->end].shots;
	static int group;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;

	/* After SHUT_RD it depends on when io_uring looks again whether there is more to come. */
	if (scene_is_waited(&s->side[op->end]) || s->side[op->end].shut & 1)
		return;
	shots->bufs = malloc(SHOT_BUFS * SHOT_SIZE);
	shots->ring = &shared.shots[op->end];
	/* Nothing takes what is left of earlier ones. */
	shots->group = ++group;
	sqe = io_uring_get_sqe(shots->ring);
	io_uring_prep_provide_buffers(sqe, shots->bufs, SHOT_SIZE, SHOT_BUFS, shots->group, 0);
	io_uring_sqe_set_data64(sqe, 0);
	OK(io_uring_submit_and_wait(shots->ring, 1));
	OK(io_uring_wait_cqe(shots->ring, &cqe));
	ASSERT_EQ(0, cqe->res);
	io_uring_cqe_seen(shots->ring, cqe);

	sqe = io_uring_get_sqe(shots->ring);
	io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = shots->group;
	io_uring_sqe_set_data64(sqe, shots->group);
	OK(io_uring_submit(shots->ring));
	shots->armed = true;
	scene_say(s, "receive many times");
}

/* Takes what has come; returns the last result, 1 if there may be more. */
static int shots_collect(struct shots *shots, size_t *len)
{
	struct io_uring_cqe *cqe;
	int ret = 1;

	OK(io_uring_get_events(shots->ring));
	while (ret > 0 && !io_uring_peek_cqe(shots->ring, &cqe)) {
		if (io_uring_cqe_get_data64(cqe) == (uint64_t)shots->group) {
			ret = cqe->flags & IORING_CQE_F_MORE ? 1 :
			      cqe->res > 0 ? -ECANCELED : cqe->res;
			if (cqe->res > 0) {
				memcpy(shared.room + *len, shots->bufs + SHOT_SIZE *
				       (cqe->flags >> IORING_CQE_BUFFER_SHIFT), cqe->res);
				*len += cqe->res;
			}
		}
		io_uring_cqe_seen(shots->ring, cqe);
	}
	return ret;
}

void differ_shots_end(struct scene *s, struct side *side)
{
	struct shots *shots = &side->shots;
	struct io_uring_sqe *sqe;
	size_t len = 0;
	int ret;

	ret = shots_collect(shots, &len);
	scene_say(s, "many times");
	if (ret > 0) {
		sqe = io_uring_get_sqe(shots->ring);
		io_uring_prep_cancel64(sqe, shots->group, 0);
		io_uring_sqe_set_data64(sqe, 0);
		OK(io_uring_submit(shots->ring));
		while (ret > 0)
			ret = shots_collect(shots, &len);
	}
	shots->armed = false;
	free(shots->bufs);
	scene_say_received(s, side, len, 0);
	errno = -ret;
	scene_say(s, ", then");
	scene_say_received(s, side, ret < 0 ? -1 : 0, 0);
}

void differ_do_reap(struct scene *s, const struct differ_op *op, int fd)
{
	(void)fd;
	if (s->side[op->end].shots.armed)
		differ_shots_end(s, &s->side[op->end]);
}
