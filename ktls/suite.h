/* SPDX-License-Identifier: GPL-2.0 */
/* The tables of ciphers and cipher suites. Constant after ktls_suite_init(). */
#ifndef _KTLS_SUITE_H
#define _KTLS_SUITE_H

#include <linux/types.h>

/* One AEAD as TLS uses it; the table is in suite.c. */
struct ktls_cipher {
	const char	*name;		/* for people: AES-128-GCM */
	const char	*alg;		/* of the kernel crypto API; NULL: chacha.c has it */
	u8		key_size;
	u8		salt_size;	/* 1.2: implicit part of the nonce */
	u8		explicit_size;	/* 1.2: explicit part, 8 or 0 */
	bool		ccm;		/* counts blocks in its IV, reads what it seals twice */
	u16		info_type;	/* TLS_CIPHER_* of <linux/tls.h> */
	u8		info_size;	/* of struct tls12_crypto_info_* */
	u8		info_iv_size;	/* of its parts; the key's is key_size */
	u8		info_salt_size;
	u64		records_max;	/* under one key: RFC 8446 5.5 */
};

/* One cipher suite: IANA number, OpenSSL name, version, AEAD and hash. */
struct ktls_suite {
	u16			id;
	u16			version;	/* KTLS_TLS_1_2 or _1_3 */
	const char		*name;
	const struct ktls_cipher *cipher;
	const char		*hash;		/* "sha256", "sha384" */
	u8			hash_size;
};

int ktls_suite_init(void);	/* process context, sleeps */
const struct ktls_suite *ktls_suite_by_id(u16 id);
const struct ktls_suite *ktls_suite_by_name(const char *name, size_t len);
const struct ktls_suite *ktls_suite_by_info(u16 version, u16 cipher_type);
unsigned int ktls_suite_list(u16 *ids, unsigned int max);

#endif /* _KTLS_SUITE_H */
