/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A system call of the program: connect() or listen(). Each is done by a thread of its own, on a
 * duplicate of the program's descriptor and a copy of its arguments. Main thread only.
 */
#ifndef KTLS_RUN_CALL_H
#define KTLS_RUN_CALL_H

#include <linux/seccomp.h>
#include <stdbool.h>

#include "ktls-run/rules.h"

/* Before the first call: @notify is the descriptor of the filter. */
void ktls_run_call_init(const struct ktls_run_rules *rules, int notify);

/* Starts to do what the program asks for, and answers it at the end. */
void ktls_run_call_start(const struct seccomp_notif *request);

/* Ends the waiting of calls whose thread has a signal to handle, or is gone.
 * Return: whether there are calls, so that it has to be called again.
 */
bool ktls_run_call_tend(void);

#endif
