/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scripted peer: sends and receives single TLS records over a plain TCP socket. */
#ifndef _SELFTESTS_PEER_H
#define _SELFTESTS_PEER_H

#include "hs.h"

struct peer {
	int		fd;
	bool		server;
	const struct hs	*hs;
	struct tls_dir	tx, rx;
	/* One record each way: a thread may receive while another one sends. */
	uint8_t		*buf, *out;
	size_t		pad;		/* of the record received last */
};

void peer_init(struct peer *p, int fd, bool server, const struct hs *hs);
void peer_free(struct peer *p);

/* The handshake of hs.h, whole or in halves. */
void peer_handshake(struct peer *p);
void peer_send_flight(struct peer *p, enum hs_flight which);
void peer_recv_flight(struct peer *p, enum hs_flight which);

void peer_send_raw(struct peer *p, const void *buf, size_t len);
void peer_send_record(struct peer *p, const struct tls_record *r);
void peer_send(struct peer *p, uint8_t type, const void *data, size_t len);
void peer_send_data(struct peer *p, const void *data, size_t len);
void peer_send_alert(struct peer *p, uint8_t level, uint8_t description);
void peer_send_close(struct peer *p);
/* KeyUpdate: the next record is sealed under new keys. */
void peer_send_update(struct peer *p, uint8_t request);
/* A NewSessionTicket; in 1.3 only. */
void peer_send_ticket(struct peer *p);
/* Seals a record without sending it. */
size_t peer_seal(struct peer *p, uint8_t type, const void *data, size_t len, uint8_t *out);

/* One record. Returns the length of its plaintext; -1 with errno: 0 for FIN,
 * ECONNRESET, EBADMSG when it is not authentic.
 */
ssize_t peer_recv(struct peer *p, uint8_t *type, void *buf, size_t size);
/* Application data only, exactly @len bytes, or the test fails. */
void peer_recv_data(struct peer *p, void *buf, size_t len);
/* An alert with that description, or the test fails. */
void peer_expect_alert(struct peer *p, uint8_t description);
/* Receives up to FIN or RST. Return: true for FIN. */
bool peer_drain_to_fin(struct peer *p);
/* Exactly close_notify, and then FIN. */
void peer_expect_close(struct peer *p);

#endif /* _SELFTESTS_PEER_H */
