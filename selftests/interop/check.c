// SPDX-License-Identifier: GPL-2.0-or-later
/* ktlsctl check, with servers that are right and wrong. */
#include <signal.h>
#include <stdlib.h>

#include "lib/interop.h"

FIXTURE(check) { struct proc d; struct addr a; struct job server; int l; char *text; };

static void serve(int fd, void *arg)
{
	char byte;

	(void)arg;
	(void)!read(fd, &byte, 1);
	close(fd);
}

FIXTURE_SETUP(check)
{
	net_new();
	real_start(&self->d);
	self->l = interop_listen("ecdsa", NULL, &self->a);
	job_serve(&self->server, self->l, serve, NULL);
}

FIXTURE_TEARDOWN(check)
{
	free(self->text);
}

/* What ktlsctl check prints; it exits with @status. */
static char *check(const struct addr *a, int status, const char *option, const char *value)
{
	char target[64];
	struct proc p;

	snprintf(target, sizeof(target), "127.0.0.1:%u", ntohs(a->v4.sin_port));
	if (option)
		proc_start(&p, real_ktlsctl(), "check", "--server-name", "server.test", option,
			   value, target, NULL);
	else
		proc_start(&p, real_ktlsctl(), "check", "--server-name", value, target, NULL);
	EXPECT_EQ(status, proc_wait(&p, 20000));
	return proc_output(&p, NULL);
}

#define PRINTED(line)	EXPECT_TRUE(strstr(self->text, line))

TEST_F_TIMEOUT(check, verified, 60)
{
	self->text = check(&self->a, 0, NULL, "server.test");
	harness_note("%s", self->text);
	PRINTED("address      127.0.0.1\n");
	PRINTED("result       verified\n");
	PRINTED("version      1.3\n");
	PRINTED("suite        TLS_AES_");
	PRINTED("signature    ecdsa_secp256r1_sha256\n");
	PRINTED("peer_name    server.test\n");
	PRINTED("\npresented    0 subject=");
	PRINTED("\nchain        0 subject=");
	PRINTED("\nchain        1 subject=");
}

TEST_F_TIMEOUT(check, the_wrong_name, 60)
{
	self->text = check(&self->a, 1, NULL, "another.test");
	harness_note("%s", self->text);
	PRINTED("result       failed\n");
	PRINTED("\nreason       ");
	PRINTED("another.test");
	PRINTED("\npresented    0 subject=");
	EXPECT_FALSE(strstr(self->text, "\nchain "));
}

TEST_F_TIMEOUT(check, version_and_alpn, 60)
{
	self->text = check(&self->a, 0, "--version", "1.2");
	PRINTED("version      1.2\n");
	PRINTED("suite        ECDHE-ECDSA-");
	free(self->text);
	self->text = check(&self->a, 2, "--version", "1.1");
	PRINTED("usage: ktlsctl check");
}

TEST_F_TIMEOUT(check, no_server, 60)
{
	struct addr a = self->a;
	int fd;

	fd = net_listen(AF_INET, 1, &a);
	close(fd);
	self->text = check(&a, 1, NULL, "server.test");
	PRINTED("result       failed\n");
	PRINTED("error        Connection refused\n");
}

TEST_F_TIMEOUT(check, no_ktlsd, 60)
{
	proc_kill(&self->d, SIGKILL);
	self->text = check(&self->a, 1, NULL, "server.test");
	harness_note("%s", self->text);
	PRINTED("result       failed\n");
	PRINTED("error        No such process\n");
}
