// SPDX-License-Identifier: GPL-2.0
/* getsockopt: what the options are, what a handshake established. */
#include <linux/slab.h>
#include <linux/tcp.h>
#include <linux/tls.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>
#include <net/sock.h>
#include <uapi/linux/ktls.h>

#include "config.h"
#include "option.h"
#include "session.h"
#include "helper/peer.h"
#include "record/reason.h"
#include "socket/base.h"
#include "socket/crypto_info.h"
#include "socket/ctx.h"
#include "socket/diag.h"
#include "socket/exporter.h"
#include "socket/sockopt.h"

/* An option's number and the piece, counted from 1, that is wanted: KTLS_PIECE(). */
#define SOCKOPT_NUMBER(optname)	((u32)(optname) & 0xffff)
#define SOCKOPT_PIECE(optname)	((u32)(optname) >> 16)

/* Hands @len bytes to the program. Structures that grow are cut to what the
 * caller has room for; anything else that does not fit is ERANGE with the size.
 */
static int sockopt_get_copy(char __user *optval, int __user *optlen,
			    const void *data, int len, bool grows)
{
	int room;

	if (get_user(room, optlen))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (put_user(grows ? min(room, len) : len, optlen))
		return -EFAULT;
	if (room < len && !grows)
		return -ERANGE;
	return copy_to_user(optval, data, min(room, len)) ? -EFAULT : 0;
}

/* Hands out a piece; nothing lies behind the end. */
static int sockopt_get_copy_piece(char __user *optval, int __user *optlen,
				  const struct ktls_blob *blob, u32 piece)
{
	u32 start = min((piece - 1) * KTLS_PIECE_SIZE, blob->len);

	return sockopt_get_copy(optval, optlen, blob->data + start,
				min_t(u32, blob->len - start, KTLS_PIECE_SIZE), false);
}

static const char sockopt_get_base64[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* RFC 7468: 64 characters a line. Returns the end of what was written. */
static char *sockopt_get_write_pem(char *p, const u8 *der, u32 len)
{
	u32 i, column = 0;

	p += sprintf(p, "-----BEGIN CERTIFICATE-----\n");
	for (i = 0; i < len; i += 3) {
		u32 left = min_t(u32, len - i, 3);
		u32 v = der[i] << 16;

		if (left > 1)
			v |= der[i + 1] << 8;
		if (left > 2)
			v |= der[i + 2];
		*p++ = sockopt_get_base64[v >> 18];
		*p++ = sockopt_get_base64[(v >> 12) & 63];
		*p++ = left > 1 ? sockopt_get_base64[(v >> 6) & 63] : '=';
		*p++ = left > 2 ? sockopt_get_base64[v & 63] : '=';
		column += 4;
		if (column == 64 || i + 3 >= len) {
			*p++ = '\n';
			column = 0;
		}
	}
	return p + sprintf(p, "-----END CERTIFICATE-----\n");
}

/* The certificates as PEM in a new blob, or an ERR_PTR. */
static struct ktls_blob *sockopt_get_pem(const struct ktls_certs *certs)
{
	struct ktls_blob *blob;
	u32 i, len, room = 0;
	char *p;

	for (i = 0; i + 4 <= certs->len; i += 4 + len) {
		len = get_unaligned((u32 *)(certs->data + i));
		room += DIV_ROUND_UP(len, 3) * 4 + DIV_ROUND_UP(len, 48) + 64;
	}
	blob = ktls_blob_new(NULL, room);
	if (!blob)
		return ERR_PTR(-ENOMEM);
	p = blob->data;
	for (i = 0; i + 4 <= certs->len; i += 4 + len) {
		len = get_unaligned((u32 *)(certs->data + i));
		p = sockopt_get_write_pem(p, certs->data + i + 4, len);
	}
	blob->len = p - (char *)blob->data;
	return blob;
}

/* What getsockopt copies out, taken under the lock, copied without it. */
struct sockopt_get_value {
	struct ktls_blob	*blob;
	bool			grows;
};

static int sockopt_get_bytes(struct sockopt_get_value *value, const void *data, size_t len)
{
	value->blob = ktls_blob_new(data, len);
	return value->blob ? 0 : -ENOMEM;
}

static int sockopt_get_blob(struct sockopt_get_value *value, struct ktls_blob *blob)
{
	value->blob = ktls_blob_get(blob);
	return blob ? 0 : sockopt_get_bytes(value, NULL, 0);
}

static int sockopt_get_info(struct sockopt_get_value *value, const struct ktls_ctx *ctx)
{
	struct ktls_info info;

	ktls_diag_fill(ctx, &info);
	value->grows = true;
	return sockopt_get_bytes(value, &info, sizeof(info));
}

static int sockopt_get_certs(struct sockopt_get_value *value, const struct ktls_certs *certs)
{
	if (!certs)
		return -ENODATA;
	value->blob = sockopt_get_pem(certs);
	return PTR_ERR_OR_ZERO(value->blob);
}

/* Who was verified, as far as anybody was. */
static int sockopt_get_peer(struct sockopt_get_value *value, const struct ktls_session *session,
			    enum ktls_peer_part part)
{
	const void *data;
	size_t len;

	data = ktls_peer_get(session->verified ? session->peer : NULL, part, &len);
	return sockopt_get_bytes(value, data, len);
}

static int sockopt_get_exported(struct sockopt_get_value *value, const struct ktls_ctx *ctx)
{
	value->blob = ktls_exporter_output(ctx);
	return PTR_ERR_OR_ZERO(value->blob);
}

static int sockopt_get_alpn(struct sockopt_get_value *value, const struct ktls_session *session)
{
	const size_t len = ktls_session_alpn_len(session);

	return sockopt_get_bytes(value, len ? session->details->data : NULL, len);
}

/* Server, accepted: the name the client asked for. Everyone else: what was set. */
static int sockopt_get_server_name(struct sockopt_get_value *value, const struct ktls_ctx *ctx)
{
	const struct ktls_session *session = ktls_ctx_session(ctx);
	const size_t len = ktls_session_name_len(session);

	if (ctx->rl.role == KTLS_ROLE_SERVER && ctx->state != KTLS_STATE_LISTENING)
		return sockopt_get_bytes(value, len ? ktls_session_name(session) : NULL, len);
	return sockopt_get_blob(value, ktls_config_blob(ctx->config, KTLS_SERVER_NAME));
}

/* Nobody has set it: what it is by default for the role so far. */
static int sockopt_get_verify(struct sockopt_get_value *value, const struct ktls_ctx *ctx)
{
	int verify = ctx->config->verify;

	if (verify < 0)
		verify = ctx->rl.role == KTLS_ROLE_SERVER ? KTLS_VERIFY_NONE :
							    KTLS_VERIFY_REQUIRED;
	return sockopt_get_bytes(value, &verify, sizeof(verify));
}

static int sockopt_get_config(struct sockopt_get_value *value, const struct ktls_config *config,
			      int optname)
{
	const struct ktls_option *option = ktls_option_find(optname);

	if (!option || (option->flags & KTLS_OPTION_WRITE_ONLY))
		return -ENOPROTOOPT;
	if (ktls_option_is_bytes(option))
		return sockopt_get_blob(value, ktls_config_blob(config, optname));
	return sockopt_get_bytes(value, ktls_option_value(option, config),
				 ktls_option_size(option));
}

static int sockopt_get_option(struct sockopt_get_value *value, const struct ktls_ctx *ctx,
			      int optname)
{
	const struct ktls_session *session = ktls_ctx_session(ctx);
	const char *reason;

	switch (optname) {
	case KTLS_SERVER_NAME:
		return sockopt_get_server_name(value, ctx);
	case KTLS_VERIFY:
		return sockopt_get_verify(value, ctx);
	case KTLS_ALPN:
		return sockopt_get_alpn(value, session);
	case KTLS_INFO:
		return sockopt_get_info(value, ctx);
	case KTLS_ERROR:
		reason = ktls_reason_get(&ctx->rl);
		return sockopt_get_bytes(value, reason, strlen(reason));
	case KTLS_PEER_CERTIFICATES:
		return sockopt_get_certs(value, session->peer_certs);
	case KTLS_PEER_CHAIN:
		return sockopt_get_certs(value, session->verified ? session->chain_certs : NULL);
	case KTLS_PEER_NAME:
		if (!session->verified)
			return -ENODATA;
		return sockopt_get_peer(value, session, KTLS_PEER_PART_NAME);
	case KTLS_PEER_SUBJECT:
		return sockopt_get_peer(value, session, KTLS_PEER_PART_SUBJECT);
	case KTLS_PEER_NAMES:
		return sockopt_get_peer(value, session, KTLS_PEER_PART_NAMES);
	case KTLS_PEER_FINGERPRINT:
		return sockopt_get_peer(value, session, KTLS_PEER_PART_FINGERPRINT);
	case KTLS_EXPORTER:
		return sockopt_get_exported(value, ctx);
	default:
		return sockopt_get_config(value, ctx->config, optname);
	}
}

static int sockopt_get_tls(struct sock *sk, int optname, char __user *optval, int __user *optlen)
{
	struct sockopt_get_value value = { };
	u32 piece = SOCKOPT_PIECE(optname);
	int err;

	switch (optname) {
	case TLS_TX:
	case TLS_RX:
		return ktls_crypto_info_get(sk, optname, optval, optlen);
	case TLS_TX_ZEROCOPY_RO:
	case TLS_RX_EXPECT_NO_PAD:
	case TLS_TX_MAX_PAYLOAD_LEN:
		return ktls_crypto_info_get_option(sk, optname, optval, optlen);
	}
	if (ktls_ctx_get(sk)->external.alias)
		return -ENOPROTOOPT;
	if (optname == KTLS_EXPORTER)
		return ktls_exporter_get(sk, optval, optlen);

	lock_sock(sk);
	err = sockopt_get_option(&value, ktls_ctx_get(sk), SOCKOPT_NUMBER(optname));
	release_sock(sk);
	if (err)
		return err;

	err = piece ? sockopt_get_copy_piece(optval, optlen, value.blob, piece) :
		      sockopt_get_copy(optval, optlen, value.blob->data, value.blob->len,
				       value.grows);
	ktls_blob_put(value.blob);
	return err;
}

/**
 * ktls_sockopt_get - proto.getsockopt
 * @sk: the socket
 * @level: SOL_TLS is ours
 * @optname: the option
 * @optval: where the value goes
 * @optlen: room there; the length of the value on return
 *
 * Context: process, socket lock not held.
 * Return: 0 or a negative errno, see include/uapi/linux/ktls.h.
 */
int ktls_sockopt_get(struct sock *sk, int level, int optname,
		     char __user *optval, int __user *optlen)
{
	if (level == SOL_TLS)
		return sockopt_get_tls(sk, optname, optval, optlen);
	/* It would map ciphertext into the program. */
	if (level == SOL_TCP && optname == TCP_ZEROCOPY_RECEIVE)
		return -EOPNOTSUPP;
	return ktls_base_of(sk)->prot->getsockopt(sk, level, optname, optval, optlen);
}
