// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "test_disk.h"
#include "test_pki.h"

void test_disk_mount(const char *path)
{
	if (unshare(CLONE_NEWNS) && errno == EPERM)
		skip();
	/* In a chroot nothing is mounted on "/": others see it until it is unmounted. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		assert_int_equal(errno, EINVAL);
	assert_int_equal(mount("tmpfs", path, "tmpfs", 0, "size=64k,mode=0700"), 0);
}

void test_disk_unmount(const char *path)
{
	assert_int_equal(umount2(path, MNT_DETACH), 0);
}

void test_disk_fill(const char *path, bool full)
{
	char name[256], page[4096];
	ssize_t done;
	int fd;

	snprintf(name, sizeof(name), "%s/ballast", path);
	if (!full) {
		assert_int_equal(unlink(name), 0);
		return;
	}
	memset(page, 'x', sizeof(page));
	fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	do
		done = write(fd, page, sizeof(page));
	while (done > 0);
	assert_int_equal(errno, ENOSPC);
	close(fd);
}
