// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "tls/suites.h"

#define SUITE_13(_id, _key, _hash, _secret, _name) {			\
	.id = (_id), .version = KTLS_TLS_1_3, .key_len = (_key),	\
	.iv_len = 12, .digest = (_hash), .secret_len = (_secret),	\
	.name = (_name) }
#define SUITE_12(_id, _key, _iv, _hash, _name) {			\
	.id = (_id), .version = KTLS_TLS_1_2, .key_len = (_key),	\
	.iv_len = (_iv), .explicit_nonce = (_iv) == 4,			\
	.digest = (_hash), .name = (_name) }

/* In order of preference, for when KTLS_CIPHERS is not set. */
static const struct ktlsd_suite suites_table[] = {
	SUITE_13(0x1301, 16, "SHA256", 32, "TLS_AES_128_GCM_SHA256"),
	SUITE_13(0x1302, 32, "SHA384", 48, "TLS_AES_256_GCM_SHA384"),
	SUITE_13(0x1303, 32, "SHA256", 32, "TLS_CHACHA20_POLY1305_SHA256"),
	SUITE_12(0xc02b, 16, 4, "SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
	SUITE_12(0xc02f, 16, 4, "SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
	SUITE_12(0xc02c, 32, 4, "SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
	SUITE_12(0xc030, 32, 4, "SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
	SUITE_12(0xcca9, 32, 12, "SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
	SUITE_12(0xcca8, 32, 12, "SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
	/* Only if a policy allows them, see comply.c. */
	SUITE_12(0x009c, 16, 4, "SHA256", "AES128-GCM-SHA256"),
	SUITE_12(0x009d, 32, 4, "SHA384", "AES256-GCM-SHA384"),
};

enum {
	SUITES_COUNT	= sizeof(suites_table) / sizeof(*suites_table),
};

const struct ktlsd_suite *ktlsd_suites_find(uint16_t id)
{
	size_t i;

	for (i = 0; i < SUITES_COUNT; i++) {
		if (suites_table[i].id == id)
			return &suites_table[i];
	}
	return NULL;
}

uint32_t ktlsd_suites_mask(const uint16_t *ids, size_t count)
{
	uint32_t mask = 0;
	size_t i, j;

	for (i = 0; i < SUITES_COUNT; i++) {
		for (j = 0; j < count; j++) {
			if (ids[j] == suites_table[i].id)
				mask |= UINT32_C(1) << i;
		}
	}
	return mask;
}

uint32_t ktlsd_suites_all(void)
{
	return (UINT32_C(1) << SUITES_COUNT) - 1;
}

uint32_t ktlsd_suites_rsa(void)
{
	static const uint16_t ids[] = { 0x009c, 0x009d };

	return ktlsd_suites_mask(ids, sizeof(ids) / sizeof(*ids));
}

uint32_t ktlsd_suites_of(uint16_t version)
{
	uint32_t mask = 0;
	size_t i;

	for (i = 0; i < SUITES_COUNT; i++) {
		if (suites_table[i].version == version)
			mask |= UINT32_C(1) << i;
	}
	return mask;
}

/* Appends a known suite's name, unless it is there already. */
static void suites_add(struct ktlsd_suites_choice *choice, size_t index,
		       uint32_t *seen)
{
	const struct ktlsd_suite *suite = &suites_table[index];
	char *list = suite->version == KTLS_TLS_1_3 ? choice->tls13
						    : choice->tls12;

	if (*seen & (UINT32_C(1) << index))
		return;
	*seen |= UINT32_C(1) << index;
	/* The lists have room for the whole table. */
	if (list[0])
		strcat(list, ":");
	strcat(list, suite->name);
}

static int suites_find_name(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < SUITES_COUNT; i++) {
		if (strlen(suites_table[i].name) == len &&
		    !memcmp(suites_table[i].name, name, len))
			return (int)i;
	}
	return -1;
}

uint32_t ktlsd_suites_bit(const char *name, size_t len)
{
	int index = suites_find_name(name, len);

	return index < 0 ? 0 : UINT32_C(1) << index;
}

int ktlsd_suites_choose(const char *names, uint32_t mask,
			struct ktlsd_suites_choice *ret_choice,
			struct ktlsd_fault *fault)
{
	uint32_t seen = 0;
	size_t i, len;
	int index;

	memset(ret_choice, 0, sizeof(*ret_choice));
	if (!names[0]) {
		for (i = 0; i < SUITES_COUNT; i++) {
			if (mask & (UINT32_C(1) << i))
				suites_add(ret_choice, i, &seen);
		}
		return 0;
	}

	for (;; names += len + 1) {
		len = strcspn(names, ":");
		index = suites_find_name(names, len);
		if (index < 0)
			return ktlsd_errors_set(fault, -EINVAL,
				"KTLS_CIPHERS names '%.*s', which ktlsd does not know: use the cipher suite names of OpenSSL listed in ktls(7).",
				len > 64 ? 64 : (int)len, names);
		if (!(mask & (UINT32_C(1) << index)))
			return ktlsd_errors_set(fault, -EINVAL,
				"KTLS_CIPHERS names '%s', which this kernel does not support.",
				suites_table[index].name);
		suites_add(ret_choice, index, &seen);
		if (!names[len])
			return 0;
	}
}
