// SPDX-License-Identifier: GPL-2.0-or-later
/* Fault injection while the module is loaded: each allocation fails once. */
#include <fcntl.h>
#include <sys/syscall.h>

#include "inject.h"
#include "party.h"

struct load {
	struct hs	hs;
	char		path[300];
	unsigned int	suites;		/* how many there are when nothing fails */
};

/* The file that modprobe would load, by the configuration of the VM's runner or by default. */
static void find_module(char *path, size_t size)
{
	FILE *f = popen("modprobe -c | sed -n 's/^install ktls .*insmod \\([^ ]*\\).*/\\1/p' | "
			"grep . || modinfo -n ktls", "re");

	ASSERT_TRUE(f && fgets(path, size, f));
	path[strcspn(path, "\n")] = 0;
	pclose(f);
}

static unsigned int count_suites(const struct hs *hs)
{
	struct fake *f = fake_new(hs);
	unsigned int n;

	ASSERT_EQ(0, fake_register(f, 1));
	n = f->n_suites;
	fake_die(f);
	free(f);
	return n;
}

static int rmmod(void)
{
	return syscall(SYS_delete_module, "ktls", O_NONBLOCK);
}

/* The module is loaded with all suites, or not at all. */
static int load_once(void *arg)
{
	struct load *l = arg;
	int fd = OK(open(l->path, O_RDONLY | O_CLOEXEC)), err;

	inject_on();
	err = syscall(SYS_finit_module, fd, "", 0) < 0 ? errno : 0;
	inject_off();
	close(fd);
	if (err)
		return err;
	EXPECT_EQ(l->suites, count_suites(&l->hs));
	EVENTUALLY(!rmmod(), 5000);
	return 0;
}

TEST_TIMEOUT(load, 180)
{
	struct load l;

	inject_init_load();
	net_new();
	hs_init(&l.hs, S13_AES128);
	find_module(l.path, sizeof(l.path));
	l.suites = count_suites(&l.hs);
	EVENTUALLY(!rmmod(), 20000);
	inject_walk("loading the module", INJECT_SELF, load_once, NULL, &l);
	ASSERT_EQ(0, system("modprobe ktls"));
}
