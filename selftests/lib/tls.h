/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record protection of TLS 1.2 and 1.3 over libcrypto, written
 * independently of the module: what both agree on is the protocol.
 */
#ifndef _SELFTESTS_TLS_H
#define _SELFTESTS_TLS_H

#include <linux/ktls.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TLS_PAYLOAD_MAX		16384
#define TLS_RECORD_MAX		(5 + TLS_PAYLOAD_MAX + 2048)
#define TLS_SECRET_MAX		48

enum {
	CT_CCS = 20, CT_ALERT = 21, CT_HANDSHAKE = 22, CT_DATA = 23,
	CT_HEARTBEAT = 24,
};

struct tls_suite {
	uint16_t	id, version;
	const char	*name;			/* OpenSSL's */
	const char	*aead;			/* likewise */
	const EVP_MD	*(*md)(void);
	unsigned int	key, salt, explicit, hash;
};

const struct tls_suite *tls_suite(uint16_t id);

/* One direction of a connection. */
struct tls_dir {
	const struct tls_suite *suite;
	EVP_CIPHER_CTX	*ctx;
	bool		keyed;			/* ctx has the key */
	uint8_t		secret[TLS_SECRET_MAX];	/* 1.3 */
	uint8_t		key[32], iv[12];
	uint64_t	seq;
	uint64_t	nonce;		/* 1.2 GCM: next explicit nonce sent */
};

/* @secret: 1.3: the traffic secret; 1.2: the key, with @iv the implicit nonce */
void tls_dir_init(struct tls_dir *dir, const struct tls_suite *suite,
		  const uint8_t *secret, const uint8_t *iv, uint64_t seq);
void tls_dir_update(struct tls_dir *dir);
void tls_dir_free(struct tls_dir *dir);

/* A record to be sealed, and what can be wrong with it. */
struct tls_record {
	uint8_t		type;		/* (inner) content type */
	const void	*data;
	size_t		len;
	size_t		pad;		/* 1.3: zeros behind the type */
	bool		no_type;	/* 1.3: inner plaintext without a type: all zero */
	uint8_t		outer;		/* 1.3: outer type, 0: 23 */
	uint16_t	version;	/* of the header, 0: KTLS_TLS_1_2 */
	int		length_lie;	/* added to the length, but not authenticated */
	int		flip;		/* 1 + offset from the end of a byte to corrupt, 0: none */
};

/* Returns the length of the record in @out, which has room for 64 KiB. */
size_t tls_seal(struct tls_dir *dir, const struct tls_record *r, uint8_t *out);
/* Returns the length of the plaintext, -1 if it is not authentic. */
ssize_t tls_open(struct tls_dir *dir, const uint8_t *rec, size_t len,
		 uint8_t *out, uint8_t *type, size_t *ret_pad);

/* HKDF-Expand-Label of RFC 8446 7.1 with an empty context. */
void tls_expand_label(const EVP_MD *md, const uint8_t *secret, size_t secret_len,
		      const char *label, uint8_t *out, size_t len);

#endif /* _SELFTESTS_TLS_H */
