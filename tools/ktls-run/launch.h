/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starts the program behind the filter. Main thread only. */
#ifndef KTLS_RUN_LAUNCH_H
#define KTLS_RUN_LAUNCH_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/**
 * ktls_run_launch_program - start the program
 * @argv: it and its arguments
 * @allow_io_uring: see ktls_run_filter_install()
 * @signals: the signal mask that it gets
 * @ret_notify: the descriptor for notifications of its filter
 *
 * Before any thread is started. An error is logged.
 *
 * Return: its process ID, or a negative errno
 */
pid_t ktls_run_launch_program(char **argv, bool allow_io_uring, const sigset_t *signals,
			      int *ret_notify);

/* Becomes the program. Return: an exit status, if that failed; it was said why. */
int ktls_run_launch_exec(char **argv);

#endif
