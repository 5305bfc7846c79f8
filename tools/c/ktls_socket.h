/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-3-Clause */
/* TLS sockets by name: see ktls_socket(3). There is nothing to link.
 *
 * For C99 and C++11 and later, with POSIX.1-2008. What is here saves lines that
 * every program with getaddrinfo() has; all of it can be done with the socket
 * options of ktls(7).
 */
#ifndef _KTLS_SOCKET_H
#define _KTLS_SOCKET_H

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <linux/ktls.h>

#ifndef AI_PASSIVE
#error "ktls_socket.h needs POSIX.1-2008: compile with -D_POSIX_C_SOURCE=200809L"
#endif

/* TCP_ULP: <netinet/tcp.h> and <linux/tcp.h> both have it, and exclude each other. */
#define KTLS_TCP_ULP		31

/* Bytes of a reason, with its NUL: an address and KTLS_ERROR */
#define KTLS_REASON_SIZE	384

/* An option to set before connect() or listen(). A list ends with option 0. */
struct ktls_setting {
	int		option;
	const void	*value;
	socklen_t	length;
};

/* The reason of the last failure of the socket: KTLS_ERROR, or else that of errno. */
static inline const char *ktls_reason(int fd, char *reason, size_t size)
{
	int error = errno;
	char text[256];
	socklen_t length = sizeof(text) - 1;

	if (getsockopt(fd, SOL_TLS, KTLS_ERROR, text, &length) || !length)
		snprintf(reason, size, "%s", strerror(error));
	else
		snprintf(reason, size, "%.*s", (int)length, text);
	errno = error;
	return reason;
}

/* The functions below are parts of ktls_connect() and ktls_listen(). */

/* Puts "HOST: " and why it failed into the reason, and closes the socket. Return: -1. */
static inline int ktls_socket_fail(int fd, const struct addrinfo *a, const char *what,
				   char *reason, size_t size)
{
	char host[INET6_ADDRSTRLEN + 32] = "", why[256];
	int error = errno;

	if (size) {
		if (!what)
			what = ktls_reason(fd, why, sizeof(why));
		if (a)
			getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof(host), NULL, 0,
				    NI_NUMERICHOST);
		snprintf(reason, size, "%s%s%s", host, *host ? ": " : "", what);
	}
	if (fd >= 0)
		close(fd);
	errno = error;
	return -1;
}

/* getaddrinfo(), with errno. ENXIO: the name has no address. */
static inline int ktls_socket_resolve(const char *host, const char *service, int flags,
				      struct addrinfo **list, char *reason, size_t size)
{
	struct addrinfo hints;
	int error;

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_protocol = IPPROTO_TCP;
	hints.ai_flags = flags;
	error = getaddrinfo(host, service, &hints, list);
	if (!error)
		return 0;
	if (error == EAI_MEMORY)
		errno = ENOMEM;
	else if (error != EAI_SYSTEM)
		errno = ENXIO;
	snprintf(reason, size, "%s, port %s: %s", host ? host : "*", service,
		 error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
	return -1;
}

/* A TLS socket with those settings; @host is the server's name unless they have another. */
static inline int ktls_socket_new(const struct addrinfo *a, const char *host,
				  const struct ktls_setting *settings, char *reason, size_t size)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP), failed = 0;
	const struct ktls_setting *s;
	char what[64];

	if (fd < 0)
		return ktls_socket_fail(fd, a, NULL, reason, size);
	if (setsockopt(fd, IPPROTO_TCP, KTLS_TCP_ULP, "ktls", 4))
		return ktls_socket_fail(fd, NULL, errno == ENOENT ?
					"the kernel module ktls is not loaded" : NULL,
					reason, size);
	for (s = settings; s && s->option && !failed; s++) {
		if (s->option == KTLS_SERVER_NAME)
			host = NULL;
		if (setsockopt(fd, SOL_TLS, s->option, s->value, s->length))
			failed = s->option;
	}
	/* With "%" it has a scope, which no certificate has: the address is verified. */
	if (!failed && host && !strchr(host, '%') &&
	    setsockopt(fd, SOL_TLS, KTLS_SERVER_NAME, host, (socklen_t)strlen(host)))
		failed = KTLS_SERVER_NAME;
	if (!failed)
		return fd;
	snprintf(what, sizeof(what), "option %d: %s", failed, strerror(errno));
	return ktls_socket_fail(fd, NULL, what, reason, size);
}

/* Milliseconds of a clock that nobody sets */
static inline long long ktls_socket_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Has TCP connected, so that the handshake runs or has run? */
static inline int ktls_socket_reached(int fd)
{
	struct ktls_info info;
	socklen_t length = sizeof(info);

	memset(&info, 0, sizeof(info));
	return !getsockopt(fd, SOL_TLS, KTLS_INFO, &info, &length) &&
		info.state >= KTLS_STATE_HANDSHAKE;
}

/* poll() until then, whatever signals come. Return: 0, or -1 with errno. */
static inline int ktls_socket_wait(int fd, long long until)
{
	struct pollfd p;
	long long left;
	int n;

	p.fd = fd;
	p.events = POLLOUT;
	do {
		left = until < 0 ? -1 : until - ktls_socket_now();
		if (until >= 0 && left < 0)
			left = 0;
		n = poll(&p, 1, left > 60000 ? 60000 : (int)left);
	} while ((n < 0 && errno == EINTR) || (n == 0 && left > 60000));
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0 ? 0 : -1;
}

/* connect() and its handshake. @share: when to give this address up unless it has
 * answered; @until: the deadline. -1: none.
 */
static inline int ktls_socket_connect(int fd, const struct addrinfo *a, long long share,
				      long long until)
{
	int flags = fcntl(fd, F_GETFL), error = 0;
	socklen_t length = sizeof(error);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return -1;
	if (connect(fd, a->ai_addr, a->ai_addrlen)) {
		if (errno != EINPROGRESS)
			return -1;
		if (ktls_socket_wait(fd, share) &&
		    (errno != ETIMEDOUT || !ktls_socket_reached(fd) ||
		     ktls_socket_wait(fd, until)))
			return -1;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length))
			return -1;
		if (error) {
			errno = error;
			return -1;
		}
	}
	return fcntl(fd, F_SETFL, flags);
}

/* Connects to a server and verifies that it is @host, unless @settings have another
 * KTLS_SERVER_NAME. @timeout: milliseconds for all addresses together, -1: no limit but
 * those of TCP and KTLS_TIMEOUT. Return: a blocking socket; -1 with errno, and why in
 * @reason.
 */
static inline int ktls_connect(const char *host, const char *service,
			       const struct ktls_setting *settings, int timeout,
			       char *reason, size_t size)
{
	long long until = timeout < 0 ? -1 : ktls_socket_now() + timeout, share = -1, now;
	struct addrinfo *list, *a;
	int fd = -1, left = 0;

	if (ktls_socket_resolve(host, service, 0, &list, reason, size))
		return -1;
	for (a = list; a; a = a->ai_next)
		left++;
	for (a = list; a; a = a->ai_next, left--) {
		fd = ktls_socket_new(a, host, settings, reason, size);
		if (fd < 0 && errno == EAFNOSUPPORT)
			continue;
		if (fd < 0)
			break;
		now = ktls_socket_now();
		if (until >= 0)
			share = now + (until > now ? until - now : 0) / left;
		if (!ktls_socket_connect(fd, a, share, until))
			break;
		now = ktls_socket_reached(fd);
		fd = ktls_socket_fail(fd, a, NULL, reason, size);
		/* A server that has answered, and failed, would fail at another address too. */
		if (now)
			break;
	}
	left = errno;
	freeaddrinfo(list);
	errno = left;
	return fd;
}

/* Listens as that identity of ktlsd.conf(5); NULL: the settings have a certificate. @host
 * NULL: at all addresses, of IPv4 and IPv6. Return: the socket; -1 with errno, and why in
 * @reason.
 */
static inline int ktls_listen(const char *host, const char *service, const char *identity,
			      const struct ktls_setting *settings, int backlog,
			      char *reason, size_t size)
{
	int fd = -1, error, on = 1, off = 0;
	struct addrinfo *list, *a;

	if (ktls_socket_resolve(host, service, AI_PASSIVE, &list, reason, size))
		return -1;
	/* IPv6 first: without a host its socket serves IPv4, too. */
	for (a = list; a && !host && a->ai_family != AF_INET6 && a->ai_next; )
		a = a->ai_next;
	fd = ktls_socket_new(a, NULL, settings, reason, size);
	if (fd < 0 && errno == EAFNOSUPPORT && a != list) {
		a = list;
		fd = ktls_socket_new(a, NULL, settings, reason, size);
	}
	if (fd >= 0 &&
	    (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	     (!host && a->ai_family == AF_INET6 &&
	      setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off))) ||
	     bind(fd, a->ai_addr, a->ai_addrlen) ||
	     (identity && setsockopt(fd, SOL_TLS, KTLS_IDENTITY, identity,
				     (socklen_t)strlen(identity))) ||
	     listen(fd, backlog)))
		fd = ktls_socket_fail(fd, a, NULL, reason, size);
	error = errno;
	freeaddrinfo(list);
	errno = error;
	return fd;
}

#endif /* _KTLS_SOCKET_H */
