// SPDX-License-Identifier: GPL-2.0
/* DATA and DONE, the helper's answers to a request.
 *
 * The two sides take turns. While it is the helper's turn it may send as many DATA
 * with MORE as it likes, within KTLS_HS_OUT_MAX; a DATA without MORE, or DONE, ends
 * its turn. Bytes are collected with the request and published at the end of the turn.
 * A helper that sends out of turn, or sends something invalid, has broken the
 * protocol: it gets an error, and the request ends. Only a DONE with an error may be
 * sent at any time, because the helper's own time-out does not wait for its turn.
 *
 * Attributes were checked against the policies of netlink.c, so every length is
 * within its bound here.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/genetlink.h>

#include "config.h"
#include "session.h"
#include "helper/answer.h"
#include "helper/peer.h"
#include "helper/request.h"
#include "helper/turn.h"
#include "mib.h"
#include "wire.h"

#include <trace/events/ktls.h>

/* The helper has broken the protocol. @what: a constant, for the error message. */
static int answer_breach(struct ktls_request *req, const struct genl_info *info,
			 const char *what)
{
	ktls_mib_inc(req->kn->net, KTLS_MIB_HELPER_BAD);
	if (info->extack)
		info->extack->_msg = what;
	ktls_request_fail(req, EPROTO, "the helper ktlsd broke its contract with the kernel");
	return -EPROTO;
}

/**
 * ktls_answer_allowed - may a message about this request come from this port?
 * @port: on which it came
 * @req: the request
 * @info: the message
 * @ret_turn: whether it is the helper's turn; NULL if it does not matter
 *
 * Context: process, @port->mutex held.
 * Return: 0; -EPERM: it was not given the request; -ENOENT: the request has ended.
 */
int ktls_answer_allowed(struct ktls_port *port, struct ktls_request *req,
			const struct genl_info *info, bool *ret_turn)
{
	enum ktls_phase phase;
	bool owner, sent;

	lockdep_assert_held(&port->mutex);
	spin_lock_bh(&port->kn->lock);
	owner = req->kn == port->kn && req->turn.port == port;
	phase = req->turn.phase;
	spin_unlock_bh(&port->kn->lock);
	if (!owner) {
		ktls_mib_inc(port->kn->net, KTLS_MIB_HELPER_BAD);
		NL_SET_ERR_MSG(info->extack, "this request was given to another socket");
		return -EPERM;
	}
	if (phase == KTLS_PHASE_ENDED) {
		NL_SET_ERR_MSG(info->extack, "this request has ended");
		return -ENOENT;
	}
	sent = ktls_outbox_was_sent(&port->outbox, &req->out);
	if (ret_turn)
		*ret_turn = sent && phase == KTLS_PHASE_HELPER;
	return 0;
}

/* @failure: it is DONE, with an errno. */
static int answer_in_turn(struct ktls_port *port, struct ktls_request *req,
			  const struct genl_info *info, bool failure)
{
	bool turn;
	int err;

	lockdep_assert_held(&port->mutex);
	err = ktls_answer_allowed(port, req, info, &turn);
	if (err)
		return err;
	if (!turn && !failure)
		return answer_breach(req, info, "not your turn: there is nothing to answer");
	/* It has read what it was sent before. */
	ktls_outbox_keep_secret(&port->outbox, &req->out, NULL);
	return 0;
}

/* Adds the records of a message to the batch. */
static int answer_collect(struct ktls_port *port, struct ktls_request *req,
			  const struct genl_info *info)
{
	const struct nlattr *nla = info->attrs[KTLS_A_RECORDS];
	struct ktls_batch *batch = &req->batch;
	size_t len = nla ? nla_len(nla) : 0;
	void *data;

	lockdep_assert_held(&port->mutex);
	if (!len)
		return 0;
	if (len > KTLS_HS_OUT_MAX - batch->total)
		return answer_breach(req, info, "more handshake bytes than a peer may get");
	data = ktls_config_zalloc_others(req->params.config, batch->len + len);
	if (!data) {
		ktls_request_fail(req, ENOMEM, "out of memory");
		return -ENOMEM;
	}
	if (batch->len)
		memcpy(data, batch->data, batch->len);
	memcpy(data + batch->len, nla_data(nla), len);
	kvfree(batch->data);
	batch->data = data;
	batch->len += len;
	batch->total += len;
	return 0;
}

/* The batch passes to the reply. */
static void answer_publish(struct ktls_port *port, struct ktls_request *req,
			   enum ktls_answer answer, struct ktls_done *done)
{
	void *data = req->batch.data;
	size_t len = req->batch.len;

	lockdep_assert_held(&port->mutex);
	req->batch.data = NULL;
	req->batch.len = 0;
	ktls_request_publish(req, answer, done, data, len);
}

/**
 * ktls_answer_data - handle DATA
 * @port: on which it came
 * @req: the request
 * @info: the message
 *
 * Context: process, @port->mutex held.
 * Return: 0; -EPERM, -ENOENT: not this port's, or not any more; -EPROTO: the
 * protocol was broken, the request has ended; -ENOMEM: it has ended as well.
 */
int ktls_answer_data(struct ktls_port *port, struct ktls_request *req,
		     struct genl_info *info)
{
	int err;

	lockdep_assert_held(&port->mutex);
	err = answer_in_turn(port, req, info, false);
	if (err)
		return err;
	if (req->params.cmd == KTLS_CMD_CHECK)
		return answer_breach(req, info, "CHECK is answered by DONE");
	err = answer_collect(port, req, info);
	if (err || info->attrs[KTLS_A_MORE])
		return err;
	err = ktls_turn_over(req->kn, &req->turn);
	if (err) {
		NL_SET_ERR_MSG(info->extack, "this request has ended");
		return err;
	}
	ktls_request_trace(answered, req, 0);
	answer_publish(port, req, KTLS_ANSWER_DATA, NULL);
	return 0;
}

/* --- DONE --- */

static u64 answer_number(const struct genl_info *info, int attr, u64 otherwise)
{
	const struct nlattr *nla = info->attrs[attr];

	if (!nla)
		return otherwise;
	switch (nla_len(nla)) {
	case sizeof(u8):
		return nla_get_u8(nla);
	case sizeof(u16):
		return nla_get_u16(nla);
	case sizeof(u32):
		return nla_get_u32(nla);
	default:
		return nla_get_u64(nla);
	}
}

static u8 answer_bytes(const struct genl_info *info, int attr, void *to, size_t size)
{
	const struct nlattr *nla = info->attrs[attr];

	return nla ? nla_memcpy(to, nla, size) : 0;
}

/* A string with a NUL inside could be read as two different strings. */
static int answer_string(const struct genl_info *info, int attr, char *to, size_t size)
{
	const struct nlattr *nla = info->attrs[attr];
	size_t len;

	if (!nla)
		return 0;
	len = nla_len(nla);
	if (len && !((char *)nla_data(nla))[len - 1])
		len--;
	if (len >= size || memchr(nla_data(nla), 0, len)) {
		NL_SET_BAD_ATTR(info->extack, nla);
		return -EINVAL;
	}
	memcpy(to, nla_data(nla), len);
	to[len] = '\0';
	return 0;
}

static u8 answer_len(const struct nlattr *nla)
{
	return nla ? nla_len(nla) : 0;
}

/* Protocol, exporter, server name, in one piece. */
static int answer_details(const struct genl_info *info, const struct ktls_config *config,
			  struct ktls_details **ret_details)
{
	char name[KTLS_SERVER_NAME_MAX + 1] = "";
	u8 alpn_len, exporter_len;
	struct ktls_details *details;
	size_t name_len;
	int err;

	err = answer_string(info, KTLS_A_SERVER_NAME, name, sizeof(name));
	if (err)
		return err;
	name_len = strlen(name);
	alpn_len = answer_len(info->attrs[KTLS_A_ALPN]);
	exporter_len = answer_len(info->attrs[KTLS_A_EXPORTER]);
	if (!(alpn_len + exporter_len + name_len))
		return 0;
	details = ktls_config_zalloc_others(config, struct_size(details, data, alpn_len +
								exporter_len + name_len));
	if (!details)
		return -ENOMEM;
	details->alpn_len = alpn_len;
	details->exporter_len = exporter_len;
	details->name_len = name_len;
	answer_bytes(info, KTLS_A_ALPN, details->data, alpn_len);
	answer_bytes(info, KTLS_A_EXPORTER, details->data + alpn_len, exporter_len);
	memcpy(details->data + alpn_len + exporter_len, name, name_len);
	*ret_details = details;
	return 0;
}

static bool answer_is_cert(const struct nlattr *nla)
{
	return nla_type(nla) == KTLS_A_PEER_CERT || nla_type(nla) == KTLS_A_CHAIN_CERT;
}

/* The limit is for all of them together. */
static int answer_check_certs(const struct genl_info *info)
{
	struct nlattr *nla;
	size_t total = 0;
	int rem;

	nlmsg_for_each_attr(nla, info->nlhdr, GENL_HDRLEN, rem) {
		if (!answer_is_cert(nla))
			continue;
		total += nla_len(nla);
		if (total > KTLS_CERTS_MAX || !nla_len(nla)) {
			NL_SET_BAD_ATTR(info->extack, nla);
			return -EINVAL;
		}
	}
	return 0;
}

/* All certificates of an attribute; NULL: none. */
static int answer_certs(const struct genl_info *info, const struct ktls_config *config, int attr,
			struct ktls_certs **ret_certs)
{
	const struct nlmsghdr *nlh = info->nlhdr;
	struct ktls_certs *certs;
	struct nlattr *nla;
	size_t size = 0;
	int rem;
	u32 len;

	nlmsg_for_each_attr(nla, nlh, GENL_HDRLEN, rem)
		if (nla_type(nla) == attr)
			size += sizeof(len) + nla_len(nla);
	if (!size)
		return 0;
	certs = ktls_config_zalloc_others(config, struct_size(certs, data, size));
	if (!certs)
		return -ENOMEM;
	nlmsg_for_each_attr(nla, nlh, GENL_HDRLEN, rem) {
		if (nla_type(nla) != attr)
			continue;
		len = nla_len(nla);
		memcpy(certs->data + certs->len, &len, sizeof(len));
		memcpy(certs->data + certs->len + sizeof(len), nla_data(nla), len);
		certs->len += sizeof(len) + len;
	}
	*ret_certs = certs;
	return 0;
}

/* The attributes of one direction. */
struct answer_direction {
	int	secret;
	int	iv;
	int	seq;
	int	nonce;
};

static void answer_keys(const struct genl_info *info, const struct answer_direction *attr,
			struct ktls_done_keys *keys)
{
	keys->secret_len = answer_bytes(info, attr->secret, keys->secret, sizeof(keys->secret));
	keys->iv_len = answer_bytes(info, attr->iv, keys->iv, sizeof(keys->iv));
	keys->seq = answer_number(info, attr->seq, 0);
	if (attr->nonce)
		keys->nonce = answer_number(info, attr->nonce, 0);
}

static int answer_session(const struct genl_info *info, const struct ktls_config *config,
			  struct ktls_session *session)
{
	int err;

	session->version = answer_number(info, KTLS_A_VERSION, 0);
	session->suite = answer_number(info, KTLS_A_SUITE, 0);
	session->group = answer_number(info, KTLS_A_GROUP, 0);
	session->sigalg = answer_number(info, KTLS_A_SIGALG, 0);
	session->revocation = answer_number(info, KTLS_A_REVOCATION, KTLS_REVOCATION_UNCHECKED);
	session->verified = info->attrs[KTLS_A_VERIFIED];
	session->resumed = info->attrs[KTLS_A_RESUMED];
	err = answer_details(info, config, &session->details);
	if (!err)
		err = ktls_peer_parse(info, config, &session->peer);
	if (!err)
		err = answer_check_certs(info);
	if (!err)
		err = answer_certs(info, config, KTLS_A_PEER_CERT, &session->peer_certs);
	if (!err)
		err = answer_certs(info, config, KTLS_A_CHAIN_CERT, &session->chain_certs);
	return err;
}

static int answer_parse(const struct genl_info *info, const struct ktls_config *config,
			struct ktls_done *done)
{
	static const struct answer_direction tx = {
		KTLS_A_TX_SECRET, KTLS_A_TX_IV, KTLS_A_TX_SEQ, KTLS_A_TX_NONCE,
	};
	static const struct answer_direction rx = {
		KTLS_A_RX_SECRET, KTLS_A_RX_IV, KTLS_A_RX_SEQ,
	};
	int err;

	done->error = answer_number(info, KTLS_A_ERRNO, 0);
	done->alert = answer_number(info, KTLS_A_ALERT, KTLS_ALERT_NONE);
	done->alert_rcvd = info->attrs[KTLS_A_ALERT_RCVD];
	done->consumed = answer_number(info, KTLS_A_CONSUMED, 0);
	done->max_fragment = answer_number(info, KTLS_A_MAX_FRAGMENT, 0);
	done->messages = answer_number(info, KTLS_A_MESSAGES, 0);
	answer_keys(info, &tx, &done->tx);
	answer_keys(info, &rx, &done->rx);
	err = answer_string(info, KTLS_A_REASON, done->reason, sizeof(done->reason));
	return err ? : answer_session(info, config, &done->session);
}

/* Is an attribute missing without which there is no success? */
static bool answer_missing(const struct ktls_request *req, const struct genl_info *info,
			   const struct ktls_done *done)
{
	static const int needed[] = {
		KTLS_A_VERSION, KTLS_A_SUITE, KTLS_A_TX_SECRET, KTLS_A_RX_SECRET,
		KTLS_A_TX_SEQ, KTLS_A_RX_SEQ, KTLS_A_CONSUMED,
	};
	int i;

	if (done->error || req->params.cmd == KTLS_CMD_CHECK)
		return false;
	for (i = 0; i < ARRAY_SIZE(needed); i++)
		if (!info->attrs[needed[i]])
			return true;
	return false;
}

/**
 * ktls_answer_done - handle DONE
 * @port: on which it came
 * @req: the request
 * @info: the message
 *
 * Only the form is checked. Whether the result is acceptable is checked by the owner
 * of the request.
 *
 * Context: process, @port->mutex held.
 * Return: as ktls_answer_data().
 */
int ktls_answer_done(struct ktls_port *port, struct ktls_request *req,
		     struct genl_info *info)
{
	struct ktls_done *done;
	int err;

	lockdep_assert_held(&port->mutex);
	err = answer_in_turn(port, req, info, answer_number(info, KTLS_A_ERRNO, 0));
	if (!err)
		err = answer_collect(port, req, info);
	if (err)
		return err;
	done = ktls_config_zalloc_others(req->params.config, sizeof(*done));
	err = done ? answer_parse(info, req->params.config, done) : -ENOMEM;
	if (err == -ENOMEM) {
		ktls_request_fail(req, ENOMEM, "out of memory");
		goto give_up;
	}
	if (err) {
		err = answer_breach(req, info, "a string or certificate that cannot be");
		goto give_up;
	}
	if (answer_missing(req, info, done)) {
		err = answer_breach(req, info, "success without keys or counters");
		goto give_up;
	}
	if (!ktls_request_end(req, KTLS_OUTCOME_DONE, false)) {
		NL_SET_ERR_MSG(info->extack, "this request has ended");
		err = -ENOENT;
		goto give_up;
	}
	if (!done->error)
		ktls_turn_success(req->kn, &req->turn);
	ktls_request_trace(done, req, done->error);
	answer_publish(port, req, KTLS_ANSWER_DONE, done);
	return 0;

give_up:
	ktls_done_free(done);
	return err;
}

/**
 * ktls_answer_wipe - overwrite the secrets in a message that was handled
 * @info: a DONE, also one that was refused
 *
 * The buffer is freed without wiping, a tap (nlmon) may have a clone of it, and an
 * error message quotes the message it is about.
 *
 * Context: process.
 */
void ktls_answer_wipe(const struct genl_info *info)
{
	struct nlattr *nla;
	int rem;

	nlmsg_for_each_attr(nla, info->nlhdr, GENL_HDRLEN, rem) {
		switch (nla_type(nla)) {
		case KTLS_A_TX_SECRET:
		case KTLS_A_RX_SECRET:
		case KTLS_A_TX_IV:
		case KTLS_A_RX_IV:
		case KTLS_A_EXPORTER:
			memzero_explicit(nla_data(nla), nla_len(nla));
		}
	}
}
