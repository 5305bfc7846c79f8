/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The identities of a configuration, as text for ktlsctl. Main thread only. */
#ifndef KTLSD_INVENTORY_H
#define KTLSD_INVENTORY_H

#include "config/config.h"
#include "control.h"

/**
 * ktlsd_inventory_write - describe all identities
 * @config: in force
 * @ret_text: the caller frees it
 * @ret_len: bytes, without the NUL behind it
 *
 * For each a paragraph of lines, a word and its value; neither keys nor passphrases.
 *
 * Return: 0 or -ENOMEM
 */
int ktlsd_inventory_write(const struct ktlsd_config *config, char **ret_text, size_t *ret_len);

/* Answers the verb identities. */
void ktlsd_inventory_answer(const struct ktlsd_config *config, struct ktlsd_control *control);

#endif
