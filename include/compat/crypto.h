/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Completion of crypto requests: void fn(void *data, int err), where data is what
 * the request was given together with the callback.
 *
 * Who only waits needs nothing of this: crypto_req_done() has the right type on
 * every kernel, with a struct crypto_wait as data, and crypto_wait_req() waits.
 */
#ifndef _KTLS_COMPAT_CRYPTO_H
#define _KTLS_COMPAT_CRYPTO_H

#include <linux/build_bug.h>
#include <linux/crypto.h>

#ifdef KTLS_HAVE_CRYPTO_DONE_VOID
#define KTLS_ADAPT_CRYPTO_DONE(fn)	static_assert(sizeof(typeof(fn) *))
#define KTLS_CRYPTO_DONE(fn)		(fn)
#else
#define KTLS_CRYPTO_DONE(fn)		fn##_compat_done
#define KTLS_ADAPT_CRYPTO_DONE(fn)					\
static void fn##_compat_done(struct crypto_async_request *req, int err)	\
{									\
	fn(req->data, err);						\
}									\
static_assert(true)
#endif

#endif /* _KTLS_COMPAT_CRYPTO_H */
