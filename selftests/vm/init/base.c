// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages, the end, time, files. */
#include <signal.h>
#include <stdarg.h>
#include <sys/reboot.h>
#include <time.h>

#include "init.h"

int kmsg = -1;

void say(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(line))
		n = sizeof(line) - 1;
	if (write(kmsg >= 0 ? kmsg : STDERR_FILENO, line, n) < 0)
		return;
}

void power_off(void)
{
	sync();
	if (cfg.boot && getpid() != 1) {
		execl("/bin/systemctl", "systemctl", "--no-block", "poweroff", NULL);
		say("<2>ktls-vm: no systemctl\n");
	}
#ifdef __s390x__
	/* The console there loses what is printed from now on. */
	say("<6>ktls-vm: reboot: Power down\n");
	nap(1000);
#endif
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

void die(const char *what)
{
	say("<2>ktls-vm: %s: %s\n", what, strerror(errno));
	power_off();
}

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

void nap(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

char *slurp(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY);
	size_t size = 0, room = 65536;
	char *buf = malloc(room);
	ssize_t n;

	if (fd < 0 || !buf)
		die(path);
	while ((n = read(fd, buf + size, room - size - 1)) > 0) {
		size += n;
		if (room - size < 4096) {
			buf = realloc(buf, room *= 2);
			if (!buf)
				die("memory");
		}
	}
	close(fd);
	buf[size] = 0;
	*len = size;
	return buf;
}
