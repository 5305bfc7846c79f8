// SPDX-License-Identifier: GPL-2.0-or-later
/* Who has how much of the machine's memory. See memory.h. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/membarrier.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "lib/cgroup.h"
#include "lib/real.h"
#include "lib/sock.h"
#include "module/memory.h"

enum {
	SOCKETS_MAX	= 20000,
	TRAFFIC		= 16384,	/* bytes each way */
	QUIET		= 8 << 10,	/* bytes less that are no change */
	SAME		= 5,		/* readings without one */
	DRIFT_MAX	= 128,		/* bytes a socket that may be left of a measurement */
	TRIES		= 10,
};

unsigned int memory_sockets;
int memory_fds[SOCKETS_MAX];

/* --- the kernel's memory --- */

#define CACHES	512

/* What there is of a cache, in bytes. */
struct usage {
	struct { char name[40]; long bytes; } cache[CACHES];
	int		n;
	long		slab, all, charged, program, ktlsd;
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
	malloc_trim(0);
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
	u->all = -proc_kib("/proc/meminfo", "MemFree:") * 1024;
	u->charged = cgroup_current_kib() * 1024;
	u->program = proc_kib("/proc/self/status", "RssAnon:") * 1024;
	u->ktlsd = real_kib("status", "RssAnon:") * 1024;
}

static long cache_before(const struct usage *u, const char *name)
{
	for (int i = 0; i < u->n; i++)
		if (!strcmp(u->cache[i].name, name))
			return u->cache[i].bytes;
	return 0;
}

/* --- what is measured --- */

static struct usage before, after, left;

/* Which caches it was. */
static void show_caches(const char *what)
{
	const char *wanted = getenv("KTLS_MEMORY_CACHES");
	long each;

	if (!wanted || !*wanted)
		return;
	for (int i = 0; i < after.n; i++) {
		each = (after.cache[i].bytes - cache_before(&before, after.cache[i].name)) /
		       (long)memory_sockets;
		if (labs(each) >= 8)
			harness_note("  %s: %s %ld", what, after.cache[i].name, each);
	}
}

/* Bytes a socket by which it is not as it was before there were any. */
static long drift(void)
{
	return (left.slab - before.slab) / (long)memory_sockets;
}

static long each(long then, long now)
{
	return (now - then) / (long)memory_sockets;
}

struct cost memory_measure(const char *what, void (*make)(void), void (*drop)(void))
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
	c.slab = each(before.slab, after.slab);
	c.all = each(before.all, after.all);
	c.charged = each(before.charged, after.charged);
	c.program = each(before.program, after.program);
	c.ktlsd = each(before.ktlsd, after.ktlsd);
	harness_note("%s\t%ld\t%ld\t%ld\t%ld\t%ld", what, c.slab, c.all, c.charged, c.program,
		     c.ktlsd);
	show_caches(what);
	return c;
}

void memory_drop(void)
{
	for (unsigned int i = 0; i < memory_sockets; i++)
		net_rst(memory_fds[i]);
	EVENTUALLY(net_module_refs("ktls") == 0, 15000);
}

void memory_warm(unsigned int n, void (*make)(void), void (*drop)(void))
{
	const unsigned int all = memory_sockets;

	memory_sockets = n < all ? n : all;
	make();
	drop();
	memory_sockets = all;
}

void memory_traffic(void)
{
	static uint8_t data[TRAFFIC], back[TRAFFIC];

	net_pattern(data, sizeof(data), 3);
	for (unsigned int i = 0; i < memory_sockets; i++) {
		net_write(memory_fds[i], data, sizeof(data));
		net_read(memory_fds[i ^ 1], back, sizeof(back));
		net_write(memory_fds[i], data, 100);
		net_read(memory_fds[i ^ 1], back, 100);
	}
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

void memory_start(unsigned int usual)
{
	struct rlimit files = { SOCKETS_MAX + 100, SOCKETS_MAX + 100 };
	const char *number = getenv("KTLS_MEMORY_SOCKETS");

	if (is_padded())
		harness_skip("this kernel pads its slabs, for debugging");
	memory_sockets = number ? atoi(number) & ~1U : usual;
	ASSERT_GE(memory_sockets, 2);
	ASSERT_LE(memory_sockets, SOCKETS_MAX);
	OK(setrlimit(RLIMIT_NOFILE, &files));
	/* not while it is measured */
	memset(memory_fds, 0xff, sizeof(memory_fds));
}
