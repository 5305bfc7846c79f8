/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Application protocols in ktlsd.conf. Main thread only. */
#ifndef KTLSD_ALPN_H
#define KTLSD_ALPN_H

#include <stddef.h>
#include <stdint.h>

enum {
	KTLSD_ALPN_MAX	= 1024,	/* bytes of a list, as KTLS_ALPN */
};

/**
 * ktlsd_alpn_parse - make an RFC 7301 list
 * @text: names separated by blanks or commas
 * @list: KTLSD_ALPN_MAX bytes; filled
 * @ret_len: bytes
 *
 * Return: NULL, or what is wrong with @text
 */
const char *ktlsd_alpn_parse(const char *text, uint8_t *list, size_t *ret_len);

#endif
