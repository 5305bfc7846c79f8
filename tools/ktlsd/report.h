/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of ktlsd, as text for ktlsctl. Main thread only. */
#ifndef KTLSD_REPORT_H
#define KTLSD_REPORT_H

#include "control.h"
#include "stats.h"
#include "watch.h"

/**
 * ktlsd_report_write - describe the state of ktlsd
 * @watch: health of the workers
 * @stats: when the configuration was read
 * @ret_text: the caller frees it
 * @ret_len: bytes, without the NUL behind it
 *
 * A word and its value in each line. Words are an interface: they may be added to, not changed.
 *
 * Return: 0 or -ENOMEM
 */
int ktlsd_report_write(const struct ktlsd_watch *watch, const struct ktlsd_stats *stats,
		       char **ret_text, size_t *ret_len);

/* Answers the verb status. */
void ktlsd_report_answer(const struct ktlsd_watch *watch, const struct ktlsd_stats *stats,
			 struct ktlsd_control *control);

#endif
