// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/ktls.h>

#include "lib/log.h"
#include "ktls-run/inherit.h"
#include "ktls-run/wrap.h"

static int inherit_log(int fd, int err, const char *what)
{
	char reason[KTLS_RUN_REASON_MAX];

	ktls_run_wrap_reason(fd, reason);
	ktlsd_log(KTLSD_LOG_ERROR, "Descriptor %d cannot be made a TLS socket: %s: %s.", fd,
		  strerror(-err), *reason ? reason : what);
	return err;
}

/* Listening again makes the kernel check the credential; the backlog stays. */
static int inherit_listen(int fd, const struct ktls_run_settings *settings)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	const char *what;
	int err;

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	err = ktls_run_wrap_socket(fd, settings, &what);
	if (err)
		return inherit_log(fd, err, what);
	/* Of a listening socket this is the backlog. */
	if (listen(fd, (int)info.tcpi_sacked))
		return inherit_log(fd, -errno, "it cannot listen");
	ktlsd_log(KTLSD_LOG_DEBUG, "Descriptor %d: listens with TLS", fd);
	return 0;
}

static const struct ktls_run_rule *inherit_find(const struct ktls_run_rules *rules, int fd,
						bool listens)
{
	const struct ktls_run_rule *rule;
	union {
		struct sockaddr		any;
		struct sockaddr_storage	storage;
	} address;
	socklen_t len = sizeof(address);

	if (getsockname(fd, &address.any, &len))
		return NULL;
	rule = ktls_run_rules_find(rules, KTLS_RUN_LISTEN, &address.any, len);
	len = sizeof(address);
	if (rule || listens || getpeername(fd, &address.any, &len))
		return rule;
	return ktls_run_rules_find(rules, KTLS_RUN_CONNECT, &address.any, len);
}

static int inherit_socket(const struct ktls_run_rules *rules, int fd)
{
	const struct ktls_run_rule *rule;
	int state;

	if (!ktls_run_wrap_is_tcp(fd))
		return 0;
	state = ktls_run_wrap_tcp_state(fd);
	rule = inherit_find(rules, fd, state == TCP_LISTEN);
	if (!rule || rule->settings.plain || state == TCP_CLOSE)
		return 0;
	if (state == TCP_LISTEN)
		return inherit_listen(fd, &rule->settings);
	if (ktls_run_wrap_is_tls(fd))
		return 0;
	ktlsd_log(KTLSD_LOG_ERROR, "Descriptor %d is a connection without TLS that a rule names; --wrap-fd %d makes it a TLS connection.",
		  fd, fd);
	return -EISCONN;
}

int ktls_run_inherit_sockets(const struct ktls_run_rules *rules, int wrapped)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int err = 0;

	if (!dir) {
		err = -errno;
		ktlsd_log(KTLSD_LOG_ERROR, "Cannot look for inherited sockets: /proc/self/fd: %s.",
			  strerror(-err));
		return err;
	}
	while (!err && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (*entry->d_name != '.' && fd != dirfd(dir) && fd != wrapped)
			err = inherit_socket(rules, fd);
	}
	closedir(dir);
	return err;
}

int ktls_run_inherit_wrap(int fd, const struct ktls_run_settings *settings)
{
	const int role = KTLS_ROLE_SERVER;
	int flags = fcntl(fd, F_GETFL), err;
	const char *what;

	if (flags < 0) {
		err = -errno;
		ktlsd_log(KTLSD_LOG_ERROR, "--wrap-fd %d: %s.", fd, strerror(-err));
		return err;
	}
	err = ktls_run_wrap_socket(fd, settings, &what);
	if (err)
		return inherit_log(fd, err, what);
	/* The handshake is to be waited for. */
	fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	if (setsockopt(fd, SOL_TLS, KTLS_HANDSHAKE, &role, sizeof(role)))
		err = inherit_log(fd, -errno, "the handshake failed");
	fcntl(fd, F_SETFL, flags);
	return err;
}

bool ktls_run_inherit_is_stderr_socket(void)
{
	socklen_t len = sizeof(int);
	int domain;

	return !getsockopt(STDERR_FILENO, SOL_SOCKET, SO_DOMAIN, &domain, &len) &&
	       (domain == AF_INET || domain == AF_INET6);
}

void ktls_run_inherit_close(int keep)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	if (keep > STDERR_FILENO + 1)
		close_range(STDERR_FILENO + 1, (unsigned int)keep - 1, 0);
	close_range((unsigned int)keep + 1, ~0U, 0);
}
