/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop of ktls-run: calls of the program, signals, processes that end. Main thread only. */
#ifndef KTLS_RUN_SERVE_H
#define KTLS_RUN_SERVE_H

#include <signal.h>
#include <sys/types.h>

#include "ktls-run/rules.h"

/* Blocks all signals, so that ktls_run_serve() receives them. */
void ktls_run_serve_block_signals(sigset_t *ret_old);

/* Serves @program, and all processes that it leaves, until the last has ended.
 * Return: the status of @program, as waitpid() reports it.
 */
int ktls_run_serve(const struct ktls_run_rules *rules, pid_t program, int notify);

/* Ends as the program has ended. */
void ktls_run_serve_exit(int status) __attribute__((noreturn));

#endif
