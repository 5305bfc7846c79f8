/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The main thread of the signer process: reads files for the serving process and loads keys. */
#ifndef KTLSD_SIGNER_BROKER_H
#define KTLSD_SIGNER_BROKER_H

#include "lib/buffer.h"

/**
 * ktlsd_broker_run - serve until the serving process has gone
 * @control: socket of its main thread
 * @releases: socket where it gives back keys
 */
void ktlsd_broker_run(int control, int releases);

/* Removes the private keys from the contents of a file.
 * Return: 0, or -EACCES if that is not possible.
 */
int ktlsd_broker_hide_keys(struct ktlsd_buffer *file);

#endif
