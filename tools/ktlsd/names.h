/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of servers: host names and addresses as in RFC 9525. Any thread. */
#ifndef KTLSD_NAMES_H
#define KTLSD_NAMES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	KTLSD_NAME_MAX	= 253,
};

enum ktlsd_name_kind {
	KTLSD_NAME_NONE,
	KTLSD_NAME_HOST,
	KTLSD_NAME_ADDRESS,
};

/**
 * struct ktlsd_name - a name that a certificate has to contain
 * @kind: host name or address
 * @text: in lower case; printable
 * @address: of an address, in network byte order
 * @address_len: 4 or 16
 */
struct ktlsd_name {
	enum ktlsd_name_kind	kind;
	char			text[KTLSD_NAME_MAX + 1];
	uint8_t			address[16];
	size_t			address_len;
};

/**
 * ktlsd_names_parse - validate a name from a program or from a client
 * @text: IPv4 or IPv6 literal, or host name: LDH labels, of which the last is
 *	not a number; one dot at the end is dropped
 * @ret_name: filled
 *
 * Return: 0, or -EINVAL
 */
int ktlsd_names_parse(const char *text, struct ktlsd_name *ret_name);

/**
 * ktlsd_names_from_address - use the address of a server as its name
 *
 * An IPv4 address mapped into IPv6 is the IPv4 address.
 *
 * Return: 0, -EINVAL if @addr is of another family or too short.
 */
int ktlsd_names_from_address(const struct sockaddr_storage *addr, size_t len,
			     struct ktlsd_name *ret_name);

#endif
