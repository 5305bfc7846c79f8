// SPDX-License-Identifier: GPL-2.0
/* Shared by the suites: sockets, and contexts that are not attached by the ULP. The tests call
 * the module's functions with the socket lock held, as the module does.
 */
#include <linux/delay.h>
#include <linux/hex.h>
#include <linux/in.h>
#include <linux/module.h>
#include <linux/net.h>
#include <net/tcp.h>
#include <uapi/linux/ktls.h>

#include "config.h"
#include "suite.h"
#include "wire.h"
#include "record/aead.h"
#include "record/control.h"
#include "record/rl.h"
#include "socket/ctx.h"
#include "socket/state.h"

#include "common.h"

/**
 * ktls_kunit_unhex - hexadecimal digits into bytes
 * @test: fails, and ends, if they are none or too many
 * @hex: the digits
 * @out: the bytes
 * @size: room in @out
 *
 * Return: how many there are.
 */
size_t ktls_kunit_unhex(struct kunit *test, const char *hex, u8 *out, size_t size)
{
	size_t len = strlen(hex) / 2;

	KUNIT_ASSERT_LE(test, len, size);
	KUNIT_ASSERT_EQ(test, hex2bin(out, hex, len), 0);
	return len;
}

static void kunit_release_socket(void *sock)
{
	sock_release(sock);
}

/**
 * ktls_kunit_socket - a TCP socket that is not connected
 * @test: owns it
 */
struct socket *ktls_kunit_socket(struct kunit *test)
{
	struct socket *sock;
	int err;

	err = sock_create_kern(&init_net, AF_INET, SOCK_STREAM, IPPROTO_TCP, &sock);
	KUNIT_ASSERT_EQ(test, err, 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, kunit_release_socket, sock), 0);
	return sock;
}

static void kunit_free_ctx(void *data)
{
	struct ktls_ctx *ctx = data;
	struct sock *sk = ctx->rl.sk;

	lock_sock(sk);
	ktls_rl_free(&ctx->rl);
	ktls_config_put(ctx->config);
	ctx->config = NULL;
	release_sock(sk);
	ktls_ctx_put(ctx);
}

/**
 * ktls_kunit_ctx - a context in state NEW
 * @test: owns it
 * @sock: a TCP socket, which goes on working as one
 */
struct ktls_ctx *ktls_kunit_ctx(struct kunit *test, struct socket *sock)
{
	struct ktls_config *config = ktls_config_new();
	struct ktls_ctx *ctx;

	KUNIT_ASSERT_NOT_NULL(test, config);
	ctx = ktls_ctx_new(sock->sk, config);
	KUNIT_ASSERT_NOT_NULL(test, ctx);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, kunit_free_ctx, ctx), 0);
	return ctx;
}

/**
 * ktls_kunit_start - the context of a connection
 * @test: fails, and ends, if there is no memory
 * @ctx: in state NEW
 */
void ktls_kunit_start(struct kunit *test, struct ktls_ctx *ctx)
{
	int err;

	lock_sock(ctx->rl.sk);
	err = ktls_ctx_start(ctx);
	release_sock(ctx->rl.sk);
	KUNIT_ASSERT_EQ(test, err, 0);
}

/**
 * ktls_kunit_conn - a TCP connection over loopback, and a context at one end
 * @test: owns it
 */
struct ktls_kunit_conn *ktls_kunit_conn(struct kunit *test)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct socket *listener = ktls_kunit_socket(test);
	struct ktls_kunit_conn *conn;

	conn = kunit_kzalloc(test, sizeof(*conn), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, conn);
	conn->sock = ktls_kunit_socket(test);
	KUNIT_ASSERT_EQ(test, kernel_bind(listener, (struct sockaddr_unsized *)&sin, sizeof(sin)),
			0);
	KUNIT_ASSERT_EQ(test, kernel_listen(listener, 1), 0);
	KUNIT_ASSERT_GT(test, kernel_getsockname(listener, (struct sockaddr *)&sin), 0);
	KUNIT_ASSERT_EQ(test, kernel_connect(conn->sock, (struct sockaddr_unsized *)&sin,
					     sizeof(sin), 0), 0);
	KUNIT_ASSERT_EQ(test, kernel_accept(listener, &conn->peer, 0), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, kunit_release_socket, conn->peer),
			0);
	conn->ctx = ktls_kunit_ctx(test, conn->sock);
	ktls_kunit_start(test, conn->ctx);
	return conn;
}

/**
 * ktls_kunit_send - have the peer send bytes, and wait until they are there
 * @test: fails if they do not come
 * @conn: the connection
 * @data: the bytes
 * @len: how many
 */
void ktls_kunit_send(struct kunit *test, struct ktls_kunit_conn *conn, const void *data,
		     size_t len)
{
	unsigned long end = jiffies + msecs_to_jiffies(KTLS_KUNIT_WAIT_MS);
	struct tcp_sock *tp = tcp_sk(conn->sock->sk);
	u32 want = READ_ONCE(tp->rcv_nxt) + len;
	struct kvec vec = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr msg = {};

	KUNIT_ASSERT_EQ(test, kernel_sendmsg(conn->peer, &msg, &vec, 1, len), len);
	while (READ_ONCE(tp->rcv_nxt) != want && time_before(jiffies, end))
		usleep_range(100, 200);
	KUNIT_ASSERT_EQ(test, READ_ONCE(tp->rcv_nxt), want);
}

static void common_clear_dir(void *dir)
{
	ktls_dir_clear(dir);
}

/**
 * ktls_kunit_dir - a direction by itself, with keys
 * @test: fails, and ends, if that does not work; its keys go with the test
 * @keys: for ktls_dir_install()
 *
 * Return: the direction.
 */
struct ktls_dir *ktls_kunit_dir(struct kunit *test, const struct ktls_keys *keys)
{
	struct ktls_dir *dir = kunit_kzalloc(test, sizeof(*dir), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, dir);
	KUNIT_ASSERT_NOT_NULL(test, keys->suite);
	KUNIT_ASSERT_EQ(test, ktls_dir_install(dir, keys), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, common_clear_dir, dir), 0);
	return dir;
}

/**
 * ktls_kunit_open - as after a handshake: keys in both directions, state OPEN
 * @test: fails if that does not work
 * @ctx: in state NEW
 * @id: cipher suite
 */
void ktls_kunit_open(struct kunit *test, struct ktls_ctx *ctx, u16 id)
{
	const struct ktls_suite *suite = ktls_suite_by_id(id);
	const u8 bytes[KTLS_SECRET_MAX] = { 1, 2, 3 };
	struct ktls_keys keys = { .suite = suite, .secret = bytes };
	int err;

	KUNIT_ASSERT_NOT_NULL(test, suite);
	if (suite->version == KTLS_TLS_1_3) {
		keys.secret_len = suite->hash_size;
	} else {
		keys.secret_len = suite->cipher->key_size;
		keys.iv = bytes;
		keys.iv_len = suite->cipher->salt_size;
	}
	lock_sock(ctx->rl.sk);
	err = ktls_ctx_start(ctx) ?: ktls_dir_install(&ctx->rl.flow->tx, &keys) ?:
	      ktls_dir_install(&ctx->rl.flow->rx, &keys);
	if (!err)
		ktls_state_set(ctx, KTLS_STATE_OPEN);
	release_sock(ctx->rl.sk);
	KUNIT_ASSERT_EQ(test, err, 0);
}

/* ktls_control_pending(), with the lock it needs. */
bool ktls_kunit_pending(struct ktls_ctx *ctx)
{
	bool ret;

	lock_sock(ctx->rl.sk);
	ret = ktls_control_pending(&ctx->rl);
	release_sock(ctx->rl.sk);
	return ret;
}

MODULE_DESCRIPTION("KUnit tests of ktls");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
