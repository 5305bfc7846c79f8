// SPDX-License-Identifier: GPL-2.0-or-later
/* What an idle socket takes of the kernel's memory, beyond what one of TCP takes.
 *
 * KTLS_MEMORY_SOCKETS says how many are made; with more, the figures are more exact. Each
 * line has bytes for a socket: in slabs, in all (MemFree), and charged to the program's memory
 * cgroup. selftests/bench/memory makes a table of them.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/membarrier.h>
#include <linux/tls.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "lib/cgroup.h"
#include "lib/keys.h"
#include "lib/sock.h"

enum {
	SOCKETS		= 2000,		/* of a test; what processors charge ahead is less */
	ENDS		= 400,		/* of its connections */
	SOCKETS_MAX	= 20000,
	TRAFFIC		= 16384,	/* bytes each way */
	QUIET		= 8 << 10,	/* bytes less that are no change */
	SAME		= 5,		/* readings without one */
	DRIFT_MAX	= 128,		/* bytes a socket that may be left of a measurement */
	TRIES		= 10,
	/* Limits of what a socket takes beyond TCP's, bytes. That with keys is with ChaCha20:
	 * other ciphers have objects of the crypto API, which charges them to nobody, and of
	 * which each implementation has its own size. They need at most 1680; 500 more fail.
	 */
	NO_KEYS_MAX	= 512,
	KEYS_MAX	= 1950,
};

/* --- the kernel's memory --- */

#define CACHES	512

/* What there is of a cache, in bytes. */
struct usage {
	struct { char name[40]; long bytes; } cache[CACHES];
	int		n;
	long		slab, all, charged;
};

/* The caches that a socket may have objects in. */
static bool is_sockets(const char *name)
{
	static const char *const prefixes[] = {
		"kmalloc-", "ktls", "tls", "TCP", "tcp_", "skbuff_", "sock_inode", "filp", "dentry",
		"lsm_",
	};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

/* Gives back what processors and caches keep for later, so that /proc/slabinfo counts no
 * object that nobody has.
 */
static void shrink(void)
{
	DIR *dir = opendir("/sys/kernel/slab");
	struct dirent *de;
	char path[300];
	int fd;

	ASSERT_TRUE(dir);
	while ((de = readdir(dir))) {
		if (!is_sockets(de->d_name))
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", de->d_name);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		OK(write(fd, "1", 1));
		close(fd);
	}
	closedir(dir);
}

static long mem_free(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[200];
	long kib = -1;

	ASSERT_TRUE(f);
	while (fgets(line, sizeof(line), f) && sscanf(line, "MemFree: %ld", &kib) != 1)
		;
	fclose(f);
	ASSERT_GT(kib, 0);
	return kib << 10;
}

static void slabs_read(struct usage *u)
{
	FILE *f = fopen("/proc/slabinfo", "re");
	char line[400];
	long objects, total, size;

	ASSERT_TRUE(f);
	u->n = 0;
	u->slab = 0;
	while (fgets(line, sizeof(line), f) && u->n < CACHES) {
		if (sscanf(line, "%39s %ld %ld %ld", u->cache[u->n].name, &objects, &total,
			   &size) != 4)
			continue;
		u->cache[u->n].bytes = objects * size;
		if (is_sockets(u->cache[u->n].name))
			u->slab += objects * size;
		u->n++;
	}
	fclose(f);
	ASSERT_GT(u->n, 20);
}

/* What is freed by RCU is there until its turn has come, on a busy machine late: waits until it
 * has not become less for a while. Who else allocates meanwhile makes a reading larger, by up to
 * a slab of each cache, never smaller: the least one counts.
 */
static void usage_read(struct usage *u)
{
	static struct usage now;
	int same = 0;

	u->slab = LONG_MAX;
	for (int i = 0; same < SAME; i++) {
		ASSERT_LT(i, 500);
		OK(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0));
		harness_nap(20);
		shrink();
		slabs_read(&now);
		same = now.slab < u->slab - QUIET ? 0 : same + 1;
		if (now.slab < u->slab)
			*u = now;
	}
	u->all = -mem_free();
	u->charged = cgroup_current_kib() << 10;
}

static long cache_before(const struct usage *u, const char *name)
{
	for (int i = 0; i < u->n; i++)
		if (!strcmp(u->cache[i].name, name))
			return u->cache[i].bytes;
	return 0;
}

/* --- what is measured --- */

struct cost {
	long	slab, all, charged;	/* bytes a socket */
};

static unsigned int sockets;
static uint16_t suite;
static int fds[SOCKETS_MAX];
static struct usage before, after, left;

/* Which caches it was. */
static void show_caches(const char *what)
{
	long each;

	if (!getenv("KTLS_MEMORY_CACHES"))
		return;
	for (int i = 0; i < after.n; i++) {
		each = (after.cache[i].bytes - cache_before(&before, after.cache[i].name)) /
		       (long)sockets;
		if (labs(each) >= 8)
			harness_note("  %s: %s %ld", what, after.cache[i].name, each);
	}
}

static void drop(void)
{
	for (unsigned int i = 0; i < sockets; i++)
		net_rst(fds[i]);
	EVENTUALLY(net_module_refs("ktls") == 0, 15000);
}

/* Which one it has, for the table. */
static const char *cipher(const char *what)
{
	if (!strncmp(what, "socket,", 7) || strstr(what, "TCP"))
		return "";
	return suite == S13_CHACHA ? ", ChaCha20" : ", AES-128";
}

/* Bytes a socket by which it is not as it was before there were any. */
static long drift(void)
{
	return (left.slab - before.slab) / (long)sockets;
}

/* @make fills @fds. If then not all of it is freed, or more, somebody else has used memory
 * meanwhile, and the figure is wrong.
 */
static struct cost measure(const char *what, void (*make)(void))
{
	struct cost c;

	for (int i = 0; i == 0 || labs(drift()) > DRIFT_MAX; i++) {
		if (i)
			harness_note("%s: %ld bytes a socket are left; once more", what, drift());
		ASSERT_LT(i, TRIES);
		usage_read(&before);
		make();
		usage_read(&after);
		drop();
		usage_read(&left);
	}
	c.slab = (after.slab - before.slab) / (long)sockets;
	c.all = (after.all - before.all) / (long)sockets;
	c.charged = (after.charged - before.charged) / (long)sockets;
	harness_note("%s%s\t%ld\t%ld\t%ld", what, cipher(what), c.slab, c.all, c.charged);
	show_caches(what);
	return c;
}

static void make_tcp(void)
{
	for (unsigned int i = 0; i < sockets; i++)
		fds[i] = net_socket(AF_INET);
}

static void make_ktls(void)
{
	for (unsigned int i = 0; i < sockets; i++)
		fds[i] = sock_new(AF_INET);
}

static void make_pairs(void)
{
	for (unsigned int i = 0; i < sockets; i += 2)
		net_pair(AF_INET, fds + i);
}

/* The same keys both ways: what one end seals is what the other opens. */
static void key(int fd, const char *ulp)
{
	struct tls12_crypto_info_aes_gcm_128 aes = {
		.info = { TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_128 },
	};
	struct tls12_crypto_info_chacha20_poly1305 chacha = {
		.info = { TLS_1_3_VERSION, TLS_CIPHER_CHACHA20_POLY1305 },
	};
	const socklen_t len = suite == S13_CHACHA ? sizeof(chacha) : sizeof(aes);
	const void *info = suite == S13_CHACHA ? (void *)&chacha : (void *)&aes;

	OK(setsockopt(fd, IPPROTO_TCP, TCP_ULP, ulp, strlen(ulp)));
	OK(setsockopt(fd, SOL_TLS, TLS_TX, info, len));
	OK(setsockopt(fd, SOL_TLS, TLS_RX, info, len));
}

static void make_mainline(void)
{
	make_pairs();
	for (unsigned int i = 0; i < sockets; i++)
		key(fds[i], "tls");
}

static void make_keyed(void)
{
	make_pairs();
	for (unsigned int i = 0; i < sockets; i++)
		key(fds[i], "ktls");
}

static void make_handshakes(void)
{
	struct addr a;
	struct job j;
	int l = sock_listen(AF_INET, 4, &a);

	for (unsigned int i = 0; i < sockets; i += 2) {
		fds[i] = sock_new(AF_INET);
		OK(sock_set_str(fds[i], KTLS_SERVER_NAME, "server.test"));
		job_connect(&j, fds[i], &a);
		fds[i + 1] = net_accept(l);
		job_wait(&j, 10000);
		OK(j.ret);
	}
	close(l);
}

static void traffic(void)
{
	static uint8_t data[TRAFFIC], back[TRAFFIC];

	net_pattern(data, sizeof(data), 3);
	for (unsigned int i = 0; i < sockets; i++) {
		net_write(fds[i], data, sizeof(data));
		net_read(fds[i ^ 1], back, sizeof(back));
		net_write(fds[i], data, 100);
		net_read(fds[i ^ 1], back, 100);
	}
}

static void make_pairs_traffic(void)
{
	make_pairs();
	traffic();
}

static void make_mainline_traffic(void)
{
	make_mainline();
	traffic();
}

static void make_keyed_traffic(void)
{
	make_keyed();
	traffic();
}

static void make_handshakes_traffic(void)
{
	make_handshakes();
	traffic();
}

/* --- the tests --- */

/* A debug kernel has more in a slab than objects. */
static bool is_padded(void)
{
	FILE *f = fopen("/sys/kernel/slab/kmalloc-64/slab_size", "re");
	int size = 0;

	ASSERT_TRUE(f);
	ASSERT_EQ(1, fscanf(f, "%d", &size));
	fclose(f);
	return size != 64;
}

/* A helper, a cgroup, and what is made once and for each of a kind. */
static void start(struct env *e, uint16_t with, unsigned int usual)
{
	struct rlimit files = { SOCKETS_MAX + 100, SOCKETS_MAX + 100 };
	const char *number = getenv("KTLS_MEMORY_SOCKETS");

	if (is_padded())
		harness_skip("this kernel pads its slabs, for debugging");
	sockets = number ? atoi(number) & ~1U : usual;
	ASSERT_GE(sockets, 2);
	ASSERT_LE(sockets, SOCKETS_MAX);
	suite = with;
	OK(setrlimit(RLIMIT_NOFILE, &files));
	env_start(e, with);
	cgroup_enter();
	make_handshakes_traffic();
	drop();
}

FIXTURE(memory) { struct env e; };
FIXTURE_VARIANT(memory) { uint16_t suite; };
FIXTURE_VARIANT_ADD(memory, chacha) { S13_CHACHA };
FIXTURE_VARIANT_ADD(memory, aes128) { S13_AES128 };

FIXTURE_SETUP(memory)
{
	if (variant->suite != S13_CHACHA && !getenv("KTLS_MEMORY_SOCKETS"))
		harness_skip("it has no limit: bench/memory shows it");
	start(&self->e, variant->suite, ENDS);
}

FIXTURE_TEARDOWN(memory)
{
	(void)self;
	cgroup_leave();
}

/* What is in slabs beyond TCP's. */
static void expect_small(const struct cost *tcp, const struct cost *ktls)
{
	if (suite == S13_CHACHA)
		EXPECT_LE(ktls->slab - tcp->slab, KEYS_MAX);
}

TEST_F_TIMEOUT(memory, a_connection_with_keys, 300)
{
	struct cost tcp, ktls;

	(void)self;
	tcp = measure("connection, TCP", make_pairs);
	if (net_module_loaded("tls"))
		measure("connection, mainline", make_mainline);
	ktls = measure("connection, ktls, external keys", make_keyed);
	expect_small(&tcp, &ktls);
	ktls = measure("connection, ktls, handshake", make_handshakes);
	expect_small(&tcp, &ktls);
}

TEST_F_TIMEOUT(memory, a_connection_after_traffic, 300)
{
	struct cost tcp, ktls;

	(void)self;
	tcp = measure("after traffic, TCP", make_pairs_traffic);
	if (net_module_loaded("tls"))
		measure("after traffic, mainline", make_mainline_traffic);
	ktls = measure("after traffic, ktls, external keys", make_keyed_traffic);
	expect_small(&tcp, &ktls);
	ktls = measure("after traffic, ktls, handshake", make_handshakes_traffic);
	expect_small(&tcp, &ktls);
}

TEST(a_socket_without_keys)
{
	struct cost tcp, ktls;
	struct env e;

	start(&e, S13_AES128, SOCKETS);
	tcp = measure("socket, TCP", make_tcp);
	ktls = measure("socket, ktls", make_ktls);
	EXPECT_LE(ktls.slab - tcp.slab, NO_KEYS_MAX);
	/* Processors keep what they have charged in advance: this is a rough figure. */
	EXPECT_GE(ktls.charged - tcp.charged, (ktls.slab - tcp.slab) / 2);
	cgroup_leave();
}

TEST_HARNESS_MAIN
