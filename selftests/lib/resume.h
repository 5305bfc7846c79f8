/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fixture of the tests of resumption: the real ktlsd, room for an "openssl
 * s_server", and a variant for each version.
 */
#ifndef _SELFTESTS_RESUME_H
#define _SELFTESTS_RESUME_H

#include "interop.h"

static const struct ktls_versions only12 = { KTLS_TLS_1_2, KTLS_TLS_1_2 };
static const struct ktls_versions only13 = { KTLS_TLS_1_3, KTLS_TLS_1_3 };

FIXTURE(resume) { struct proc d; struct s_server s; };
FIXTURE_VARIANT(resume)
{
	const struct ktls_versions *versions;
	const char *openssl;
	const char *priority;
};
FIXTURE_VARIANT_ADD(resume, tls13) { &only13, "-tls1_3", "NORMAL:-VERS-ALL:+VERS-TLS1.3" };
FIXTURE_VARIANT_ADD(resume, tls12) { &only12, "-tls1_2", "NORMAL:-VERS-ALL:+VERS-TLS1.2" };
FIXTURE_SETUP(resume)
{
	net_new();
	real_start(&self->d);
}
FIXTURE_TEARDOWN(resume)
{
}

static inline void set_versions(int fd, const struct ktls_versions *versions)
{
	OK(setsockopt(fd, SOL_TLS, KTLS_VERSIONS, versions, sizeof(*versions)));
}

static inline bool is_resumed(int fd)
{
	return sock_info(fd).flags & KTLS_INFO_RESUMED;
}

/* Connects to "s_server -rev". Return: whether the session was resumed. */
static inline bool visit_fd(int fd, const struct addr *a)
{
	bool resumed;

	OK(connect(fd, &a->sa, a->len));
	resumed = is_resumed(fd);
	/* its tickets come before its answer */
	interop_expect_reversed(fd);
	close(fd);
	return resumed;
}

static inline bool visit(const struct addr *a, const struct ktls_versions *versions,
			 const char *name)
{
	int fd = interop_socket(name);

	set_versions(fd, versions);
	return visit_fd(fd, a);
}

/* ktlsd stores the session of a ticket a moment after it arrived, hence EVENTUALLY. */
#define EXPECT_RESUMES(a, versions)	EVENTUALLY(visit(a, versions, "server.test"), 10000)

/* Both ends of a connection are ktls sockets. */
struct both {
	int	client, server;
};

static inline struct both both_open(int l, const struct addr *a, int client)
{
	struct both b = { .client = client };
	struct job j;
	char byte;

	job_connect(&j, client, a);
	b.server = net_accept(l);
	job_wait(&j, 10000);
	EXPECT_EQ(0, j.ret);
	/* so that the client has read its tickets */
	net_write(b.server, "x", 1);
	net_read(b.client, &byte, 1);
	return b;
}

static inline void both_close(struct both *b)
{
	close(b->client);
	close(b->server);
}

#endif /* _SELFTESTS_RESUME_H */
