/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OCSP (RFC 6960): requests and responses as bytes. Knows neither handshakes nor networks.
 * Any thread.
 */
#ifndef KTLSD_OCSP_H
#define KTLSD_OCSP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "config/crls.h"

enum {
	KTLSD_OCSP_REQUEST_MAX	= 2048,		/* bytes */
	KTLSD_OCSP_RESPONSE_MAX	= 65536,	/* bytes */
	KTLSD_OCSP_SINGLES_MAX	= 64,		/* certificates in one response */
	KTLSD_OCSP_URL_MAX	= 512,		/* bytes */
	KTLSD_OCSP_NONCE	= 16,		/* bytes */
	KTLSD_OCSP_TOLERANCE	= 300,		/* seconds that clocks may differ */
	KTLSD_OCSP_AGE_MAX	= 86400,	/* seconds, of a response without nextUpdate */
};

enum ktlsd_ocsp_status {
	KTLSD_OCSP_GOOD,
	KTLSD_OCSP_REVOKED,
	KTLSD_OCSP_UNKNOWN,	/* the responder does not know the certificate */
	KTLSD_OCSP_BAD,		/* nothing that could be believed */
};

/**
 * struct ktlsd_ocsp_answer - what a response says of one certificate
 * @status: see there
 * @revoked_at: when it was revoked, seconds since the epoch
 * @reason: why: CRL_REASON_*, or -1 if the response does not say
 * @this_update: from when the response holds, seconds since the epoch
 * @expires: until when; not longer than the certificate of its signer
 * @why: why it is KTLSD_OCSP_BAD: "it ..."; printable ASCII
 */
struct ktlsd_ocsp_answer {
	enum ktlsd_ocsp_status	status;
	int64_t			revoked_at;
	int			reason;
	int64_t			this_update;
	int64_t			expires;
	char			why[112];
};

/**
 * struct ktlsd_ocsp_question - what a response is checked for
 * @cert: the certificate
 * @issuer: which issued it
 * @nonce: KTLSD_OCSP_NONCE bytes that the request had, or NULL
 * @crls: to look up a signer that may be revoked, or NULL
 * @now: seconds since the epoch
 * @deadline: until when a handshake can wait for it, milliseconds of the monotonic clock
 * @user: whose handshake it is, see struct ktlsd_crl_view
 */
struct ktlsd_ocsp_question {
	X509				*cert;
	X509				*issuer;
	const uint8_t			*nonce;
	struct ktlsd_crl_set		*crls;
	int64_t				now;
	int64_t				deadline;
	uint64_t			user;
};

/**
 * ktlsd_ocsp_check - read a response and check everything in it
 * @der: the response
 * @len: bytes
 * @question: of which certificate
 * @ret_answer: filled
 *
 * It must be signed by the issuer, or by a certificate that the issuer has issued for the
 * purpose (RFC 6960 4.2.2.2). One that lacks the nonce is accepted, as responders may make
 * theirs in advance; one with another nonce is not.
 */
void ktlsd_ocsp_check(const uint8_t *der, size_t len,
		      const struct ktlsd_ocsp_question *question,
		      struct ktlsd_ocsp_answer *ret_answer);

/**
 * ktlsd_ocsp_request - make a request
 * @cert: for which certificate
 * @issuer: which issued it
 * @nonce: KTLSD_OCSP_NONCE bytes, or NULL for none
 * @dst: of KTLSD_OCSP_REQUEST_MAX bytes
 *
 * Return: bytes of the request, or a negative errno
 */
int ktlsd_ocsp_request(X509 *cert, X509 *issuer, const uint8_t *nonce, uint8_t *dst);

/* Copies the first http URL of a responder that the certificate names to @dst, of
 * KTLSD_OCSP_URL_MAX bytes. Return: whether there is one.
 */
bool ktlsd_ocsp_url(X509 *cert, char *dst);

/* Return: whether servers with this certificate must staple (RFC 7633). */
bool ktlsd_ocsp_must_staple(X509 *cert);

#endif
