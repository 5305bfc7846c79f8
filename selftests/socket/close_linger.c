// SPDX-License-Identifier: GPL-2.0-or-later
/* Places for sockets that linger after close: who gets one, and who loses one. */
#include <poll.h>
#include <sys/fsuid.h>

#include "lib/record.h"

#define MEG	(1 << 20)
#define PLACES	8
#define MANY	24

static uint8_t big[MEG], back[MEG];

FIXTURE(linger) { struct env e; struct conn c[MANY]; unsigned int n; };
FIXTURE_SETUP(linger)
{
	net_set_parameter("lingers_max", PLACES);
	env_start(&self->e, S13_AES128);
	net_pattern(big, MEG, 1);
}
FIXTURE_TEARDOWN(linger)
{
	net_set_parameter("lingers_max", 16384);
	while (self->n)
		peer_free(&self->c[--self->n].peer);
}

/* A socket is closed with unread data on the way to the peer, and a ticket arrives. Without a
 * place TCP answers the ticket with a reset, and the data is lost.
 */
static void expect_delivery(struct env *e)
{
	size_t sent, got = 0;
	struct conn c;
	uint8_t type;
	ssize_t n;

	conn_open(&c, e, ROLE_CLIENT, AF_INET);
	sent = sock_fill(c.fd, big, MEG);
	OK(close(c.fd));
	peer_send_ticket(&c.peer);
	harness_nap(20);
	while (got < sent) {
		n = peer_recv(&c.peer, &type, back + got, MEG - got);
		if (n < 0) {
			harness_fail(__FILE__, __LINE__, "after %zu of %zu bytes: %s", got, sent,
				     errno ? strerrorname_np(errno) : "FIN");
			break;
		}
		got += n;
	}
	peer_free(&c.peer);
}

/* Connections of @uid whose peers do not close. */
static void close_many(struct env *e, struct conn *c, unsigned int n, uid_t uid)
{
	uint64_t before = net_mib("Lingers");

	for (unsigned int i = 0; i < n; i++) {
		setfsuid(uid);
		conn_open(&c[i], e, ROLE_CLIENT, AF_INET);
		setfsuid(0);
		OK(close(c[i].fd));
	}
	EXPECT_GT(net_mib("Lingers"), before);
}

TEST_F(linger, places_are_shared_among_users)
{
	close_many(&self->e, self->c, self->n = MANY, 1000);
	expect_delivery(&self->e);
}

/* At the limit, a user's oldest lingering connection makes room for a new one. */
TEST_F(linger, the_oldest_goes_for_the_newest)
{
	close_many(&self->e, self->c, self->n = MANY, 0);
	expect_delivery(&self->e);
}

/* Unauthenticated peers whose handshakes fail. */
TEST_F(linger, failed_handshakes_take_no_place_of_others)
{
	static const char junk[] = "GET / HTTP/1.0\r\n\r\n";
	struct addr a;
	int l = sock_listen(AF_INET, MANY, &a), fds[MANY];

	for (int i = 0; i < MANY; i++) {
		fds[i] = net_socket(AF_INET);
		OK(connect(fds[i], &a.sa, a.len));
		net_write(fds[i], junk, sizeof(junk) - 1);
	}
	EVENTUALLY(net_mib("HandshakesFailed") == MANY, 10000);
	expect_delivery(&self->e);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	close(l);
}
