/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Escapes bytes that somebody else controls, for log lines and reasons. Any thread. */
#ifndef KTLS_TOOLS_LIB_TEXT_H
#define KTLS_TOOLS_LIB_TEXT_H

#include <stddef.h>

/**
 * ktlsd_text_escape - copy bytes as printable ASCII
 * @dst: filled; NUL-terminated unless @size is 0
 * @size: of @dst, bytes
 * @src: any bytes
 * @len: how many
 *
 * Bytes outside 0x20..0x7e and the backslash become \xNN. Text that does not fit is truncated,
 * but never within an escape.
 *
 * Return: the length of the text in @dst.
 */
size_t ktlsd_text_escape(char *dst, size_t size, const void *src, size_t len);

#endif
