/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passphrases of private keys. Any thread. */
#ifndef KTLSD_PASSPHRASE_H
#define KTLSD_PASSPHRASE_H

#include "lib/buffer.h"
#include "errors.h"

enum {
	KTLSD_PASSPHRASE_MAX	= 1024,	/* bytes */
};

/**
 * ktlsd_passphrase_read - read a passphrase
 * @path: its file; the first line is the passphrase
 * @ret_passphrase: with a NUL at the end, which is not counted; ktlsd_buffer_free() wipes it,
 *	and must be called after an error too
 * @fault: on error
 *
 * Return: 0 or a negative errno
 */
int ktlsd_passphrase_read(const char *path, struct ktlsd_buffer *ret_passphrase,
			  struct ktlsd_fault *fault);

/**
 * ktlsd_passphrase_locate - where systemd puts a credential
 * @name: of the credential
 * @ret_path: the caller frees it
 *
 * The environment tells (systemd.exec(5)). For a check outside of the service the path is that
 * of ktlsd.service.
 *
 * Return: NULL, or what is wrong with @name
 */
const char *ktlsd_passphrase_locate(const char *name, char **ret_path);

#endif
