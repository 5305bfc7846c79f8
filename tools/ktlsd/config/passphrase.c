// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/log.h"
#include "config/file.h"
#include "config/passphrase.h"

#define PASSPHRASE_CREDENTIALS	"/run/credentials/ktlsd.service"

int ktlsd_passphrase_read(const char *path, struct ktlsd_buffer *ret_passphrase,
			  struct ktlsd_fault *fault)
{
	const uint8_t *newline;
	mode_t mode;
	int err;

	memset(ret_passphrase, 0, sizeof(*ret_passphrase));
	err = ktlsd_file_read(path, KTLSD_PASSPHRASE_MAX, ret_passphrase, &mode, fault);
	if (err)
		return err;
	if (mode & S_IRWXO)
		ktlsd_log(KTLSD_LOG_WARNING,
			  "Every user of this machine can access the passphrase in %s: run chmod o= %s.",
			  path, path);
	newline = ret_passphrase->len ? memchr(ret_passphrase->data, '\n', ret_passphrase->len) :
					NULL;
	if (newline)
		ret_passphrase->len = (size_t)(newline - ret_passphrase->data);
	if (ret_passphrase->len && ret_passphrase->data[ret_passphrase->len - 1] == '\r')
		ret_passphrase->len--;
	if (!ret_passphrase->len)
		return ktlsd_errors_set(fault, -EINVAL, "the first line of %s is empty: it must be the passphrase",
					path);
	if (memchr(ret_passphrase->data, '\0', ret_passphrase->len))
		return ktlsd_errors_set(fault, -EINVAL, "%s is not a text file", path);
	if (ktlsd_buffer_append(ret_passphrase, "", 1, KTLSD_PASSPHRASE_MAX + 1))
		return ktlsd_errors_set(fault, -ENOMEM, "out of memory");
	ret_passphrase->len--;
	return 0;
}

const char *ktlsd_passphrase_locate(const char *name, char **ret_path)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");

	if (!name[0] || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return "it must be the name of a credential, without a directory";
	if (asprintf(ret_path, "%s/%s", directory ? directory : PASSPHRASE_CREDENTIALS, name) < 0)
		return "out of memory";
	return NULL;
}
