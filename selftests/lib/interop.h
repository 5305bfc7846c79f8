/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ktls sockets towards the real world. */
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
/* Of GnuTLS; what @priority allows. The server echoes, and is on the port returned. */
void gnutls_cli_start(struct proc *p, const struct addr *a, const char *priority, ...)
	__attribute__((sentinel));
struct addr gnutls_serv_start(struct proc *p, const char *priority);

/* A client's socket that will verify that name; NULL: the address. */
int interop_socket(const char *server_name);
/* A listening one, with that identity and those suites (NULL: all). */
int interop_listen(const char *identity, const char *ciphers, struct addr *ret);
/* accept(), or what the client printed when it does not come. */
int interop_accept(int l, struct proc *client);
/* A line from the client's standard input, and one back that it prints. */
void interop_expect_dialogue(struct proc *client, int fd);
void interop_set_file(int fd, int opt, const char *pki_name);
/* A line to "s_server -rev" and its answer. */
void interop_expect_reversed(int fd);

#endif /* _SELFTESTS_INTEROP_H */
