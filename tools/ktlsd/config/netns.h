/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network namespace that this ktlsd serves, for identities and policies that are valid in
 * some namespaces only. Set once, before any thread is started.
 */
#ifndef KTLSD_NETNS_H
#define KTLSD_NETNS_H

#include <stdbool.h>

#include "errors.h"

/* The namespace without --netns: that of the machine. */
#define KTLSD_NETNS_INIT	"init"

enum {
	KTLSD_NETNS_MAX	= 64,	/* bytes of a name */
};

/**
 * ktlsd_netns_set - say which namespace this is
 * @name: of a file in /run/netns that must be the network namespace of this process
 * @fault: on error
 *
 * Return: 0 or -EINVAL
 */
int ktlsd_netns_set(const char *name, struct ktlsd_fault *fault);

/* Return: the name. */
const char *ktlsd_netns_name(void);

/* Return: whether @list, names separated by blanks or commas, contains the name or "*". */
bool ktlsd_netns_listed(const char *list);

#endif
