// SPDX-License-Identifier: GPL-2.0-or-later
/* Certificates, keys and trust anchors become unreadable: ktlsd goes on with the old ones. */
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/interop.h"

FIXTURE(unreadable) { struct proc d; struct s_server s; char dir[32]; };

/* The files of ca.sh are a copy, which only this test and its processes see. */
FIXTURE_SETUP(unreadable)
{
	const char *pki = real_pki("");
	struct proc copy;

	net_new();
	strcpy(self->dir, "/tmp/ktlsd-run-XXXXXX");
	ASSERT_TRUE(mkdtemp(self->dir));
	OK(setenv("RUNTIME_DIRECTORY", self->dir, 1));
	OK(unshare(CLONE_NEWNS));
	OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	OK(mount("pki", "/mnt", "tmpfs", 0, "mode=755"));
	proc_start(&copy, "cp", "-a", pki, "/mnt/pki", NULL);
	ASSERT_EQ(0, proc_wait(&copy, 5000));
	OK(mount("/mnt/pki", pki, NULL, MS_BIND, NULL));
	real_start(&self->d);
}
FIXTURE_TEARDOWN(unreadable)
{
}

/* Of what ktlsd has read. */
static void set_mode(mode_t mode)
{
	static const char *const names[] = {
		"ca.pem", "rsa.pem", "rsa.key", "ecdsa.pem", "ecdsa.key", "client.pem", "client.key",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		OK(chmod(real_pki(names[i]), mode));
}

/* ktlsctl reload exits with @status and prints @text. */
static void reload(const char *dir, int status, const char *text)
{
	char control[64];
	struct proc p;

	snprintf(control, sizeof(control), "%s/control", dir);
	proc_start(&p, real_ktlsctl(), "reload", "--control", control, NULL);
	EXPECT_EQ(status, proc_wait(&p, 20000));
	EXPECT_TRUE(proc_printed(&p, text));
}

/* A handshake in each role: with our keys, and with theirs against our anchors. */
static void expect_handshakes(const struct s_server *s, int l, const struct addr *a)
{
	int fd = interop_socket("server.test");
	struct proc c;

	OK(connect(fd, &s->a.sa, s->a.len));
	EXPECT_TRUE(sock_info(fd).flags & KTLS_INFO_VERIFIED);
	interop_expect_reversed(fd);
	close(fd);
	s_client_start(&c, a, NULL);
	fd = interop_accept(l, &c);
	interop_expect_dialogue(&c, fd);
	close(fd);
}

TEST_F(unreadable, the_old_ones_stay)
{
	struct addr a;
	int l;

	s_server_start(&self->s, "rsa", "-rev", NULL);
	l = interop_listen("ecdsa", NULL, &a);
	set_mode(0);
	reload(self->dir, 1, "some files could not be loaded (4)");
	EXPECT_TRUE(proc_printed(&self->d, "the identity 'ecdsa' keeps its old credentials: "));
	EXPECT_TRUE(proc_printed(&self->d, "the old trust anchors stay in force"));
	expect_handshakes(&self->s, l, &a);
	/* those stay, too */
	reload(self->dir, 1, "some files could not be loaded (4)");
	expect_handshakes(&self->s, l, &a);
	set_mode(0600);
	reload(self->dir, 0, "was reloaded");
	expect_handshakes(&self->s, l, &a);
}
