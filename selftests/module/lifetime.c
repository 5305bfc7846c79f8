// SPDX-License-Identifier: GPL-2.0-or-later
/* Nothing leaks: memory, references, the module itself. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/sock.h"

/* --- slabs --- */

#define CACHES	512

struct slabs {
	struct { char name[40]; long objects; } cache[CACHES];
	int n;
};

/* Objects in use per cache. On SLUB a cache's figure includes free objects of
 * the slabs that CPUs hold, so it wobbles by some hundreds; a leak of one
 * object a cycle stands out against it after a thousand cycles.
 */
static void slabs_read(struct slabs *s)
{
	FILE *f = fopen("/proc/slabinfo", "re");
	char line[400];

	ASSERT_TRUE(f);
	s->n = 0;
	while (fgets(line, sizeof(line), f) && s->n < CACHES)
		if (sscanf(line, "%39s %ld", s->cache[s->n].name, &s->cache[s->n].objects) == 2)
			s->n++;
	fclose(f);
	ASSERT_GT(s->n, 20);
}

/* Caches of what does not come with a connection, or is TCP's TIME_WAIT. */
static bool is_noise(const char *name)
{
	static const char *const noise[] = {
		"dentry", "inode_cache", "ext4", "buffer_head", "radix_tree_node", "vm_area",
		"anon_vma", "maple", "9p", "v9fs", "ovl", "shmem", "kernfs", "proc_", "filp",
		"task_", "pid", "signal", "sighand", "files_", "mm_struct", "cred", "fs_cache",
		"lsm", "names_cache", "vmap", "bio", "ftrace", "trace", "numa", "page->ptl",
		"kmalloc-rcl", "seq_file", "debug_objects", "Acpi", "pool_workqueue", "delayacct",
		"taskstats", "uts_", "nsproxy", "eventpoll", "percpu", "tw_sock",
	};

	for (size_t i = 0; i < ARRAY_SIZE(noise); i++)
		if (strstr(name, noise[i]))
			return true;
	return false;
}

static long slabs_before(const struct slabs *s, const char *name)
{
	for (int i = 0; i < s->n; i++)
		if (!strcmp(s->cache[i].name, name))
			return s->cache[i].objects;
	return 0;
}

/* The cache that grew most, and by how much. */
static long slabs_growth(const struct slabs *before, char *name)
{
	struct slabs now;
	long most = 0;

	slabs_read(&now);
	for (int i = 0; i < now.n; i++) {
		long grown = now.cache[i].objects - slabs_before(before, now.cache[i].name);

		if (grown > most && !is_noise(now.cache[i].name)) {
			most = grown;
			strcpy(name, now.cache[i].name);
		}
	}
	return most;
}

/* Shrinks a cache; with KASAN, frees its quarantine too, which counts as in use. */
static void slabs_shrink(const char *name)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		EXPECT_EQ(1, write(fd, "1", 1));
		close(fd);
	}
}

/* Objects are freed by RCU and by works, so wait, but only as long as it takes. A brief run is
 * one on the debug kernel: there a few hundred objects more are KASAN's quarantine, and
 * kmemleak finds leaks.
 */
static void expect_no_growth(const struct slabs *before, int limit)
{
	double end = harness_now() + 10 * harness_scale();
	char name[40] = "";
	long grown;

	while ((grown = slabs_growth(before, name)) >= limit && !harness_brief() &&
	       harness_now() < end) {
		slabs_shrink(name);
		harness_nap(100);
	}
	if (!harness_brief())
		EXPECT_LT(grown, limit);
	harness_note("most grown: %s, by %ld objects", name, grown);
}

/* --- cycles --- */

/* Two ktls sockets: connect, accept, a byte, close. */
static void cycle(int l, const struct addr *a, int i)
{
	int c = sock_new(AF_INET), s;
	char byte;

	net_nonblock(c, true);
	FAILS(EINPROGRESS, connect(c, &a->sa, a->len));
	s = net_accept(l);
	EXPECT_EQ(POLLOUT, net_poll(c, POLLOUT, 5000));
	net_write(s, "x", 1);
	EXPECT_EQ(POLLIN, net_poll(c, POLLIN, 5000));
	net_read(c, &byte, 1);
	/* the ends take turns in closing first; sometimes there is unread data */
	if (i % 8 == 7)
		net_write(s, "unread", 6);
	close(i % 2 ? c : s);
	close(i % 2 ? s : c);
}

TEST_TIMEOUT(connections_leave_nothing, 120)
{
	const int n = harness_brief() ? 200 : 1000;
	struct slabs before;
	struct env e;
	struct addr a;
	int l, refs;

	env_start(&e, S13_AES128);
	l = sock_listen(AF_INET, 16, &a);
	for (int i = 0; i < 100; i++)
		cycle(l, &a, i);
	/* TIME_WAIT and what lingers belong to both measurements */
	EVENTUALLY(net_module_refs("ktls") <= 2, 10000);
	refs = net_module_refs("ktls");
	slabs_read(&before);
	for (int i = 0; i < n; i++)
		cycle(l, &a, i);
	EVENTUALLY(net_module_refs("ktls") <= refs, 10000);
	expect_no_growth(&before, 700);
	EXPECT_EQ(n + 100, net_mib("HandshakesServer"));
	EXPECT_EQ(2 * (n + 100), net_mib("HandshakesDone"));
}

static void refuse(struct fake *f, struct fake_msg *m)
{
	if (m->cmd == KTLS_CMD_START)
		fake_fail(f, m->id, EKEYREJECTED, 42, "no");
	else
		fake_answer(f, m);
}

TEST_TIMEOUT(failures_leave_nothing, 120)
{
	const int n = harness_brief() ? 200 : 600;
	static char pem[5000];
	struct slabs before;
	struct env e;
	struct addr a;
	int refs = 0, l;

	memset(pem, 'A', sizeof(pem));
	env_start_with(&e, S13_AES128, refuse, NULL);
	l = net_listen(AF_INET, 16, &a);
	for (int i = 0; i < n + 100; i++) {
		int fd = sock_new(AF_INET);

		if (i == 100) {
			refs = net_module_refs("ktls");
			slabs_read(&before);
		}
		OK(sock_set_str(fd, KTLS_SERVER_NAME, "server.test"));
		OK(setsockopt(fd, SOL_TLS, KTLS_TRUST, pem, sizeof(pem)));
		FAILS(EKEYREJECTED, connect(fd, &a.sa, a.len));
		close(fd);
		close(net_accept(l));
	}
	EVENTUALLY(net_module_refs("ktls") <= refs, 10000);
	expect_no_growth(&before, 450);
}

/* Children that never finish their handshake: silent, garbage, half a handshake. */
TEST_TIMEOUT(dropped_children_leave_nothing, 120)
{
	const int n = harness_brief() ? 200 : 600;
	struct slabs before;
	struct env e;
	struct addr a;
	int refs;

	env_start(&e, S13_AES128);
	sock_listen(AF_INET, 16, &a);
	refs = net_module_refs("ktls");
	for (int i = 0; i < n + 100; i++) {
		struct peer p;

		if (i == 100) {
			EVENTUALLY(net_module_refs("ktls") <= refs, 10000);
			slabs_read(&before);
		}
		peer_init(&p, net_socket(AF_INET), false, &e.hs);
		OK(connect(p.fd, &a.sa, a.len));
		if (i % 3 == 1)
			net_write(p.fd, "GET / HTTP/1.0\r\n\r\n", 18);
		if (i % 3 == 2) {
			peer_send_flight(&p, HS_CLIENT_HELLO);
			peer_recv_flight(&p, HS_SERVER_FLIGHT);
		}
		peer_free(&p);
	}
	EVENTUALLY(net_module_refs("ktls") <= refs, 20000);
	expect_no_growth(&before, 450);
}

/* close() in each state releases the reference to the module. */
TEST(references_come_back_from_every_state)
{
	struct job j;
	struct env e;
	struct addr a, p;
	struct conn c;
	int before, l, fd;

	env_start(&e, S13_AES128);
	net_need_refusal(AF_INET);
	before = net_module_refs("ktls");
	close(sock_new(AF_INET));			/* new */
	l = sock_listen(AF_INET, 1, &a);
	close(l);					/* listening */
	l = net_listen(AF_INET, 1, &p);
	fd = sock_new(AF_INET);
	net_nonblock(fd, true);
	connect(fd, &p.sa, p.len);
	close(fd);					/* handshake */
	close(l);
	conn_open(&c, &e, ROLE_CLIENT, AF_INET);
	conn_close(&c);					/* open */
	conn_open(&c, &e, ROLE_SERVER, AF_INET);
	peer_send_alert(&c.peer, 2, 40);
	conn_close(&c);					/* failed */
	fd = sock_new(AF_INET);
	job_connect(&j, fd, &p);
	job_wait(&j, 2000);
	EXPECT_ERRNO(ECONNREFUSED, j.err);
	close(fd);					/* refused */
	EVENTUALLY(net_module_refs("ktls") == before, 15000);
}

/* --- the module --- */

static int rmmod(void)
{
	return syscall(SYS_delete_module, "ktls", O_NONBLOCK);
}

static void modprobe(void)
{
	int status = OK(system("modprobe ktls"));

	ASSERT_EQ(0, status);
	ASSERT_TRUE(net_module_loaded("ktls"));
}

TEST_TIMEOUT(rmmod_after_the_last_close, 60)
{
	struct conn c;
	struct env e;
	double start;
	int fd;

	env_start(&e, S13_AES128);
	fd = sock_new(AF_INET);
	MUST_FAIL(EWOULDBLOCK, rmmod());
	close(fd);
	conn_open(&c, &e, ROLE_CLIENT, AF_INET);
	MUST_FAIL(EWOULDBLOCK, rmmod());
	conn_close(&c);
	start = harness_now();
	EVENTUALLY(!rmmod(), 10000);
	harness_note("rmmod %.1f s after the last close", harness_now() - start);
	EXPECT_FALSE(net_module_loaded("ktls"));
	EXPECT_EQ(-1, access("/proc/thread-self/net/ktls_stat", F_OK));
	/* the helper's socket is open still, but is no port any more */
	modprobe();
	fake_die(e.fake);
	e.fake = fake_new(&e.hs);
	ASSERT_EQ(0, fake_register(e.fake, 8));
	fake_start(e.fake, NULL, NULL);
	conn_open(&c, &e, ROLE_SERVER, AF_INET);
	conn_close(&c);
}

/* A closed connection to a dead peer does not hold the module for TCP's many minutes. */
TEST_TIMEOUT(rmmod_with_a_dead_peer, 60)
{
	static char data[100000];
	struct conn c;
	struct env e;

	env_start(&e, S12_AES256);
	conn_open(&c, &e, ROLE_SERVER, AF_INET);
	net_deaf(c.peer.fd);
	net_write(c.fd, data, sizeof(data));
	close(c.fd);
	EVENTUALLY(!rmmod(), 20000);
	modprobe();
}

/* TCP_ULP loads the module for programs that may load modules. */
TEST_TIMEOUT(loaded_on_demand, 60)
{
	int fd;

	net_new();
	EVENTUALLY(!rmmod(), 20000);
	fd = net_socket(AF_INET);
	OK(sock_attach(fd));
	EXPECT_TRUE(net_module_loaded("ktls"));
	close(fd);
}

TEST_TIMEOUT(load_and_unload_again_and_again, 120)
{
	for (int i = 0; i < 8; i++) {
		struct conn c;
		struct env e;

		env_start(&e, S13_AES128);
		conn_open(&c, &e, i % 2 ? ROLE_CLIENT : ROLE_SERVER, AF_INET);
		conn_close(&c);
		fake_die(e.fake);
		EVENTUALLY(!rmmod(), 10000);
		modprobe();
	}
}

/* The end of a namespace frees the state of its sockets and its helper. */
TEST(namespaces_come_and_go)
{
	int before = net_module_refs("ktls");

	for (int i = 0; i < 10; i++) {
		pid_t pid = OK(fork());
		int status;

		if (!pid) {
			struct conn c;
			struct env e;

			env_start(&e, S13_AES128);
			conn_open(&c, &e, ROLE_CLIENT, AF_INET);
			/* killed, as a container is */
			kill(getpid(), SIGKILL);
		}
		OK(waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
	}
	EVENTUALLY(net_module_refs("ktls") <= before, 15000);
}

TEST_HARNESS_MAIN
