// SPDX-License-Identifier: GPL-2.0-or-later
/* Failures on demand. See inject.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "inject.h"

#define DEBUGFS		"/sys/kernel/debug"
#define WALK_MAX	300	/* limit for the steps of a path */
#define TASKS_MAX	64

/* What is armed now. */
static struct {
	const char	*path;
	enum inject_who	who;
	unsigned int	n;
	bool		hit;
	int		tasks[TASKS_MAX];	/* open fail-nth files */
	unsigned int	n_tasks;
} now;

/* --- the kernel's side --- */

static void set_attr(const char *attr, const char *file, const char *fmt, uint64_t value)
{
	char path[128], text[32];
	int fd, n;

	snprintf(path, sizeof(path), DEBUGFS "/%s/%s", attr, file);
	n = snprintf(text, sizeof(text), fmt, (unsigned long long)value);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, n) != n) {
		harness_fail(__FILE__, __LINE__, "%s: %s (a kernel with fault injection?)",
			     path, strerror(errno));
		harness_end();
	}
	close(fd);
}

struct range {
	uint64_t	start, end;
};

static void widen(struct range *r, uint64_t start, uint64_t end)
{
	if (!r->start || start < r->start)
		r->start = start;
	if (end > r->end)
		r->end = end;
}

/* Kmemleak's allocations are no steps of a path. */
static bool is_kmemleak(const char *name)
{
	return !strcmp(name, "mem_pool_alloc") || !strcmp(name, "__alloc_object") ||
	       !strcmp(name, "create_object") || !strcmp(name, "__create_object");
}

/* If it fails the kernel leaks the name of the cache, because it leaves out kobject_put(); on
 * purpose, as 7.3 says. There is only one range to reject, so kmemleak's allocations are steps
 * then. They may fail: it has a pool of its own.
 */
static bool is_slab_in_sysfs(const char *name)
{
	return !strcmp(name, "sysfs_slab_add");
}

/* The address ranges of code whose steps count: the module with the page behind it, which is
 * empty, or one function. And that of functions whose steps never count.
 */
static void find_code(const char *function, bool (*is_rejected)(const char *name),
		      struct range *code, struct range *rejected)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[600], name[512], owner[64];
	unsigned long long addr, prev = 0;
	struct range *wanted = NULL;
	char type;
	int n;

	ASSERT_TRUE(f);
	while (fgets(line, sizeof(line), f)) {
		n = sscanf(line, "%llx %c %511s [%63[^]]", &addr, &type, name, owner);
		if (n < 3 || (type != 't' && type != 'T'))
			continue;
		if (wanted && addr > prev)
			widen(wanted, prev, addr);
		prev = addr;
		wanted = NULL;
		if (n == 3 && is_rejected(name))
			wanted = rejected;
		else if (function && !strcmp(name, function))
			wanted = code;
		else if (n == 4 && !function && !strcmp(owner, "ktls"))
			widen(code, addr, (addr | 4095) + 1 + 4096);
	}
	fclose(f);
	if (!code->start) {
		harness_fail(__FILE__, __LINE__, "no code of %s in /proc/kallsyms", function ?: "ktls");
		harness_end();
	}
}

static bool is_worker(const char *task)
{
	char path[300], comm[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/comm", task);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, comm, sizeof(comm) - 1) < 0)
		comm[0] = 0;
	close(fd);
	return !strncmp(comm, "kworker/u", 9);
}

/* A test that ended in the middle of a walk has left kworkers armed. */
static void disarm_workers(void)
{
	struct dirent *de;
	char path[300];
	DIR *d = opendir("/proc");
	int fd;

	ASSERT_TRUE(d);
	while ((de = readdir(d))) {
		if (de->d_name[0] < '0' || de->d_name[0] > '9' || !is_worker(de->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/fail-nth", de->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		/* The task may have exited. */
		if (fd >= 0 && pwrite(fd, "0", 1, 0) < 0)
			harness_note("%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	closedir(d);
}

static void init(const char *function, bool (*is_rejected)(const char *name))
{
	static const char *const attrs[] = { "failslab", "fail_page_alloc", "fail_usercopy" };
	const char *verbose = getenv("KTLS_FAULTS_VERBOSE");
	struct range code = { 0, 0 }, rejected = { 0, 0 };

	find_code(function, is_rejected, &code, &rejected);
	disarm_workers();
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++) {
		set_attr(attrs[i], "probability", "%llu", 0);
		/* 2 prints a stack, which vm/run would take for a complaint */
		set_attr(attrs[i], "verbose", "%llu", verbose ? atoi(verbose) : 0);
		set_attr(attrs[i], "stacktrace-depth", "%llu", 32);
		set_attr(attrs[i], "require-start", "%#llx", code.start);
		set_attr(attrs[i], "require-end", "%#llx", code.end);
		set_attr(attrs[i], "reject-start", "%#llx", rejected.start);
		set_attr(attrs[i], "reject-end", "%#llx", rejected.end);
	}
	set_attr("failslab", "ignore-gfp-wait", "%llu", 0);
	set_attr("fail_page_alloc", "ignore-gfp-wait", "%llu", 0);
	set_attr("fail_page_alloc", "ignore-gfp-highmem", "%llu", 0);
	set_attr("fail_page_alloc", "min-order", "%llu", 0);
}

void inject_init(void)
{
	init(NULL, is_kmemleak);
}

void inject_init_load(void)
{
	init("do_one_initcall", is_slab_in_sysfs);
}

void inject_everywhere(const char *function)
{
	init(function, is_kmemleak);
	set_attr("failslab", "interval", "%llu", 1);
	set_attr("failslab", "times", "%llu", 1);
	set_attr("failslab", "probability", "%llu", 100);
}

bool inject_everywhere_hit(void)
{
	int fd = OK(open(DEBUGFS "/failslab/times", O_RDONLY | O_CLOEXEC));
	char text[16] = "";

	OK(read(fd, text, sizeof(text) - 1));
	close(fd);
	if (atoi(text))
		return false;
	set_attr("failslab", "probability", "%llu", 0);
	return true;
}

/* --- tasks --- */

static void arm(const char *dir, const char *task)
{
	char path[300], text[16];
	int fd, n = snprintf(text, sizeof(text), "%u", now.n);

	snprintf(path, sizeof(path), "%s/%s/fail-nth", dir, task);
	fd = open(path, O_RDWR | O_CLOEXEC);
	/* A kworker may have exited; our own threads have not. */
	if (fd < 0 || now.n_tasks == TASKS_MAX || pwrite(fd, text, n, 0) != n) {
		if (now.who != INJECT_WORK)
			harness_fail(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	now.tasks[now.n_tasks++] = fd;
}

static void arm_all(const char *dir)
{
	int self = syscall(SYS_gettid);
	struct dirent *de;
	DIR *d = opendir(dir);

	ASSERT_TRUE(d);
	while ((de = readdir(d))) {
		if (de->d_name[0] < '0' || de->d_name[0] > '9' || atoi(de->d_name) == self)
			continue;
		if (now.who != INJECT_WORK || is_worker(de->d_name))
			arm(dir, de->d_name);
	}
	closedir(d);
}

void inject_on(void)
{
	ASSERT_EQ(0, now.n_tasks);
	switch (now.who) {
	case INJECT_SELF:
		arm("/proc", "thread-self");
		break;
	case INJECT_HELPER:
		arm_all("/proc/self/task");
		break;
	case INJECT_WORK:
		arm_all("/proc");
		break;
	}
}

void inject_off(void)
{
	char text[16];
	ssize_t n;

	while (now.n_tasks) {
		int fd = now.tasks[--now.n_tasks];

		n = pread(fd, text, sizeof(text) - 1, 0);
		if (n > 0) {
			text[n] = 0;
			now.hit |= !atoi(text);
		}
		/* Fails if the task is gone, and then it does not matter. */
		n = pwrite(fd, "0", 1, 0);
		close(fd);
	}
}

/* --- walking --- */

static void explain(void)
{
	harness_note("on the path \"%s\", at failure %u", now.path, now.n);
}

/* ENFILE: what socket() returns when there is no memory. */
static bool is_clean(int err)
{
	return err == ENOMEM || err == ENOBUFS || err == EFAULT || err == ENFILE;
}

void inject_walk(const char *path, enum inject_who who, int (*run)(void *arg),
		 void (*after)(void *arg), void *arg)
{
	static const char *const whose[] = { "program", "helper", "kernel" };
	unsigned int errors = 0;

	harness_explain = explain;
	now.path = path;
	now.who = who;
	for (now.n = 1; now.n <= WALK_MAX; now.n++) {
		int err;

		now.hit = false;
		err = run(arg);
		ASSERT_EQ(0, now.n_tasks);
		if (!now.hit) {
			/* No failure was injected, so there must be no error. */
			EXPECT_ERRNO(0, err);
			break;
		}
		if (err) {
			errors++;
			if (!is_clean(err))
				harness_fail(__FILE__, __LINE__, "%s, failure %u: %s is not clean",
					     path, now.n, strerrorname_np(err));
		}
		if (after)
			after(arg);
	}
	harness_note("%s, %s's steps: %u failures, %u errors seen", path, whose[who],
		     now.n - 1, errors);
	if (now.n > WALK_MAX)
		harness_fail(__FILE__, __LINE__, "%s: no end after %u failures", path, WALK_MAX);
	if (now.n == 1)
		harness_fail(__FILE__, __LINE__, "%s: nothing failed", path);
}
