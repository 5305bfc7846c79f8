// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "lib/log.h"
#include "config/file.h"

static EVP_MD_CTX *file_digest;

/* What cannot be hashed ends the digest. */
void ktlsd_file_add_digest(const void *data, size_t len)
{
	if (!file_digest || EVP_DigestUpdate(file_digest, data, len))
		return;
	EVP_MD_CTX_free(file_digest);
	file_digest = NULL;
}

void ktlsd_file_begin_digest(void)
{
	EVP_MD_CTX_free(file_digest);
	file_digest = EVP_MD_CTX_new();
	if (file_digest && EVP_DigestInit_ex(file_digest, EVP_sha256(), NULL))
		return;
	EVP_MD_CTX_free(file_digest);
	file_digest = NULL;
}

uint64_t ktlsd_file_end_digest(void)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	uint64_t value = 0;

	if (file_digest && EVP_DigestFinal_ex(file_digest, hash, NULL))
		memcpy(&value, hash, sizeof(value));
	else if (RAND_bytes((unsigned char *)&value, sizeof(value)) != 1)
		ktlsd_log(KTLSD_LOG_ERROR, "OpenSSL has no random numbers.");
	EVP_MD_CTX_free(file_digest);
	file_digest = NULL;
	return value;
}

static int file_read_all(int fd, const char *path, size_t max,
			 struct ktlsd_buffer *buffer, struct ktlsd_fault *fault)
{
	uint8_t piece[4096];
	ssize_t got = 0;
	int err = 0;

	while (!err && (got = read(fd, piece, sizeof(piece))) > 0)
		err = ktlsd_buffer_append(buffer, piece, (size_t)got, max);
	explicit_bzero(piece, sizeof(piece));
	if (err == -EMSGSIZE)
		return ktlsd_errors_set(fault, -EINVAL,
					"%s is longer than %zu bytes", path, max);
	if (err)
		return ktlsd_errors_set(fault, err, "out of memory while reading %s", path);
	if (got < 0)
		return ktlsd_errors_set(fault, -errno, "%s cannot be read: %s",
					path, strerror(errno));
	return 0;
}

static ktlsd_file_reader file_reader;

void ktlsd_file_set_reader(ktlsd_file_reader reader)
{
	file_reader = reader;
}

static int file_read_here(const char *path, size_t max, struct ktlsd_buffer *buffer,
			  mode_t *ret_mode, struct ktlsd_fault *fault)
{
	struct stat status;
	int fd, err;

	/* O_NONBLOCK: open() of a FIFO would wait for a writer. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &status))
		err = ktlsd_errors_set(fault, -errno, "%s cannot be read: %s",
				       path, strerror(errno));
	else if (!S_ISREG(status.st_mode))
		err = ktlsd_errors_set(fault, -EINVAL, "%s is not a regular file",
				       path);
	else
		err = file_read_all(fd, path, max, buffer, fault);
	if (!err && ret_mode)
		*ret_mode = status.st_mode;
	if (fd >= 0)
		close(fd);
	return err;
}

int ktlsd_file_read(const char *path, size_t max, struct ktlsd_buffer *buffer,
		    mode_t *ret_mode, struct ktlsd_fault *fault)
{
	const size_t before = buffer->len;
	uint64_t size;
	int err;

	err = (file_reader ? file_reader : file_read_here)(path, max, buffer, ret_mode, fault);
	size = buffer->len - before;
	ktlsd_file_add_digest(path, strlen(path) + 1);
	ktlsd_file_add_digest(&size, sizeof(size));
	if (size)
		ktlsd_file_add_digest(buffer->data + before, size);
	return err;
}
