// SPDX-License-Identifier: GPL-2.0
/* External keys: TLS_TX and TLS_RX with the structures of <linux/tls.h>, as in
 * mainline's TLS ULP. No helper is involved, and the kernel knows nothing about the
 * peer. The program receives alerts and handshake messages with recvmsg() and sends
 * its own with sendmsg().
 */
#include <linux/sockptr.h>
#include <linux/string.h>
#include <linux/tls.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>
#include <net/sock.h>
#include <net/tcp_states.h>
#include <uapi/linux/ktls.h>

#include "session.h"
#include "suite.h"
#include "wire.h"
#include "record/aead.h"
#include "socket/attach.h"
#include "socket/base.h"
#include "socket/crypto_info.h"
#include "socket/ctx.h"
#include "socket/ready.h"
#include "socket/rest.h"
#include "socket/rules.h"
#include "socket/state.h"

/* Any struct tls12_crypto_info_*: this, then iv, key, salt, rec_seq. */
union crypto_info {
	struct tls_crypto_info				info;
	struct tls12_crypto_info_aes_gcm_128		aes_gcm_128;
	struct tls12_crypto_info_aes_gcm_256		aes_gcm_256;
	struct tls12_crypto_info_chacha20_poly1305	chacha20_poly1305;
	struct tls12_crypto_info_aes_ccm_128		aes_ccm_128;
	struct tls12_crypto_info_sm4_gcm		sm4_gcm;
	struct tls12_crypto_info_sm4_ccm		sm4_ccm;
	struct tls12_crypto_info_aria_gcm_128		aria_gcm_128;
	struct tls12_crypto_info_aria_gcm_256		aria_gcm_256;
	u8						bytes[56];
};

struct crypto_info_parts {
	u8	*iv;
	u8	*key;
	u8	*salt;
	u8	*rec_seq;
};

static struct crypto_info_parts crypto_info_split(union crypto_info *ci,
						  const struct ktls_cipher *cipher)
{
	struct crypto_info_parts parts;

	parts.iv = ci->bytes + sizeof(ci->info);
	parts.key = parts.iv + cipher->info_iv_size;
	parts.salt = parts.key + cipher->key_size;
	parts.rec_seq = parts.salt + cipher->info_salt_size;
	return parts;
}

/* 1.2 GCM: the iv is the explicit nonce of the next record. */
static bool crypto_info_iv_counts(const struct ktls_suite *suite)
{
	return suite->version == KTLS_TLS_1_2 && suite->cipher->explicit_size;
}

static struct ktls_dir *crypto_info_dir(struct ktls_ctx *ctx, int optname)
{
	return optname == TLS_TX ? &ctx->rl.flow->tx : &ctx->rl.flow->rx;
}

static struct ktls_half *crypto_info_half(struct ktls_ctx *ctx, int optname)
{
	return optname == TLS_TX ? &ctx->rl.tx : &ctx->rl.rx;
}

/* May this direction get a key now? A second one only in 1.3, where a KeyUpdate
 * tells the peer of it.
 */
static int crypto_info_admit(const struct ktls_ctx *ctx, const struct ktls_dir *dir)
{
	switch (ctx->state) {
	case KTLS_STATE_NEW:
		/* A FIN of either end leaves the other direction. */
		if ((1 << ctx->rl.sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT))
			return -ENOTCONN;
		return 0;
	case KTLS_STATE_OPEN:
		if (!ktls_rules_are_external(ctx))
			return -EBUSY;
		return dir->keyed && dir->suite->version != KTLS_TLS_1_3 ? -EBUSY : 0;
	case KTLS_STATE_LISTENING:
	case KTLS_STATE_CONNECTING:
		return -ENOTCONN;
	default:
		return -EBUSY;
	}
}

static int crypto_info_install(struct ktls_dir *dir, const struct ktls_suite *suite,
			       union crypto_info *ci)
{
	struct crypto_info_parts parts = crypto_info_split(ci, suite->cipher);
	u8 iv[KTLS_NONCE_SIZE];
	struct ktls_keys keys = {
		.suite		= suite,
		.external	= true,
		.secret		= parts.key,
		.secret_len	= suite->cipher->key_size,
		.iv		= iv,
		.iv_len		= sizeof(iv),
		.seq		= get_unaligned_be64(parts.rec_seq),
	};
	int err;

	memcpy(iv, parts.salt, suite->cipher->info_salt_size);
	memcpy(iv + suite->cipher->info_salt_size, parts.iv, suite->cipher->info_iv_size);
	if (crypto_info_iv_counts(suite)) {
		keys.iv_len = suite->cipher->info_salt_size;
		keys.nonce = get_unaligned_be64(parts.iv);
	}
	err = ktls_dir_install(dir, &keys);
	memzero_explicit(iv, sizeof(iv));
	return err;
}

/* The first key of this direction. */
static void crypto_info_begin(struct ktls_ctx *ctx, int optname, const struct ktls_suite *suite)
{
	struct ktls_half *half = crypto_info_half(ctx, optname);

	if (half->plain) {
		if (optname == TLS_RX)
			ktls_attach_rx(ctx);
		WRITE_ONCE(half->plain, false);
	}
	if (ctx->state == KTLS_STATE_NEW) {
		WRITE_ONCE(ctx->rl.rules, &ktls_rules_external);
		WRITE_ONCE(ctx->conn->session.version, suite->version);
		ctx->conn->session.suite = suite->id;
		ktls_state_set(ctx, KTLS_STATE_OPEN);
		ktls_rest_arm(sock_net(ctx->rl.sk));
	}
}

/* A new key for this direction. An open record stays open and is sealed under it: the
 * program wrote its data after it had sent the KeyUpdate.
 */
static void crypto_info_rekeyed(struct ktls_ctx *ctx, int optname)
{
	crypto_info_dir(ctx, optname)->key_updates++;
	if (optname == TLS_RX)
		WRITE_ONCE(ctx->rl.flow->opening.rekey, false);
}

/* Socket lock held. The order of the checks is mainline's. */
static int crypto_info_set(struct ktls_ctx *ctx, int optname, union crypto_info *ci,
			   unsigned int optlen)
{
	const int opposite = optname == TLS_TX ? TLS_RX : TLS_TX;
	const struct ktls_dir *other = crypto_info_dir(ctx, opposite);
	const struct ktls_dir *dir = crypto_info_dir(ctx, optname);
	const bool again = dir->keyed;
	const struct ktls_suite *suite;
	int err;

	sock_owned_by_me(ctx->rl.sk);
	err = crypto_info_admit(ctx, dir);
	if (err)
		return err;
	suite = ktls_suite_by_info(ci->info.version, ci->info.cipher_type);
	if (!suite || (again && dir->suite != suite) || (other->keyed && other->suite != suite) ||
	    optlen != suite->cipher->info_size)
		return -EINVAL;
	/* Since before the socket had the ULP. Under the name `tls`, mainline lets them be. */
	if (optname == TLS_RX && !again && !ctx->external.alias &&
	    ktls_attach_has_readers(ctx->rl.sk))
		return -EBUSY;
	/* With it the directions are others. */
	err = ktls_ctx_start(ctx);
	if (!err)
		err = crypto_info_install(crypto_info_dir(ctx, optname), suite, ci);
	if (err)
		return err;
	if (again)
		crypto_info_rekeyed(ctx, optname);
	else
		crypto_info_begin(ctx, optname, suite);

	/* Nobody was woken for records that came before the key. */
	if (optname == TLS_RX && ktls_ready_worth_waking(ctx))
		ctx->base->data_ready(ctx->rl.sk);
	return 0;
}

/**
 * ktls_crypto_info_set - TLS_TX, TLS_RX: give a direction its key
 * @sk: the socket, connected
 * @optname: TLS_TX or TLS_RX
 * @optval: a struct tls12_crypto_info_*
 * @optlen: exactly its size
 *
 * The first direction opens the connection, by mainline's rules from then on
 * (socket/rules.c); the other one cannot be used before it has its own key, or
 * is plain TCP till then on a socket with the ULP `tls`. In TLS 1.3 a direction may
 * be given another key of the same cipher.
 *
 * Context: process, socket lock not held.
 * Return: 0; -EINVAL for what is not known, has another length, or differs from
 * the other direction or the key before; -EBUSY if the direction has a key of
 * TLS 1.2, or the connection one of a handshake, or somebody sleeps in TCP's recvmsg();
 * -ENOTCONN; -EFAULT; as ktls_dir_install(): -ENOENT without cipher.
 */
int ktls_crypto_info_set(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen)
{
	union crypto_info ci = { };
	int err = -EFAULT;

	BUILD_BUG_ON(sizeof(ci) != sizeof(ci.bytes));
	if (sockptr_is_null(optval) || optlen < sizeof(ci.info))
		return -EINVAL;
	if (!copy_from_sockptr(&ci, optval, min_t(size_t, optlen, sizeof(ci)))) {
		lock_sock(sk);
		err = crypto_info_set(ktls_ctx_get(sk), optname, &ci, optlen);
		release_sock(sk);
	}
	memzero_explicit(&ci, sizeof(ci));
	return err;
}

static void crypto_info_fill(const struct ktls_dir *dir, union crypto_info *ci)
{
	const struct ktls_cipher *cipher = dir->suite->cipher;
	struct crypto_info_parts parts = crypto_info_split(ci, cipher);

	ci->info.version = dir->suite->version;
	ci->info.cipher_type = cipher->info_type;
	if (crypto_info_iv_counts(dir->suite))
		put_unaligned_be64(dir->nonce, parts.iv);
	else
		memcpy(parts.iv, dir->keys->iv + cipher->info_salt_size, cipher->info_iv_size);
	memcpy(parts.key, dir->keys->secret, cipher->key_size);
	memcpy(parts.salt, dir->keys->iv, cipher->info_salt_size);
	put_unaligned_be64(dir->seq, parts.rec_seq);
}

/**
 * ktls_crypto_info_get - TLS_TX, TLS_RX: what a direction goes on with
 * @sk: the socket
 * @optname: TLS_TX or TLS_RX
 * @optval: where the structure goes; its iv and rec_seq are of the next record
 * @optlen: exactly its size, or that of struct tls_crypto_info for only that
 *
 * Keys that a handshake of this socket negotiated are never returned.
 *
 * Context: process, socket lock not held.
 * Return: 0; -EINVAL for another length; -EBUSY if no such key was set; -EFAULT.
 */
int ktls_crypto_info_get(struct sock *sk, int optname, char __user *optval,
			 int __user *optlen)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sk);
	const struct ktls_dir *dir;
	union crypto_info ci = { };
	int len, err = 0;

	if (get_user(len, optlen))
		return -EFAULT;
	if (!optval || len < (int)sizeof(ci.info))
		return -EINVAL;

	lock_sock(sk);
	dir = crypto_info_dir(ctx, optname);
	if (!ktls_rules_are_external(ctx) || !dir->keyed)
		err = -EBUSY;
	else if (len != sizeof(ci.info) && len != dir->suite->cipher->info_size)
		err = -EINVAL;
	else
		crypto_info_fill(dir, &ci);
	release_sock(sk);

	if (!err && copy_to_user(optval, &ci, len))
		err = -EFAULT;
	memzero_explicit(&ci, sizeof(ci));
	return err;
}

static int crypto_info_set_flag(struct ktls_ctx *ctx, int optname, u32 value)
{
	if (value > 1)
		return -EINVAL;
	if (optname == TLS_TX_ZEROCOPY_RO) {
		ctx->external.zerocopy_ro = value;
		return 0;
	}
	if (!ctx->rl.flow->rx.keyed || ctx->rl.flow->rx.suite->version != KTLS_TLS_1_3)
		return -EINVAL;
	ctx->external.no_pad = value;
	return 0;
}

/* A limit that the handshake negotiated may only be lowered. RFC 8449 4 counts the type
 * byte of TLS 1.3.
 */
static int crypto_info_set_payload(struct ktls_ctx *ctx, u16 value)
{
	const struct ktls_session *session = ktls_ctx_session(ctx);
	u16 min = KTLS_PAYLOAD_LIMIT_MIN;
	u32 max = KTLS_PAYLOAD_MAX;

	if (ctx->rl.flow->txq.open)
		return -EBUSY;
	if (session->version == KTLS_TLS_1_3)
		min--;
	if (session->version && !ktls_rules_are_external(ctx))
		max = ctx->rl.max_payload;
	if (value < min || value > max)
		return -EINVAL;
	ctx->rl.max_payload = value;
	return 0;
}

/**
 * ktls_crypto_info_set_option - mainline's other options
 * @sk: the socket
 * @optname: TLS_TX_ZEROCOPY_RO, TLS_RX_EXPECT_NO_PAD or TLS_TX_MAX_PAYLOAD_LEN
 * @optval: an unsigned int of 0 or 1; of the last a __u16
 * @optlen: exactly its size; of the second also more, if that is zero
 *
 * The payload limit of a connection that is yet to shake hands is the handshake's
 * to set.
 *
 * Context: process, socket lock not held.
 * Return: 0; -EINVAL; -EBUSY: a record is open; -EFAULT, -E2BIG.
 */
int ktls_crypto_info_set_option(struct sock *sk, int optname, sockptr_t optval,
				unsigned int optlen)
{
	const bool is_flag = optname != TLS_TX_MAX_PAYLOAD_LEN;
	const unsigned int size = is_flag ? sizeof(u32) : sizeof(u16);
	struct ktls_ctx *ctx = ktls_ctx_get(sk);
	u16 payload = 0;
	u32 flag = 0;
	int err;

	if (sockptr_is_null(optval) || optlen < size)
		return -EINVAL;
	if (optlen > size) {
		if (optname != TLS_RX_EXPECT_NO_PAD)
			return -EINVAL;
		err = check_zeroed_sockptr(optval, size, optlen - size);
		if (err < 1)
			return err ?: -EINVAL;
	}
	if (copy_from_sockptr(is_flag ? (void *)&flag : &payload, optval, size))
		return -EFAULT;

	lock_sock(sk);
	err = is_flag ? crypto_info_set_flag(ctx, optname, flag) :
			crypto_info_set_payload(ctx, payload);
	release_sock(sk);
	return err;
}

/**
 * ktls_crypto_info_get_option - mainline's other options
 * @sk: the socket
 * @optname: as for ktls_crypto_info_set_option()
 * @optval: where the value goes
 * @optlen: room there; the length of the value on return
 *
 * Context: process, socket lock not held.
 * Return: 0; -EINVAL: no room, or TLS_RX_EXPECT_NO_PAD and no key of TLS 1.3 to
 * receive with; -EFAULT.
 */
int ktls_crypto_info_get_option(struct sock *sk, int optname, char __user *optval,
				int __user *optlen)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sk);
	u16 payload;
	u32 flag;
	void *value = optname == TLS_TX_MAX_PAYLOAD_LEN ? (void *)&payload : &flag;
	int size = optname == TLS_TX_MAX_PAYLOAD_LEN ? sizeof(payload) : sizeof(flag);
	int len, err = 0;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len < size || (optname == TLS_TX_ZEROCOPY_RO && len != size))
		return -EINVAL;

	lock_sock(sk);
	payload = ctx->rl.max_payload;
	flag = optname == TLS_TX_ZEROCOPY_RO ? ctx->external.zerocopy_ro : ctx->external.no_pad;
	if (optname == TLS_RX_EXPECT_NO_PAD &&
	    (!ctx->rl.flow->rx.keyed || ctx->rl.flow->rx.suite->version != KTLS_TLS_1_3))
		err = -EINVAL;
	release_sock(sk);
	if (err)
		return err;
	return put_user(size, optlen) || copy_to_user(optval, value, size) ? -EFAULT : 0;
}
