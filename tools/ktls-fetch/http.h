/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One HTTP request to an OCSP responder, by OpenSSL's HTTP client over a connection of our
 * own, to an address that was checked. No proxy, no redirect, no TLS. Any thread.
 */
#ifndef KTLS_FETCH_HTTP_H
#define KTLS_FETCH_HTTP_H

#include <stddef.h>
#include <stdint.h>

/**
 * ktls_fetch_http_post - POST an OCSP request and receive the response
 * @url: of the responder
 * @body: the request in DER
 * @body_len: bytes
 * @timeout_ms: for all of it, but the DNS has limits of its own
 * @answer: of KTLS_FETCH_ANSWER_MAX bytes: the response, or the reason in words
 * @ret_len: bytes
 *
 * Return: 0 or a negative errno
 */
int ktls_fetch_http_post(const char *url, const void *body, size_t body_len,
			 unsigned int timeout_ms, void *answer, size_t *ret_len);

#endif
