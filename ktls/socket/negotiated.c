// SPDX-License-Identifier: GPL-2.0
/* What a handshake has negotiated: compared with what was asked for, and put to use. */
#include <linux/string.h>
#include <linux/unaligned.h>
#include <uapi/linux/ktls.h>

#include "config.h"
#include "session.h"
#include "suite.h"
#include "wire.h"
#include "helper/done.h"
#include "helper/peer.h"
#include "record/aead.h"
#include "record/rl.h"
#include "socket/ctx.h"
#include "socket/negotiated.h"
#include "socket/rest.h"

/* Records that the helper may have sent or received under the new keys. */
#define NEGOTIATED_SEQ_MAX	65536

/* Without KTLS_CIPHERS all suites are allowed. */
static bool negotiated_allows_suite(const struct ktls_config *config,
				    const struct ktls_suite *suite)
{
	const struct ktls_blob *ciphers = ktls_config_blob(config, KTLS_CIPHERS);
	const struct ktls_suite *named;
	const char *name, *end;

	if (!ciphers)
		return true;

	for (name = ciphers->data; *name; name = end + (*end == ':')) {
		end = strchrnul(name, ':');
		named = ktls_suite_by_name(name, end - name);
		if (named && named->id == suite->id)
			return true;
	}
	return false;
}

/**
 * ktls_negotiated_objection - is the helper's result what the program asked for?
 * @ctx: in state HANDSHAKE
 * @done: the result
 * @batch: the last records that the helper was given; whole ones
 * @batch_len: bytes in @batch
 *
 * The helper is not trusted: a wrong answer costs the connection and nothing else.
 *
 * Context: socket lock held.
 * Return: NULL, or what is wrong with it, behind "the helper returned".
 */
const char *ktls_negotiated_objection(const struct ktls_ctx *ctx, const struct ktls_done *done,
				      const u8 *batch, u32 batch_len)
{
	const struct ktls_session *session = &done->session;
	const struct ktls_suite *suite = ktls_suite_by_id(session->suite);
	const struct ktls_config *config = ctx->config;
	int verify = ktls_config_verify(config, ctx->rl.role);
	size_t len;
	u32 i;

	sock_owned_by_me(ctx->rl.sk);
	if (session->version < config->versions.min || session->version > config->versions.max)
		return "a TLS version that was not asked for";
	if (!suite || suite->version != session->version)
		return "a cipher suite that this kernel or this version does not have";
	if (!negotiated_allows_suite(config, suite))
		return "a cipher suite that was not asked for";
	len = ktls_session_alpn_len(session);
	if (len && !ktls_config_allows_alpn(config, session->details->data, len))
		return "an application protocol that was not asked for";
	if (verify == KTLS_VERIFY_REQUIRED && !session->verified)
		return "no verified peer where one is required";
	if (verify == KTLS_VERIFY_OPTIONAL && session->peer_certs && !session->verified)
		return "a certificate that was not verified";
	ktls_peer_get(session->peer, KTLS_PEER_PART_NAME, &len);
	if (verify == KTLS_VERIFY_REQUIRED && ctx->rl.role == KTLS_ROLE_CLIENT && !len)
		return "no verified name";
	if (done->max_fragment > KTLS_PAYLOAD_MAX ||
	    (done->max_fragment && done->max_fragment < KTLS_PAYLOAD_LIMIT_MIN))
		return "an impossible fragment size";
	if (done->tx.seq > NEGOTIATED_SEQ_MAX || done->rx.seq > NEGOTIATED_SEQ_MAX)
		return "an impossible sequence number";

	len = ktls_session_exporter_len(session);
	if (len && len != (session->version == KTLS_TLS_1_3 ?
			suite->hash_size : KTLS_MASTER_SECRET_SIZE + 2 * KTLS_RANDOM_SIZE))
		return "an exporter secret of an impossible length";

	/* What is left of the last batch must begin with a whole record. */
	for (i = 0; i < done->consumed && i < batch_len; )
		i += KTLS_HEADER_SIZE + get_unaligned_be16(batch + i + 3);
	if (i != done->consumed)
		return "an impossible number of bytes consumed";
	return NULL;
}

/**
 * ktls_negotiated_install - install the keys of both directions
 * @rl: the connection, without keys
 * @config: whose memory cgroup is charged
 * @done: the helper's result, without objection
 *
 * Context: process, socket lock held; may sleep.
 * Return: 0 or a negative errno: the caller clears both directions.
 */
int ktls_negotiated_install(struct ktls_rl *rl, const struct ktls_config *config,
			    const struct ktls_done *done)
{
	const struct ktls_suite *suite = ktls_suite_by_id(done->session.suite);
	const struct ktls_keys tx = {
		.suite		= suite,
		.config		= config,
		.secret		= done->tx.secret,
		.secret_len	= done->tx.secret_len,
		.iv		= done->tx.iv,
		.iv_len		= done->tx.iv_len,
		.seq		= done->tx.seq,
		.nonce		= done->tx.nonce,
	};
	const struct ktls_keys rx = {
		.suite		= suite,
		.config		= config,
		.secret		= done->rx.secret,
		.secret_len	= done->rx.secret_len,
		.iv		= done->rx.iv,
		.iv_len		= done->rx.iv_len,
		.seq		= done->rx.seq,
	};
	int err;

	sock_owned_by_me(rl->sk);
	err = ktls_dir_install(&rl->flow->tx, &tx);
	if (!err)
		err = ktls_dir_install(&rl->flow->rx, &rx);
	if (!err)
		ktls_rest_arm(sock_net(rl->sk));
	return err;
}
