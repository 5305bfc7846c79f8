// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/http.h>

#include "lib/clock.h"
#include "lib/fetching.h"
#include "lib/text.h"
#include "ktls-fetch/address.h"
#include "ktls-fetch/http.h"

enum {
	HTTP_HEAD_MAX	= 8192,		/* bytes */
};

/**
 * struct http - a request under way
 * @host: of the URL
 * @port: likewise
 * @path: likewise, with the query
 * @deadline: milliseconds of the monotonic clock
 * @fd: connected, or -1
 * @head: the beginning of what came
 * @got: bytes of all that came
 * @end: how many of them the server announced; SIZE_MAX if it has not, or not yet
 * @reason: of KTLS_FETCH_TEXT_MAX bytes: why it failed
 */
struct http {
	char	*host;
	char	*port;
	const char *path;
	int64_t	deadline;
	int	fd;
	struct ktlsd_buffer head;
	size_t	got;
	size_t	end;
	char	reason[KTLS_FETCH_TEXT_MAX];
};

__attribute__((format(printf, 3, 4)))
static int http_fail(struct http *http, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(http->reason, sizeof(http->reason), format, args);
	va_end(args);
	return error;
}

static int http_left(const struct http *http)
{
	int64_t left = http->deadline - ktlsd_clock_ms();

	return left > 0 ? (int)left : 0;
}

/* Waits by the monotonic clock. OpenSSL's own timeouts go by the time of day: if that is set back
 * by ten years meanwhile, they last for as long. Return: whether @fd is ready.
 */
static bool http_wait(const struct http *http, short events)
{
	struct pollfd poller = { .fd = http->fd, .events = events };
	int ret;

	do
		ret = poll(&poller, 1, http_left(http));
	while (ret < 0 && errno == EINTR);
	return ret == 1;
}

/* Return: 0 and @http->fd connected, or a negative errno. */
static int http_connect_to(struct http *http, const struct addrinfo *address)
{
	socklen_t len = sizeof(int);
	int err = 0;

	http->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (http->fd < 0)
		return -errno;
	if (connect(http->fd, address->ai_addr, address->ai_addrlen) && errno != EINPROGRESS)
		err = errno;
	else if (!http_wait(http, POLLOUT))
		err = ETIMEDOUT;
	else if (getsockopt(http->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (!err)
		return 0;
	close(http->fd);
	http->fd = -1;
	return -err;
}

static int http_connect(struct http *http)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL, *at;
	char host[KTLS_FETCH_URL_MAX + 1];
	bool refused = false;
	int err;

	/* OpenSSL leaves the brackets of an IPv6 address. */
	snprintf(host, sizeof(host), "%s", http->host + (http->host[0] == '['));
	host[strcspn(host, "]")] = '\0';
	err = getaddrinfo(host, http->port, &hints, &list);
	if (err)
		return http_fail(http, -EHOSTUNREACH, "the address of %.64s was not found: %s",
				 http->host, gai_strerror(err));
	err = -EHOSTUNREACH;
	for (at = list; at && http->fd < 0; at = at->ai_next) {
		if (ktls_fetch_address_is_allowed(at->ai_addr))
			err = http_connect_to(http, at);
		else
			refused = true;
	}
	freeaddrinfo(list);
	if (http->fd >= 0)
		return 0;
	if (refused && err == -EHOSTUNREACH)
		return http_fail(http, -EACCES,
				 "%.64s has a private address, see --allow in ktls-fetch(8)",
				 http->host);
	return http_fail(http, err, "%.64s port %.8s cannot be reached: %s", http->host,
			 http->port, strerror(-err));
}

/* --- the header --- */

/* Return: how long it is with the empty line that ends it; 0 before that came. */
static size_t http_head_len(const struct http *http)
{
	static const char end[] = "\r\n\r\n";
	const uint8_t *at = http->head.len ? memmem(http->head.data, http->head.len, end, 4) : NULL;

	return at ? (size_t)(at - http->head.data) + 4 : 0;
}

/* Finds a field of the header. @name: "\nname:", in lower case. @dst: of @size bytes, its value
 * without spaces around it, printable ASCII. Return: whether there is one.
 */
static bool http_find_field(const struct http *http, const char *name, char *dst, size_t size)
{
	const char *head = (const char *)http->head.data, *at;
	size_t head_len = http_head_len(http), i, len;

	for (i = 0; i + strlen(name) < head_len; i++) {
		if (strncasecmp(head + i, name, strlen(name)))
			continue;
		at = head + i + strlen(name);
		at += strspn(at, " \t");
		len = strcspn(at, "\r");
		while (len && (at[len - 1] == ' ' || at[len - 1] == '\t'))
			len--;
		ktlsd_text_escape(dst, size, at, len);
		return true;
	}
	return false;
}

/* Looks for the end of the body (RFC 9112 6.3) as soon as the header is there. Without this field
 * it is where the server closes the connection: we ask with HTTP/1.0.
 */
static void http_find_end(struct http *http)
{
	char length[24], *rest;
	unsigned long long body;

	if (!http_find_field(http, "\ncontent-length:", length, sizeof(length)))
		return;
	errno = 0;
	body = strtoull(length, &rest, 10);
	if (length[0] >= '0' && length[0] <= '9' && !*rest && !errno &&
	    body < SIZE_MAX - HTTP_HEAD_MAX)
		http->end = http_head_len(http) + body;
}

/* --- the connection, as OpenSSL sees it --- */

/* The server may keep the connection: at the end of the body it ends, too. */
static int http_bio_read(BIO *bio, char *data, int size)
{
	struct http *http = BIO_get_data(bio);
	size_t most = http->end - http->got < (size_t)size ? http->end - http->got : (size_t)size;
	ssize_t len;

	if (!most)
		return 0;
	do
		len = recv(http->fd, data, most, 0);
	while (len < 0 && (errno == EINTR || (errno == EAGAIN && http_wait(http, POLLIN))));
	if (len <= 0)
		return (int)len;
	http->got += (size_t)len;
	/* Behind a header that is so long, the server has to close the connection. */
	if (!http_head_len(http) &&
	    !ktlsd_buffer_append(&http->head, data, (size_t)len, HTTP_HEAD_MAX))
		http_find_end(http);
	if (http->got > http->end)
		http->end = http->got;
	return (int)len;
}

static int http_bio_write(BIO *bio, const char *data, int size)
{
	const struct http *http = BIO_get_data(bio);
	ssize_t len;

	do
		len = send(http->fd, data, (size_t)size, MSG_NOSIGNAL);
	while (len < 0 && (errno == EINTR || (errno == EAGAIN && http_wait(http, POLLOUT))));
	return (int)len;
}

static long http_bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

/* Return: NULL without memory. */
static BIO_METHOD *http_bio_method(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "http");

	if (method) {
		BIO_meth_set_read(method, http_bio_read);
		BIO_meth_set_write(method, http_bio_write);
		BIO_meth_set_ctrl(method, http_bio_ctrl);
	}
	return method;
}

static BIO *http_bio_new(const BIO_METHOD *method, struct http *http)
{
	BIO *bio = method ? BIO_new(method) : NULL;

	if (bio) {
		BIO_set_data(bio, http);
		BIO_set_init(bio, 1);
	}
	return bio;
}

/* --- the request --- */

/* @request: NULL for a CRL, for which servers have many content types. OpenSSL 3.5 takes those that
 * are text for an error where it expects DER: it returns the stream after the header then.
 */
static BIO *http_exchange(const struct http *http, BIO *socket, BIO *request)
{
	OSSL_HTTP_REQ_CTX *ctx;
	BIO *answer = NULL;

	/* Without a timeout; the socket has one. */
	ctx = OSSL_HTTP_open(http->host, http->port, NULL, NULL, 0, socket, socket, NULL,
			     NULL, 0, 0);
	if (ctx && OSSL_HTTP_set1_request(ctx, http->path, NULL,
					  request ? "application/ocsp-request" : NULL, request,
					  request ? "application/ocsp-response" : NULL,
					  request != NULL,
					  request ? KTLS_FETCH_ANSWER_MAX : KTLS_FETCH_CRL_MAX,
					  0, 0))
		answer = OSSL_HTTP_exchange(ctx, NULL);
	/* The answer has a reference of its own. */
	OSSL_HTTP_close(ctx, answer != NULL);
	return answer;
}

/* Finds a coding that the server has applied. We accept none (RFC 9110 8.4), and chunks are not for
 * HTTP/1.0 (RFC 9112 6.1). OpenSSL does not look at them, and finds bytes that are no DER.
 * @ret_field: which field names it. @dst: of @size bytes, printable ASCII. Return: whether there
 * is one.
 */
static bool http_find_coding(const struct http *http, const char **ret_field, char *dst, size_t size)
{
	*ret_field = "Transfer-Encoding";
	if (http_find_field(http, "\ntransfer-encoding:", dst, size))
		return true;
	*ret_field = "Content-Encoding";
	return http_find_field(http, "\ncontent-encoding:", dst, size) &&
	       strcasecmp(dst, "identity");
}

/* Return: the status code of the answer; 0 if it has none. */
static int http_status(const struct http *http)
{
	char line[16] = "";
	int status = 0;

	if (http->head.len >= sizeof(line))
		memcpy(line, http->head.data, sizeof(line) - 1);
	return sscanf(line, "HTTP/1.%*1d %3d", &status) == 1 ? status : 0;
}

/* Nothing came that OpenSSL could use. @why: its reason, or NULL */
static int http_fail_transfer(struct http *http, const char *what, const char *why)
{
	const char *field;
	char coding[24];

	if (!http_left(http))
		return http_fail(http, -ETIMEDOUT, "%.64s did not answer in time", http->host);
	if (http_find_coding(http, &field, coding, sizeof(coding)))
		return http_fail(http, -EPROTO, "%.64s gave no %s: it is encoded (%s: %s)",
				 http->host, what, field, coding);
	return http_fail(http, -EPROTO, "%.64s gave no %s: %s", http->host, what,
			 why ? why : "the connection was closed");
}

/* Return: the length of the SEQUENCE that begins there (RFC 5280 4.2.1.13: DER); 0 if more bytes are
 * needed to tell; SIZE_MAX if it is none.
 */
static size_t http_der_len(const struct ktlsd_buffer *answer)
{
	const uint8_t *der = answer->data;
	size_t len = 0, i, count;

	if (answer->len < 2)
		return 0;
	count = der[1] & 0x80 ? der[1] & 0x7f : 0;
	if (der[0] != (V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED) || count > 4 ||
	    (der[1] & 0x80 && !count))
		return SIZE_MAX;
	if (answer->len < 2 + count)
		return 0;
	if (!count)
		return 2 + (size_t)der[1];
	for (i = 0; i < count; i++)
		len = len << 8 | der[2 + i];
	return 2 + count + len;
}

/* Reads what there is, at least a byte. A buffer of OpenSSL would wait until @piece is full. */
static int http_read_some(BIO *response, uint8_t *piece, size_t size)
{
	size_t buffered = BIO_ctrl_pending(response);

	if (!buffered && BIO_next(response))
		response = BIO_next(response);
	else if (buffered < size)
		size = buffered;
	return BIO_read(response, piece, (int)size);
}

/* Reads one DER value; the server need not close the connection after it. What comes behind it is
 * left out. @what: for the reason.
 */
static int http_read_all(struct http *http, BIO *response, const char *what,
			 struct ktlsd_buffer *answer)
{
	size_t len = 0;
	uint8_t piece[16384];
	int got, err = 0;

	while (!err && (!len || answer->len < len) &&
	       (got = http_read_some(response, piece, sizeof(piece))) > 0) {
		err = ktlsd_buffer_append(answer, piece, (size_t)got, KTLS_FETCH_CRL_MAX + sizeof(piece));
		len = http_der_len(answer);
		if (!err && len != SIZE_MAX && len > KTLS_FETCH_CRL_MAX)
			return http_fail(http, -EFBIG, "%.64s gave no %s: it has more than %d bytes",
					 http->host, what, KTLS_FETCH_CRL_MAX);
		if (!err && len == SIZE_MAX)
			return http_fail_transfer(http, what, "it is no DER");
	}
	if (err)
		return http_fail(http, err, "there is no memory for what %.64s sends", http->host);
	if (!len || answer->len < len)
		return http_fail_transfer(http, what, "it is incomplete");
	answer->len = len;
	return 0;
}

static int http_transfer(struct http *http, const void *body, size_t body_len,
			 struct ktlsd_buffer *answer)
{
	const char *what = body_len ? "OCSP response" : "CRL", *why;
	BIO_METHOD *method = http_bio_method();
	BIO *socket = http_bio_new(method, http);
	BIO *request = body_len ? BIO_new_mem_buf(body, (int)body_len) : NULL;
	/* A stream is read by lines up to the end of the header. */
	BIO *stream = BIO_new(BIO_f_buffer()), *response = NULL;
	int err = -ENOMEM;

	ERR_clear_error();
	if (socket && stream && (request || !body_len)) {
		BIO_push(stream, socket);
		response = http_exchange(http, body_len ? socket : stream, request);
	}
	why = ERR_reason_error_string(ERR_peek_last_error());
	/* Before a stream OpenSSL 3.5 does not look at the status. */
	if (response && http_status(http) != 200)
		err = http_fail_transfer(http, what, "its HTTP status is not 200");
	else if (response)
		err = http_read_all(http, response, what, answer);
	else
		err = http_fail_transfer(http, what, why);
	if (response)
		BIO_free(response);
	BIO_free(request);
	BIO_free(stream);
	BIO_free(socket);
	BIO_meth_free(method);
	ERR_clear_error();
	return err;
}

int ktls_fetch_http(const char *url, const void *body, size_t body_len,
		    unsigned int timeout_ms, struct ktlsd_buffer *answer)
{
	struct http http = {
		.fd = -1, .end = SIZE_MAX, .deadline = ktlsd_clock_ms() + timeout_ms,
	};
	char *user = NULL;
	int is_tls = 0, err;

	http.path = strncasecmp(url, "http://", 7) ? NULL : strchr(url + 7, '/');
	if (!http.path)
		http.path = "/";
	if (strncasecmp(url, "http://", 7) || strchr(url, '#') ||
	    !OSSL_HTTP_parse_url(url, &is_tls, &user, &http.host, &http.port, NULL, NULL,
				 NULL, NULL) || is_tls || (user && *user))
		err = http_fail(&http, -EINVAL, "its URL is not a plain http URL");
	else
		err = http_connect(&http);
	if (!err)
		err = http_transfer(&http, body, body_len, answer);
	if (err) {
		ktlsd_buffer_free(answer);
		ktlsd_buffer_append(answer, http.reason, strlen(http.reason),
				    sizeof(http.reason));
	}
	if (http.fd >= 0)
		close(http.fd);
	ERR_clear_error();
	ktlsd_buffer_free(&http.head);
	OPENSSL_free(user);
	OPENSSL_free(http.host);
	OPENSSL_free(http.port);
	return err;
}
