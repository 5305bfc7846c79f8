// SPDX-License-Identifier: GPL-2.0-or-later
/* ktlsctl monitor: it prints what happens, and leaves nothing behind. */
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>

#include "lib/interop.h"

#define TRACING	"/sys/kernel/tracing"

FIXTURE(monitor) { struct proc d, m; };

/* The last connection: of this socket, to that. */
static char client_address[32], server_address[32];

FIXTURE_SETUP(monitor)
{
	net_new();
	if (access(TRACING "/instances", F_OK))
		OK(mount("tracefs", TRACING, "tracefs", 0, NULL));
	real_start(&self->d);
}

FIXTURE_TEARDOWN(monitor)
{
}

/* Return: how many instances of ktlsctl there are. */
static int instances(void)
{
	DIR *dir = opendir(TRACING "/instances");
	struct dirent *entry;
	int n = 0;

	ASSERT_TRUE(dir);
	while ((entry = readdir(dir)))
		n += !strncmp(entry->d_name, "ktlsctl-", 8);
	closedir(dir);
	return n;
}

/* Return: whether one of them collects events. */
static bool collects(const struct proc *m)
{
	char path[128], value = '0';
	FILE *file;

	snprintf(path, sizeof(path), TRACING "/instances/ktlsctl-%d/events/ktls/ktls_reason/enable",
		 m->pid);
	file = fopen(path, "re");
	if (file) {
		value = fgetc(file);
		fclose(file);
	}
	return value == '1';
}

static void watch(struct proc *m, const char *option)
{
	proc_start(m, real_ktlsctl(), "monitor", option, NULL);
	EVENTUALLY(collects(m), 10000);
}

static void remember(int c)
{
	struct sockaddr_in local, peer;
	socklen_t len = sizeof(local);

	OK(getsockname(c, (struct sockaddr *)&local, &len));
	OK(getpeername(c, (struct sockaddr *)&peer, &len));
	snprintf(client_address, sizeof(client_address), "127.0.0.1:%u", ntohs(local.sin_port));
	snprintf(server_address, sizeof(server_address), "127.0.0.1:%u", ntohs(peer.sin_port));
}

/* A connection with KeyUpdates that ends in order, and one that fails. */
static void make_events(struct proc *m)
{
	struct s_server wrong;
	struct addr a;
	struct job j;
	int l, c, s;

	l = interop_listen("ecdsa", NULL, &a);
	c = interop_socket("server.test");
	job_connect(&j, c, &a);
	s = net_accept(l);
	job_wait(&j, 10000);
	OK(j.ret);
	remember(c);
	OK(sock_set_int(c, KTLS_KEY_UPDATE, 0));
	net_write(c, "x", 1);
	EXPECT_EQ(1, read(s, &(char){ 0 }, 1));
	close(c);
	EXPECT_EQ(0, read(s, &(char){ 0 }, 1));
	close(s);
	close(l);
	s_server_start(&wrong, "expired", NULL);
	c = interop_socket("server.test");
	FAILS(EKEYREJECTED, connect(c, &wrong.a.sa, wrong.a.len));
	close(c);
	/* The last event: the reason comes before it. */
	EVENTUALLY(proc_printed(m, "failed"), 10000);
}

/* Of both ends of the connection that make_events() made. */
static void shows_addresses(struct proc *m)
{
	char line[120];

	snprintf(line, sizeof(line), " handshake  %-22s %-22s complete\n", client_address,
		 server_address);
	EXPECT_TRUE(proc_printed(m, line));
	snprintf(line, sizeof(line), " handshake  %-22s %-22s complete\n", server_address,
		 client_address);
	EXPECT_TRUE(proc_printed(m, line));
}

#define PRINTED(text)	EXPECT_TRUE(proc_printed(&self->m, text))

static void end(struct proc *m, int sig)
{
	char *said;

	kill(m->pid, sig);
	EXPECT_EQ(0, proc_wait(m, 10000));
	said = proc_output(m, NULL);
	harness_note("%s", said);
	free(said);
	EXPECT_EQ(0, instances());
}

TEST_F_TIMEOUT(monitor, columns, 60)
{
	watch(&self->m, NULL);
	make_events(&self->m);
	PRINTED("TIME                     EVENT      LOCAL                  PEER                   WHAT\n");
	shows_addresses(&self->m);
	PRINTED(" begun\n");
	PRINTED(" complete\n");
	PRINTED(" key-update ");
	PRINTED(" received close_notify(0)\n");
	PRINTED(" The certificate of server 'server.test' expired on ");
	PRINTED(" failed\n");
	end(&self->m, SIGINT);
}

/* Two at a time, and those of other namespaces only if they are asked for. */
TEST_F_TIMEOUT(monitor, json_and_namespaces, 60)
{
	struct proc other, all;
	char both[120];

	watch(&self->m, "--json");
	make_events(&self->m);
	PRINTED("\"event\": \"handshake\", \"what\": \"complete\", \"detail\": \"\", \"netns\": ");
	snprintf(both, sizeof(both), "\"local\": \"%s\", \"peer\": \"%s\"}\n", client_address,
		 server_address);
	PRINTED(both);
	PRINTED("\"event\": \"failure\", \"what\": \"The certificate of server 'server.test' expired on ");
	proc_kill(&self->d, SIGTERM);
	OK(kill(self->m.pid, SIGTERM));
	EXPECT_EQ(0, proc_wait(&self->m, 10000));

	watch(&other, NULL);
	watch(&all, "--all-namespaces");
	EXPECT_EQ(2, instances());
	net_new();
	real_start(&self->d);
	make_events(&all);
	EXPECT_FALSE(proc_printed(&other, "expired on"));
	OK(kill(other.pid, SIGTERM));
	EXPECT_EQ(0, proc_wait(&other, 10000));
	end(&all, SIGTERM);
}

/* One that was killed leaves its instance; the next removes it. */
TEST_F_TIMEOUT(monitor, killed, 60)
{
	watch(&self->m, NULL);
	proc_kill(&self->m, SIGKILL);
	EXPECT_EQ(1, instances());
	watch(&self->m, NULL);
	EXPECT_EQ(1, instances());
	end(&self->m, SIGHUP);
}

/* Who may not trace, and where tracefs is missing, gets to know it. */
TEST_F_TIMEOUT(monitor, refused, 60)
{
	struct proc p;

	proc_start(&p, "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
		   real_ktlsctl(), "monitor", NULL);
	EXPECT_EQ(1, proc_wait(&p, 10000));
	EXPECT_TRUE(proc_printed(&p, "only root may trace"));
	proc_start(&p, "unshare", "--mount", "sh", "-c",
		   "umount -l " TRACING " && exec \"$0\" monitor", real_ktlsctl(), NULL);
	EXPECT_EQ(1, proc_wait(&p, 10000));
	EXPECT_TRUE(proc_printed(&p, "tracefs is not there"));
	EXPECT_EQ(0, instances());
}
