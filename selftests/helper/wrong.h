/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fixture of the tests of wrong answers: a connect() in whose handshake the helper is about to
 * send DONE.
 */
#ifndef _SELFTESTS_WRONG_H
#define _SELFTESTS_WRONG_H

#include "lib/sock.h"

FIXTURE(wrong)
{
	struct env e;
	struct addr a;
	int l, fd;
	struct peer p;
	struct job j;
	uint64_t id;
	size_t batch;		/* bytes of the batch that waits for an answer */
};
FIXTURE_VARIANT(wrong) { uint16_t suite; };
FIXTURE_VARIANT_ADD(wrong, tls13) { S13_AES128 };
FIXTURE_VARIANT_ADD(wrong, tls12) { S12_AES256 };

/* Runs the handshake until a correct helper would send DONE. */
static inline void reach_done(struct wrong_self *self)
{
	uint8_t flight[HS_FLIGHT_MAX];
	struct fake_msg *m;

	job_connect(&self->j, self->fd, &self->a);
	m = fake_expect(self->e.fake, KTLS_CMD_START);
	self->id = m->id;
	ASSERT_EQ(0, fake_data(self->e.fake, m->id, flight,
			       hs_flight(&self->e.hs, HS_CLIENT_HELLO, flight), false));
	free(m);
	peer_init(&self->p, net_accept(self->l), true, &self->e.hs);
	peer_recv_flight(&self->p, HS_CLIENT_HELLO);
	peer_send_flight(&self->p, HS_SERVER_FLIGHT);
	self->batch = 0;
	for (size_t all = hs_flight(&self->e.hs, HS_SERVER_FLIGHT, flight); self->batch < all;) {
		m = fake_expect(self->e.fake, KTLS_CMD_DATA);
		ASSERT_EQ(self->id, m->id);
		if (self->batch)
			harness_note("the flight came in pieces");
		self->batch += fake_len(m, KTLS_A_RECORDS);
		if (self->batch < all && !m->tb[KTLS_A_MORE]) {
			ASSERT_EQ(0, fake_data(self->e.fake, m->id, NULL, 0, false));
			all -= self->batch;
			self->batch = 0;
		}
		free(m);
	}
}

FIXTURE_SETUP(wrong)
{
	env_start_manual(&self->e, variant->suite, 8);
	self->l = net_listen(AF_INET, 8, &self->a);
	self->fd = sock_new(AF_INET);
	reach_done(self);
}
FIXTURE_TEARDOWN(wrong)
{
	close(self->fd);
	peer_free(&self->p);
}

/* connect() fails, and no other connection does. Whether the kernel refuses the
 * message or only fails the request is not specified.
 */
static inline void expect_wrong_fails(struct wrong_self *self, const struct fake_done *d)
{
	fake_done(self->e.fake, d);
	conn_expect_failed(self->fd, &self->j);
}

/* A handshake with a correct helper still works. */
static inline void expect_next_works(struct wrong_self *self)
{
	struct peer p;
	struct job j;
	int fd = sock_new(AF_INET);

	fake_start(self->e.fake, NULL, NULL);
	job_connect(&j, fd, &self->a);
	peer_init(&p, net_accept(self->l), true, &self->e.hs);
	peer_handshake(&p);
	job_wait(&j, 5000);
	OK(j.ret);
}

static inline void good_done(struct wrong_self *self, struct fake_done *d)
{
	static uint8_t flight[HS_FLIGHT_MAX];

	fake_done_init(d, self->e.fake, self->id, ROLE_CLIENT);
	d->consumed = self->batch;
	d->records = flight;
	d->records_len = hs_flight(&self->e.hs, HS_CLIENT_FIN, flight);
}

/* A test: connect() fails after a DONE that is correct except for @edit, and the next connect()
 * succeeds.
 */
#define WRONG(name, edit)								\
	TEST_F(wrong, name)							\
	{									\
		struct fake_done d;						\
										\
		good_done(self, &d);						\
		edit;								\
		expect_wrong_fails(self, &d);					\
		expect_next_works(self);					\
	}

#endif /* _SELFTESTS_WRONG_H */
