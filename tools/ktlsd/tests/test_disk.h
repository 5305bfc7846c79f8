/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small disk, which can be full. For root; others skip the test. */
#ifndef KTLSD_TEST_DISK_H
#define KTLSD_TEST_DISK_H

#include <stdbool.h>

/* Mounts one on the directory @path, for this process only unless it is in a chroot. */
void test_disk_mount(const char *path);
void test_disk_unmount(const char *path);

/* Fills it up, or makes room again. */
void test_disk_fill(const char *path, bool full);

#endif
