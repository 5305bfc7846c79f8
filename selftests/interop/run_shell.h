/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines for the shell: programs behind ktls-run, and what is done with them. */
#ifndef _SELFTESTS_RUN_SHELL_H
#define _SELFTESTS_RUN_SHELL_H

#include "lib/real.h"

enum { PORT = 8443, OTHER = 8080 };

/* A program behind "ktls-run RULES -- ", all of it one line for the shell. */
void run_start(struct proc *p, const char *rules, const char *program);
/* The same, with a command before it that becomes ktls-run. */
void run_start_as(struct proc *p, const char *become, const char *rules, const char *program);

/* Must succeed. */
void run_shell(const char *line);

/* OpenSSL's client says hello to the server at @port, which must answer @answer. */
void run_greet(unsigned int port, const char *answer);

/* The rules of a client that connects to PORT: a static buffer. */
const char *run_client(void);

#endif /* _SELFTESTS_RUN_SHELL_H */
