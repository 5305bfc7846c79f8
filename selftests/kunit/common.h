/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the suites; see common.c. */
#ifndef _KTLS_KUNIT_COMMON_H
#define _KTLS_KUNIT_COMMON_H

#include <kunit/test.h>
#include <kunit/visibility.h>

#include "record/aead.h"
#include "record/rl.h"
#include "socket/ctx.h"

/* Limit for what is done in microseconds unless it hangs. */
#define KTLS_KUNIT_WAIT_MS	20000

/* Both ends of a TCP connection over loopback, the first with a context. */
struct ktls_kunit_conn {
	struct ktls_ctx	*ctx;
	struct socket	*sock;
	struct socket	*peer;
};

size_t ktls_kunit_unhex(struct kunit *test, const char *hex, u8 *out, size_t size);
struct ktls_ctx *ktls_kunit_ctx(struct kunit *test, struct socket *sock);
struct socket *ktls_kunit_socket(struct kunit *test);
void ktls_kunit_start(struct kunit *test, struct ktls_ctx *ctx);
struct ktls_kunit_conn *ktls_kunit_conn(struct kunit *test);
void ktls_kunit_send(struct kunit *test, struct ktls_kunit_conn *conn, const void *data,
		     size_t len);
struct ktls_dir *ktls_kunit_dir(struct kunit *test, const struct ktls_keys *keys);
void ktls_kunit_open(struct kunit *test, struct ktls_ctx *ctx, u16 suite);
bool ktls_kunit_pending(struct ktls_ctx *ctx);

#endif /* _KTLS_KUNIT_COMMON_H */
