/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzz targets share: libFuzzer's input, read from its front. */
#ifndef KTLSD_FUZZ_H
#define KTLSD_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* libFuzzer calls these. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/**
 * struct fuzz - the rest of the input
 * @data: not owned
 * @len: bytes
 */
struct fuzz {
	const uint8_t	*data;
	size_t		len;
};

/* Takes a byte; 0 after the end. */
static inline uint8_t fuzz_byte(struct fuzz *fuzz)
{
	if (!fuzz->len)
		return 0;
	fuzz->len--;
	return *fuzz->data++;
}

/* Takes up to @max bytes; *ret_len says how many there were. */
static inline const uint8_t *fuzz_bytes(struct fuzz *fuzz, size_t max, size_t *ret_len)
{
	const uint8_t *data = fuzz->data;

	*ret_len = fuzz->len < max ? fuzz->len : max;
	fuzz->data += *ret_len;
	fuzz->len -= *ret_len;
	return data;
}

#endif
