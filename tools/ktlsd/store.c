// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/replace.h"
#include "store.h"

#define STORE_PREFIX		"ktlsd-"
#define STORE_NEW		"new-"		/* a file that is not complete */

static bool store_is_ours(const char *name)
{
	return !strncmp(name, STORE_PREFIX, strlen(STORE_PREFIX)) ||
	       (!strncmp(name, STORE_NEW, strlen(STORE_NEW)) && strstr(name, "-" STORE_PREFIX));
}

static DIR *store_list(const struct ktlsd_store *store)
{
	/* Its own offset. */
	int fd = openat(store->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* Removes the files that are too old. Return: how many of ours are left; @ret_oldest is the
 * oldest of them.
 */
static unsigned int store_sweep(const struct ktlsd_store *store, char *ret_oldest)
{
	time_t now = time(NULL), first = 0;
	DIR *dir = store_list(store);
	unsigned int count = 0;
	struct dirent *entry;
	struct stat status;

	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		if (!store_is_ours(entry->d_name) ||
		    fstatat(store->fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW))
			continue;
		if (now - status.st_mtime > KTLSD_STORE_AGE) {
			unlinkat(store->fd, entry->d_name, 0);
			continue;
		}
		if (!count++ || status.st_mtime < first) {
			first = status.st_mtime;
			snprintf(ret_oldest, NAME_MAX + 1, "%s", entry->d_name);
		}
	}
	closedir(dir);
	return count;
}

static void store_make_room(struct ktlsd_store *store)
{
	char oldest[NAME_MAX + 1];

	store->swept = true;
	if (store_sweep(store, oldest) >= KTLSD_STORE_FILES)
		unlinkat(store->fd, oldest, 0);
}

/* Return: 0 or a negative errno. */
static int store_open(struct ktlsd_store *store)
{
	if (store->fd < 0)
		store->fd = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return store->fd < 0 ? -errno : 0;
}

void ktlsd_store_open(struct ktlsd_store *store, const char *path)
{
	*store = (struct ktlsd_store) { .path = path, .fd = -1 };
	if (path)
		store->failed = store_open(store);
	if (store->failed)
		ktlsd_log(KTLSD_LOG_WARNING,
			  "The cache directory %s cannot be used: %s. What is fetched is lost with a restart until it can.",
			  path, strerror(-store->failed));
}

void ktlsd_store_close(struct ktlsd_store *store)
{
	if (store->fd >= 0)
		close(store->fd);
	store->fd = -1;
	store->path = NULL;
}

void ktlsd_store_name(char *dst, const char *kind, const uint8_t *hash)
{
	int i, used = snprintf(dst, KTLSD_STORE_NAME, STORE_PREFIX "%.16s-", kind);

	for (i = 0; i < KTLSD_STORE_HASH; i++)
		used += snprintf(dst + used, KTLSD_STORE_NAME - (size_t)used, "%02x", hash[i]);
}

int ktlsd_store_read(const struct ktlsd_store *store, const char *name, size_t max,
		     struct ktlsd_buffer *buffer)
{
	struct stat status;
	uint8_t piece[8192];
	ssize_t got = 0;
	int fd, err = 0;

	if (store->fd < 0)
		return -ENOENT;
	fd = openat(store->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) || !S_ISREG(status.st_mode))
		err = -EINVAL;
	while (!err && (got = read(fd, piece, sizeof(piece))) > 0)
		err = ktlsd_buffer_append(buffer, piece, (size_t)got, max);
	if (!err && got < 0)
		err = -errno;
	close(fd);
	return err;
}

static int store_write(const struct ktlsd_store *store, const char *name, const void *data,
		       size_t len)
{
	char temporary[KTLSD_STORE_NAME + 32];

	/* Instances for other network namespaces use the same directory. */
	snprintf(temporary, sizeof(temporary), STORE_NEW "%d-%s", (int)getpid(), name);
	/* Not durable: a file that is lost or torn is fetched again. */
	return ktlsd_replace_file(store->fd, name, temporary, data, len, false);
}

int ktlsd_store_write(struct ktlsd_store *store, const char *name, const void *data,
		      size_t len)
{
	int err;

	if (!store->path)
		return 0;
	err = store_open(store);
	if (err)
		return err;
	/* Not before something new has come, whose dates say that the clock is right. */
	if (!store->swept || faccessat(store->fd, name, F_OK, 0))
		store_make_room(store);
	err = store_write(store, name, data, len);
	/* Once in a row. */
	if (err && err != store->failed)
		ktlsd_log(KTLSD_LOG_WARNING,
			  "Cannot write %s to the cache directory: %s. What is fetched is used nonetheless, but lost with a restart.",
			  name, strerror(-err));
	else if (!err && store->failed)
		ktlsd_log(KTLSD_LOG_INFO, "The cache directory can be written again.");
	store->failed = err;
	return err;
}

void ktlsd_store_each(const struct ktlsd_store *store, const char *kind,
		      void (*visit)(void *arg, const char *name), void *arg)
{
	DIR *dir = store->fd < 0 ? NULL : store_list(store);
	struct dirent *entry;
	char prefix[32];

	if (!dir)
		return;
	snprintf(prefix, sizeof(prefix), STORE_PREFIX "%.16s-", kind);
	while ((entry = readdir(dir))) {
		if (!strncmp(entry->d_name, prefix, strlen(prefix)) &&
		    strlen(entry->d_name) < KTLSD_STORE_NAME)
			visit(arg, entry->d_name);
	}
	closedir(dir);
}

void ktlsd_store_remove(const struct ktlsd_store *store, const char *name)
{
	if (store->fd >= 0)
		unlinkat(store->fd, name, 0);
}
