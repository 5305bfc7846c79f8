// SPDX-License-Identifier: GPL-2.0-or-later
/* Incidents of TROUBLESHOOTING in ktlsd(8): the command named there names the cause. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/interop.h"
#include "lib/wall.h"

#define YEARS	(10 * 365 * 86400L)

/* @ahead: of CLOCK_MONOTONIC, when the test began; @dir: has the socket for ktlsctl */
FIXTURE(incident) {
	struct proc d;
	struct s_server s;
	struct timespec ahead;
	char dir[32];
	char *said;
};

FIXTURE_SETUP(incident)
{
	self->ahead = wall_ahead();
	net_new();
	strcpy(self->dir, "/tmp/ktlsd-run-XXXXXX");
	ASSERT_TRUE(mkdtemp(self->dir));
	OK(setenv("RUNTIME_DIRECTORY", self->dir, 1));
}

FIXTURE_TEARDOWN(incident)
{
	wall_set(&self->ahead, 0);
	free(self->said);
}

/* What a process prints; it exits with @status. */
static void listen_to(struct incident_self *self, struct proc *p, int status)
{
	EXPECT_EQ(status, proc_wait(p, 30000));
	free(self->said);
	self->said = proc_output(p, NULL);
	harness_note("%s", self->said);
}

/* ktlsctl status. */
static void ask_status(struct incident_self *self, int status)
{
	char control[64];
	struct proc p;

	snprintf(control, sizeof(control), "%s/control", self->dir);
	proc_start(&p, real_ktlsctl(), "status", "--control", control, NULL);
	listen_to(self, &p, status);
}

/* ktlsctl check of openssl s_server with that certificate, which is refused. */
static void ask_check(struct incident_self *self, const char *certificate)
{
	char target[64];
	struct proc p;

	s_server_start(&self->s, certificate, NULL);
	snprintf(target, sizeof(target), "127.0.0.1:%u", ntohs(self->s.a.v4.sin_port));
	proc_start(&p, real_ktlsctl(), "check", "--server-name", "server.test", target, NULL);
	listen_to(self, &p, 1);
}

#define SAID(text)	EXPECT_TRUE(strstr(self->said, text))

TEST_F_TIMEOUT(incident, expired_certificate_of_a_server, 60)
{
	real_start(&self->d);
	ask_check(self, "expired");
	SAID("\nreason       The certificate of server 'server.test' expired on ");
	SAID("renew it");
}

TEST_F_TIMEOUT(incident, expired_certificate_of_ours, 60)
{
	char lines[600];

	snprintf(lines, sizeof(lines), "[identity old]\ncertificate = %s\n",
		 real_pki("expired.pem"));
	snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "private_key = %s\n",
		 real_pki("expired.key"));
	real_start_with(&self->d, lines);
	ask_status(self, 0);
	SAID("\ncertificate_expires ");
	SAID("Z old expired\n");
	EXPECT_TRUE(proc_printed(&self->d, "A certificate of the identity 'old' expired at "));
}

TEST_F_TIMEOUT(incident, unknown_authority, 60)
{
	struct proc c;
	struct addr a;
	int l;

	real_start(&self->d);
	ask_check(self, "untrusted");
	SAID("was issued by 'ktls test untrusted-ca', which is not trusted here");

	/* the other way round: whoever connects to us does not trust ours */
	l = interop_listen("ecdsa", NULL, &a);
	s_client_start(&c, &a, "-CAfile", real_pki("untrusted-ca.pem"), NULL);
	EXPECT_NE(0, proc_wait(&c, 20000));
	EVENTUALLY(proc_printed(&self->d, "The client refused our certificate with the alert unknown_ca (48)."),
		   10000);
	close(l);
}

/* listen() with that identity fails, and the program's KTLS_ERROR says why. */
static void expect_refused(const char *identity, int err, const char *why)
{
	struct addr a = net_loopback(AF_INET, 0);
	int fd = sock_new(AF_INET);

	OK(bind(fd, &a.sa, a.len));
	OK(sock_set_str(fd, KTLS_IDENTITY, identity));
	FAILS(err, listen(fd, 8));
	harness_note("KTLS_ERROR: %s", sock_error(fd));
	EXPECT_TRUE(strstr(sock_error(fd), why));
	close(fd);
}

TEST_F_TIMEOUT(incident, key_is_unreadable, 60)
{
	char lines[600], key[64];

	snprintf(key, sizeof(key), "%s/shut.key", self->dir);
	close(OK(open(key, O_CREAT | O_WRONLY, 0)));
	snprintf(lines, sizeof(lines), "[identity shut]\ncertificate = %s\nprivate_key = %s\n",
		 real_pki("ecdsa.pem"), key);
	real_start_with(&self->d, lines);
	ask_status(self, 0);
	SAID("\ntroubles 1\nfirst_trouble ");
	SAID("shut.key cannot be read: Permission denied");
	expect_refused("shut", ENOKEY, "shut.key cannot be read: Permission denied");
}

TEST_F_TIMEOUT(incident, ktlsd_has_ended, 60)
{
	struct addr a = net_loopback(AF_INET, 1);
	int fd;

	real_start(&self->d);
	real_stop(&self->d);
	ask_status(self, 1);
	SAID("/control: ktlsd is not running");
	fd = interop_socket("server.test");
	FAILS(ESRCH, connect(fd, &a.sa, a.len));
	harness_note("KTLS_ERROR: %s", sock_error(fd));
	EXPECT_TRUE(strstr(sock_error(fd), "is ktlsd running?"));
	close(fd);
}

TEST_F_TIMEOUT(incident, ktlsd_is_stopped, 60)
{
	char expected[64];

	real_start(&self->d);
	OK(kill(self->d.pid, SIGSTOP));
	ask_status(self, 1);
	snprintf(expected, sizeof(expected), "ktlsd (pid %d) does not answer: a signal has stopped it",
		 self->d.pid);
	SAID(expected);
	OK(kill(self->d.pid, SIGCONT));
	ask_status(self, 0);
	SAID("\nstatus 2 of 2 workers serve");
}

/* The peer says nothing: the handshake is under way. */
TEST_F_TIMEOUT(incident, ktlsd_is_killed, 60)
{
	uint64_t lost = net_mib("HelperLost");
	struct addr a;
	struct job j;
	int l, fd;

	real_start(&self->d);
	l = net_listen(AF_INET, 1, &a);
	fd = interop_socket("server.test");
	job_connect(&j, fd, &a);
	EVENTUALLY(sock_info(fd).state == KTLS_STATE_HANDSHAKE, 5000);
	proc_kill(&self->d, SIGKILL);
	job_wait(&j, 10000);
	EXPECT_ERRNO(EHOSTDOWN, j.err);
	harness_note("KTLS_ERROR: %s", sock_error(fd));
	EXPECT_TRUE(strstr(sock_error(fd), "the helper ktlsd went away during the handshake"));
	EXPECT_EQ(lost + 1, net_mib("HelperLost"));
	ask_status(self, 1);
	SAID("/control: ktlsd is not running");
	close(fd);
	close(l);
}

TEST_F_TIMEOUT(incident, clock_is_wrong, 60)
{
	real_start(&self->d);
	wall_set(&self->ahead, -YEARS);
	ask_check(self, "rsa");
	SAID(" is not valid before ");
	SAID("check this machine's clock");
	ask_status(self, 0);
	SAID("\nclock 20");
	SAID("\ncertificate_begins ");
	SAID(" not yet valid\n");
}

TEST_F_TIMEOUT(incident, disk_is_full, 60)
{
	char page[4096] = "";
	ssize_t n;
	int fd;

	OK(unshare(CLONE_NEWNS));
	OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	OK(mount("full", "/mnt", "tmpfs", 0, "mode=700,size=64k"));
	OK(mkdir("/mnt/tickets", 0700));
	fd = OK(open("/mnt/ballast", O_CREAT | O_WRONLY, 0600));
	do
		n = write(fd, page, sizeof(page));
	while (n > 0);
	EXPECT_ERRNO(ENOSPC, errno);
	close(fd);
	real_start_configured(&self->d, "ticket_keys = /mnt/tickets\n", "");
	ask_status(self, 0);
	SAID("\ntickets_trouble /mnt/tickets");
	SAID(": No space left on device.");
}

/* While ktlsd is stopped, handshakes stay: one more than the listener may have is refused. */
TEST_F_TIMEOUT(incident, cap_is_reached, 60)
{
	struct proc c[3], p;
	struct addr a;
	int l;

	real_start(&self->d);
	l = interop_listen("ecdsa", NULL, &a);
	net_set_parameter("children_per_listener", 1);
	OK(kill(self->d.pid, SIGSTOP));
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		s_client_start(&c[i], &a, NULL);
	EVENTUALLY(net_mib("ChildrenRefused") + net_mib("ChildrenEvicted") >= 2, 20000);
	net_set_parameter("children_per_listener", 1024);
	OK(kill(self->d.pid, SIGCONT));
	proc_start(&p, real_ktlsctl(), "counters", NULL);
	listen_to(self, &p, 0);
	SAID("KtlsChildrenRefused ");
	EXPECT_FALSE(strstr(self->said, "KtlsChildrenRefused              0\n") &&
		     strstr(self->said, "KtlsChildrenEvicted              0\n"));
	close(l);
}

TEST_F_TIMEOUT(incident, wrong_identity, 60)
{
	real_start_with(&self->d, real_restricted());
	expect_refused("nosuch", ENOKEY, "There is no identity 'nosuch' in ");
	expect_refused("private", EACCES, "Uid 0 may not use the identity 'private': see allow_uids");
}
