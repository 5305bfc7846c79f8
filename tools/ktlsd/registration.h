/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registration of a worker with the module: attempts, pauses between them, and notices
 * that the module was loaded or removed. All but its fields of struct ktlsd_shared belongs to
 * the thread of the worker.
 */
#ifndef KTLSD_REGISTRATION_H
#define KTLSD_REGISTRATION_H

#include "lib/message.h"

struct ktlsd_worker;

/* Tells the main thread that something in @shared has changed. */
void ktlsd_registration_notify_main(struct ktlsd_worker *worker);

/* Makes the next attempt, or gives one up, if it is time. */
void ktlsd_registration_check_time(struct ktlsd_worker *worker);

/* Takes the kernel's answer. Return: 0, or a negative errno after which the socket has to be
 * closed.
 */
int ktlsd_registration_answered(struct ktlsd_worker *worker, const struct ktlsd_event *event);

/* Queues a message until that answer says which suites there are. Return: 0 or -ENOMEM. */
int ktlsd_registration_postpone(struct ktlsd_worker *worker, const struct nlmsghdr *nlh);

/* Logs why it could not register, once for each reason. */
void ktlsd_registration_log_failure(struct ktlsd_worker *worker, int error,
				    const char *text);

/* Asks the kernel for no more requests, before the exit. */
void ktlsd_registration_retire(struct ktlsd_worker *worker);

/* Closes the socket, which ends every session. The next attempt is in @wait ms. */
void ktlsd_registration_end(struct ktlsd_worker *worker, int wait);

/* The same; the wait doubles each time. */
void ktlsd_registration_back_off(struct ktlsd_worker *worker);

/* Handles notices about the module. */
void ktlsd_registration_receive_nlctrl(struct ktlsd_worker *worker);

#endif
