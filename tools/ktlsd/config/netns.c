// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "config/netns.h"

static char netns_name[KTLSD_NETNS_MAX + 1] = KTLSD_NETNS_INIT;

/* Return: whether the file @path is our network namespace; as stat() otherwise. */
static int netns_compare(const char *path)
{
	struct stat named, own;

	if (stat(path, &named) || stat("/proc/self/ns/net", &own))
		return -errno;
	return named.st_dev == own.st_dev && named.st_ino == own.st_ino ? 0 : -EXDEV;
}

int ktlsd_netns_set(const char *name, struct ktlsd_fault *fault)
{
	char path[KTLSD_NETNS_MAX + 16];
	int err;

	if (!name[0] || strlen(name) > KTLSD_NETNS_MAX || strpbrk(name, "/ \t,*") ||
	    name[0] == '.' || !strcmp(name, KTLSD_NETNS_INIT))
		return ktlsd_errors_set(fault, -EINVAL,
			"'%.64s' is not the name of a file in /run/netns", name);
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	err = netns_compare(path);
	if (err)
		return ktlsd_errors_set(fault, -EINVAL,
			"this process is not in the network namespace %s (%s): start it with ip netns exec %s, or as ktlsd@%s.service",
			path, err == -EXDEV ? "it is in another" : strerror(-err), name, name);
	snprintf(netns_name, sizeof(netns_name), "%s", name);
	return 0;
}

const char *ktlsd_netns_name(void)
{
	return netns_name;
}

bool ktlsd_netns_listed(const char *list)
{
	size_t len;

	for (; *list; list += len) {
		list += strspn(list, " \t,");
		len = strcspn(list, " \t,");
		if ((len == 1 && *list == '*') ||
		    (len == strlen(netns_name) && len && !memcmp(list, netns_name, len)))
			return true;
	}
	return false;
}
