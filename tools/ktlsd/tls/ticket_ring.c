// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "lib/log.h"
#include "lib/replace.h"
#include "tls/ticket_ring.h"

/* The file: this line, then one for each secret: when it begins, and 64 hexadecimal digits. */
static const char ring_head[] = "ktlsd ticket keys 1\n";

enum {
	RING_FILE_MAX		= 1024,	/* bytes */
	RING_LOCK_TRIES		= 20,
	RING_LOCK_WAIT_MS	= 20,	/* between them */
};

/* The latest time that a file can name: whoever wrote it does not make sums overflow. */
#define RING_BEGIN_MAX	(INT64_C(1) << 40)

static int ring_add(struct ktlsd_ticket_ring *ring, int64_t begin)
{
	struct ktlsd_ticket_master *master = &ring->at[ring->count];

	master->begin = begin;
	if (RAND_priv_bytes(master->secret, sizeof(master->secret)) != 1)
		return -EIO;
	ring->count++;
	return 0;
}

static void ring_drop_first(struct ktlsd_ticket_ring *ring)
{
	memmove(&ring->at[0], &ring->at[1], sizeof(ring->at) - sizeof(ring->at[0]));
	ring->count--;
	OPENSSL_cleanse(&ring->at[ring->count], sizeof(ring->at[0]));
}

static int ring_begin(struct ktlsd_ticket_ring *ring, int64_t now, unsigned int rotate)
{
	OPENSSL_cleanse(ring, sizeof(*ring));
	if (ring_add(ring, now) || ring_add(ring, now + rotate))
		return -EIO;
	return 1;
}

bool ktlsd_ticket_ring_is_usable(const struct ktlsd_ticket_ring *ring, int64_t now,
				 unsigned int rotate)
{
	return ring->count >= 2 && now >= ring->at[0].begin - rotate &&
	       now < ring->at[ring->count - 1].begin + rotate;
}

int ktlsd_ticket_ring_turn(struct ktlsd_ticket_ring *ring, int64_t now, unsigned int rotate)
{
	int64_t next = ring->count ? ring->at[ring->count - 1].begin : 0;

	if (!ktlsd_ticket_ring_is_usable(ring, now, rotate))
		return ring_begin(ring, now, rotate);
	if (now < next)
		return 0;
	if (ring->count == KTLSD_TICKET_RING_MAX)
		ring_drop_first(ring);
	return ring_add(ring, next + rotate) ? -EIO : 1;
}

unsigned int ktlsd_ticket_ring_current(const struct ktlsd_ticket_ring *ring, int64_t now)
{
	unsigned int i = ring->count - 1;

	while (i && ring->at[i].begin > now)
		i--;
	return i;
}

/* --- the file --- */

/* Return: the text after the line, NULL if it is malformed. */
static const char *ring_parse_line(struct ktlsd_ticket_ring *ring, const char *text)
{
	struct ktlsd_ticket_master *master = &ring->at[ring->count];
	char *end, digits[3] = "";
	size_t i;

	if (ring->count == KTLSD_TICKET_RING_MAX)
		return NULL;
	master->begin = strtoll(text, &end, 10);
	if (end == text || *end++ != ' ' || master->begin < 0 || master->begin > RING_BEGIN_MAX)
		return NULL;
	for (i = 0; i < sizeof(master->secret); i++) {
		if (strspn(end, "0123456789abcdef") < 2)
			return NULL;
		memcpy(digits, end, 2);
		master->secret[i] = (uint8_t)strtoul(digits, NULL, 16);
		end += 2;
	}
	if (*end != '\n' || (ring->count && master[-1].begin >= master->begin))
		return NULL;
	ring->count++;
	return end + 1;
}

static bool ring_parse(struct ktlsd_ticket_ring *ring, const char *text)
{
	memset(ring, 0, sizeof(*ring));
	if (strncmp(text, ring_head, strlen(ring_head)))
		return false;
	text += strlen(ring_head);
	while (text && *text)
		text = ring_parse_line(ring, text);
	return text && ring->count >= 2;
}

/* Return: 0, -ENOENT if there is no file yet, or another negative errno. */
static int ring_read(struct ktlsd_ticket_ring *ring, int dir, const char *directory,
		     struct ktlsd_fault *fault)
{
	char text[RING_FILE_MAX + 1];
	struct stat status;
	ssize_t len = -1;
	int fd, err = 0;

	fd = openat(dir, "keys", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &status))
		err = ktlsd_errors_set(fault, -errno, "%s/keys cannot be read: %s", directory,
				       strerror(errno));
	else if (!S_ISREG(status.st_mode) || status.st_mode & 077)
		err = ktlsd_errors_set(fault, -EPERM,
			"%s/keys must be a file with mode 0600: others may know the ticket keys, so remove it", directory);
	if (!err)
		len = read(fd, text, RING_FILE_MAX);
	if (!err && len >= 0)
		text[len] = '\0';
	if (!err && (len < 0 || !ring_parse(ring, text)))
		err = ktlsd_errors_set(fault, -EBADMSG,
			"%s/keys is not a file of ticket keys: remove it, or copy it again", directory);
	if (fd >= 0)
		close(fd);
	OPENSSL_cleanse(text, sizeof(text));
	return err;
}

static int ring_write(const struct ktlsd_ticket_ring *ring, int dir, const char *directory,
		      struct ktlsd_fault *fault)
{
	char text[RING_FILE_MAX];
	size_t len, i, k;
	int err;

	len = (size_t)snprintf(text, sizeof(text), "%s", ring_head);
	for (i = 0; i < ring->count; i++) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%" PRId64 " ",
					ring->at[i].begin);
		for (k = 0; k < KTLSD_TICKET_MASTER; k++)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%02x",
						ring->at[i].secret[k]);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "\n");
	}
	err = ktlsd_replace_file(dir, "keys", "keys.new", text, len, true);
	if (err)
		ktlsd_errors_set(fault, err, "%s/keys cannot be written: %s", directory,
				 strerror(-err));
	OPENSSL_cleanse(text, sizeof(text));
	return err;
}

/* Return: a descriptor, or a negative errno. */
static int ring_open(const char *directory, struct ktlsd_fault *fault)
{
	struct stat status;
	int dir;

	dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &status))
		ktlsd_errors_set(fault, -errno, "ticket_keys = %s: the directory cannot be opened: %s",
				 directory, strerror(errno));
	else if (status.st_mode & 022)
		ktlsd_errors_set(fault, -EPERM,
				 "ticket_keys = %s: others can write to the directory: chmod 700 it", directory);
	else
		return dir;
	if (dir >= 0)
		close(dir);
	return fault->error;
}

/* Waits for a short time only: whoever has the lock may be stopped. Return: a descriptor, or a
 * negative errno.
 */
static int ring_lock(int dir, const char *directory, struct ktlsd_fault *fault)
{
	int lock = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int tries;

	for (tries = 0; lock >= 0 && tries < RING_LOCK_TRIES; tries++) {
		if (!flock(lock, LOCK_EX | LOCK_NB))
			return lock;
		if (errno != EWOULDBLOCK && errno != EINTR)
			break;
		poll(NULL, 0, RING_LOCK_WAIT_MS);
	}
	if (lock >= 0 && tries == RING_LOCK_TRIES)
		ktlsd_errors_set(fault, -EBUSY,
				 "%s/lock is locked by another process, which may be stopped: fuser tells which",
				 directory);
	else
		ktlsd_errors_set(fault, -errno, "%s/lock cannot be locked: %s", directory,
				 strerror(errno));
	if (lock >= 0)
		close(lock);
	return fault->error;
}

static int ring_sync_locked(struct ktlsd_ticket_ring *ring, int dir, const char *directory,
			    int64_t now, unsigned int rotate, bool renew,
			    struct ktlsd_fault *fault)
{
	int err = renew ? -ENOENT : ring_read(ring, dir, directory, fault);

	if (!rotate || (err && err != -ENOENT))
		return err;
	if (err)
		ring->count = 0;
	else if (now < ring->at[0].begin - rotate)
		ktlsd_log(KTLSD_LOG_WARNING,
			  "The ticket keys in %s are from the future and are replaced: check this machine's clock, and those of others that share them.",
			  directory);
	err = ktlsd_ticket_ring_turn(ring, now, rotate);
	if (err < 0)
		return ktlsd_errors_set(fault, err, "OpenSSL has no random numbers");
	return err ? ring_write(ring, dir, directory, fault) : 0;
}

int ktlsd_ticket_ring_sync(struct ktlsd_ticket_ring *ring, const char *directory, int64_t now,
			   unsigned int rotate, bool renew, struct ktlsd_fault *fault)
{
	struct ktlsd_ticket_ring got = { 0 };
	struct ktlsd_fault why;
	int dir, lock, err;

	mkdir(directory, 0700);
	dir = ring_open(directory, fault);
	if (dir < 0)
		return dir;
	lock = rotate ? ring_lock(dir, directory, fault) : -1;
	/* Who only reads needs no lock: the file is replaced as a whole. */
	if (!rotate || lock >= 0)
		err = ring_sync_locked(&got, dir, directory, now, rotate, renew && rotate, fault);
	else if (renew || ring_read(&got, dir, directory, &why) ||
		 !ktlsd_ticket_ring_is_usable(&got, now, rotate))
		err = lock;
	else
		err = 0;
	if (!err)
		*ring = got;
	if (lock >= 0)
		close(lock);
	close(dir);
	OPENSSL_cleanse(&got, sizeof(got));
	return err;
}

int ktlsd_ticket_ring_check(const char *directory, unsigned int rotate, struct ktlsd_fault *fault)
{
	struct ktlsd_ticket_ring ring = { 0 };
	int dir = ring_open(directory, fault), err;

	if (dir < 0)
		return dir;
	err = ring_read(&ring, dir, directory, fault);
	/* With -ENOENT there too. */
	if (rotate && (!err || err == -ENOENT))
		err = faccessat(dir, ".", W_OK | X_OK, 0) ?
		      ktlsd_errors_set(fault, -errno,
				       "ticket_keys = %s: files cannot be made in the directory: %s",
				       directory, strerror(errno)) : 0;
	else if (err == -ENOENT)
		err = ktlsd_errors_set(fault, -ENODATA,
			"%s/keys is missing: with ticket_rotate = 0 another host makes it, copy it from there",
			directory);
	close(dir);
	OPENSSL_cleanse(&ring, sizeof(ring));
	return err;
}
