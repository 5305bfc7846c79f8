/* SPDX-License-Identifier: GPL-2.0 */
/* A direction of a connection, and its keys. Process context, socket lock held. */
#ifndef _KTLS_RECORD_DIR_H
#define _KTLS_RECORD_DIR_H

#include <linux/crypto.h>
#include <linux/types.h>
#include <crypto/aead.h>

#include "suite.h"
#include "wire.h"

enum ktls_dir_limits {
	KTLS_DIR_RESERVED	= 16,	/* records beyond a key's limit: a KeyUpdate, alerts */
};

struct ktls_config;

/**
 * struct ktls_dir_keys - what must be secret of a direction; wiped when it is freed
 * @iv: 1.3: write_iv (RFC 8446 7.3); 1.2: implicit part, or all of the IV
 * @npub: nonce of the record under way, as the cipher wants it; in memory that
 *	outlives the call
 * @secret: 1.3: application_traffic_secret_N; in 1.2, and with external keys: the AEAD
 *	key
 * @chacha_key: chacha.c: the key, if it is that cipher
 */
struct ktls_dir_keys {
	u8			iv[KTLS_NONCE_SIZE];
	u8			npub[KTLS_IV_MAX];
	u8			secret[KTLS_SECRET_MAX];
	u32			chacha_key[KTLS_KEY_MAX / sizeof(u32)];
};

/**
 * struct ktls_half - a direction, with or without keys; struct ktls_rl has two
 *
 * Under the socket lock; all of it is also read without.
 *
 * @error: positive errno this direction reports for ever, 0: none
 * @closed: close_notify was sent, or received
 * @shut: receiving: the program wants no more (SHUT_RD). TCP does not learn of it: in FIN_WAIT
 *	it would answer control records with a reset
 * @plain: the ULP `tls`, and no key yet: TCP's own operations apply. Set when the
 *	socket is attached, cleared with the first key and never set again
 */
struct ktls_half {
	int			error;
	bool			closed;
	bool			shut;
	bool			plain;
};

/**
 * struct ktls_dir - the keys of a direction, and its counters; struct ktls_flow has two
 *
 * Under the socket lock; socket/diag.c reads some fields without it.
 *
 * @keyed: it has keys
 * @prefix_size: bytes before the ciphertext on the wire: header and explicit nonce
 * @aad_size: bytes of associated data, which end where the ciphertext begins
 * @tail_size: bytes behind the payload: 1.3's type byte, and the tag
 * @key_updates: generations after the first
 * @seen: low bits of @records when somebody last looked whether it is idle; his
 * @suite: the cipher suite
 * @req: the one request, used record after record, of an AEAD with its key; NULL:
 *	the direction rests (ktls_dir_rest()), or the cipher is not of the crypto API
 * @keys: its secrets, owned; NULL: none
 * @seq: sequence number of the next record; only ever grows under one key
 * @records_max: sealing ends at this sequence number
 * @nonce: 1.2 GCM: explicit nonce of the next record sent; receiving it only
 *	counts, for TLS_RX
 * @records: sealed or opened under application keys, all generations
 * @bytes: application bytes, likewise
 */
struct ktls_dir {
	bool			keyed;
	u8			prefix_size;
	u8			aad_size;
	u8			tail_size;
	u32			key_updates;
	u32			seen;
	const struct ktls_suite	*suite;
	struct aead_request	*req;
	struct ktls_dir_keys	*keys;
	u64			seq;
	u64			records_max;
	u64			nonce;
	u64			records;
	u64			bytes;
};

/**
 * struct ktls_keys - keys to install
 * @suite: the cipher suite
 * @external: external keys: in 1.3, too, @secret is the AEAD key and @iv all of the IV,
 *	and the program must observe the AEAD's limit
 * @config: whose memory cgroup is charged; NULL: the caller's
 * @secret: 1.3: traffic secret; 1.2: the AEAD key
 * @secret_len: bytes in @secret
 * @iv: 1.2: the implicit part of the nonce
 * @iv_len: bytes in @iv
 * @seq: sequence number of the first record
 * @nonce: 1.2 GCM sending: explicit nonce of the first record
 */
struct ktls_keys {
	const struct ktls_suite	*suite;
	bool			external;
	const struct ktls_config *config;
	const u8		*secret;
	size_t			secret_len;
	const u8		*iv;
	size_t			iv_len;
	u64			seq;
	u64			nonce;
};

/**
 * struct ktls_generation - the next keys of a direction (RFC 8446 7.2)
 * @secret: application_traffic_secret_N+1
 * @key: the AEAD's key under it
 * @iv: write_iv under it
 *
 * On the stack of the function that replaces keys, and wiped there.
 */
struct ktls_generation {
	u8			secret[KTLS_SECRET_MAX];
	u8			key[KTLS_KEY_MAX];
	u8			iv[KTLS_NONCE_SIZE];
};

static inline bool ktls_dir_is_13(const struct ktls_dir *dir)
{
	return dir->suite->version == KTLS_TLS_1_3;
}

/* Has the direction keys, and given its cipher back? */
static inline bool ktls_dir_rests(const struct ktls_dir *dir)
{
	return !dir->req && dir->keyed && dir->suite->cipher->alg;
}

int ktls_dir_install(struct ktls_dir *dir, const struct ktls_keys *keys);
void ktls_dir_rest(struct ktls_dir *dir);
int ktls_dir_wake(struct ktls_dir *dir);
void ktls_dir_clear(struct ktls_dir *dir);
int ktls_dir_next(const struct ktls_dir *dir, struct ktls_generation *next);
int ktls_dir_advance(struct ktls_dir *dir, const struct ktls_generation *next);

#endif /* _KTLS_RECORD_DIR_H */
