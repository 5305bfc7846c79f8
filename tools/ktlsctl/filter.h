/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which sockets are printed. */
#ifndef KTLSCTL_FILTER_H
#define KTLSCTL_FILTER_H

#include <stdbool.h>

#include "socket.h"

enum {
	KTLSCTL_FILTERS_MAX	= 32,
};

/**
 * struct ktlsctl_filter - a set of conditions; a socket must meet all of them
 * @conditions: KEY=VALUE as on the command line
 * @count: of @conditions
 */
struct ktlsctl_filter {
	const char	*conditions[KTLSCTL_FILTERS_MAX];
	unsigned int	count;
};

/* Return: NULL, or what is wrong with @condition, which outlives @filter. */
const char *ktlsctl_filter_add(struct ktlsctl_filter *filter, const char *condition);

bool ktlsctl_filter_matches(const struct ktlsctl_filter *filter,
			    const struct ktlsctl_socket *socket);

#endif
