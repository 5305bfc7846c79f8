// SPDX-License-Identifier: GPL-2.0-or-later
/* The same calls on a pair of TCP sockets and on a pair of ktls sockets, with the roles of the
 * ends exchanged in a second run: what the program sees must be the same.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>

#include "lib/record.h"

#define PART	30000
#define LOT	300000

static uint8_t big[LOT], back[LOT];

/* The ends of a connection, and a text of what the program saw at them. */
struct scene {
	int	me, peer;
	bool	tls;
	size_t	used;
	char	text[2048];
};

static void __attribute__((format(printf, 2, 3))) say(struct scene *s, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	s->used += vsnprintf(s->text + s->used, sizeof(s->text) - s->used, fmt, args);
	va_end(args);
	ASSERT_LT(s->used, sizeof(s->text));
}

static void say_ret(struct scene *s, const char *what, long long ret)
{
	if (ret < 0)
		say(s, "%s: %s\n", what, strerrorname_np(errno));
	else
		say(s, "%s: %lld\n", what, ret);
}

#define SAY(s, call) do { errno = 0; say_ret(s, #call, call); } while (0)

/* Reads until something other than data comes, and notes how many bytes there were and what
 * came.
 */
static void say_all(struct scene *s, const char *who, int fd)
{
	size_t got = 0;
	ssize_t n;

	while ((n = read(fd, back, sizeof(back))) > 0)
		got += n;
	say(s, "%s read %zu, then ", who, got);
	say_ret(s, "the end", n);
}

/* Notes what poll() reports. */
static void say_bits(struct scene *s, const char *who, int fd)
{
	struct pollfd p = { fd, POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLRDBAND |
			    POLLWRNORM | POLLWRBAND | POLLRDHUP, 0 };

	OK(poll(&p, 1, 0));
	say(s, "%s polls %#x\n", who, p.revents);
}

static void say_state(struct scene *s, const char *who, int fd)
{
	say(s, "%s is in state %d\n", who, net_tcp_state(fd));
}

/* Sends a record that is not data; does nothing with TCP. */
static void control(struct scene *s, int fd)
{
	uint64_t before;

	if (!s->tls)
		return;
	before = net_mib("KeyUpdatesSent");
	OK(sock_set_int(fd, KTLS_KEY_UPDATE, 0));
	EVENTUALLY(net_mib("KeyUpdatesSent") > before, 2000);
}

static void sndbuf(int fd, int bytes)
{
	OK(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)));
}

static void fin_acknowledged(int fd)
{
	EVENTUALLY(net_tcp_state(fd) != TCP_FIN_WAIT1, 5000);
}

/* --- shutdown --- */

/* All data was given to TCP; then both halves are shut, in one call or in two. */
static void shut(struct scene *s, const int *hows)
{
	sndbuf(s->me, 2 * LOT);
	net_write(s->me, big, PART);
	control(s, s->peer);
	for (; *hows >= 0; hows++)
		say_ret(s, "shutdown", shutdown(s->me, *hows));
	fin_acknowledged(s->me);
	control(s, s->peer);
	harness_nap(20);
	say(s, "SO_ERROR %d\n", net_so_error(s->me));
	say_bits(s, "who shut", s->me);
	OK(close(s->me));
	say_all(s, "the peer", s->peer);
}

static void shut_rdwr(struct scene *s)
{
	shut(s, (int[]){ SHUT_RDWR, -1 });
}

static void shut_rd_then_wr(struct scene *s)
{
	shut(s, (int[]){ SHUT_RD, SHUT_WR, -1 });
}

static void shut_wr_then_rd(struct scene *s)
{
	shut(s, (int[]){ SHUT_WR, SHUT_RD, -1 });
}

/* The peer shuts its half while it has unread data. */
static void shut_rdwr_peer_ends(struct scene *s)
{
	sndbuf(s->me, 2 * LOT);
	net_write(s->me, big, LOT);
	SAY(s, shutdown(s->me, SHUT_RDWR));
	SAY(s, shutdown(s->peer, SHUT_WR));
	harness_nap(20);
	OK(close(s->me));
	say_all(s, "the peer", s->peer);
}

/* After SHUT_RD the end of the peer is still an orderly one. */
static void shut_then_end(struct scene *s, int how, bool close_it)
{
	say_ret(s, "shutdown", shutdown(s->me, how));
	if (how == SHUT_RDWR)
		fin_acknowledged(s->me);
	SAY(s, recv(s->me, back, 1, 0));
	say_bits(s, "before", s->me);
	if (close_it)
		OK(close(s->peer));
	else
		SAY(s, shutdown(s->peer, SHUT_WR));
	EVENTUALLY(net_tcp_state(s->me) == (how == SHUT_RD ? TCP_CLOSE_WAIT : TCP_CLOSE), 5000);
	SAY(s, recv(s->me, back, 1, 0));
	SAY(s, recv(s->me, back, 1, 0));
	say(s, "SO_ERROR %d\n", net_so_error(s->me));
	say_bits(s, "after", s->me);
}

static void shut_rd_peer_shuts(struct scene *s)
{
	shut_then_end(s, SHUT_RD, false);
}

static void shut_rd_peer_closes(struct scene *s)
{
	shut_then_end(s, SHUT_RD, true);
}

static void shut_rdwr_peer_shuts(struct scene *s)
{
	shut_then_end(s, SHUT_RDWR, false);
}

static void shut_rdwr_peer_closes(struct scene *s)
{
	shut_then_end(s, SHUT_RDWR, true);
}

/* After SHUT_RD data can still be read, whether it came before or afterwards. */
static void shut_rd_still_reads(struct scene *s)
{
	net_write(s->peer, "before", 6);
	EXPECT_TRUE(net_poll(s->me, POLLIN, 2000) & POLLIN);
	SAY(s, shutdown(s->me, SHUT_RD));
	SAY(s, recv(s->me, back, 100, 0));
	SAY(s, recv(s->me, back, 100, 0));
	net_write(s->peer, "after", 5);
	EVENTUALLY(recv(s->me, back, 100, MSG_PEEK) > 0, 2000);
	SAY(s, recv(s->me, back, 100, 0));
	SAY(s, recv(s->me, back, 100, 0));
	SAY(s, send(s->me, "x", 1, MSG_NOSIGNAL));
}

static void shut_rdwr_still_reads(struct scene *s)
{
	net_write(s->peer, "before", 6);
	EXPECT_TRUE(net_poll(s->me, POLLIN, 2000) & POLLIN);
	SAY(s, shutdown(s->me, SHUT_RDWR));
	SAY(s, recv(s->me, back, 3, 0));
	SAY(s, recv(s->me, back, 100, 0));
	SAY(s, recv(s->me, back, 100, 0));
}

/* Data for a socket that has shut both halves is answered with RST. */
static void shut_rdwr_answers(struct scene *s)
{
	SAY(s, shutdown(s->me, SHUT_RDWR));
	fin_acknowledged(s->me);
	SAY(s, send(s->peer, "x", 1, MSG_NOSIGNAL));
	EVENTUALLY(net_poll(s->peer, 0, 0) & POLLERR, 2000);
	SAY(s, send(s->peer, "x", 1, MSG_NOSIGNAL));
	say_bits(s, "who is reset", s->peer);
	say_bits(s, "who shut", s->me);
	SAY(s, send(s->me, "x", 1, MSG_NOSIGNAL));
	SAY(s, recv(s->me, back, 1, 0));
	SAY(s, recv(s->me, back, 1, 0));
	say_bits(s, "who shut, then", s->me);
}

static void *sleep_in_recv(void *arg)
{
	EXPECT_EQ(0, recv(*(int *)arg, back, 1, 0));
	return NULL;
}

static void shut_wakes(struct scene *s)
{
	struct job j;

	job_run(&j, sleep_in_recv, &s->me);
	harness_nap(20);
	SAY(s, shutdown(s->me, SHUT_RD));
	job_wait(&j, 2000);
}

/* TCP's state when the peer has acknowledged FIN. */
static void shut_wr_state(struct scene *s)
{
	SAY(s, shutdown(s->me, SHUT_WR));
	fin_acknowledged(s->me);
	say_state(s, "who shut", s->me);
	SAY(s, shutdown(s->me, SHUT_WR));
	SAY(s, shutdown(s->me, SHUT_RD));
	SAY(s, shutdown(s->me, 3));
	SAY(s, shutdown(s->peer, SHUT_RDWR));
	EVENTUALLY(net_tcp_state(s->me) == TCP_CLOSE, 5000);
	SAY(s, recv(s->me, back, 1, 0));
	SAY(s, shutdown(s->me, SHUT_RDWR));
}

/* --- close --- */

static void linger_0(struct scene *s)
{
	struct linger l = { 1, 0 };

	OK(setsockopt(s->me, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	OK(close(s->me));
	EVENTUALLY(net_poll(s->peer, 0, 0) & POLLERR, 2000);
	say_bits(s, "the peer", s->peer);
	SAY(s, recv(s->peer, back, 1, 0));
}

static void close_with_unread(struct scene *s)
{
	net_write(s->peer, "unread", 6);
	EXPECT_TRUE(net_poll(s->me, POLLIN, 2000) & POLLIN);
	OK(close(s->me));
	EVENTUALLY(net_poll(s->peer, 0, 0) & POLLERR, 2000);
	say_bits(s, "the peer", s->peer);
	SAY(s, recv(s->peer, back, 1, 0));
}

/* The first write succeeds, the next one fails with EPIPE. */
static void write_to_closed(struct scene *s)
{
	OK(close(s->me));
	SAY(s, recv(s->peer, back, 1, 0));
	say_bits(s, "after the end", s->peer);
	SAY(s, send(s->peer, "x", 1, MSG_NOSIGNAL));
	/* TCP sets the error a moment before the state. */
	EVENTUALLY((net_poll(s->peer, 0, 0) & (POLLERR | POLLHUP)) == (POLLERR | POLLHUP), 2000);
	say_bits(s, "after one write", s->peer);
	SAY(s, send(s->peer, "x", 1, MSG_NOSIGNAL));
	say_bits(s, "after EPIPE", s->peer);
	SAY(s, send(s->peer, "x", 1, MSG_NOSIGNAL));
	SAY(s, recv(s->peer, back, 1, 0));
	say_bits(s, "in the end", s->peer);
}

/* --- bad addresses --- */

static void bad_address(struct scene *s)
{
	SAY(s, send(s->me, net_bad_address(), 4, 0));
	SAY(s, send(s->me, "next", 4, 0));
	EXPECT_TRUE(net_poll(s->peer, POLLIN, 2000) & POLLIN);
	SAY(s, recv(s->peer, back, 100, 0));
}

/* --- readiness --- */

static void bits_after_fin(struct scene *s)
{
	say_bits(s, "at first", s->me);
	SAY(s, shutdown(s->peer, SHUT_WR));
	EVENTUALLY(net_poll(s->me, POLLRDHUP, 0) & POLLRDHUP, 2000);
	say_bits(s, "after FIN", s->me);
	SAY(s, recv(s->me, back, 1, 0));
	say_bits(s, "after reading it", s->me);
	SAY(s, shutdown(s->me, SHUT_WR));
	EVENTUALLY(net_tcp_state(s->me) == TCP_CLOSE, 5000);
	say_bits(s, "after both FINs", s->me);
}

static void bits_after_shut(struct scene *s)
{
	SAY(s, shutdown(s->me, SHUT_WR));
	say_bits(s, "after SHUT_WR", s->me);
	SAY(s, shutdown(s->me, SHUT_RD));
	say_bits(s, "after SHUT_RD", s->me);
	SAY(s, send(s->me, "x", 1, MSG_NOSIGNAL));
	say_bits(s, "after a failed send", s->me);
	SAY(s, recv(s->me, back, 1, 0));
	say_bits(s, "after recv", s->me);
}

/* --- MSG_MORE --- */

static void more(struct scene *s)
{
	double start = harness_now();
	int queued = 0;

	SAY(s, send(s->me, "waits", 5, MSG_MORE));
	OK(ioctl(s->me, SIOCOUTQ, &queued));
	/* After 200 ms it is sent by itself. */
	if (harness_now() - start < 0.15)
		EXPECT_GT(queued, 0);
}

static void say_more(struct scene *s)
{
	EXPECT_TRUE(net_poll(s->peer, POLLIN, 5000) & POLLIN);
	SAY(s, recv(s->peer, back, 100, MSG_DONTWAIT));
}

static void more_by_time(struct scene *s)
{
	more(s);
	say_more(s);
}

static void more_by_nodelay(struct scene *s)
{
	int one = 1;

	more(s);
	SAY(s, setsockopt(s->me, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
	say_more(s);
}

static void more_by_cork(struct scene *s)
{
	int on = 1, off = 0;

	SAY(s, setsockopt(s->me, IPPROTO_TCP, TCP_CORK, &on, sizeof(on)));
	more(s);
	SAY(s, setsockopt(s->me, IPPROTO_TCP, TCP_CORK, &off, sizeof(off)));
	say_more(s);
}

static void more_by_splice(struct scene *s)
{
	int pipe_ends[2];

	OK(pipe(pipe_ends));
	ASSERT_EQ(5, write(pipe_ends[1], "waits", 5));
	SAY(s, splice(pipe_ends[0], NULL, s->me, NULL, 5, SPLICE_F_MORE));
	say_more(s);
}

/* More bytes don't postpone that. */
static void more_and_more(struct scene *s)
{
	double end = harness_now() + 5 * harness_scale();

	while (!net_poll(s->peer, POLLIN, 0) && harness_now() < end) {
		OK(send(s->me, "x", 1, MSG_MORE));
		harness_nap(10);
	}
	EXPECT_LT(harness_now(), end);
}

static void more_and_eor(struct scene *s)
{
	SAY(s, send(s->me, "waits", 5, MSG_MORE | MSG_EOR));
	say_more(s);
}

static void more_by_close(struct scene *s)
{
	more(s);
	OK(close(s->me));
	say_more(s);
	SAY(s, recv(s->peer, back, 100, 0));
}

FIXTURE(as_tcp) { };
FIXTURE_VARIANT(as_tcp) { void (*play)(struct scene *s); };
FIXTURE_SETUP(as_tcp) { }
FIXTURE_TEARDOWN(as_tcp) { }
#define SCENE(name)	FIXTURE_VARIANT_ADD(as_tcp, name) { name }
SCENE(shut_rdwr);
SCENE(shut_rd_then_wr);
SCENE(shut_wr_then_rd);
SCENE(shut_rdwr_peer_ends);
SCENE(shut_rd_peer_shuts);
SCENE(shut_rd_peer_closes);
SCENE(shut_rdwr_peer_shuts);
SCENE(shut_rdwr_peer_closes);
SCENE(shut_rd_still_reads);
SCENE(shut_rdwr_still_reads);
SCENE(shut_rdwr_answers);
SCENE(shut_wakes);
SCENE(shut_wr_state);
SCENE(linger_0);
SCENE(close_with_unread);
SCENE(write_to_closed);
SCENE(bad_address);
SCENE(bits_after_fin);
SCENE(bits_after_shut);
SCENE(more_by_time);
SCENE(more_by_nodelay);
SCENE(more_by_cork);
SCENE(more_by_splice);
SCENE(more_and_more);
SCENE(more_and_eor);
SCENE(more_by_close);

TEST_F(as_tcp, scene)
{
	struct scene tcp = { .tls = false }, tls;
	struct env e;
	int ends[2];

	env_start(&e, S13_AES128);
	net_pattern(big, sizeof(big), 1);
	net_pair(AF_INET, ends);
	tcp.me = ends[0];
	tcp.peer = ends[1];
	variant->play(&tcp);

	for (int i = 0; i < 2; i++) {
		sock_pair(&e, AF_INET, ends);
		tls = (struct scene){ .me = ends[i], .peer = ends[!i], .tls = true };
		variant->play(&tls);
		EXPECT_STREQ(tcp.text, tls.text);
	}
}
