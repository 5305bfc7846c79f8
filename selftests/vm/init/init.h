/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _SELFTESTS_VM_INIT_H
#define _SELFTESTS_VM_INIT_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ARGS	4096

/* What the runner asks for; see write_config() in vm/run. */
struct config {
	char	*argv[MAX_ARGS + 1], *envp[MAX_ARGS + 1];
	int	argc, envc;
	char	*cwd, *moddir, *release, *modprobe;
	bool	out, keep_tmp, boot;
};
extern struct config cfg;

/* base.c */
extern int kmsg;		/* /dev/kmsg, or -1: stderr */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void power_off(void);
void die(const char *what);	/* no verdict, and so no pass */
double now(void);
void nap(int ms);
bool write_file(const char *path, const char *text);
char *slurp(const char *path, size_t *len);

/* port.c */
int open_port(const char *want);
void write_port(int fd, const char *buf, size_t len);

/* root.c */
void must_mount(const char *src, const char *dir, const char *type,
		unsigned long flags, const char *opts);
void load_modules(void);
void make_root(void);

#endif /* _SELFTESTS_VM_INIT_H */
