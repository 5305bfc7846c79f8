// SPDX-License-Identifier: GPL-2.0-or-later
/* example_server PORT IDENTITY: greet each TLS client. No TLS library. */
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/ktls.h>

static void greet(int fd)
{
	struct ktls_info info = { 0 };
	socklen_t len = sizeof(info);
	char buf[4096];
	int n;

	if (read(fd, buf, sizeof(buf)) <= 0 ||
	    getsockopt(fd, SOL_TLS, KTLS_INFO, &info, &len))
		return;
	n = snprintf(buf, sizeof(buf), "HTTP/1.0 200 OK\r\n\r\n"
		     "Hello over TLS, version %#x, suite %#x\n",
		     info.version, info.suite);
	if (write(fd, buf, n) != n)
		warn("write");
}

int main(int argc, char **argv)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	char why[256] = "";
	socklen_t len = sizeof(why) - 1;
	int fd, conn, one = 1;

	if (argc != 3)
		errx(2, "usage: example_server PORT IDENTITY");
	sin6.sin6_port = htons(atoi(argv[1]));

	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* Started again, it gets its port although connections to it have only just ended. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&sin6, sizeof(sin6)))
		err(1, "bind");
	/* The two calls that make it TLS: this socket is, and this is who we are. */
	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "ktls", 4))
		err(1, "TCP_ULP (is the module ktls loaded?)");
	if (setsockopt(fd, SOL_TLS, KTLS_IDENTITY, argv[2], strlen(argv[2])))
		err(1, "KTLS_IDENTITY");
	if (listen(fd, 128)) {
		warn("listen");
		if (!getsockopt(fd, SOL_TLS, KTLS_ERROR, why, &len) && len)
			warnx("%.*s", (int)len, why);
		return 1;
	}

	/* accept() returns finished TLS connections; others never come here. */
	while ((conn = accept(fd, NULL, NULL)) >= 0) {
		greet(conn);
		close(conn);		/* sends close_notify */
	}
	err(1, "accept");
}
