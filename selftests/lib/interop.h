/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ktls sockets with OpenSSL or GnuTLS at the other end. */
#ifndef _SELFTESTS_INTEROP_H
#define _SELFTESTS_INTEROP_H

#include "real.h"
#include "sock.h"

/* openssl s_server on 127.0.0.1. */
struct s_server {
	struct proc	p;
	struct addr	a;
};

/* Identity of ca.sh, further arguments, NULL. */
void s_server_start(struct s_server *s, const char *identity, ...) __attribute__((sentinel));
void s_client_start(struct proc *p, const struct addr *a, ...) __attribute__((sentinel));
/* GnuTLS's programs with @priority. The server echoes; its port is returned. */
void gnutls_cli_start(struct proc *p, const struct addr *a, const char *priority, ...)
	__attribute__((sentinel));
struct addr gnutls_serv_start(struct proc *p, const char *priority);

/* A client's socket that verifies @server_name; NULL: the address. */
int interop_socket(const char *server_name);
/* A listening socket with that identity and those suites (NULL: all). */
int interop_listen(const char *identity, const char *ciphers, struct addr *ret);
/* accept(); if there is no connection, prints what the client printed. */
int interop_accept(int l, struct proc *client);
/* Sends a line from the client's standard input, and one back that it prints. */
void interop_expect_dialogue(struct proc *client, int fd);
void interop_set_file(int fd, int opt, const char *pki_name);
/* Sends a line to "s_server -rev" and expects the answer. */
void interop_expect_reversed(int fd);

#endif /* _SELFTESTS_INTEROP_H */
