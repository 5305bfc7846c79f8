// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <stdint.h>

#include "text.h"

static bool text_plain(uint8_t c)
{
	return c >= 0x20 && c <= 0x7e && c != '\\';
}

size_t ktlsd_text_escape(char *dst, size_t size, const void *src, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *from = src;
	size_t i, used = 0;

	if (!size)
		return 0;
	for (i = 0; i < len; i++) {
		size_t need = text_plain(from[i]) ? 1 : 4;

		if (used + need >= size)
			break;
		if (need == 1) {
			dst[used++] = (char)from[i];
			continue;
		}
		dst[used++] = '\\';
		dst[used++] = 'x';
		dst[used++] = hex[from[i] >> 4];
		dst[used++] = hex[from[i] & 15];
	}
	dst[used] = '\0';
	return used;
}
