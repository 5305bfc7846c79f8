/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signing and decrypting for one worker. In the signer process; a thread of its own. What is asked for waits
 * in the order of shares.h, so a uid that asks for many signatures delays only itself. All
 * that has come is received before each signature: behind a request there may be its CANCEL.
 */
#ifndef KTLSD_SIGNER_SERVE_H
#define KTLSD_SIGNER_SERVE_H

enum {
	KTLSD_SIGNER_QUEUE_BYTES	= 16 << 20,	/* of the requests that wait */
	KTLSD_SIGNER_QUEUE_MAX		= 8192,		/* such requests */
};

/* Serves the worker at the other end of @fd, which it takes over, until that is closed.
 * Return: 0 and a detached thread, or a negative errno.
 */
int ktlsd_signer_serve_start(int fd);

#endif
