// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fetching.h"
#include "lib/log.h"
#include "lib/unix.h"
#include "check.h"
#include "tls/keylog.h"
#include "tls/ticket_ring.h"

enum {
	CHECK_REASON_MAX	= 2048,	/* bytes; a line of ktlsd.conf has 1000 characters */
};

/* Directories that ktlsd.service makes when it starts. */
static const char *const check_made[] = { "/run/ktlsd", "/var/lib/ktlsd" };

static void check_log(enum ktlsd_log_level level, const struct ktlsd_config_place *place,
		      const char *reason)
{
	ktlsd_log(level, "%s:%u: %s", place->path, place->line, reason);
}

static const char *check_user(void)
{
	const struct passwd *user = getpwuid(geteuid());

	return user ? user->pw_name : "of ktlsd";
}

/* Whether something can be made at @path. Return: true, or @reason says why not. */
static bool check_parent(const char *path, const char *key, char *reason, size_t size)
{
	char parent[1024];
	size_t i;

	snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(path, '/') - path), path);
	if (!access(parent[0] ? parent : "/", W_OK | X_OK))
		return true;
	for (i = 0; errno == ENOENT && i < sizeof(check_made) / sizeof(*check_made); i++) {
		if (!strcmp(parent, check_made[i]))
			return true;
	}
	snprintf(reason, size,
		 "%s = %s: the user %s cannot make it in %.500s: %s. Name a directory where that user can write, such as %s",
		 key, path, check_user(), parent[0] ? parent : "/", strerror(errno),
		 check_made[!strcmp(key, "ticket_keys")]);
	return false;
}

static bool check_ticket_keys(const struct ktlsd_config *config)
{
	const struct ktlsd_config_place *place = &config->ticket_keys_place;
	char reason[CHECK_REASON_MAX];
	struct ktlsd_fault fault;
	int err;

	if (!config->ticket_keys)
		return true;
	err = ktlsd_ticket_ring_check(config->ticket_keys, config->ticket_rotate, &fault);
	if (!err)
		return true;
	if (err == -ENOENT &&
	    check_parent(config->ticket_keys, "ticket_keys", reason, sizeof(reason)))
		return true;
	if (err != -ENOENT)
		snprintf(reason, sizeof(reason), "%s (as the user %s)", fault.reason,
			 check_user());
	check_log(KTLSD_LOG_ERROR, place, reason);
	return false;
}

static bool check_metrics_socket(const struct ktlsd_config *config)
{
	const struct ktlsd_config_place *place = &config->metrics_place;
	const char *path = config->metrics_socket;
	struct sockaddr_un address;
	char reason[CHECK_REASON_MAX];
	struct stat status;
	bool good;

	if (!path)
		return true;
	if (ktlsd_unix_address(&address, path)) {
		snprintf(reason, sizeof(reason),
			 "metrics_socket = %s: the path of a socket can have at most %zu bytes",
			 path, sizeof(address.sun_path) - 1);
		good = false;
	} else if (!lstat(path, &status) && !S_ISSOCK(status.st_mode)) {
		snprintf(reason, sizeof(reason),
			 "metrics_socket = %s: there is something else than a socket: remove it, or name another path",
			 path);
		good = false;
	} else {
		good = check_parent(path, "metrics_socket", reason, sizeof(reason));
	}
	if (!good)
		check_log(KTLSD_LOG_ERROR, place, reason);
	return good;
}

/* That secrets are written is a warning. */
static bool check_key_log(const struct ktlsd_config *config)
{
	const struct ktlsd_config_place *place = &config->key_log_place;
	char reason[CHECK_REASON_MAX];
	struct ktlsd_fault fault;
	bool good;

	if (!config->key_log)
		return true;
	good = !ktlsd_keylog_check(config->key_log, &fault);
	snprintf(reason, sizeof(reason), "%s%s",
		 good ? "key_log: whoever reads this file can read the connections: " : "",
		 good ? config->key_log : fault.reason);
	check_log(good ? KTLSD_LOG_WARNING : KTLSD_LOG_ERROR, place, reason);
	return good;
}

/* Whether something is to be fetched at all. */
static bool check_fetches(const struct ktlsd_config *config)
{
	bool found = config->crl_fetch || config->revocation.mode >= KTLSD_REVOCATION_OCSP;
	size_t i;

	for (i = 0; i < config->identity_count; i++)
		found |= config->identities[i].staple ||
			 config->identities[i].revocation.mode >= KTLSD_REVOCATION_OCSP;
	for (i = 0; i < config->policy_count; i++)
		found |= config->policies[i].bounds.revocation >= KTLSD_REVOCATION_OCSP;
	return found;
}

/* Nobody may listen just now: that is a warning. */
static bool check_fetch_socket(const struct ktlsd_config *config)
{
	const char *path = config->fetch_socket ? config->fetch_socket : KTLS_FETCH_SOCKET;
	const struct ktlsd_config_place *place = &config->fetch_place;
	char reason[CHECK_REASON_MAX];
	struct stat status;
	bool absent;
	int fd;

	if (!config->fetch_socket && !check_fetches(config))
		return true;
	fd = ktlsd_fetching_connect(path);
	if (fd >= 0) {
		close(fd);
		return true;
	}
	if (fd == -ECONNREFUSED && !stat(path, &status) && !S_ISSOCK(status.st_mode))
		fd = -ENOTSOCK;
	absent = fd == -ENOENT || fd == -ECONNREFUSED;
	snprintf(reason, sizeof(reason),
		 "fetch_socket = %s: the user %s cannot connect to ktls-fetch: %s. %s", path,
		 check_user(), strerror(-fd), absent ?
		 "Run systemctl enable --now ktls-fetch.socket" :
		 "Name the path of ktls-fetch.socket, where that user may connect");
	if (place->path)
		check_log(absent ? KTLSD_LOG_WARNING : KTLSD_LOG_ERROR, place, reason);
	else
		ktlsd_log(absent ? KTLSD_LOG_WARNING : KTLSD_LOG_ERROR, "%s: %s", config->path,
			  reason);
	return absent;
}

unsigned int ktlsd_check_paths(const struct ktlsd_config *config)
{
	return !check_ticket_keys(config) + !check_metrics_socket(config) + !check_key_log(config) +
	       !check_fetch_socket(config);
}
