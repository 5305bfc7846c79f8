// SPDX-License-Identifier: GPL-2.0
/* Records other than application data, after the handshake: alerts, and handshake
 * messages (RFC 8446 4.6). A record may have several messages, and a message may be
 * spread over several records (RFC 8446 5.1).
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include <kunit/visibility.h>
#include <net/sock.h>
#include <uapi/linux/ktls.h>

#include "record/alert.h"
#include "record/control.h"
#include "record/key_update.h"
#include "record/rl.h"
#include "record/rx.h"
#include "suite.h"
#include "wire.h"

enum control_sizes {
	CONTROL_HEADER_SIZE	= 4,	/* msg_type, uint24 length */
};

/* Takes a vector with a length of size bytes off the front; NULL: too short. */
static const u8 *control_vector(const u8 **data, size_t *left, unsigned int size, size_t *len)
{
	const u8 *at = *data;

	if (*left < size)
		return NULL;
	*len = size == 1 ? at[0] : get_unaligned_be16(at);
	if (*left - size < *len)
		return NULL;
	*data += size + *len;
	*left -= size + *len;
	return at + size;
}

/* RFC 8446 4.6.1: lifetime, age_add, nonce<0..255>, ticket<1..>, extensions<0..> */
static bool control_ticket_is_valid(const u8 *data, size_t len)
{
	size_t n;

	if (len < 2 * sizeof(__be32))
		return false;
	data += 2 * sizeof(__be32);
	len -= 2 * sizeof(__be32);
	return control_vector(&data, &len, 1, &n) &&
	       control_vector(&data, &len, 2, &n) && n &&
	       control_vector(&data, &len, 2, &n) && !len;
}

static int control_ticket(struct ktls_rl *rl, const u8 *data, size_t len)
{
	if (!control_ticket_is_valid(data, len))
		return ktls_alert_refuse(rl, KTLS_ALERT_DECODE_ERROR,
					 "the peer sent a malformed NewSessionTicket");
	return rl->rules->ticket(rl, data, len);
}

static int control_certificate_request(struct ktls_rl *rl, const u8 *data, size_t len)
{
	return ktls_alert_refuse(rl, KTLS_ALERT_UNEXPECTED_MESSAGE,
				 "the peer asked for a certificate after the handshake");
}

static int control_insists(struct ktls_rl *rl)
{
	if (++rl->flow->control.renegotiations <= KTLS_RENEGOTIATIONS_MAX)
		return 0;
	return ktls_alert_refuse(rl, KTLS_ALERT_UNEXPECTED_MESSAGE,
				 "the peer insists on renegotiation");
}

/* RFC 5246 7.4.1.1: a client that does not want to renegotiate may ignore it. */
static int control_hello_request(struct ktls_rl *rl, const u8 *data, size_t len)
{
	if (len)
		return ktls_alert_refuse(rl, KTLS_ALERT_DECODE_ERROR,
					 "the peer sent a malformed HelloRequest");
	return control_insists(rl);
}

/* RFC 5246 7.2.2: a warning refuses, and the connection goes on. */
static int control_renegotiation(struct ktls_rl *rl, const u8 *data, size_t len)
{
	int err = control_insists(rl);

	if (!err)
		ktls_alert_send(rl, KTLS_ALERT_NO_RENEGOTIATION);
	return err;
}

/* Messages that are allowed, by version and role; all others are unexpected. */
static const struct {
	u16	version;
	u8	role;		/* of this side */
	u8	type;
	bool	last;		/* of its record: new keys come behind it (RFC 8446 5.1) */
	int	(*handle)(struct ktls_rl *rl, const u8 *data, size_t len);
} control_messages[] = {
	{ KTLS_TLS_1_3, KTLS_ROLE_CLIENT, KTLS_HS_NEW_SESSION_TICKET, false, control_ticket },
	{ KTLS_TLS_1_3, KTLS_ROLE_CLIENT, KTLS_HS_KEY_UPDATE, true, ktls_key_update_received },
	{ KTLS_TLS_1_3, KTLS_ROLE_SERVER, KTLS_HS_KEY_UPDATE, true, ktls_key_update_received },
	{ KTLS_TLS_1_3, KTLS_ROLE_CLIENT, KTLS_HS_CERTIFICATE_REQUEST, false,
	  control_certificate_request },
	{ KTLS_TLS_1_2, KTLS_ROLE_CLIENT, KTLS_HS_HELLO_REQUEST, false, control_hello_request },
	{ KTLS_TLS_1_2, KTLS_ROLE_SERVER, KTLS_HS_CLIENT_HELLO, false, control_renegotiation },
};

/* A whole message, with @left bytes behind it in its record. */
static int control_message(struct ktls_rl *rl, u8 type, const u8 *data, size_t len, size_t left)
{
	const u16 version = rl->flow->rx.suite->version;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(control_messages); i++)
		if (control_messages[i].version == version &&
		    control_messages[i].role == rl->role && control_messages[i].type == type)
			break;

	if (i == ARRAY_SIZE(control_messages))
		return ktls_alert_refuse(rl, KTLS_ALERT_UNEXPECTED_MESSAGE,
					 "the peer sent a handshake message after the handshake");
	if (control_messages[i].last && left)
		return ktls_alert_refuse(rl, KTLS_ALERT_UNEXPECTED_MESSAGE,
					 "the peer sent something behind its KeyUpdate");
	return control_messages[i].handle(rl, data, len);
}

/* The header is complete: allocate the body. */
static int control_begin(struct ktls_rl *rl, size_t len)
{
	struct ktls_control *c = &rl->flow->control;

	if (len > KTLS_CONTROL_MAX)
		return ktls_alert_refuse(rl, KTLS_ALERT_DECODE_ERROR,
					 "the peer sent a handshake message that is too long");
	c->msg = ktls_rl_zalloc(rl, max_t(size_t, len, 1));
	return c->msg ? 0 : -ENOMEM;
}

/* Copy bytes of a fragmented message. Returns how many, or a negative errno. */
static int control_gather(struct ktls_rl *rl, const u8 *data, size_t len)
{
	struct ktls_control *c = &rl->flow->control;
	size_t want, used = 0;
	int err;

	if (c->have < CONTROL_HEADER_SIZE) {
		used = min_t(size_t, len, CONTROL_HEADER_SIZE - c->have);
		memcpy(c->hdr + c->have, data, used);
		c->have += used;
		if (c->have < CONTROL_HEADER_SIZE)
			return used;
		err = control_begin(rl, get_unaligned_be24(c->hdr + 1));
		if (err) {
			c->have = 0;
			return err;
		}
	}

	want = CONTROL_HEADER_SIZE + get_unaligned_be24(c->hdr + 1) - c->have;
	want = min(want, len - used);
	memcpy(c->msg + c->have - CONTROL_HEADER_SIZE, data + used, want);
	c->have += want;
	used += want;

	want = get_unaligned_be24(c->hdr + 1);
	if (c->have < CONTROL_HEADER_SIZE + want)
		return used;
	err = control_message(rl, c->hdr[0], c->msg, want, len - used);
	ktls_control_free(rl);
	return err ?: used;
}

static int control_handshake(struct ktls_rl *rl, const u8 *data, size_t len)
{
	struct ktls_control *c = &rl->flow->control;
	size_t size;
	int used;

	if (!len)
		return ktls_alert_refuse(rl, KTLS_ALERT_UNEXPECTED_MESSAGE,
					 "the peer sent an empty fragment of a handshake message");
	while (len) {
		size = len < CONTROL_HEADER_SIZE ? SIZE_MAX :
		       CONTROL_HEADER_SIZE + get_unaligned_be24(data + 1);
		if (!c->have && size <= len) {
			used = control_message(rl, data[0], data + CONTROL_HEADER_SIZE,
					       size - CONTROL_HEADER_SIZE, len - size) ?: (int)size;
		} else {
			used = control_gather(rl, data, len);
		}
		if (used < 0)
			return used;
		data += used;
		len -= used;
	}
	return 0;
}

/**
 * ktls_control_pending - is a handshake message incomplete?
 * @rl: the connection
 *
 * Then no record of another type may come (RFC 8446 5.1).
 *
 * Context: socket lock held.
 * Return: whether there is one.
 */
bool ktls_control_pending(const struct ktls_rl *rl)
{
	sock_owned_by_me(rl->sk);
	return rl->flow->control.have;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_control_pending);

/**
 * ktls_control_free - forget an incomplete handshake message
 * @rl: the connection
 *
 * Context: socket lock held, or nobody else knows @rl any longer.
 */
void ktls_control_free(struct ktls_rl *rl)
{
	kvfree(rl->flow->control.msg);
	rl->flow->control.msg = NULL;
	rl->flow->control.have = 0;
}

/**
 * ktls_control_record - handle an authentic record that is not application data
 * @rl: an open connection
 * @type: content type
 * @data: the record's payload, in memory that nobody else writes to
 * @len: bytes in it
 *
 * framing.c has consumed the record already, so it cannot be handled again: a lack of
 * memory ends the connection, too.
 *
 * Context: process context, socket lock held; may send, never waits for TCP.
 * Return: 0: go on; negative errno: the connection has failed.
 */
int ktls_control_record(struct ktls_rl *rl, u8 type, const u8 *data, size_t len)
{
	int err;

	sock_owned_by_me(rl->sk);
	switch (type) {
	case KTLS_CT_ALERT:
		return ktls_alert_received(rl, data, len);
	case KTLS_CT_HANDSHAKE:
		err = control_handshake(rl, data, len);
		if (err == -ENOMEM)
			err = ktls_alert_fatal(rl, KTLS_ALERT_INTERNAL_ERROR, ENOMEM,
					       "no memory for a handshake message of the peer");
		return err;
	case KTLS_CT_CHANGE_CIPHER_SPEC:
		return ktls_alert_refuse(rl, KTLS_ALERT_UNEXPECTED_MESSAGE,
					 "the peer sent ChangeCipherSpec after the handshake");
	default:
		return ktls_alert_refuse(rl, KTLS_ALERT_UNEXPECTED_MESSAGE,
					 "the peer sent a record of an unknown type");
	}
}
EXPORT_SYMBOL_IF_KUNIT(ktls_control_record);
