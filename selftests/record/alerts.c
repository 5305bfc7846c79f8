// SPDX-License-Identifier: GPL-2.0-or-later
/* Alerts: the effect of each alert that the peer can send, and the alert that the peer gets for
 * each violation. The output has both as tables.
 */
#include <poll.h>

#include "lib/record.h"

static uint8_t big[20000], back[65536];

/* --- received --- */

/* RFC 8446 6: in 1.3 the level has no meaning. RFC 5246 7.2: a warning need not end the
 * connection.
 */
static bool ends_connection(const struct peer *p, uint8_t level, uint8_t alert)
{
	if (alert == 0 || alert == 90)
		return false;
	return is_tls13(p) || level == 2;
}

static void receive_one(struct record *r, uint8_t level, uint8_t alert)
{
	peer_send_data(r->p, "before", 6);
	peer_send_alert(r->p, level, alert);
	if (alert)
		peer_send_data(r->p, "behind", 6);
	ASSERT_EQ(6, recv(r->fd, back, 6, MSG_WAITALL));
	EXPECT_MEMEQ("before", back, 6);

	if (ends_connection(r->p, level, alert)) {
		FAILS(EPROTO, recv(r->fd, back, 6, 0));
		FAILS(EPROTO, recv(r->fd, back, 6, 0));
		FAILS(EPIPE, send(r->fd, "x", 1, MSG_NOSIGNAL));
		/* RFC 8446 6.2: no answer */
		EXPECT_EQ(255, sock_info(r->fd).alert_sent);
		EXPECT_NE(0, strlen(sock_error(r->fd)));
	} else if (!alert) {
		EXPECT_EQ(0, recv(r->fd, back, 6, 0));
		net_write(r->fd, "x", 1);
		peer_recv_data(r->p, back, 1);
	} else {
		EXPECT_EQ(6, recv(r->fd, back, 6, MSG_WAITALL));
		EXPECT_MEMEQ("behind", back, 6);
	}
	EXPECT_EQ(alert, sock_info(r->fd).alert_rcvd);
	harness_note("level %u alert %3u: %s%s", level, alert,
		     ends_connection(r->p, level, alert) ? "EPROTO, " :
		     alert ? "goes on" : "end of file",
		     ends_connection(r->p, level, alert) ? sock_error(r->fd) : "");
}

TEST_F_TIMEOUT(both, every_fatal_alert_received, 120)
{
	for (unsigned int alert = 0; alert < 256 && !harness_failed(); alert++) {
		if (alert)
			record_reopen(&self->r, 0);
		receive_one(&self->r, 2, alert);
	}
}

TEST_F_TIMEOUT(both, every_warning_received, 120)
{
	for (unsigned int alert = 0; alert < 256 && !harness_failed(); alert++) {
		if (alert)
			record_reopen(&self->r, 0);
		receive_one(&self->r, 1, alert);
	}
}

/* --- sent: what the peer must not do --- */

/* A violation: a record of @type with this content, or the bytes of @raw. */
struct violation {
	const char	*what;
	bool		v12, v13;
	uint8_t		alert;
	int		error;
	struct tls_record record;
	const char	*raw;		/* instead of a record: bytes on the wire */
	size_t		raw_len;
	unsigned int	times;		/* 0: once */
	const char	*then;		/* a second record of the same type, or data */
	uint8_t		then_type;
	int		role;		/* 0: either */
};

#define RECORD(t, s)	.record = { .type = (t), .data = s, .len = sizeof(s) - 1 }
#define RAW(s)		.raw = s, .raw_len = sizeof(s) - 1
#define TICKET_HEAD	"\x1c\x20\0\0\1\2\3\4"

static const struct violation violations[] = {
	/* the record layer, RFC 8446 5, RFC 5246 6.2 */
	{ "a record that is not authentic", 1, 1, 20, EBADMSG,
	  .record = { .type = CT_DATA, .data = "x", .len = 1, .flip = 1 } },
	{ "a record too short for its tag", 1, 1, 20, EPROTO, RAW("\x17\3\3\0\3abc") },
	{ "a ciphertext longer than any", 1, 1, 22, EPROTO, RAW("\x17\3\3\x48\1") },
	{ "a plaintext longer than 2^14", 1, 1, 22, EPROTO,
	  .record = { .type = CT_DATA, .data = big, .len = 16385 } },
	{ "padding beyond 2^14", 0, 1, 22, EPROTO,
	  .record = { .type = CT_DATA, .data = big, .len = 10, .pad = 16384 } },
	{ "nothing but padding", 0, 1, 10, EPROTO,
	  .record = { .type = CT_DATA, .pad = 20, .no_type = true } },
	{ "a record of SSL 3.0", 1, 1, 70, EPROTO, RAW("\x17\3\0\0\x20") },
	{ "another protocol", 1, 1, 10, EPROTO, RAW("GET / HTTP/1.0\r\n\r\n") },
	{ "a heartbeat", 1, 0, 10, EPROTO, RAW("\x18\3\3\0\3\1\0\0") },
	{ "a heartbeat, sealed", 0, 1, 10, EPROTO, RECORD(CT_HEARTBEAT, "\1\0\0") },
	{ "an unknown type, sealed", 0, 1, 10, EPROTO, RECORD(99, "abc") },
	{ "a plaintext alert", 0, 1, 10, EPROTO, RAW("\x15\3\3\0\2\2\x28") },
	{ "a plaintext handshake message", 0, 1, 10, EPROTO, RAW("\x16\3\3\0\4\0\0\0\0") },
	{ "ChangeCipherSpec, plaintext", 0, 1, 10, EPROTO, RAW("\x14\3\3\0\1\1") },
	{ "ChangeCipherSpec, sealed", 1, 1, 10, EPROTO, RECORD(CT_CCS, "\1") },
	{ "33 empty records of data", 1, 1, 10, EPROTO, RECORD(CT_DATA, ""), .times = 33 },

	/* alerts, RFC 8446 6 */
	{ "an empty alert", 1, 1, 10, EPROTO, RECORD(CT_ALERT, "") },
	{ "an alert of one byte", 1, 1, 50, EPROTO, RECORD(CT_ALERT, "\2") },
	{ "an alert of three bytes", 1, 1, 50, EPROTO, RECORD(CT_ALERT, "\2\x28\0") },
	{ "an alert of level 3", 1, 1, 47, EPROTO, RECORD(CT_ALERT, "\3\x28") },
	{ "9 warnings in a row", 1, 1, 10, EPROTO, RECORD(CT_ALERT, "\1\x5a"), .times = 9 },

	/* handshake messages, RFC 8446 4.6, 5.1 */
	{ "an empty fragment of a message", 1, 1, 10, EPROTO, RECORD(CT_HANDSHAKE, "") },
	{ "data within a message", 1, 1, 10, EPROTO, RECORD(CT_HANDSHAKE, "\x18\0"),
	  .then = "data", .then_type = CT_DATA },
	{ "an alert within a message", 1, 1, 10, EPROTO, RECORD(CT_HANDSHAKE, "\x18\0"),
	  .then = "\1\x5a", .then_type = CT_ALERT },
	{ "a message of 16 MiB", 1, 1, 50, EPROTO, RECORD(CT_HANDSHAKE, "\4\xff\xff\xff") },
	{ "a ServerHello", 1, 1, 10, EPROTO, RECORD(CT_HANDSHAKE, "\2\0\0\1\0") },
	{ "a ClientHello", 0, 1, 10, EPROTO, RECORD(CT_HANDSHAKE, "\1\0\0\1\0") },
	{ "EndOfEarlyData", 1, 1, 10, EPROTO, RECORD(CT_HANDSHAKE, "\5\0\0\0") },
	{ "a Certificate", 1, 1, 10, EPROTO, RECORD(CT_HANDSHAKE, "\x0b\0\0\1\0") },
	{ "a CertificateRequest", 1, 1, 10, EPROTO, RECORD(CT_HANDSHAKE, "\x0d\0\0\1\0") },
	{ "a Finished", 1, 1, 10, EPROTO, RECORD(CT_HANDSHAKE, "\x14\0\0\1\0") },
	{ "an unknown message", 1, 1, 10, EPROTO, RECORD(CT_HANDSHAKE, "\xfe\0\0\1\0") },
	{ "KeyUpdate in 1.2", 1, 0, 10, EPROTO, RECORD(CT_HANDSHAKE, "\x18\0\0\1\0") },
	{ "KeyUpdate that asks for 2", 0, 1, 47, EPROTO, RECORD(CT_HANDSHAKE, "\x18\0\0\1\2") },
	{ "KeyUpdate without a body", 0, 1, 50, EPROTO, RECORD(CT_HANDSHAKE, "\x18\0\0\0") },
	{ "KeyUpdate and another message", 0, 1, 10, EPROTO,
	  RECORD(CT_HANDSHAKE, "\x18\0\0\1\0\x18\0\0\1\0") },
	{ "a HelloRequest with a body", 1, 0, 50, EPROTO, RECORD(CT_HANDSHAKE, "\0\0\0\1\0"),
	  .role = ROLE_CLIENT },
	{ "9 HelloRequests", 1, 0, 10, EPROTO, RECORD(CT_HANDSHAKE, "\0\0\0\0"), .times = 9,
	  .role = ROLE_CLIENT },
	{ "a HelloRequest to a server", 1, 0, 10, EPROTO, RECORD(CT_HANDSHAKE, "\0\0\0\0"),
	  .role = ROLE_SERVER },
	{ "a ticket to a server", 0, 1, 10, EPROTO,
	  RECORD(CT_HANDSHAKE, "\4\0\0\x0e" TICKET_HEAD "\0\0\1x\0\0"), .role = ROLE_SERVER },
	{ "an empty ticket", 0, 1, 50, EPROTO,
	  RECORD(CT_HANDSHAKE, "\4\0\0\x0d" TICKET_HEAD "\0\0\0\0\0"), .role = ROLE_CLIENT },
	{ "a ticket cut short", 0, 1, 50, EPROTO,
	  RECORD(CT_HANDSHAKE, "\4\0\0\x0c" TICKET_HEAD "\0\0\2x"), .role = ROLE_CLIENT },
	{ "a ticket with more behind it", 0, 1, 50, EPROTO,
	  RECORD(CT_HANDSHAKE, "\4\0\0\x0f" TICKET_HEAD "\0\0\1x\0\0\0"), .role = ROLE_CLIENT },
};

static void violate(struct peer *p, const struct violation *v)
{
	if (v->raw) {
		peer_send_raw(p, v->raw, v->raw_len);
		return;
	}
	for (unsigned int i = 0; i < (v->times ?: 1); i++)
		peer_send_record(p, &v->record);
	if (v->then)
		peer_send(p, v->then_type, v->then, strlen(v->then));
}

static bool applies(const struct record *r, const struct violation *v)
{
	return (is_tls13(r->p) ? v->v13 : v->v12) && (!v->role || v->role == r->role);
}

static void expect_violation(struct record *r, const struct violation *v)
{
	peer_send_data(r->p, "good", 4);
	violate(r->p, v);
	ASSERT_EQ(4, recv(r->fd, back, 4, MSG_WAITALL));
	EXPECT_MEMEQ("good", back, 4);
	FAILS(v->error, recv(r->fd, back, sizeof(back), 0));
	EXPECT_EQ(-1, recv(r->fd, back, sizeof(back), 0));
	FAILS(EPIPE, send(r->fd, "x", 1, MSG_NOSIGNAL));
	peer_expect_alert(r->p, v->alert);
	EXPECT_EQ(v->alert, sock_info(r->fd).alert_sent);
	EXPECT_EQ(KTLS_STATE_FAILED, sock_state(r->fd));
	EXPECT_NE(0, strlen(sock_error(r->fd)));
	harness_note("%s: %s, alert %u, \"%s\"", v->what, strerrorname_np(v->error), v->alert,
		     sock_error(r->fd));
}

RECORD_FIXTURE(roles)
FIXTURE_VARIANT_ADD(roles, tls13_client) { { S13_AES128, ROLE_CLIENT, AF_INET } };
FIXTURE_VARIANT_ADD(roles, tls13_server) { { S13_CHACHA, ROLE_SERVER, AF_INET6 } };
FIXTURE_VARIANT_ADD(roles, tls12_client) { { S12_AES256, ROLE_CLIENT, AF_INET6 } };
FIXTURE_VARIANT_ADD(roles, tls12_server) { { S12_AES128, ROLE_SERVER, AF_INET } };

TEST_F_TIMEOUT(roles, every_violation_gets_its_alert, 120)
{
	unsigned int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(violations); i++) {
		if (!applies(&self->r, &violations[i]))
			continue;
		if (n++)
			record_reopen(&self->r, 0);
		expect_violation(&self->r, &violations[i]);
		if (harness_failed()) {
			harness_note("it was: %s", violations[i].what);
			return;
		}
	}
	EXPECT_GE(n, 25);
}

/* --- renegotiation, RFC 5246 --- */

RECORD_FIXTURE(tls12)
FIXTURE_VARIANT_ADD(tls12, client) { { S12_AES256, ROLE_CLIENT, AF_INET6 } };
FIXTURE_VARIANT_ADD(tls12, server) { { S12_AES128, ROLE_SERVER, AF_INET } };

TEST_F(tls12, renegotiation_is_refused)
{
	for (int i = 0; i < 3; i++) {
		if (self->r.role == ROLE_CLIENT) {
			peer_send(self->r.p, CT_HANDSHAKE, "\0\0\0\0", 4);
			EXPECT_EQ(0, net_poll(self->r.fd, POLLIN, 50));
			/* RFC 5246 7.4.1.1: ignored, and no answer */
			EXPECT_EQ(0, net_poll(self->r.p->fd, POLLIN, 50));
		} else {
			uint8_t type = 0;

			peer_send(self->r.p, CT_HANDSHAKE, "\1\0\0\1\0", 5);
			EXPECT_EQ(0, net_poll(self->r.fd, POLLIN, 50));
			EXPECT_EQ(2, peer_recv(self->r.p, &type, back, sizeof(back)));
			EXPECT_EQ(CT_ALERT, type);
			EXPECT_MEMEQ("\1\x64", back, 2);
		}
		peer_send_data(self->r.p, "on", 2);
		EXPECT_EQ(2, recv(self->r.fd, back, 2, MSG_WAITALL));
		net_write(self->r.fd, "and on", 6);
		peer_recv_data(self->r.p, back, 6);
	}
	EXPECT_EQ(KTLS_STATE_OPEN, sock_state(self->r.fd));
}

TEST_HARNESS_MAIN
