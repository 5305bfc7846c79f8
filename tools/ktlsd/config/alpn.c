// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <string.h>

#include "config/alpn.h"

#define ALPN_SEPARATORS	" \t\r,"

static bool alpn_has(const uint8_t *list, size_t len, const char *name, size_t name_len)
{
	size_t at;

	for (at = 0; at < len; at += 1 + list[at]) {
		if (list[at] == name_len && !memcmp(list + at + 1, name, name_len))
			return true;
	}
	return false;
}

const char *ktlsd_alpn_parse(const char *text, uint8_t *list, size_t *ret_len)
{
	size_t len, at = 0;

	for (text += strspn(text, ALPN_SEPARATORS); *text;
	     text += len, text += strspn(text, ALPN_SEPARATORS)) {
		len = strcspn(text, ALPN_SEPARATORS);
		if (len > UINT8_MAX)
			return "a protocol has at most 255 bytes";
		if (1 + len > KTLSD_ALPN_MAX - at)
			return "the list is too long: it takes at most 1024 bytes, with one byte before each protocol";
		if (alpn_has(list, at, text, len))
			return "a protocol is listed twice";
		list[at] = (uint8_t)len;
		memcpy(list + at + 1, text, len);
		at += 1 + len;
	}
	*ret_len = at;
	return at ? NULL : "the list is empty: name protocols, or remove the line";
}
