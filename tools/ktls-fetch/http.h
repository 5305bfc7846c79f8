/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One HTTP request to an OCSP responder, or for a CRL, by OpenSSL's HTTP client over a connection of our
 * own, to an address that was checked. No proxy, no redirect, no TLS. Any thread.
 */
#ifndef KTLS_FETCH_HTTP_H
#define KTLS_FETCH_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buffer.h"

/**
 * ktls_fetch_http - POST an OCSP request, or GET a CRL
 * @url: of the responder, or of the CRL
 * @body: the request in DER
 * @body_len: bytes; 0 for a CRL
 * @timeout_ms: for all of it, but the DNS has limits of its own
 * @answer: empty; gets what came, at most KTLS_FETCH_ANSWER_MAX bytes of a response and
 *	KTLS_FETCH_CRL_MAX of a CRL, or the reason in words; the caller frees it
 *
 * Return: 0 or a negative errno
 */
int ktls_fetch_http(const char *url, const void *body, size_t body_len,
		    unsigned int timeout_ms, struct ktlsd_buffer *answer);

#endif
