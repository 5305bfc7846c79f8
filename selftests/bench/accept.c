// SPDX-License-Identifier: GPL-2.0-or-later
/* Connections that clients make as fast as they can, inside the VM, for bench/accept: with ktls and
 * helpers that answer at once, or with TCP alone.
 *
 * ACCEPT_ULP is ktls or tcp, ACCEPT_LISTENERS the sockets that share the port (SO_REUSEPORT), each
 * with a thread that accepts and closes, ACCEPT_CLIENTS the threads that connect, ACCEPT_HELPERS
 * the helper's sockets, and ACCEPT_COUNT the connections. The shell runs ACCEPT_BEGIN before the
 * first and ACCEPT_END after the last of them.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "lib/sock.h"

enum {
	LISTENERS_MAX	= 64,
	CLIENTS_MAX	= 200,
	HELPERS_MAX	= 64,
	CREDIT		= 64,
	BACKLOG		= 256,
};

struct load {
	struct env	e;
	bool		ktls;
	struct addr	addr;
	int		count;
	atomic_int	begun, accepted;
};

struct client {
	pthread_t	thread;
	struct load	*load;
	unsigned int	source;
};

static unsigned int number(const char *name, unsigned int max)
{
	const char *text = getenv(name);

	ASSERT_TRUE(text);
	ASSERT_GE(atoi(text), 1);
	ASSERT_LE(atoi(text), (int)max);
	return atoi(text);
}

static void shell(const char *name)
{
	const char *command = getenv(name);

	if (command)
		ASSERT_EQ(0, system(command));
}

/* --- the server --- */

static int listener_new(struct load *l)
{
	int fd = l->ktls ? sock_new(AF_INET) : net_socket(AF_INET);

	OK(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){ 1 }, sizeof(int)));
	OK(bind(fd, &l->addr.sa, l->addr.len));
	if (l->ktls)
		OK(sock_set_str(fd, KTLS_IDENTITY, "server"));
	OK(listen(fd, BACKLOG));
	OK(getsockname(fd, &l->addr.sa, &l->addr.len));
	return fd;
}

struct acceptor {
	struct job	job;
	struct load	*load;
	int		fd;
};

/* Until the test ends. */
static void *accept_all(void *arg)
{
	struct acceptor *a = arg;

	for (;;) {
		close(net_accept(a->fd));
		a->load->accepted++;
	}
	return NULL;
}

static void serve(struct load *l, unsigned int listeners)
{
	static struct acceptor acceptors[LISTENERS_MAX];

	l->addr = net_loopback(AF_INET, 0);
	for (unsigned int i = 0; i < listeners; i++) {
		acceptors[i].load = l;
		acceptors[i].fd = listener_new(l);
	}
	for (unsigned int i = 0; i < listeners; i++)
		job_run(&acceptors[i].job, accept_all, acceptors + i);
}

/* As ktlsd has a worker for each processor. */
static void help(struct load *l, unsigned int helpers)
{
	struct fake *f;

	for (unsigned int i = 1; i < helpers; i++) {
		f = fake_new(&l->e.hs);
		ASSERT_EQ(0, fake_register(f, CREDIT));
		fake_start(f, NULL, NULL);
	}
}

/* --- the clients --- */

static void wait_end(int fd)
{
	const struct linger none = { 1, 0 };
	char buf[256];

	while (OK(recv(fd, buf, sizeof(buf), 0)))
		;
	/* no TIME_WAIT */
	OK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)));
}

static void connect_once(struct load *l, unsigned int source)
{
	int fd = net_dial_from(&l->addr, source);
	struct peer p;

	if (!l->ktls) {
		wait_end(fd);
		close(fd);
		return;
	}
	peer_init(&p, fd, false, &l->e.hs);
	peer_handshake(&p);
	wait_end(fd);
	peer_free(&p);
}

static void *connect_all(void *arg)
{
	struct client *c = arg;

	while (c->load->begun++ < c->load->count)
		connect_once(c->load, c->source);
	return NULL;
}

static void connect_clients(struct load *l, unsigned int clients)
{
	static struct client all[CLIENTS_MAX];

	for (unsigned int i = 0; i < clients; i++) {
		all[i].load = l;
		all[i].source = 1 + i;
		ASSERT_EQ(0, pthread_create(&all[i].thread, NULL, connect_all, all + i));
	}
	for (unsigned int i = 0; i < clients; i++)
		pthread_join(all[i].thread, NULL);
}

TEST_TIMEOUT(many_connections, 600)
{
	unsigned int clients = number("ACCEPT_CLIENTS", CLIENTS_MAX);
	static struct load l;
	double begin;

	l.ktls = !strcmp(getenv("ACCEPT_ULP") ?: "", "ktls");
	l.count = number("ACCEPT_COUNT", 1000000);
	env_start(&l.e, S13_AES128);
	help(&l, number("ACCEPT_HELPERS", HELPERS_MAX));
	serve(&l, number("ACCEPT_LISTENERS", LISTENERS_MAX));
	connect_once(&l, 0);

	shell("ACCEPT_BEGIN");
	begin = harness_now();
	connect_clients(&l, clients);
	begin = harness_now() - begin;
	shell("ACCEPT_END");
	EVENTUALLY(l.accepted == l.count + 1, 10000);
	harness_note("seconds\t%.6f", begin);
}

TEST_HARNESS_MAIN
