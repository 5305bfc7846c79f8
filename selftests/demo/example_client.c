// SPDX-License-Identifier: GPL-2.0-or-later
/* example_client ADDRESS PORT NAME: fetch "/" of https://NAME/. No TLS library. */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/ktls.h>

int main(int argc, char **argv)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	char why[256] = "", buf[16384];
	socklen_t len = sizeof(why) - 1;
	ssize_t n;
	int fd;

	if (argc != 4 || inet_pton(AF_INET, argv[1], &sin.sin_addr) != 1)
		errx(2, "usage: example_client ADDRESS PORT NAME");
	sin.sin_port = htons(atoi(argv[2]));

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "socket");
	/* The two calls that make it TLS: this socket is, and this is the peer. */
	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "ktls", 4))
		err(1, "TCP_ULP (is the module ktls loaded?)");
	if (setsockopt(fd, SOL_TLS, KTLS_SERVER_NAME, argv[3], strlen(argv[3])))
		err(1, "KTLS_SERVER_NAME");

	/* 0 means: the handshake is over and the certificate is NAME's. */
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin))) {
		warn("connect");
		if (!getsockopt(fd, SOL_TLS, KTLS_ERROR, why, &len) && len)
			warnx("%.*s", (int)len, why);
		return 1;
	}

	n = snprintf(buf, sizeof(buf), "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", argv[3]);
	if (n >= (ssize_t)sizeof(buf) || write(fd, buf, n) != n)
		err(1, "write");
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, n, stdout);
	if (n < 0)		/* ECONNABORTED: cut, not ended */
		err(1, "read");
	return close(fd) || fflush(stdout);
}
