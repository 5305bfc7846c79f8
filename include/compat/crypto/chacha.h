/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _KTLS_COMPAT_CRYPTO_CHACHA_H
#define _KTLS_COMPAT_CRYPTO_CHACHA_H

#include_next <crypto/chacha.h>

/* An array of words was the state before it had a type. */
#ifndef KTLS_HAVE_CHACHA_STATE
struct chacha_state {
	u32 x[CHACHA_STATE_WORDS];
};

#define chacha_init(state, key, iv)	chacha_init((state)->x, key, iv)
#define chacha20_crypt(state, dst, src, bytes)	\
	chacha20_crypt((state)->x, dst, src, bytes)
#endif

#endif /* _KTLS_COMPAT_CRYPTO_CHACHA_H */
