// SPDX-License-Identifier: GPL-2.0-or-later
/* A memory cgroup of this process. See cgroup.h. */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "cgroup.h"
#include "harness.h"

static char cgroup[] = "/tmp/ktls-cgroup-XXXXXX";

static const char *cgroup_file(const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", cgroup, name);
	return path;
}

static void cgroup_write(const char *name, const char *value)
{
	int fd = OK(open(cgroup_file(name), O_WRONLY | O_CLOEXEC));

	OK(write(fd, value, strlen(value)));
	close(fd);
}

long cgroup_current_kib(void)
{
	FILE *f = fopen(cgroup_file("test/memory.current"), "re");
	long long bytes = -1;

	ASSERT_TRUE(f);
	ASSERT_EQ(1, fscanf(f, "%lld", &bytes));
	fclose(f);
	return bytes >> 10;
}

void cgroup_enter(void)
{
	ASSERT_TRUE(mkdtemp(cgroup));
	OK(mount("none", cgroup, "cgroup2", 0, NULL));
	cgroup_write("cgroup.subtree_control", "+memory");
	ASSERT_TRUE(!mkdir(cgroup_file("test"), 0755) || errno == EEXIST);
	cgroup_write("test/cgroup.procs", "0");
}

void cgroup_leave(void)
{
	cgroup_write("cgroup.procs", "0");
	EVENTUALLY(!rmdir(cgroup_file("test")), 5000);
	OK(umount2(cgroup, MNT_DETACH));
	rmdir(cgroup);
}
