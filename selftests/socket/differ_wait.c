// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs that wait: poll(), epoll, and calls in a thread of its own. */
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>

#include "differ_scene.h"

void differ_do_poll(struct scene *s, const struct differ_op *op, int fd)
{
	struct pollfd p = { fd, WAIT_BITS, 0 };

	OK(poll(&p, 1, 0));
	scene_say(s, "poll %#x, state %d", p.revents, net_tcp_state(fd));
	(void)op;
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

static void *waiter_run(void *arg)
{
	struct waiter *w = arg;
	struct pollfd p = { w->fd, POLLIN | POLLRDHUP, 0 };
	ssize_t ret;

	if (w->polls) {
		ret = poll(&p, 1, 10000);
		w->revents = p.revents;
	} else {
		ret = recv(w->fd, w->buf, w->len, w->flags);
	}
	w->job.ret = ret;
	w->job.err = errno;
	return NULL;
}

void differ_do_start(struct scene *s, const struct differ_op *op, int fd)
{
	struct waiter *w = &s->side[op->end].waiter;

	if (w->started)
		return;
	w->started = true;
	w->fd = fd;
	w->polls = op->way & 1;
	w->len = op->len < sizeof(w->buf) ? op->len : sizeof(w->buf);
	w->flags = op->flags & (MSG_PEEK | MSG_WAITALL);
	scene_say(s, "begin to wait: %s %u flags %#x", w->polls ? "poll" : "recv", w->len, w->flags);
	job_run(&w->job, waiter_run, w);
}

void differ_waiter_end(struct scene *s, struct side *side)
{
	struct waiter *w = &side->waiter;
	long long ret;

	for (int i = 0; i < 5 && !w->job.done; i++)
		harness_nap(1);
	scene_say(s, "the wait%s", w->job.done ? "" : " with a signal");
	while (!w->job.done) {
		pthread_kill(w->job.thread, SIGUSR1);
		harness_nap(2);
	}
	job_wait(&w->job, 10000);
	w->started = false;
	ret = w->job.ret;
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

