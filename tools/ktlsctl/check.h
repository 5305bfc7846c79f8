/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connects to a server, to see what it does. */
#ifndef KTLSCTL_CHECK_H
#define KTLSCTL_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include <linux/ktls.h>

#include "config/alpn.h"

enum {
	KTLSCTL_HOST_MAX	= 256,	/* bytes, with a NUL */
};

/**
 * struct ktlsctl_check - the command line
 * @host: name or address
 * @port: number, or name of a service
 * @server_name: NULL: @host
 * @trust: PEM, or NULL: the system's trust anchors; owned
 * @trust_len: bytes
 * @alpn: RFC 7301 list
 * @alpn_len: bytes; 0: none
 * @versions: zeros: all
 */
struct ktlsctl_check {
	char			host[KTLSCTL_HOST_MAX];
	const char		*port;
	const char		*server_name;
	char			*trust;
	size_t			trust_len;
	uint8_t			alpn[KTLSD_ALPN_MAX];
	size_t			alpn_len;
	struct ktls_versions	versions;
};

/* Splits "HOST:PORT"; an IPv6 address has brackets. Return: NULL, or what is wrong. */
const char *ktlsctl_check_split(const char *text, char *host, size_t size,
				const char **ret_port);

#endif
