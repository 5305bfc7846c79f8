// SPDX-License-Identifier: GPL-2.0-or-later
/* NewSessionTickets are passed to the helper, which is a fake. */
#include <poll.h>

#include "lib/cgroup.h"
#include "lib/sock.h"

/* What the helper has received. */
static struct {
	pthread_mutex_t	lock;
	uint8_t		body[17000];
	size_t		len;
	atomic_int	seen;
	atomic_bool	hold;		/* it does not answer */
	_Atomic uint64_t id;		/* of the last one */
} got = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void take_ticket(struct fake *f, struct fake_msg *m)
{
	if (m->cmd != KTLS_CMD_MESSAGE) {
		fake_answer(f, m);
		return;
	}
	pthread_mutex_lock(&got.lock);
	got.len = fake_len(m, KTLS_A_TICKET);
	ASSERT_LE(got.len, sizeof(got.body));
	memcpy(got.body, fake_data_of(m, KTLS_A_TICKET), got.len);
	pthread_mutex_unlock(&got.lock);
	got.id = m->id;
	got.seen++;
	if (!got.hold)
		fake_message(f, m->id);
}

FIXTURE(ticket)
{
	struct env e;
	struct conn c;
	uint8_t message[17000];
};
FIXTURE_SETUP(ticket)
{
	env_start_with(&self->e, S13_AES128, take_ticket, NULL);
	self->e.fake->messages = 16;
}
FIXTURE_TEARDOWN(ticket)
{
}

static void open_conn(struct ticket_self *self)
{
	conn_open(&self->c, &self->e, ROLE_CLIENT, AF_INET);
}

/* A NewSessionTicket with a body of @len bytes, of which one is @mark. */
static size_t make_ticket(struct ticket_self *self, size_t len, uint8_t mark)
{
	uint8_t *m = self->message, *body = m + 4;
	size_t ticket = len - 4 - 4 - 1 - 2 - 2;

	memset(m, 0, sizeof(self->message));
	m[0] = 4;
	m[1] = len >> 16;
	m[2] = len >> 8;
	m[3] = len;
	body[9] = ticket >> 8;
	body[10] = ticket;
	memset(body + 11, mark, ticket);
	return 4 + len;
}

static void send_ticket(struct ticket_self *self, uint8_t mark)
{
	peer_send(&self->c.peer, CT_HANDSHAKE, self->message, make_ticket(self, 40, mark));
}

/* When the data has been read, all tickets before it have been processed. */
static void pass_data(struct ticket_self *self)
{
	char byte = 0;

	peer_send_data(&self->c.peer, "d", 1);
	net_read(self->c.fd, &byte, 1);
	EXPECT_EQ('d', byte);
}

static void expect_mib(uint64_t passed, uint64_t dropped)
{
	EXPECT_EQ(passed, net_mib("TicketsPassed"));
	EXPECT_EQ(dropped, net_mib("TicketsDropped"));
}

TEST_F(ticket, comes_as_it_is)
{
	open_conn(self);
	send_ticket(self, 0x77);
	pass_data(self);
	EVENTUALLY(got.seen == 1, 5000);
	make_ticket(self, 40, 0x77);
	EXPECT_EQ(40, got.len);
	EXPECT_MEMEQ(self->message + 4, got.body, 40);
	EXPECT_EQ(self->e.fake->last_id, got.id);
	expect_mib(1, 0);
}

TEST_F(ticket, nobody_wants_any)
{
	self->e.fake->messages = 0;
	open_conn(self);
	send_ticket(self, 1);
	send_ticket(self, 2);
	pass_data(self);
	expect_mib(0, 2);
	EXPECT_EQ(0, got.seen);
}

TEST_F(ticket, as_many_as_are_wanted)
{
	self->e.fake->messages = 3;
	open_conn(self);
	for (int i = 1; i <= 5; i++) {
		send_ticket(self, i);
		pass_data(self);
		EVENTUALLY(got.seen == (i < 3 ? i : 3), 5000);
	}
	expect_mib(3, 2);
	EXPECT_EQ(3, got.body[20]);
}

/* The helper's thread is stopped; the next ticket must have that mark. */
static void expect_ticket(struct fake *f, uint8_t mark)
{
	struct fake_msg *m = fake_expect(f, KTLS_CMD_MESSAGE);

	EXPECT_EQ(40, fake_len(m, KTLS_A_TICKET));
	EXPECT_EQ(mark, fake_data_of(m, KTLS_A_TICKET)[20]);
	EXPECT_EQ(got.id, m->id);
	free(m);
}

/* One ticket is sent to the helper, two wait, and the others are dropped. */
TEST_F(ticket, one_at_a_time)
{
	got.hold = true;
	open_conn(self);
	for (int i = 1; i <= 5; i++)
		send_ticket(self, i);
	pass_data(self);
	EVENTUALLY(got.seen == 1, 5000);
	expect_mib(3, 2);
	EXPECT_EQ(1, got.body[20]);
	fake_stop(self->e.fake);
	EXPECT_EQ(0, fake_message(self->e.fake, got.id));
	expect_ticket(self->e.fake, 2);
	EXPECT_FALSE(fake_next(self->e.fake, 100));
	EXPECT_EQ(0, fake_message(self->e.fake, got.id));
	expect_ticket(self->e.fake, 3);
	EXPECT_EQ(0, fake_message(self->e.fake, got.id));
	EXPECT_EQ(-ENOENT, fake_message(self->e.fake, got.id));
	/* and there is room again */
	send_ticket(self, 6);
	pass_data(self);
	expect_ticket(self->e.fake, 6);
}

/* The longest message that is allowed, in two records; and a longer one. */
TEST_F(ticket, sizes)
{
	size_t len;

	open_conn(self);
	len = make_ticket(self, 16384, 9);
	peer_send(&self->c.peer, CT_HANDSHAKE, self->message, 16000);
	peer_send(&self->c.peer, CT_HANDSHAKE, self->message + 16000, len - 16000);
	pass_data(self);
	EVENTUALLY(got.seen == 1, 5000);
	EXPECT_EQ(16384, got.len);
	EXPECT_MEMEQ(self->message + 4, got.body, 16384);

	len = make_ticket(self, 16385, 9);
	peer_send(&self->c.peer, CT_HANDSHAKE, self->message, 16384);
	FAILS(EPROTO, read(self->c.fd, &(char){ 0 }, 1));
	peer_expect_alert(&self->c.peer, 50);
	EXPECT_EQ(1, got.seen);
}

/* Two in one record. */
TEST_F(ticket, coalesced)
{
	uint8_t both[100];
	size_t len;

	open_conn(self);
	len = make_ticket(self, 40, 1);
	memcpy(both, self->message, len);
	make_ticket(self, 40, 2);
	memcpy(both + len, self->message, len);
	peer_send(&self->c.peer, CT_HANDSHAKE, both, 2 * len);
	pass_data(self);
	EVENTUALLY(got.seen == 2, 5000);
	EXPECT_EQ(2, got.body[20]);
	expect_mib(2, 0);
}

/* A helper that does not answer delays neither readers nor handshakes nor close(). */
TEST_F(ticket, flood)
{
	struct conn other;

	got.hold = true;
	open_conn(self);
	for (int i = 0; i < 300; i++) {
		send_ticket(self, i);
		if (i % 30 == 29)
			pass_data(self);
	}
	expect_mib(3, 297);
	conn_open(&other, &self->e, ROLE_CLIENT, AF_INET);
	conn_close(&other);
	close(self->c.fd);
	EXPECT_EQ(1, got.seen);
}

TEST_F(ticket, flood_of_answered_ones)
{
	open_conn(self);
	for (int i = 0; i < 300; i++)
		send_ticket(self, i);
	pass_data(self);
	EXPECT_EQ(300, net_mib("TicketsPassed") + net_mib("TicketsDropped"));
	EXPECT_LE(net_mib("TicketsPassed"), 16);
	EVENTUALLY((uint64_t)got.seen == net_mib("TicketsPassed"), 5000);
}

TEST_F(ticket, helper_gone_with_one_in_flight)
{
	got.hold = true;
	open_conn(self);
	for (int i = 0; i < 3; i++)
		send_ticket(self, i);
	pass_data(self);
	EVENTUALLY(got.seen == 1, 5000);
	expect_mib(3, 0);
	fake_die(self->e.fake);
	EVENTUALLY(net_mib("TicketsDropped") == 3, 5000);
	send_ticket(self, 4);
	pass_data(self);
	expect_mib(3, 4);
	net_write(self->c.fd, "on", 2);
	peer_recv_data(&self->c.peer, self->message, 2);
	conn_close(&self->c);
}

/* Tickets that wait outlive the connection. */
TEST_F(ticket, closed_with_one_in_flight)
{
	got.hold = true;
	open_conn(self);
	send_ticket(self, 1);
	send_ticket(self, 2);
	pass_data(self);
	EVENTUALLY(got.seen == 1, 5000);
	fake_stop(self->e.fake);
	conn_close(&self->c);
	EXPECT_EQ(0, fake_message(self->e.fake, got.id));
	expect_ticket(self->e.fake, 2);
	EXPECT_EQ(0, fake_message(self->e.fake, got.id));
	EXPECT_EQ(-ENOENT, fake_message(self->e.fake, got.id));
	expect_mib(2, 0);
}

/* A helper that takes many, and answers none: its programs pay, also after close(). */
TEST_TIMEOUT(what_waits_is_charged_to_the_cgroup, 60)
{
	enum { N = 60, LEN = 16000 };
	static struct ticket_self t;
	long before, after;

	env_start_bare(&t.e, S13_AES128);
	t.e.fake = fake_new(&t.e.hs);
	EXPECT_EQ(0, fake_register(t.e.fake, 1024));
	t.e.fake->messages = 3;
	got.hold = true;
	fake_start(t.e.fake, take_ticket, NULL);
	cgroup_enter();
	before = cgroup_current_kib();
	for (int i = 0; i < N; i++) {
		open_conn(&t);
		for (int k = 0; k < 3; k++)
			peer_send(&t.c.peer, CT_HANDSHAKE, t.message, make_ticket(&t, LEN, k));
		pass_data(&t);
		conn_close(&t.c);
	}
	expect_mib(3 * N, 0);
	after = cgroup_current_kib();
	harness_note("%ld KiB before, %ld KiB with 2 tickets each of %d", before, after, N);
	EXPECT_GE(after - before, N * 2 * (LEN >> 10));
	fake_die(t.e.fake);
	EVENTUALLY(net_mib("TicketsDropped") == 3 * N, 5000);
	cgroup_leave();
}

/* close() processes tickets that nobody has read. */
TEST_F(ticket, close_reads_them)
{
	open_conn(self);
	send_ticket(self, 1);
	send_ticket(self, 2);
	EVENTUALLY(net_poll(self->c.fd, POLLIN, 50) == 0, 5000);
	close(self->c.fd);
	EVENTUALLY(got.seen == 2, 5000);
	expect_mib(2, 0);
}

/* Tickets that arrive while the closed connection lingers are processed. */
TEST_F(ticket, come_after_close)
{
	open_conn(self);
	close(self->c.fd);
	peer_expect_close(&self->c.peer);
	send_ticket(self, 1);
	send_ticket(self, 2);
	EVENTUALLY(got.seen == 2, 5000);
	expect_mib(2, 0);
	EXPECT_EQ(1, net_mib("Lingers"));
}

/* Half of the credit is reserved for handshakes. */
TEST(credit)
{
	struct env e;
	struct ticket_self t[3];
	struct conn more;

	env_start_bare(&e, S13_AES128);
	e.fake = fake_new(&e.hs);
	EXPECT_EQ(0, fake_register(e.fake, 4));
	e.fake->messages = 2;
	fake_start(e.fake, take_ticket, NULL);
	got.hold = true;
	for (int i = 0; i < 3; i++) {
		t[i].e = e;
		open_conn(&t[i]);
	}
	for (int i = 0; i < 3; i++) {
		send_ticket(&t[i], i);
		pass_data(&t[i]);
	}
	EVENTUALLY(got.seen == 2, 5000);
	expect_mib(2, 1);
	conn_open(&more, &e, ROLE_CLIENT, AF_INET);
	conn_close(&more);
	/* credit that comes back can be used again */
	fake_stop(e.fake);
	EXPECT_EQ(0, fake_message(e.fake, got.id));
	send_ticket(&t[2], 9);
	pass_data(&t[2]);
	free(fake_expect(e.fake, KTLS_CMD_MESSAGE));
	expect_mib(3, 1);
}

static void fill_nothing(struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	(void)arg;
}

/* Answers to no ticket, or to one of another port. */
TEST_F(ticket, wrong_answers)
{
	struct fake *other;

	got.hold = true;
	open_conn(self);
	send_ticket(self, 1);
	pass_data(self);
	EVENTUALLY(got.seen == 1, 5000);
	fake_stop(self->e.fake);
	EXPECT_EQ(-ENOENT, fake_message(self->e.fake, got.id + 1));
	EXPECT_EQ(-EINVAL, fake_raw(self->e.fake, KTLS_CMD_MESSAGE, fill_nothing, NULL));
	other = fake_new(&self->e.hs);
	EXPECT_EQ(-EPERM, fake_message(other, got.id));
	EXPECT_EQ(0, fake_register(other, 4));
	EXPECT_EQ(-ENOENT, fake_message(other, got.id));
	EXPECT_EQ(0, fake_message(self->e.fake, got.id));
	pass_data(self);
}

static int too_many;

static void want_too_many(struct fake *f, struct fake_msg *m)
{
	if (m->cmd == KTLS_CMD_DATA) {
		struct fake_done d;

		fake_done_init(&d, f, m->id, ROLE_CLIENT);
		d.messages = KTLS_GENL_MESSAGES_MAX + 1;
		d.consumed = fake_len(m, KTLS_A_RECORDS);
		too_many = fake_done(f, &d);
	}
	fake_answer(f, m);
}

TEST(more_than_may_be_wanted)
{
	struct conn c;
	struct env e;

	env_start_with(&e, S13_AES128, want_too_many, NULL);
	conn_open(&c, &e, ROLE_CLIENT, AF_INET);
	EXPECT_EQ(-ERANGE, too_many);
	conn_close(&c);
}

/* Servers refuse tickets, and so does TLS 1.2 after the handshake. */
TEST(where_there_are_none)
{
	struct conn c;
	struct env e;

	env_start_with(&e, S13_AES128, take_ticket, NULL);
	e.fake->messages = 16;
	conn_open(&c, &e, ROLE_SERVER, AF_INET);
	peer_send_ticket(&c.peer);
	FAILS(EPROTO, read(c.fd, &(char){ 0 }, 1));
	peer_expect_alert(&c.peer, 10);
	EXPECT_EQ(0, got.seen);
}

TEST_HARNESS_MAIN
