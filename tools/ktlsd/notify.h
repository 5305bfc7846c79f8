/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telling the service manager how things are: sd_notify(3). */
#ifndef KTLSD_NOTIFY_H
#define KTLSD_NOTIFY_H

#include <stdint.h>

/*
 * Learns from the environment where the service manager listens, and how often
 * it wants to hear from us, and takes that out of the environment.
 */
void ktlsd_notify_init(void);

/* Return: microseconds within which WATCHDOG=1 is wanted; 0: it is not. */
uint64_t ktlsd_notify_watchdog(void);

/* Sends "READY=1" and the like; does nothing if nobody listens. */
void ktlsd_notify_send(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

#endif
