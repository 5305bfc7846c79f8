// SPDX-License-Identifier: GPL-2.0-or-later
/* ktls-fetch: what a responder answers, and what ktlsd asks for.
 *
 * The input is a byte that says which of them, and its bytes. Nothing is sent to anybody: the
 * responder is a socket pair, and no host has an address.
 */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "fuzz/fixed.h"
#include "fuzz/pki.h"

static int fuzz_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
			    struct addrinfo **ret_list)
{
	(void)hints;
	(void)ret_list;
	if (!host || !port || strlen(host) + strlen(port) > 1024)
		abort();
	return EAI_NONAME;
}

/* The functions behind those that connect are static. */
#define getaddrinfo fuzz_getaddrinfo
#include "ktls-fetch/http.c"
#undef getaddrinfo
#include "ktls-fetch/serve.c"

enum {
	FETCH_ANSWER	= 0,
	FETCH_URL	= 1,
	FETCH_REQUEST	= 2,
	FETCH_CRL	= 3,
	FETCH_KINDS	= 4,
};

static void fetch_write(void)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\n"
		"Content-Length: 5\r\n\r\n\x30\x03\x0a\x01\x01",
		"HTTP/1.0 200 OK\r\nContent-Type: application/ocsp-response; a=b\r\n\r\n"
		"\x30\x03\x0a\x01\x01",
		"HTTP/1.1 301 Moved\r\nLocation: http://other.test/\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nConnection: keep-alive\r\n"
		"Content-Type: text/html\r\n\r\n<html>",
		"HTTP/1.1 404 Not Found\r\nContent-Length: 99999999999\r\n\r\n",
	};
	static const char *const urls[] = {
		"http://ocsp.test/path?query", "http://[2001:db8::1]:8080/", "http://a:0/",
		"http://user:password@host:80/#fragment", "https://host/",
	};
	const struct ktls_fetch_request request = { .timeout_ms = 1000, .url_len = 14, .body_len = 3 };
	static const char crl[] = "HTTP/1.0 200 OK\r\nContent-Type: application/pkix-crl\r\n\r\n"
				  "\x30\x03\x0a\x01\x01";
	static const char rest[] = "http://a.test/123";
	uint8_t kind = FETCH_ANSWER, head[1 + sizeof(request)] = { FETCH_REQUEST };
	char name[16];
	size_t i;

	for (i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "answer-%zu", i);
		fuzz_pki_seed(name, &kind, 1, answers[i], strlen(answers[i]));
	}
	kind = FETCH_URL;
	for (i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "url-%zu", i);
		fuzz_pki_seed(name, &kind, 1, urls[i], strlen(urls[i]));
	}
	kind = FETCH_CRL;
	fuzz_pki_seed("crl", &kind, 1, crl, strlen(crl));
	memcpy(head + 1, &request, sizeof(request));
	fuzz_pki_seed("request", head, sizeof(head), rest, strlen(rest));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_fixed_setup();
	fuzz_pki_seeds(*argc, *argv, fetch_write);
	return 0;
}

/* A reason goes to the log of ktlsd. */
static void fetch_check_reason(const char *reason, size_t len)
{
	if (!len || len >= KTLS_FETCH_TEXT_MAX || memchr(reason, 0, len))
		abort();
}

/* @request_len: 0 for a CRL */
static void fetch_answer(const struct fuzz *fuzz, size_t request_len)
{
	struct http http = {
		.host = (char *)"ocsp.test", .port = (char *)"80", .path = "/",
		.deadline = ktlsd_clock_ms() + 5000, .fd = -1,
	};
	const size_t max = request_len ? KTLS_FETCH_ANSWER_MAX : KTLS_FETCH_CRL_MAX;
	struct ktlsd_buffer answer = { 0 };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		abort();
	/* What does not fit is as good as lost. */
	if (send(pair[1], fuzz->data, fuzz->len, MSG_NOSIGNAL) < 0 && fuzz->len)
		goto close_pair;
	shutdown(pair[1], SHUT_WR);
	http.fd = pair[0];
	if (http_transfer(&http, "request", request_len, &answer))
		fetch_check_reason(http.reason, strlen(http.reason));
	else if (!answer.len || answer.len > max)
		abort();
	ktlsd_buffer_free(&http.head);
	ktlsd_buffer_free(&answer);
close_pair:
	close(pair[0]);
	close(pair[1]);
}

static void fetch_url(const struct fuzz *fuzz)
{
	char url[KTLS_FETCH_URL_MAX + 1] = "";
	struct ktlsd_buffer answer = { 0 };

	memcpy(url, fuzz->data, fuzz->len < KTLS_FETCH_URL_MAX ? fuzz->len : KTLS_FETCH_URL_MAX);
	if (!ktls_fetch_http(url, "request", 7, 1000, &answer))
		abort();
	fetch_check_reason((char *)answer.data, answer.len);
	ktlsd_buffer_free(&answer);
	ktls_fetch_address_allow(url);
}

static void fetch_request(const struct fuzz *fuzz)
{
	struct serve_job *job = serve_parse(fuzz->data, fuzz->len);

	if (job && (!ktlsd_fetching_is_same_host(job->url, job->url) ||
		    job->header.timeout_ms > KTLS_FETCH_TIMEOUT_MAX))
		abort();
	free(job);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz fuzz = { data, len };

	fuzz_fixed_reset();
	switch (fuzz_byte(&fuzz) % FETCH_KINDS) {
	case FETCH_ANSWER:
		fetch_answer(&fuzz, 7);
		break;
	case FETCH_CRL:
		fetch_answer(&fuzz, 0);
		break;
	case FETCH_URL:
		fetch_url(&fuzz);
		break;
	default:
		fetch_request(&fuzz);
	}
	return 0;
}
