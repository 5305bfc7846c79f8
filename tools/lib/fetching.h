/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ktlsd and ktls-fetch say to each other, over a SEQPACKET socket: a message for every
 * fetch, and one back or, for a CRL, several. Those for different fetches come in any order.
 */
#ifndef KTLS_TOOLS_LIB_FETCHING_H
#define KTLS_TOOLS_LIB_FETCHING_H

#include <stdbool.h>
#include <stdint.h>

#define KTLS_FETCH_SOCKET	"/run/ktls-fetch/socket"

enum {
	KTLS_FETCH_URL_MAX	= 512,		/* bytes */
	KTLS_FETCH_BODY_MAX	= 2048,		/* bytes of a request */
	KTLS_FETCH_ANSWER_MAX	= 65536,	/* bytes of a response, and of a message */
	KTLS_FETCH_CRL_MAX	= 16 << 20,	/* bytes of a CRL */
	KTLS_FETCH_TEXT_MAX	= 160,		/* bytes of a reason */
	KTLS_FETCH_TIMEOUT_MAX	= 120000,	/* ms */
};

/**
 * struct ktls_fetch_request - POST an OCSP request, or GET a CRL
 * @id: for the answer
 * @timeout_ms: for all of it
 * @url_len: bytes of the URL, which follows
 * @body_len: bytes of the OCSP request, which follows the URL; 0 for a CRL
 */
struct ktls_fetch_request {
	uint64_t	id;
	uint32_t	timeout_ms;
	uint16_t	url_len;
	uint16_t	body_len;
};

/**
 * struct ktls_fetch_answer - what came back
 * @id: of the request
 * @error: 0, or a negative errno
 * @len: bytes that follow: the response, or a part of the CRL, or the reason in words without
 *	NUL
 * @left: bytes of the CRL in further messages
 * @reserved: 0
 */
struct ktls_fetch_answer {
	uint64_t	id;
	int32_t		error;
	uint32_t	len;
	uint32_t	left;
	uint32_t	reserved;
};

#define KTLS_FETCH_MESSAGE_MAX	(sizeof(struct ktls_fetch_answer) + KTLS_FETCH_ANSWER_MAX)

/* For ktlsd. Return: a connection to ktls-fetch that never waits, or a negative errno. */
int ktlsd_fetching_connect(const char *path);

/* Sends a @request for @url, whose @body has @body_len bytes; sets @url_len.
 * Return: 0 or a negative errno; -EAGAIN: there is no room, later there will be
 */
int ktlsd_fetching_send(int fd, struct ktls_fetch_request *request, const char *url,
			const void *body);

/* Receives an answer into @buffer, of KTLS_FETCH_MESSAGE_MAX bytes.
 * Return: 1, and @ret_answer is a copy of its head; 0: there is none; -EPIPE: ktls-fetch has
 * ended, or does not keep to the protocol
 */
int ktlsd_fetching_receive(int fd, uint8_t *buffer, struct ktls_fetch_answer *ret_answer);

/* Return: whether two http URLs name the same host and port. */
bool ktlsd_fetching_is_same_host(const char *url, const char *other);

#endif
