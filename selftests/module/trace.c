// SPDX-License-Identifier: GPL-2.0-or-later
/* Every tracepoint of the module fires, with the right values; and what the kernel's own tell of
 * the module.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/party.h"

#define TRACING		"/sys/kernel/tracing"
#define INSTANCE	TRACING "/instances/ktls_selftest"

static void put(const char *file, const char *value)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), INSTANCE "/%s", file);
	fd = OK(open(path, O_WRONLY | O_TRUNC | O_CLOEXEC));
	OK(write(fd, value, strlen(value)));
	close(fd);
}

static char seen[1 << 20];

/* What has been traced so far. */
static const char *traced(void)
{
	int fd = OK(open(INSTANCE "/trace", O_RDONLY | O_CLOEXEC));
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(seen) - 1 && (n = OK(read(fd, seen + len, sizeof(seen) - 1 - len))))
		len += n;
	seen[len] = 0;
	close(fd);
	return seen;
}

static void expect_traced(const char *text)
{
	double end = harness_now() + 3 * harness_scale();

	while (!strstr(traced(), text)) {
		if (harness_now() > end) {
			harness_fail(__FILE__, __LINE__, "not traced: %s", text);
			harness_note("%s", seen);
			return;
		}
		harness_nap(20);
	}
}

/* Of a connection over loopback, and its ports, where it became open. */
static void expect_addresses(int fd, const char *host)
{
	const char *mapped = strchr(host, ':') ? "" : "::ffff:";
	struct sockaddr_in6 local, peer;
	socklen_t len = sizeof(local);
	char text[200];

	OK(getsockname(fd, (struct sockaddr *)&local, &len));
	len = sizeof(peer);
	OK(getpeername(fd, (struct sockaddr *)&peer, &len));
	/* Ports are in the same place of sockaddr_in. */
	snprintf(text, sizeof(text), "sport=%u dport=%u saddr=%s%s daddr=%s%s HANDSHAKE -> OPEN",
		 ntohs(local.sin6_port), ntohs(peer.sin6_port), mapped, host, mapped, host);
	expect_traced(text);
}

FIXTURE(events) { struct env e; };
FIXTURE_SETUP(events)
{
	if (access(TRACING "/instances", F_OK))
		OK(mount("tracefs", TRACING, "tracefs", 0, NULL));
	rmdir(INSTANCE);
	OK(mkdir(INSTANCE, 0700));
	put("events/ktls/enable", "1");
}
FIXTURE_TEARDOWN(events)
{
	put("events/ktls/enable", "0");
	OK(rmdir(INSTANCE));
}

/* The others test each event by name: there must be no more of them. */
TEST_F(events, there_are_those_tested_here)
{
	static const char * const known[] = {
		"ktls_alert", "ktls_state", "ktls_request_start", "ktls_request_handed",
		"ktls_request_answered", "ktls_request_done", "ktls_request_cancelled",
		"ktls_request_lost", "ktls_key_update", "ktls_reason",
	};
	DIR *dir = opendir(INSTANCE "/events/ktls");
	unsigned int n = 0, found = 0;
	struct dirent *de;

	ASSERT_TRUE(dir);
	while ((de = readdir(dir))) {
		if (strncmp(de->d_name, "ktls_", 5))
			continue;
		n++;
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			found += !strcmp(known[i], de->d_name);
	}
	closedir(dir);
	EXPECT_EQ(ARRAY_SIZE(known), n);
	EXPECT_EQ(ARRAY_SIZE(known), found);
}

TEST_F(events, of_a_connection_and_its_alerts)
{
	struct conn c;

	env_start(&self->e, S13_AES128);
	conn_open(&c, &self->e, ROLE_SERVER, AF_INET);
	expect_traced("ktls_request_start: id=");
	expect_traced("ktls_request_handed: id=");
	expect_traced("ktls_request_answered: id=");
	expect_traced("ktls_request_done: id=");
	expect_traced("ktls_state: ");
	expect_traced("HANDSHAKE -> OPEN");
	expect_addresses(c.fd, "127.0.0.1");

	peer_send_alert(&c.peer, 1, 0);
	EXPECT_EQ(0, read(c.fd, &(char){ 0 }, 1));
	expect_traced("received close_notify(0)");
	OK(shutdown(c.fd, SHUT_WR));
	expect_traced("sent close_notify(0)");
	conn_close(&c);
}

/* Each event of a socket has its addresses; IPv4 is ::ffff:a.b.c.d. */
TEST_F(events, of_ipv6)
{
	struct conn c;

	env_start(&self->e, S13_AES128);
	conn_open(&c, &self->e, ROLE_CLIENT, AF_INET6);
	expect_addresses(c.fd, "::1");
	peer_send_update(&c.peer, 0);
	peer_send_alert(&c.peer, 1, 0);
	EXPECT_EQ(0, read(c.fd, &(char){ 0 }, 1));
	expect_traced("saddr=::1 daddr=::1 received\n");
	expect_traced("saddr=::1 daddr=::1 received close_notify(0)");
	conn_close(&c);
}

TEST_F(events, of_a_fatal_alert)
{
	static const uint8_t garbage[] = { 99, 3, 3, 0, 1, 0 };
	struct conn c;

	env_start(&self->e, S13_AES128);
	conn_open(&c, &self->e, ROLE_CLIENT, AF_INET);
	peer_send_raw(&c.peer, garbage, sizeof(garbage));
	FAILS(EPROTO, read(c.fd, &(char){ 0 }, 1));
	expect_traced("sent unexpected_message(10)");
	expect_traced("saddr=::ffff:127.0.0.1 daddr=::ffff:127.0.0.1 the peer sent a record of a type that is not allowed now");
	conn_close(&c);
}

TEST_F(events, of_key_updates)
{
	struct conn c;

	env_start(&self->e, S13_AES128);
	conn_open(&c, &self->e, ROLE_SERVER, AF_INET);
	OK(sock_set_int(c.fd, KTLS_KEY_UPDATE, 1));
	expect_traced(" sent asked\n");
	peer_send_update(&c.peer, 0);
	peer_send_data(&c.peer, "x", 1);
	EXPECT_EQ(1, read(c.fd, &(char){ 0 }, 1));
	expect_traced(" received\n");
	conn_close(&c);
}

/* A request whose socket goes away, and one whose helper does. */
TEST_F(events, of_requests_that_do_not_end_well)
{
	struct addr a;
	struct job j;
	int fd;

	env_start_with(&self->e, S13_AES128, fake_ignore, NULL);
	net_listen(AF_INET, 8, &a);
	fd = sock_new(AF_INET);
	net_nonblock(fd, true);
	FAILS(EINPROGRESS, connect(fd, &a.sa, a.len));
	expect_traced("ktls_request_handed: id=");
	close(fd);
	expect_traced("ktls_request_cancelled: id=");

	fd = sock_new(AF_INET);
	job_connect(&j, fd, &a);
	EVENTUALLY(self->e.fake->starts == 2, 3000);
	fake_stop(self->e.fake);
	fake_die(self->e.fake);
	job_wait(&j, 5000);
	EXPECT_ERRNO(EHOSTDOWN, j.err);
	expect_traced("ktls_request_lost: id=");
	expect_traced("the helper ktlsd went away during the handshake");
	close(fd);
}

/* --- memory that the kernel wants back --- */

#define SHRINKERS "events/vmscan/mm_shrink_slab_end/"

/* All that can be freed at once, by the way of a machine that is short of memory. */
static void want_memory(void)
{
	int fd = OK(open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC));

	ASSERT_EQ(1, write(fd, "2", 1));
	close(fd);
}

/* Pages are kept for the next records, while the connection sends; it goes on without them. */
TEST_F(events, pages_go_back_when_the_kernel_wants_them)
{
	double end = harness_now() + 10 * harness_scale();
	struct conn c;

	put(SHRINKERS "filter", "retval > 0");
	put(SHRINKERS "enable", "1");
	env_start(&self->e, S13_AES128);
	conn_open(&c, &self->e, ROLE_SERVER, AF_INET);
	/* again, because a second later they have gone back by themselves */
	do {
		party_exchange(c.fd, &c.peer, 1 << 20);
		want_memory();
	} while (!strstr(traced(), " pages_scan+") && harness_now() < end);
	expect_traced(" pages_scan+");
	party_exchange(c.fd, &c.peer, 1 << 20);
	conn_close(&c);
	put(SHRINKERS "enable", "0");
}

TEST_HARNESS_MAIN
