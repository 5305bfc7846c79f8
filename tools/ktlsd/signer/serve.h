/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signing and decrypting for one worker, in the signer process: two threads, one for what is
 * quick and one for what can take long, so that what is quick never waits for the rest. In
 * each of them what is asked for waits in the order of shares.h, so a uid, or a peer, that causes
 * many signatures delays only itself. All that has come is received before each quick signature:
 * behind a request there may be its CANCEL.
 */
#ifndef KTLSD_SIGNER_SERVE_H
#define KTLSD_SIGNER_SERVE_H

/* Serves the worker at the other end of @fd, which it takes over, until that is closed.
 * Return: 0 and threads that nobody has to join, or a negative errno.
 */
int ktlsd_signer_serve_start(int fd);

#endif
