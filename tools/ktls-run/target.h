/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread of the program: its memory, its descriptors, its signals. Any thread. */
#ifndef KTLS_RUN_TARGET_H
#define KTLS_RUN_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	KTLS_RUN_NAME_MAX	= 64,	/* bytes of an escaped name of a process */
};

/* Copies its memory. Return: 0, -EFAULT, or -EPERM if this process may not. */
int ktls_run_target_read(pid_t tid, uint64_t address, void *buffer, size_t len);

/* Its descriptor @fd, in this process. Return: a descriptor; -EBADF if it has none; -EPERM if this
 * process may not, or cannot tell which descriptors the thread has.
 */
int ktls_run_target_get_fd(pid_t tid, int fd);

/* Return: whether its descriptor @fd is still what @own is here. */
bool ktls_run_target_has_fd(pid_t tid, int fd, int own);

/* How a signal that waits for it ends its system call. Return: 0 for no signal; -EINTR; or
 * -ERESTARTSYS, which the kernel turns into -EINTR if the handler has no SA_RESTART.
 */
int ktls_run_target_interrupted(pid_t tid);

/* Its name, for messages. */
void ktls_run_target_name(pid_t tid, char name[static KTLS_RUN_NAME_MAX]);

#endif
