// SPDX-License-Identifier: GPL-2.0-or-later
/* Real connections, and what ktlsctl sockets says of them. */
#include <stdlib.h>

#include "lib/interop.h"

FIXTURE(sockets) {
	struct proc	d;
	struct addr	a;
	struct job	c;
	int		l, client, server;
	char		*text;
};

FIXTURE_SETUP(sockets)
{
	net_new();
	real_start(&self->d);
	self->l = interop_listen("ecdsa", NULL, &self->a);
	self->client = interop_socket("server.test");
	job_connect(&self->c, self->client, &self->a);
	self->server = net_accept(self->l);
	job_wait(&self->c, 10000);
	OK(self->c.ret);
}

FIXTURE_TEARDOWN(sockets)
{
	free(self->text);
	close(self->client);
	close(self->server);
	close(self->l);
}

/* What ktlsctl sockets prints with these arguments; it exits with @status. */
static char *sockets(int status, const char *a, const char *b)
{
	struct proc p;

	proc_start(&p, real_ktlsctl(), "sockets", a, b, NULL);
	EXPECT_EQ(status, proc_wait(&p, 10000));
	return proc_output(&p, NULL);
}

static int lines(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

TEST_F_TIMEOUT(sockets, columns, 60)
{
	net_write(self->client, "hello", 5);
	self->text = sockets(0, NULL, NULL);
	harness_note("%s", self->text);
	EXPECT_EQ(4, lines(self->text));
	EXPECT_FALSE(strncmp(self->text, "STATE      ROLE   TLS ", 22));
	EXPECT_TRUE(strstr(self->text, "\nlistening "));
	EXPECT_TRUE(strstr(self->text, "\nopen       client 1.3 TLS_AES_"));
	EXPECT_TRUE(strstr(self->text, "\nopen       server 1.3 TLS_AES_"));
	EXPECT_TRUE(strstr(self->text, " verified\n"));
	EXPECT_FALSE(strchr(self->text, '\033'));
}

TEST_F_TIMEOUT(sockets, filtered, 60)
{
	self->text = sockets(0, "state=open", "role=client");
	EXPECT_EQ(2, lines(self->text));
	EXPECT_TRUE(strstr(self->text, " server.test "));
	free(self->text);
	self->text = sockets(0, "--no-header", "identity=ecdsa");
	EXPECT_EQ(2, lines(self->text));
	free(self->text);
	self->text = sockets(0, "name=another.test", NULL);
	EXPECT_EQ(0, lines(self->text));
	free(self->text);
	self->text = sockets(2, "state=opened", NULL);
	EXPECT_TRUE(strstr(self->text, "there is no such state"));
}

TEST_F_TIMEOUT(sockets, json, 60)
{
	self->text = sockets(0, "--json", "role=client");
	EXPECT_TRUE(strstr(self->text, "[\n  {\"state\": \"open\", \"role\": \"client\""));
	EXPECT_TRUE(strstr(self->text, "\"peer_name\": \"server.test\""));
	EXPECT_TRUE(strstr(self->text, "\"verified\": true"));
	free(self->text);
	self->text = sockets(0, "--json", "role=client");
	free(self->text);
	self->text = sockets(0, "--json", "state=failed");
	EXPECT_EQ(0, strcmp(self->text, "[]\n"));
}

TEST_F_TIMEOUT(sockets, why_one_failed, 60)
{
	int fd = interop_socket("another.test");
	struct job c;

	job_connect(&c, fd, &self->a);
	job_wait(&c, 10000);
	EXPECT_EQ(-1, c.ret);
	self->text = sockets(0, "state=failed", "role=client");
	EXPECT_EQ(2, lines(self->text));
	EXPECT_TRUE(strstr(self->text, sock_error(fd)));
	harness_note("%s", self->text);
	close(fd);
}
