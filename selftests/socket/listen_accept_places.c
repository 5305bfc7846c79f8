// SPDX-License-Identifier: GPL-2.0-or-later
/* How many connections may be in their handshake, whose, and what each of them costs. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/sock.h"

static void put_file(const char *path, const char *text)
{
	int fd = OK(open(path, O_WRONLY));

	OK(write(fd, text, strlen(text)));
	close(fd);
}

/* Sends ClientHello, reads the answer, and nothing more. */
static int dial_and_stall(struct env *e, const struct addr *to, unsigned int source)
{
	struct peer p;

	peer_init(&p, net_dial_from(to, source), false, &e->hs);
	peer_send_flight(&p, HS_CLIENT_HELLO);
	peer_recv_flight(&p, HS_SERVER_FLIGHT);
	return p.fd;
}

static void good_client(struct env *e, const struct addr *to, unsigned int source)
{
	struct peer p;

	peer_init(&p, net_dial_from(to, source), false, &e->hs);
	peer_handshake(&p);
	close(p.fd);
	peer_free(&p);
}

/* A helper that accepts every configuration and answers no handshake. */
static void check_only(struct fake *f, struct fake_msg *m)
{
	if (m->cmd == KTLS_CMD_CHECK)
		fake_answer(f, m);
}

/* A ClientHello in three records: the helper is asked when it is complete. */
TEST(half_a_hello_is_none)
{
	uint8_t hello[HS_FLIGHT_MAX], part[HS_FLIGHT_MAX];
	struct peer p, other;
	struct env e;
	struct addr a;
	size_t len;
	int l;

	env_start(&e, S13_AES128);
	l = sock_listen(AF_INET, 8, &a);
	len = hs_flight(&e.hs, HS_CLIENT_HELLO, hello) - 5;
	peer_init(&p, net_dial_from(&a, 0), false, &e.hs);
	for (size_t at = 0, n; at < len; at += n) {
		n = at ? at == 2 ? 10 : len - at : 2;
		memcpy(part, hello, 5);
		part[3] = 0;
		part[4] = n;
		memcpy(part + 5, hello + 5 + at, n);
		/* a later client is served; half a record is not passed on */
		peer_init(&other, net_dial_from(&a, 0), false, &e.hs);
		peer_handshake(&other);
		close(net_accept(l));
		EXPECT_EQ(at ? at == 2 ? 2 : 3 : 1, e.fake->starts);
		peer_send_raw(&p, part, 5 + n);
	}
	peer_recv_flight(&p, HS_SERVER_FLIGHT);
	EXPECT_EQ(4, e.fake->starts);
	peer_send_flight(&p, HS_CLIENT_FIN);
	net_accept(l);
}

/* A ClientHello larger than a batch is not waited for: the helper gets what there is. */
TEST(a_hello_larger_than_a_batch_is_passed_on)
{
	static uint8_t record[5 + 16384] = { 22, 3, 1, 0x40, 0, 1, 2, 0, 0 };
	struct env e;
	struct addr a;
	int fd;

	env_start_with(&e, S13_AES128, check_only, NULL);
	sock_listen(AF_INET, 8, &a);
	fd = net_dial_from(&a, 0);
	net_write(fd, record, sizeof(record));
	record[5] = 0;
	net_write(fd, record, sizeof(record));
	EVENTUALLY(e.fake->starts == 1, 5000);
}

TEST(what_begins_with_another_message_is_refused)
{
	static const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, 10 };
	uint8_t hello[HS_FLIGHT_MAX], got[sizeof(alert)];
	struct env e;
	struct addr a;
	size_t len;
	int fd;

	env_start(&e, S13_AES128);
	sock_listen(AF_INET, 8, &a);
	len = hs_flight(&e.hs, HS_CLIENT_HELLO, hello);
	hello[5] = 2;
	fd = net_dial_from(&a, 0);
	net_write(fd, hello, len);
	net_read(fd, got, sizeof(got));
	EXPECT_MEMEQ(alert, got, sizeof(got));
	EXPECT_EQ(0, e.fake->starts);
}

/* Before the helper is asked the module sends the alert, in plaintext. */
TEST(headers_against_the_rfc_get_their_alert)
{
	static const struct { uint8_t header[5], alert; } bad[] = {
		{ { 22, 3, 1, 0x48, 1 },	22 },	/* longer than any record */
		{ { 22, 3, 1, 0, 0 },		10 },	/* empty */
		{ { 24, 3, 3, 0, 1 },		10 },	/* heartbeat */
		{ { 22, 4, 0, 0, 1 },		70 },
		{ { 'G', 'E', 'T', ' ', '/' },	10 },
	};
	uint8_t alert[] = { 21, 3, 3, 0, 2, 2, 0 }, got[sizeof(alert)];
	struct env e;
	struct addr a;
	int fd;

	env_start(&e, S13_AES128);
	sock_listen(AF_INET, 8, &a);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		fd = net_dial_from(&a, 0);
		net_write(fd, bad[i].header, sizeof(bad[i].header));
		net_read(fd, got, sizeof(got));
		alert[6] = bad[i].alert;
		EXPECT_MEMEQ(alert, got, sizeof(got));
		EXPECT_EQ(0, read(fd, got, 1));
		close(fd);
	}
	EXPECT_EQ(0, e.fake->starts);
}

/* Children that the helper has answered make room too, if their source has the most. */
TEST_TIMEOUT(the_largest_source_makes_room, 60)
{
	enum { CAP = 32 };
	int crowd[CAP], single;
	struct env e;
	struct addr a;
	int l;

	env_start(&e, S13_AES128);
	l = sock_listen(AF_INET, 128, &a);
	net_set_parameter("children_per_listener", CAP);
	single = dial_and_stall(&e, &a, 5);
	for (int i = 0; i < CAP - 1; i++)
		crowd[i] = dial_and_stall(&e, &a, 6);
	for (int i = 0; i < 3; i++) {
		good_client(&e, &a, 7 + i);
		close(net_accept(l));
	}
	/* The oldest of the largest source are gone, and it displaces only its own. */
	EXPECT_EQ(POLLIN, net_poll(crowd[0], POLLIN, 5000) & POLLIN);
	EXPECT_EQ(0, net_poll(crowd[CAP - 2], POLLIN, 0));
	EXPECT_EQ(0, net_poll(single, POLLIN, 0));
	net_set_parameter("children_per_listener", 1024);
}

/* A user with few children gets a place from one with many. */
TEST_TIMEOUT(each_user_has_a_share, 60)
{
	enum { CAP = 32, OTHER_UID = 1234 };
	struct env e;
	struct addr a, theirs;
	int l, gone = 0;
	int fd[CAP];

	env_start(&e, S13_AES128);
	l = sock_listen(AF_INET, 128, &a);
	harness_seteuid(OTHER_UID);
	sock_listen(AF_INET, 128, &theirs);
	harness_seteuid(0);

	net_set_parameter("children_max", CAP);
	/* from as many sources as it likes */
	for (int i = 0; i < CAP; i++)
		fd[i] = dial_and_stall(&e, &theirs, 10 + i);
	for (int i = 0; i < 3; i++) {
		good_client(&e, &a, 7);
		close(net_accept(l));
	}
	net_set_parameter("children_max", 8192);
	for (int i = 0; i < CAP; i++)
		gone += !!net_poll(fd[i], POLLIN, 0);
	EXPECT_GE(gone, 1);
	EXPECT_LE(gone, 3);
}

/* Frees slabs without an object in use, which would count as cost. On the debug kernel that is
 * most of the memory: KASAN keeps freed objects in quarantine.
 */
static void shrink_slabs(void)
{
	glob_t caches;

	ASSERT_EQ(0, glob("/sys/kernel/slab/*/shrink", 0, NULL, &caches));
	for (size_t i = 0; i < caches.gl_pathc; i++)
		put_file(caches.gl_pathv[i], "1");
	globfree(&caches);
}

/* kilobytes */
static long slab(void)
{
	FILE *f;
	char line[128];
	long kb = -1;

	shrink_slabs();
	f = fopen("/proc/meminfo", "r");
	ASSERT_TRUE(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Slab: %ld", &kb) == 1)
			break;
	fclose(f);
	return kb;
}

enum { SILENT = 400 };

static long cost_of_silence(const struct addr *a)
{
	long before = slab();
	static int fd[SILENT];

	for (int i = 0; i < SILENT; i++)
		fd[i] = net_dial_from(a, i / 100);
	harness_nap(200);
	before = slab() - before;
	for (int i = 0; i < SILENT; i++)
		close(fd[i]);
	harness_nap(200);
	return before;
}

/* A connection that has sent nothing has no buffers. */
TEST_TIMEOUT(silent_connections_cost_little, 60)
{
	struct addr a, plain;
	long tls, tcp = 0;
	struct env e;

	env_start(&e, S13_AES128);
	sock_listen(AF_INET, SILENT, &a);
	/* The first round allocates what is kept afterwards. */
	for (int i = 0; i < 2; i++) {
		int l = net_listen(AF_INET, SILENT, &plain);

		tcp = cost_of_silence(&plain);
		close(l);
	}
	tls = cost_of_silence(&a);
	harness_note("%d silent connections: %ld KiB, plain ones %ld KiB", SILENT, tls, tcp);
	EXPECT_LE(tls, tcp + SILENT * 12);
}

#define CGROUP	"/sys/fs/cgroup/ktls-places"

static long charged(void)
{
	FILE *f = fopen(CGROUP "/memory.current", "r");
	long bytes = -1;

	ASSERT_TRUE(f);
	ASSERT_EQ(1, fscanf(f, "%ld", &bytes));
	fclose(f);
	return bytes;
}

/* Memory that peers make a server use is charged to the cgroup that configured it. */
TEST_TIMEOUT(children_are_charged_to_the_listeners_cgroup, 60)
{
	enum { N = 200, HELLO = 8192 };
	static uint8_t hello[5 + HELLO] = { 22, 3, 1, HELLO >> 8, 0, 1, 0, (HELLO - 4) >> 8, (HELLO - 4) & 0xff };
	struct env e;
	struct addr a;
	long before;

	env_start_with(&e, S13_AES128, check_only, NULL);
	put_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(CGROUP, 0755))
		ASSERT_EQ(EEXIST, errno);
	put_file(CGROUP "/cgroup.procs", "0");
	sock_listen(AF_INET, N, &a);
	put_file("/sys/fs/cgroup/cgroup.procs", "0");
	before = charged();
	for (int i = 0; i < N; i++)
		net_write(net_dial_from(&a, i), hello, sizeof(hello));
	EVENTUALLY(e.fake->starts == N || charged() - before >= N * (HELLO + 2048), 5000);
	harness_note("%ld bytes each", (charged() - before) / N);
	EXPECT_GE(charged() - before, N * (HELLO + 2048));
}
