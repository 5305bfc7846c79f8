/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that somebody else controls, made fit for a log line or a sentence. */
#ifndef KTLS_TOOLS_LIB_TEXT_H
#define KTLS_TOOLS_LIB_TEXT_H

#include <stddef.h>

/**
 * ktlsd_text_escape - copy bytes as printable ASCII
 * @dst: where to; always terminated unless @size is 0
 * @size: room in @dst, in bytes
 * @src: the bytes; may contain NUL and anything else
 * @len: how many
 *
 * Bytes outside 0x20..0x7e and the backslash become \xNN; what does not fit is
 * left off, never half an escape.
 *
 * Return: the length of the text in @dst.
 */
size_t ktlsd_text_escape(char *dst, size_t size, const void *src, size_t len);

#endif
