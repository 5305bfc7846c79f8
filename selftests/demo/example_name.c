// SPDX-License-Identifier: GPL-2.0-or-later
/* example_name NAME PORT [TRUST.PEM]: fetch "/" of https://NAME:PORT/. */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <ktls_socket.h>

int main(int argc, char **argv)
{
	static char pem[65536], buf[16384];
	struct ktls_setting settings[] = { { KTLS_TRUST, pem, 0 }, { 0, NULL, 0 } };
	char reason[KTLS_REASON_SIZE];
	FILE *file;
	ssize_t n;
	int fd;

	if (argc < 3 || argc > 4)
		errx(2, "usage: example_name NAME PORT [TRUST.PEM]");
	if (argc == 4) {
		file = fopen(argv[3], "re");
		if (!file)
			err(1, "%s", argv[3]);
		settings[0].length = fread(pem, 1, sizeof(pem), file);
		fclose(file);
	}

	fd = ktls_connect(argv[1], argv[2], argc == 4 ? settings : NULL, 5000,
			  reason, sizeof(reason));
	if (fd < 0)
		errx(1, "%s", reason);
	n = snprintf(buf, sizeof(buf), "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", argv[1]);
	if (n >= (ssize_t)sizeof(buf) || write(fd, buf, n) != n)
		errx(1, "write: %s", ktls_reason(fd, reason, sizeof(reason)));
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, n, stdout);
	if (n < 0)
		errx(1, "read: %s", ktls_reason(fd, reason, sizeof(reason)));
	return close(fd) || fflush(stdout);
}
