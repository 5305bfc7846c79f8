/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ktls sockets, and connections between them and scripted peers. */
#ifndef _SELFTESTS_SOCK_H
#define _SELFTESTS_SOCK_H

#include <linux/ktls.h>
#include <linux/ktls_netlink.h>
#include <netinet/tcp.h>
#include <pthread.h>

#include "fake.h"
#include "harness.h"
#include "hs.h"
#include "net.h"
#include "peer.h"

#define ROLE_CLIENT	KTLS_ROLE_CLIENT
#define ROLE_SERVER	KTLS_ROLE_SERVER

#define S13_AES128	0x1301
#define S13_AES256	0x1302
#define S13_CHACHA	0x1303
#define S12_AES128	0xc02f
#define S12_AES256	0xc030
#define S12_CHACHA	0xcca8

/* A network namespace with a fake helper in it that answers correctly. */
struct env {
	struct hs	hs;
	struct fake	*fake;
	void		(*prepare)(int fd);	/* before connect() or listen() */
};

void env_start(struct env *e, uint16_t suite);
/* The same with a handler of the test. */
void env_start_with(struct env *e, uint16_t suite, fake_handler handler, void *arg);
/* The same with a helper that does nothing: the test reads its messages and answers them. */
void env_start_manual(struct env *e, uint16_t suite, uint32_t credits);
/* The namespace only: the test makes the helper, or does without. */
void env_start_bare(struct env *e, uint16_t suite);

/* A socket with the ULP; sock_attach returns setsockopt's value. */
int sock_attach(int fd);
int sock_new(int family);
int sock_listen(int family, int backlog, struct addr *ret);
int sock_state(int fd);
struct ktls_info sock_info(int fd);
/* KTLS_ERROR, NUL-terminated, in a static buffer. */
const char *sock_error(int fd);
/* Another option, likewise. */
const char *sock_get_str(int fd, int opt);
int sock_get_int(int fd, int opt);
int sock_set_int(int fd, int opt, int value);
int sock_set_u32(int fd, int opt, uint32_t value);
int sock_set_str(int fd, int opt, const char *value);

/* connect(), accept() or setsockopt(KTLS_HANDSHAKE) in a thread of its own. */
struct job {
	pthread_t	thread;
	int		fd, opt;
	struct addr	addr;
	int		ret, err;
	double		seconds;	/* how long it took */
	_Atomic bool	done;
	void		*(*fn)(void *arg);	/* job_run's */
	void		*arg;
};

void job_connect(struct job *j, int fd, const struct addr *a);
void job_accept(struct job *j, int fd);
void job_handshake(struct job *j, int fd, int role);
void job_run(struct job *j, void *(*fn)(void *arg), void *arg);
/* Accepts connections for ever; for each @fn runs in a thread of its own, which closes @fd. */
void job_serve(struct job *j, int listener, void (*fn)(int fd, void *arg), void *arg);
/* Waits for its end; fails the test after @ms. */
void job_wait(struct job *j, int ms);

/* A finished connection of a ktls socket and a scripted peer. */
struct conn {
	int		fd;
	struct peer	peer;
};

void conn_open(struct conn *c, struct env *e, int role, int family);
/* Before the connection is made: a receive buffer of @rcvbuf bytes. */
void conn_open_rcvbuf(struct conn *c, struct env *e, int role, int family, int rcvbuf);
void conn_close(struct conn *c);
/* A request from the socket to the peer, and the answer. */
void conn_expect_works(int fd, struct peer *p);
/* The handshake in that job fails with EPROTO, and nothing goes through the socket. */
void conn_expect_failed(int fd, struct job *handshake);

/* Sends as much of @buf as there is room for, without waiting. Return: how many bytes. */
size_t sock_fill(int fd, const void *buf, size_t len);

/* Writes, or reads, all of a buffer in a thread of its own. */
struct transfer {
	struct job	job;
	int		fd;
	void		*buf;
	size_t		len;
};

void transfer_write(struct transfer *t, int fd, const void *buf, size_t len);
void transfer_read(struct transfer *t, int fd, void *buf, size_t len);
void transfer_wait(struct transfer *t, int ms);

/* Two ktls sockets: ends[0] the client, ends[1] the server. */
void sock_pair(struct env *e, int family, int ends[2]);

#endif /* _SELFTESTS_SOCK_H */
