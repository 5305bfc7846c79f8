// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ktls-fetch/address.h"

/**
 * struct address_net - a network; IPv4 as ::ffff:0:0/96
 * @prefix: its address
 * @bits: of the prefix
 */
struct address_net {
	uint8_t		prefix[16];
	unsigned int	bits;
};

/* Special purposes, by IANA's registries: none of them is a host of the internet. */
static const char *const address_special[] = {
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
	"172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
};

static struct address_net address_allowed[KTLS_FETCH_ALLOWED_MAX];
static unsigned int address_allowed_count;

static void address_map(const uint8_t *ipv4, uint8_t *dst)
{
	memset(dst, 0, 10);
	memset(dst + 10, 0xff, 2);
	memcpy(dst + 12, ipv4, 4);
}

static int address_parse(const char *text, struct address_net *ret_net)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	unsigned long bits, max;
	char host[INET6_ADDRSTRLEN], *end;
	uint8_t ipv4[4];

	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	max = inet_pton(AF_INET, host, ipv4) == 1 ? 32 : 128;
	if (max == 32)
		address_map(ipv4, ret_net->prefix);
	else if (inet_pton(AF_INET6, host, ret_net->prefix) != 1)
		return -EINVAL;
	bits = slash ? strtoul(slash + 1, &end, 10) : max;
	if ((slash && (*end || slash[1] < '0' || slash[1] > '9')) || bits > max)
		return -EINVAL;
	ret_net->bits = (unsigned int)(bits + 128 - max);
	return 0;
}

static bool address_is_in(const uint8_t *address, const struct address_net *net)
{
	unsigned int whole = net->bits / 8, rest = net->bits % 8;

	if (memcmp(address, net->prefix, whole))
		return false;
	return !rest || !((address[whole] ^ net->prefix[whole]) >> (8 - rest));
}

int ktls_fetch_address_allow(const char *text)
{
	if (address_allowed_count == KTLS_FETCH_ALLOWED_MAX ||
	    address_parse(text, &address_allowed[address_allowed_count]))
		return -EINVAL;
	address_allowed_count++;
	return 0;
}

static bool address_is_special(const uint8_t *address)
{
	static const struct address_net global = { { 0x20 }, 3 }, mapped = {
		{ [10] = 0xff, [11] = 0xff }, 96,
	};
	/* Behind them are IPv4 addresses: Teredo, 6to4; and the documentation. */
	static const struct address_net refused[] = {
		{ { 0x20, 0x01 }, 23 }, { { 0x20, 0x02 }, 16 },
		{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 },
	};
	struct address_net net;
	size_t i;

	if (!address_is_in(address, &mapped)) {
		for (i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
			if (address_is_in(address, &refused[i]))
				return true;
		}
		return !address_is_in(address, &global);
	}
	for (i = 0; i < sizeof(address_special) / sizeof(*address_special); i++) {
		if (address_parse(address_special[i], &net) || address_is_in(address, &net))
			return true;
	}
	return false;
}

bool ktls_fetch_address_is_allowed(const struct sockaddr *address)
{
	uint8_t bytes[16];
	unsigned int i;

	if (address->sa_family == AF_INET)
		address_map((const uint8_t *)&((const struct sockaddr_in *)address)->sin_addr,
			    bytes);
	else if (address->sa_family == AF_INET6)
		memcpy(bytes, &((const struct sockaddr_in6 *)address)->sin6_addr,
		       sizeof(bytes));
	else
		return false;
	for (i = 0; i < address_allowed_count; i++) {
		if (address_is_in(bytes, &address_allowed[i]))
			return true;
	}
	return !address_is_special(bytes);
}
