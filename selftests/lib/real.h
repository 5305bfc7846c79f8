/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real ktlsd, and real programs at the other end: openssl, gnutls. */
#ifndef _SELFTESTS_REAL_H
#define _SELFTESTS_REAL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "net.h"

/* A process that a test has started; its output goes to a file. */
struct proc {
	pid_t	pid;
	int	in;		/* its standard input */
	char	name[64];
	char	path[64];	/* where its output is */
	int	status;		/* after proc_wait() */
	bool	ended;
};

/* The arguments end with NULL. */
void proc_start(struct proc *p, const char *program, ...) __attribute__((sentinel));
void proc_startv(struct proc *p, char **argv);
/* Ends its standard input. */
void proc_eof(struct proc *p);
/* Waits until it exits; the test fails after @ms. Return: the exit status. */
int proc_wait(struct proc *p, int ms);
void proc_kill(struct proc *p, int sig);
/* All it has printed so far, NUL-terminated; to be freed. */
char *proc_output(struct proc *p, size_t *ret_len);
bool proc_printed(struct proc *p, const char *text);
/* Prints the end of its output as diagnostics; done for all processes when a test fails. */
void proc_show(struct proc *p);

/* A line of a file like /proc/meminfo, KiB; 0 if there is none, as of a process that has ended. */
long proc_kib(const char *path, const char *name);

/* A file of pki, as ca.sh made it: a static buffer of a few. */
const char *real_pki(const char *name);

/* Reads such a file. Return: the length. */
size_t real_pki_read(const char *name, char *text, size_t max);

/* The path of ktlsctl. The control socket is in RUNTIME_DIRECTORY, if that was set before. */
const char *real_ktlsctl(void);

/* The path of ktls-fetch. */
const char *real_ktls_fetch(void);

/* The path of ktls-run, and of the static program of interop/run. */
const char *real_ktls_run(void);
const char *real_program(void);

/* ktlsd in this namespace, with identities "rsa", "ecdsa" and "client". */
void real_start(struct proc *p);
/* The same with more lines in ktlsd.conf. */
void real_start_with(struct proc *p, const char *lines);
/* The same with more lines in [ktlsd], too. */
void real_start_configured(struct proc *p, const char *daemon, const char *lines);
/* Writes such lines: identity @name, with the @certificate of ca.sh, and lines for it. */
void real_identity(FILE *config, const char *name, const char *certificate, const char *more);
/* Such lines: identities "private", which root may not use, and "contained", which root may
 * use in a container, too.
 */
const char *real_restricted(void);
/* The same as another user, with CAP_NET_ADMIN and no other privilege. */
void real_start_unprivileged(struct proc *p, uid_t uid);
void real_stop(struct proc *p);
/* Return: whether ktlsd has handled all messages: its threads sleep, no message waits. */
bool real_is_idle(const struct proc *p);

/* Such a line of a file in /proc/PID, of ktlsd and its signer together. */
long real_kib(const char *file, const char *name);

/* A port of this namespace that a server listens on within 10 s. */
void real_wait_port(uint16_t port);

#endif /* _SELFTESTS_REAL_H */
