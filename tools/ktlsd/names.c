// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "names.h"

enum {
	NAMES_LABEL_MAX	= 63,
};

static bool names_is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* One label; *@ret_number: it has digits only. */
static bool names_check_label(const char *label, size_t len, bool *ret_number)
{
	bool number = true;
	size_t i;

	if (!len || len > NAMES_LABEL_MAX ||
	    label[0] == '-' || label[len - 1] == '-')
		return false;
	for (i = 0; i < len; i++) {
		/* Many networks have names with underscores, which no public authority certifies. */
		if (!names_is_alnum(label[i]) && label[i] != '-' && label[i] != '_')
			return false;
		if (label[i] < '0' || label[i] > '9')
			number = false;
	}
	*ret_number = number;
	return true;
}

static bool names_check_host(const char *text)
{
	bool number = true;
	const char *dot;

	while ((dot = strchr(text, '.'))) {
		if (!names_check_label(text, dot - text, &number))
			return false;
		text = dot + 1;
	}
	/* A name that ends in a number is an address in some notation. */
	return names_check_label(text, strlen(text), &number) && !number;
}

int ktlsd_names_parse(const char *text, struct ktlsd_name *ret_name)
{
	size_t i, len = strlen(text);

	memset(ret_name, 0, sizeof(*ret_name));
	if (len > 1 && text[len - 1] == '.')
		len--;
	if (!len || len > KTLSD_NAME_MAX)
		return -EINVAL;
	for (i = 0; i < len; i++)
		ret_name->text[i] = (char)tolower((unsigned char)text[i]);

	if (inet_pton(AF_INET, ret_name->text, ret_name->address) == 1)
		ret_name->address_len = 4;
	else if (inet_pton(AF_INET6, ret_name->text, ret_name->address) == 1)
		ret_name->address_len = 16;

	if (ret_name->address_len)
		ret_name->kind = KTLSD_NAME_ADDRESS;
	else if (names_check_host(ret_name->text))
		ret_name->kind = KTLSD_NAME_HOST;
	else
		return -EINVAL;
	return 0;
}

int ktlsd_names_from_address(const struct sockaddr_storage *addr, size_t len,
			     struct ktlsd_name *ret_name)
{
	const struct sockaddr_in6 *in6 = (const void *)addr;
	const struct sockaddr_in *in = (const void *)addr;
	const void *bytes;
	int family;

	memset(ret_name, 0, sizeof(*ret_name));
	if (len >= sizeof(*in) && addr->ss_family == AF_INET) {
		family = AF_INET;
		bytes = &in->sin_addr;
	} else if (len >= sizeof(*in6) && addr->ss_family == AF_INET6) {
		family = AF_INET6;
		bytes = &in6->sin6_addr;
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			family = AF_INET;
			bytes = &in6->sin6_addr.s6_addr[12];
		}
	} else {
		return -EINVAL;
	}
	ret_name->kind = KTLSD_NAME_ADDRESS;
	ret_name->address_len = family == AF_INET ? 4 : 16;
	memcpy(ret_name->address, bytes, ret_name->address_len);
	if (!inet_ntop(family, bytes, ret_name->text, sizeof(ret_name->text)))
		return -EINVAL;
	return 0;
}
