/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telling the service manager how things are: sd_notify(3). */
#ifndef KTLSD_NOTIFY_H
#define KTLSD_NOTIFY_H

/*
 * Sends @state ("READY=1", ...) to the socket that NOTIFY_SOCKET named when
 * ktlsd_notify_init() was called; does nothing without one.
 */
void ktlsd_notify_init(void);
void ktlsd_notify_send(const char *state);

#endif
