/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What --check-config tries besides the configuration itself: the paths that ktlsd uses while it
 * runs, as the user that it runs as. Nothing is made or changed.
 */
#ifndef KTLSD_CHECK_H
#define KTLSD_CHECK_H

#include "config/config.h"

/* Logs each fault with the line that names the path. Return: how many there are. */
unsigned int ktlsd_check_paths(const struct ktlsd_config *config);

#endif
