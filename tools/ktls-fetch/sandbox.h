/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is left for an attacker who takes the process over. */
#ifndef KTLS_FETCH_SANDBOX_H
#define KTLS_FETCH_SANDBOX_H

/* Allows only the system calls that fetching needs; for all threads, for good. No program
 * can be executed and no file be written then. Return: 0 or a negative errno.
 */
int ktls_fetch_sandbox_enter(void);

#endif
