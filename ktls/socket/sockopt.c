// SPDX-License-Identifier: GPL-2.0
/* setsockopt: level SOL_TLS, and what TCP must not do to us. */

#include <linux/ctype.h>
#include <linux/inet.h>
#include <linux/sockptr.h>
#include <linux/tls.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>
#include <net/sock.h>
#include <uapi/linux/ktls.h>

#include "config.h"
#include "option.h"
#include "suite.h"
#include "socket/base.h"
#include "socket/connect.h"
#include "socket/crypto_info.h"
#include "socket/ctx.h"
#include "socket/exporter.h"
#include "socket/listener.h"
#include "socket/send.h"
#include "socket/sockopt.h"

/* --- Input: everything is copied before the socket lock is taken. --- */

/* What setsockopt passed in as bytes; of a string without a final NUL. */
static struct ktls_blob *sockopt_read(const struct ktls_option *option, sockptr_t optval,
				      unsigned int optlen)
{
	const bool string = ktls_option_is_string(option);
	const unsigned int max = option->max;
	struct ktls_blob *blob;

	if (!optlen)
		return ERR_PTR(-EINVAL);
	if (optlen > max + string)
		return ERR_PTR(-EMSGSIZE);
	blob = ktls_blob_new(NULL, optlen);
	if (!blob)
		return ERR_PTR(-ENOMEM);
	if (copy_from_sockptr(blob->data, optval, optlen)) {
		ktls_blob_put(blob);
		return ERR_PTR(-EFAULT);
	}
	if (!string)
		return blob;
	if (!blob->data[blob->len - 1])
		blob->len--;
	if (!blob->len || blob->len > max || memchr(blob->data, '\0', blob->len)) {
		int err = blob->len > max ? -EMSGSIZE : -EINVAL;

		ktls_blob_put(blob);
		return ERR_PTR(err);
	}
	return blob;
}

static int sockopt_read_fixed(void *value, size_t size, sockptr_t optval, unsigned int optlen)
{
	if (optlen < size)
		return -EINVAL;
	return copy_from_sockptr(value, optval, size) ? -EFAULT : 0;
}

/* Labels of letters, digits, underscores and inner hyphens, 1..63 bytes each (RFC 1123). If the
 * last one is a number this is an address in some notation, or nothing.
 */
static bool sockopt_is_host_name(const char *name, size_t len)
{
	size_t i, label = 0, digits = 0;

	for (i = 0; i <= len; i++) {
		char c = i < len ? name[i] : '.';

		if (c == '.') {
			if (!label || label > 63 || name[i - 1] == '-')
				return false;
			if (i == len && digits == label)
				return false;
			label = 0;
			digits = 0;
		} else if ((isascii(c) && isalnum(c)) || c == '_' || (c == '-' && label)) {
			label++;
			digits += isdigit(c);
		} else {
			return false;
		}
	}
	return true;
}

static int sockopt_check_server_name(const struct ktls_blob *blob)
{
	const char *name = blob->data;
	u8 addr[16];

	if (in4_pton(name, blob->len, addr, -1, NULL) ||
	    in6_pton(name, blob->len, addr, -1, NULL) ||
	    sockopt_is_host_name(name, blob->len))
		return 0;
	return -EINVAL;
}

/* RFC 7301 3.1: protocols of 1..255 bytes, each behind its length. */
static int sockopt_check_alpn(const struct ktls_blob *blob)
{
	size_t i;

	for (i = 0; i < blob->len; i += 1 + blob->data[i])
		if (!blob->data[i] || i + 1 + blob->data[i] > blob->len)
			return -EINVAL;
	return 0;
}

static int sockopt_check_ciphers(const struct ktls_blob *blob)
{
	const char *name, *end;

	for (name = blob->data; ; name = end + 1) {
		end = strchrnul(name, ':');
		if (!ktls_suite_by_name(name, end - name))
			return -EINVAL;
		if (!*end)
			return 0;
	}
}

/* Names with colons between them. Which of them exist, only ktlsd knows. */
static int sockopt_check_names(const struct ktls_blob *blob)
{
	size_t i, len = 0;

	for (i = 0; i <= blob->len; i++) {
		char c = i < blob->len ? blob->data[i] : ':';

		if (c == ':' ? !len : !(isascii(c) && isalnum(c)) && c != '_' && c != '-')
			return -EINVAL;
		len = c == ':' ? 0 : len + 1;
	}
	return 0;
}

static int sockopt_check_psk(const struct ktls_blob *blob)
{
	const struct ktls_psk *psk = (const struct ktls_psk *)blob->data;
	unsigned int i;

	if (blob->len != sizeof(*psk) || !psk->identity_len ||
	    psk->identity_len > sizeof(psk->identity) ||
	    psk->key_len < KTLS_PSK_KEY_MIN || psk->key_len > sizeof(psk->key))
		return -EINVAL;
	for (i = 0; i < psk->identity_len; i++)
		if (!isascii(psk->identity[i]) || !isgraph(psk->identity[i]))
			return -EINVAL;
	return 0;
}

static int sockopt_check(const struct ktls_option *option, const struct ktls_blob *blob)
{
	switch (option->form) {
	case KTLS_FORM_HOST_NAME:
		return sockopt_check_server_name(blob);
	case KTLS_FORM_NAMES:
		return sockopt_check_names(blob);
	case KTLS_FORM_CIPHERS:
		return sockopt_check_ciphers(blob);
	case KTLS_FORM_PROTOCOLS:
		return sockopt_check_alpn(blob);
	case KTLS_FORM_PSK:
		return sockopt_check_psk(blob);
	}
	return 0;
}

/* --- Set --- */

/* Whether the options of the table may still be set: before the handshake, on a
 * listener any time, and after a connect that failed.
 */
static bool sockopt_may_configure(const struct ktls_ctx *ctx)
{
	switch (ctx->state) {
	case KTLS_STATE_NEW:
	case KTLS_STATE_LISTENING:
		return true;
	case KTLS_STATE_FAILED:
		return ctx->rl.role == KTLS_ROLE_CLIENT && !ctx->conn->session.version;
	default:
		return false;
	}
}

/* A credential is either ktlsd's or the program's own, never a mixture. */
static bool sockopt_conflicts(const struct ktls_config *config,
			      const struct ktls_option *option)
{
	if (option->flags & KTLS_OPTION_IDENTITY)
		return ktls_config_blob(config, KTLS_CERTIFICATE) ||
		       ktls_config_blob(config, KTLS_PRIVATE_KEY);
	if (option->flags & KTLS_OPTION_OWN)
		return ktls_config_blob(config, KTLS_IDENTITY);
	return false;
}

static bool sockopt_has_credential(const struct ktls_config *config)
{
	return ktls_config_blob(config, KTLS_IDENTITY) || ktls_config_blob(config, KTLS_PSK) ||
	       (ktls_config_blob(config, KTLS_CERTIFICATE) &&
		ktls_config_blob(config, KTLS_PRIVATE_KEY));
}

/* Whether the helper is asked about a listener's new configuration, as listen() does.
 * Not before it has a credential, and not while one half of that is replaced.
 */
static bool sockopt_wants_check(const struct ktls_ctx *ctx, const struct ktls_config *old,
				const struct ktls_option *option)
{
	if (ctx->state != KTLS_STATE_LISTENING || !sockopt_has_credential(ctx->config))
		return false;
	return !(option->flags & KTLS_OPTION_OWN) || !sockopt_has_credential(old);
}

/* Socket lock held. */
static int sockopt_set_blob(struct ktls_ctx *ctx, const struct ktls_option *option,
			    struct ktls_blob *blob)
{
	struct ktls_config *config, *old = NULL;
	int err;

	sock_owned_by_me(ctx->rl.sk);
	if (!sockopt_may_configure(ctx))
		return -EBUSY;
	if (sockopt_conflicts(ctx->config, option))
		return -EINVAL;
	if (ctx->state == KTLS_STATE_LISTENING)
		old = ktls_config_get(ktls_config_freeze(ctx->config));
	config = ktls_config_edit(&ctx->config);
	err = config ? ktls_config_set_blob(config, option, blob) : -ENOMEM;
	if (err) {
		ktls_config_put(old);
		return err;
	}
	if (option->flags & KTLS_OPTION_IDENTITY)
		ktls_config_choose_task(config);
	if (old && sockopt_wants_check(ctx, old, option))
		return ktls_listener_reconfigure(ctx, old);
	ktls_config_put(old);
	return 0;
}

static int sockopt_set_bytes(struct sock *sk, const struct ktls_option *option,
			     sockptr_t optval, unsigned int optlen)
{
	struct ktls_blob *blob;
	int err;

	blob = sockopt_read(option, optval, optlen);
	if (IS_ERR(blob))
		return PTR_ERR(blob);
	/* The checks look for a NUL where the string ends. */
	blob->data[blob->len] = '\0';
	err = sockopt_check(option, blob);
	if (!err) {
		lock_sock(sk);
		err = sockopt_set_blob(ktls_ctx_get(sk), option, blob);
		release_sock(sk);
	}
	ktls_blob_put(blob);
	return err;
}

/* Socket lock held. */
static int sockopt_apply(struct ktls_ctx *ctx, const struct ktls_option *option,
			 const u32 *value)
{
	struct ktls_config *config, *old = NULL;
	int err;

	sock_owned_by_me(ctx->rl.sk);
	if (!sockopt_may_configure(ctx))
		return -EBUSY;
	if (ctx->state == KTLS_STATE_LISTENING && option->flags & KTLS_OPTION_CHECKED)
		old = ktls_config_get(ktls_config_freeze(ctx->config));
	config = ktls_config_edit(&ctx->config);
	err = config ? ktls_option_apply(option, config, value) : -ENOMEM;
	if (!err)
		ctx->rl.padding = config->padding;
	if (!err && old && sockopt_wants_check(ctx, old, option))
		return ktls_listener_reconfigure(ctx, old);
	ktls_config_put(old);
	return err;
}

static int sockopt_set_fixed(struct sock *sk, const struct ktls_option *option,
			     sockptr_t optval, unsigned int optlen)
{
	const size_t size = ktls_option_size(option);
	u32 value;
	int err;

	/* Of an int this would be one half. */
	if (option->form == KTLS_FORM_SHORT && optlen != size)
		return -EINVAL;
	err = sockopt_read_fixed(&value, size, optval, optlen);
	if (err)
		return err;

	lock_sock(sk);
	err = sockopt_apply(ktls_ctx_get(sk), option, &value);
	release_sock(sk);
	return err;
}

static int sockopt_set_option(struct sock *sk, int optname, sockptr_t optval,
			      unsigned int optlen)
{
	const struct ktls_option *option = ktls_option_find(optname);

	if (!option)
		return -ENOPROTOOPT;
	if (ktls_option_is_bytes(option))
		return sockopt_set_bytes(sk, option, optval, optlen);
	return sockopt_set_fixed(sk, option, optval, optlen);
}

static int sockopt_update_keys(struct sock *sk, sockptr_t optval, unsigned int optlen)
{
	int ask, err;

	err = sockopt_read_fixed(&ask, sizeof(ask), optval, optlen);
	if (err)
		return err;
	lock_sock(sk);
	err = ktls_send_key_update(ktls_ctx_get(sk), ask);
	release_sock(sk);
	return err;
}

static int sockopt_set_tls(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen)
{
	int role, err;

	if (optname >= KTLS_SERVER_NAME && ktls_ctx_get(sk)->external.alias)
		return -ENOPROTOOPT;

	switch (optname) {
	case TLS_TX:
	case TLS_RX:
		return ktls_crypto_info_set(sk, optname, optval, optlen);
	case TLS_TX_ZEROCOPY_RO:
	case TLS_RX_EXPECT_NO_PAD:
	case TLS_TX_MAX_PAYLOAD_LEN:
		return ktls_crypto_info_set_option(sk, optname, optval, optlen);
	case KTLS_HANDSHAKE:
		err = sockopt_read_fixed(&role, sizeof(role), optval, optlen);
		return err ? : ktls_connect_starttls(sk, role);
	case KTLS_KEY_UPDATE:
		return sockopt_update_keys(sk, optval, optlen);
	case KTLS_EXPORTER:
		return ktls_exporter_set(sk, optval, optlen);
	default:
		return sockopt_set_option(sk, optname, optval, optlen);
	}
}

/* Where TCP sends what it has held back. The record that waits for more goes first, or
 * it would not be there to be sent. What is wrong with the value is TCP's to say.
 */
static void sockopt_push(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen)
{
	int value;

	if (sockopt_read_fixed(&value, sizeof(value), optval, optlen))
		return;
	if (optname == TCP_NODELAY ? value : !value)
		ktls_send_end_open(sk);
}

/**
 * ktls_sockopt_set - proto.setsockopt
 * @sk: the socket
 * @level: SOL_TLS is ours
 * @optname: the option
 * @optval: its value
 * @optlen: bytes at @optval
 *
 * TCP options that would take bytes past the record layer, or put a socket in
 * a state that we do not follow, are refused; all others are TCP's.
 *
 * Context: process, socket lock not held.
 * Return: 0 or a negative errno, see include/uapi/linux/ktls.h.
 */
int ktls_sockopt_set(struct sock *sk, int level, int optname,
		     sockptr_t optval, unsigned int optlen)
{
	if (level == SOL_TLS)
		return sockopt_set_tls(sk, optname, optval, optlen);

	if (level == SOL_TCP) {
		switch (optname) {
		case TCP_FASTOPEN:
		case TCP_FASTOPEN_CONNECT:
		case TCP_REPAIR:
		case TCP_REPAIR_QUEUE:
		case TCP_REPAIR_OPTIONS:
		case TCP_REPAIR_WINDOW:
			return -EOPNOTSUPP;
		case TCP_NODELAY:
		case TCP_CORK:
			sockopt_push(sk, optname, optval, optlen);
			break;
		}
	}
	return ktls_base_of(sk)->prot->setsockopt(sk, level, optname, optval, optlen);
}
