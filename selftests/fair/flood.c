// SPDX-License-Identifier: GPL-2.0-or-later
/* Floods of ClientHellos: from peers of the honest user's server, and on another user's. */
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>

#include "lib/honest.h"

enum {
	ATTACKERS	= 2,
	OPEN		= 200,	/* connections of an attacker at a time */
	GRAIN_MS	= 8,	/* a time slice of each attacker: 4 ms */
};

FIXTURE(flood)
{
	struct proc d;
	struct honest h;
	struct addr target;
	_Atomic unsigned int *done;	/* ClientHellos of all attackers; shared */
	_Atomic unsigned int *answered;	/* of those, with a ServerHello; shared */
};
FIXTURE_SETUP(flood)
{
	net_new();
	real_start_with(&self->d, real_restricted());
	self->done = mmap(NULL, 2 * sizeof(*self->done), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->done != MAP_FAILED);
	self->answered = self->done + 1;
}
FIXTURE_TEARDOWN(flood)
{
}

/* A ClientHello that a server answers with a full flight. */
static uint8_t hello[2048];
static size_t hello_len;

static void learn_hello(void)
{
	struct addr a;
	struct proc p;
	int l = net_listen(AF_INET, 1, &a), fd;

	s_client_start(&p, &a, NULL);
	fd = net_accept(l);
	net_read(fd, hello, 5);
	hello_len = 5 + (hello[3] << 8 | hello[4]);
	ASSERT_LE(hello_len, sizeof(hello));
	net_read(fd, hello + 5, hello_len - 5);
	close(fd);
	close(l);
	proc_kill(&p, SIGKILL);
}

/* A connection from one address of the attackers. */
static int dial(struct flood_self *self)
{
	struct sockaddr_in from = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f090909),
	};
	int fd = OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

	OK(bind(fd, (struct sockaddr *)&from, sizeof(from)));
	if (!connect(fd, &self->target.sa, self->target.len))
		++*self->done;
	return fd;
}

static int say_hello(struct flood_self *self)
{
	int fd = dial(self);

	(void)!write(fd, hello, hello_len);
	return fd;
}

/* Each connection is reset a moment after its ClientHello. */
static void reset_soon(void *arg)
{
	for (;;) {
		int fd = say_hello(arg);

		harness_nap(1);
		net_rst(fd);
	}
}

/* ... or at once. */
static void reset_at_once(void *arg)
{
	for (;;)
		net_rst(say_hello(arg));
}

/* Some connections at a time; each waits for the server's signature. */
static void read_answers(void *arg)
{
	struct flood_self *self = arg;
	int fds[OPEN];
	uint8_t type;

	memset(fds, -1, sizeof(fds));
	for (unsigned int i = 0;; i = (i + 1) % OPEN) {
		if (fds[i] >= 0) {
			/* a record with ServerHello, not an alert */
			if (net_poll(fds[i], POLLIN, 1000) && read(fds[i], &type, 1) == 1 &&
			    type == CT_HANDSHAKE)
				++*self->answered;
			net_rst(fds[i]);
		}
		fds[i] = say_hello(arg);
	}
}

/* ... or does not wait. */
static void read_nothing(void *arg)
{
	int fds[OPEN];

	memset(fds, -1, sizeof(fds));
	for (unsigned int i = 0;; i = (i + 1) % OPEN) {
		if (fds[i] >= 0)
			net_rst(fds[i]);
		fds[i] = say_hello(arg);
	}
}

/* ... and closes without a reset. */
static void close_unread(void *arg)
{
	int fds[OPEN];

	memset(fds, -1, sizeof(fds));
	for (unsigned int i = 0;; i = (i + 1) % OPEN) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = say_hello(arg);
	}
}

/* Clients of another user, whose sockets are closed at once. */
static void clients_close(void *arg)
{
	struct flood_self *self = arg;

	OK(setresuid(4242, 4242, 4242));
	for (;; ++*self->done) {
		int fd = interop_socket("server.test");

		net_nonblock(fd, true);
		connect(fd, &self->target.sa, self->target.len);
		net_rst(fd);
	}
}

FIXTURE_VARIANT(flood)
{
	void (*attack)(void *arg);
	bool own_server;	/* of the attacker; else the honest user's */
	unsigned int answers;	/* so many are expected at least */
};
FIXTURE_VARIANT_ADD(flood, reset_soon) { .attack = reset_soon };
FIXTURE_VARIANT_ADD(flood, reset_at_once) { .attack = reset_at_once };
FIXTURE_VARIANT_ADD(flood, read_answers) { .attack = read_answers, .answers = OPEN };
FIXTURE_VARIANT_ADD(flood, read_nothing) { .attack = read_nothing };
FIXTURE_VARIANT_ADD(flood, close_unread) { .attack = close_unread };
FIXTURE_VARIANT_ADD(flood, reset_at_once_own) { .attack = reset_at_once, .own_server = true };
FIXTURE_VARIANT_ADD(flood, read_nothing_own) { .attack = read_nothing, .own_server = true };
FIXTURE_VARIANT_ADD(flood, clients_close) { .attack = clients_close };

/* An attacker that floods a server of its own. */
struct flooder {
	struct flood_self *self;
	void (*attack)(void *arg);
	bool own_server;
};

static void flood(void *arg)
{
	const struct flooder *f = arg;

	if (f->own_server) {
		OK(setresuid(4242, 4242, 4242));
		OK(listen(interop_listen("private", NULL, &f->self->target), 128));
	}
	f->attack(f->self);
}

/* Whatever they do, they get no more than their share of the processor and of ktlsd. */
TEST_F_TIMEOUT(flood, delays_nobody, 180)
{
	struct flooder f = { self, variant->attack, variant->own_server };

	learn_hello();
	honest_start(&self->h, ATTACKERS);
	self->h.grain_ms = GRAIN_MS;
	self->target = self->h.addr;
	honest_attack(&self->h, flood, &f);
	harness_nap(1000);
	honest_expect(&self->h, "during the flood");
	honest_attack_end(&self->h);
	harness_note("%u ClientHellos, %u answers", *self->done, *self->answered);
	EXPECT_LE(variant->answers, *self->answered);
	harness_nap(1000);
	honest_expect(&self->h, "a second after it");
	EXPECT_FALSE(proc_printed(&self->d, "lost messages"));
}
