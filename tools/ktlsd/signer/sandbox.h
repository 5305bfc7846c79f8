/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two processes give up. Call each before the process starts threads. What the
 * kernel does not support is logged.
 */
#ifndef KTLSD_SIGNER_SANDBOX_H
#define KTLSD_SIGNER_SANDBOX_H

#include <stddef.h>

/* The signer: no capabilities, no program is executed, no process is looked into, and no
 * socket is made but Unix sockets.
 */
void ktlsd_sandbox_signer(void);

/* The serving process: no program is executed, no process is looked into, and no socket is made
 * but Unix and Netlink sockets. No file is read but those of the system, those in the
 * directories of the service manager, and those in @directory, if that is not NULL:
 * ktlsd_file_read() asks the signer. None is made or written outside of these directories.
 */
void ktlsd_sandbox_server(const char *directory);

/* What this process has given up, in words: "Landlock ABI 4, seccomp". */
void ktlsd_sandbox_describe(char *ret_text, size_t size);

#endif
