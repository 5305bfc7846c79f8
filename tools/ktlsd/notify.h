/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notifications to the service manager, see sd_notify(3). Main thread only. */
#ifndef KTLSD_NOTIFY_H
#define KTLSD_NOTIFY_H

#include <stdint.h>

/* Reads NOTIFY_SOCKET and WATCHDOG_USEC, and removes them from the environment. */
void ktlsd_notify_init(void);

/* Return: interval of the watchdog in microseconds, 0 if there is none. */
uint64_t ktlsd_notify_watchdog(void);

/* Sends "READY=1" and the like. Does nothing without a service manager. */
void ktlsd_notify_send(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

#endif
