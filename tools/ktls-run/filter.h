/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filter through which the kernel asks ktls-run before the program connects or listens. */
#ifndef KTLS_RUN_FILTER_H
#define KTLS_RUN_FILTER_H

#include <stdbool.h>

/**
 * ktls_run_filter_install - filter the system calls of this process and its children
 * @allow_io_uring: whose calls no filter sees
 *
 * Sets no_new_privs, too.
 *
 * Return: the descriptor for notifications, with FD_CLOEXEC; or a negative errno
 */
int ktls_run_filter_install(bool allow_io_uring);

#endif
