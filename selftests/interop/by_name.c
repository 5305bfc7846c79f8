// SPDX-License-Identifier: GPL-2.0-or-later
/* The functions of ktls_socket.h, with names, deadlines and reasons. */
#include <ktls_socket.h>

#include "lib/interop.h"

FIXTURE(by_name)
{
	struct proc d;
	char trust[65536], reason[KTLS_REASON_SIZE];
	/* of our test's CA, and a name that the certificates have */
	struct ktls_setting settings[3];
};
FIXTURE_SETUP(by_name)
{
	size_t length = real_pki_read("ca.pem", self->trust, sizeof(self->trust));

	net_new();
	real_start(&self->d);
	self->settings[0] = (struct ktls_setting){ KTLS_TRUST, self->trust, length };
	self->settings[1] = (struct ktls_setting){ KTLS_SERVER_NAME, "server.test", 11 };
}
FIXTURE_TEARDOWN(by_name)
{
}

static uint16_t port_of(int fd, char text[static 8])
{
	struct addr a = { .len = sizeof(a.v6) };

	OK(getsockname(fd, &a.sa, &a.len));
	/* both have the port at the same place */
	snprintf(text, 8, "%u", ntohs(a.v4.sin_port));
	return ntohs(a.v4.sin_port);
}

static void *accept_one(void *arg)
{
	int fd = accept(*(int *)arg, NULL, NULL);

	if (fd >= 0)
		write(fd, "hello\n", 6);
	return (void *)(intptr_t)fd;
}

/* One server socket is reached by both families, and by "localhost" whatever that is. */
TEST_F_TIMEOUT(by_name, a_server_is_found, 40)
{
	static const char *const hosts[] = { "localhost", "127.0.0.1", "::1" };
	char port[8], buf[8] = "";
	int l, fd;

	l = OK(ktls_listen(NULL, "0", "rsa", NULL, 8, self->reason, sizeof(self->reason)));
	EXPECT_EQ(FD_CLOEXEC, fcntl(l, F_GETFD));
	port_of(l, port);
	for (size_t i = 0; i < 3; i++) {
		struct job j;

		job_run(&j, accept_one, &l);
		fd = ktls_connect(hosts[i], port, self->settings, 20000, self->reason,
				  sizeof(self->reason));
		if (fd < 0)
			harness_fail(__FILE__, __LINE__, "%s: %s", hosts[i], self->reason);
		OK(fd);
		EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
		EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
		EXPECT_STREQ("server.test", sock_get_str(fd, KTLS_PEER_NAME));
		net_read(fd, buf, 6);
		EXPECT_MEMEQ("hello\n", buf, 6);
		job_wait(&j, 5000);
		close(fd);
	}
}

/* Without a setting the host is the name: an address that the certificate has is one, a name
 * that it does not have is refused, and the reason says by whom.
 */
TEST_F_TIMEOUT(by_name, the_host_is_verified, 40)
{
	struct job j;
	char port[8];
	int l, fd;

	self->settings[1].option = 0;
	l = OK(ktls_listen("127.0.0.1", "0", "rsa", NULL, 8, self->reason, sizeof(self->reason)));
	port_of(l, port);
	job_run(&j, accept_one, &l);
	fd = OK(ktls_connect("127.0.0.1", port, self->settings, -1, self->reason,
			     sizeof(self->reason)));
	EXPECT_STREQ("127.0.0.1", sock_get_str(fd, KTLS_PEER_NAME));
	job_wait(&j, 5000);
	close(fd);
	FAILS(EKEYREJECTED, ktls_connect("localhost", port, self->settings, -1, self->reason,
					 sizeof(self->reason)));
	EXPECT_TRUE(strstr(self->reason, "127.0.0.1: "));
	EXPECT_TRUE(strstr(self->reason, "localhost"));
}

TEST_F_TIMEOUT(by_name, reasons, 40)
{
	struct ktls_setting wrong[] = { { KTLS_VERIFY, &(int){ 7 }, sizeof(int) }, { 0 } };
	struct addr a;
	char port[8], short_[10];
	int l;

	FAILS(ENXIO, ktls_connect("name.invalid", "1", NULL, -1, self->reason,
				  sizeof(self->reason)));
	EXPECT_TRUE(strstr(self->reason, "name.invalid, port 1: "));
	FAILS(ENXIO, ktls_listen(NULL, "no-such-service", "rsa", NULL, 1, self->reason,
				 sizeof(self->reason)));
	FAILS(EINVAL, ktls_connect("127.0.0.1", "1", wrong, -1, self->reason,
				   sizeof(self->reason)));
	EXPECT_STREQ("option 69: Invalid argument", self->reason);
	FAILS(ECONNREFUSED, ktls_connect("127.0.0.1", "1", NULL, -1, self->reason,
					 sizeof(self->reason)));
	EXPECT_STREQ("127.0.0.1: Connection refused", self->reason);
	FAILS(ECONNREFUSED, ktls_connect("127.0.0.1", "1", NULL, -1, short_, sizeof(short_)));
	EXPECT_STREQ("127.0.0.1", short_);
	FAILS(ENOKEY, ktls_listen(NULL, "0", "nobody", NULL, 1, self->reason,
				  sizeof(self->reason)));
	EXPECT_TRUE(strstr(self->reason, "nobody"));
	l = net_listen(AF_INET, 1, &a);
	port_of(l, port);
	FAILS(EADDRINUSE, ktls_listen("127.0.0.1", port, "rsa", NULL, 1, self->reason,
				      sizeof(self->reason)));
	EXPECT_STREQ("127.0.0.1: Address already in use", self->reason);
}

/* A server that answers nothing, and one whose packets are lost. */
TEST_F_TIMEOUT(by_name, the_deadline_counts, 40)
{
	long long begin = ktls_socket_now();
	struct addr a;
	char port[8];
	int l = net_listen(AF_INET, 8, &a);

	port_of(l, port);
	FAILS(ETIMEDOUT, ktls_connect("127.0.0.1", port, self->settings, 300, self->reason,
				      sizeof(self->reason)));
	net_deaf(l);
	FAILS(ETIMEDOUT, ktls_connect("127.0.0.1", port, self->settings, 300, self->reason,
				      sizeof(self->reason)));
	EXPECT_LE(600, ktls_socket_now() - begin);
	EXPECT_GT(600 + 4000 * harness_scale(), ktls_socket_now() - begin);
}
