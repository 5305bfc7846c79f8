// SPDX-License-Identifier: GPL-2.0
/*
 * What the helper says about a request: DATA and DONE.
 *
 * The two sides take turns. While it is the helper's turn it may send as many
 * DATA with MORE as it likes, within KTLS_HS_OUT_MAX; a DATA without MORE, or
 * DONE, ends its turn. Bytes are collected with the request and told at the end
 * of the turn. A helper that speaks out of turn, or says what cannot be, has
 * broken the contract: it gets an error, and the request ends. Only that it gives
 * up it may say at any time: its clock does not take turns.
 *
 * Attributes were checked against the policies in netlink.c, so every length is
 * within its bound here.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/genetlink.h>

#include <ktls/ktls.h>
#include <trace/events/ktls.h>

/*
 * The helper that has the request has broken the contract. @what: a constant that
 * goes into the error message.
 */
static int answer_breach(struct ktls_request *req, const struct genl_info *info,
			 const char *what)
{
	ktls_mib_inc(req->kn->net, KTLS_MIB_UPCALL_BAD);
	if (info->extack)
		info->extack->_msg = what;
	ktls_request_fail(req, EPROTO, "the helper ktlsd broke its contract with the kernel");
	return -EPROTO;
}

/**
 * ktls_answer_allowed - may this port speak about this request?
 * @port: who speaks
 * @req: about what
 * @info: its message
 * @ret_turn: whether it is the helper's turn; NULL if it does not matter
 *
 * Context: process, @port->mutex held.
 * Return: 0; -EPERM: it was not given the request; -ENOENT: the request has ended.
 */
int ktls_answer_allowed(struct ktls_port *port, struct ktls_request *req,
			const struct genl_info *info, bool *ret_turn)
{
	enum ktls_phase phase;
	bool owner, told;

	lockdep_assert_held(&port->mutex);
	spin_lock_bh(&port->kn->lock);
	owner = req->kn == port->kn && req->port == port;
	phase = req->phase;
	spin_unlock_bh(&port->kn->lock);
	if (!owner) {
		ktls_mib_inc(port->kn->net, KTLS_MIB_UPCALL_BAD);
		NL_SET_ERR_MSG(info->extack, "this request was given to another socket");
		return -EPERM;
	}
	if (phase == KTLS_PHASE_ENDED) {
		NL_SET_ERR_MSG(info->extack, "this request has ended");
		return -ENOENT;
	}
	spin_lock_bh(&port->lock);
	told = req->sent;
	spin_unlock_bh(&port->lock);
	if (ret_turn)
		*ret_turn = told && phase == KTLS_PHASE_HELPER;
	return 0;
}

/* @failure: it is DONE, with an errno. */
static int answer_in_turn(struct ktls_port *port, struct ktls_request *req,
			  const struct genl_info *info, bool failure)
{
	bool turn;
	int err;

	err = ktls_answer_allowed(port, req, info, &turn);
	if (err)
		return err;
	if (!turn && !failure)
		return answer_breach(req, info, "not your turn: there is nothing to answer");
	/* It has read what it was sent before. */
	ktls_outbox_keep_secret(port, req, NULL);
	return 0;
}

/* Adds the records of a message to what was said before in this turn. */
static int answer_collect(struct ktls_request *req, const struct genl_info *info)
{
	const struct nlattr *nla = info->attrs[KTLS_A_RECORDS];
	size_t len = nla ? nla_len(nla) : 0;
	void *batch;

	if (!len)
		return 0;
	if (len > KTLS_HS_OUT_MAX - req->batch_total)
		return answer_breach(req, info, "more handshake bytes than a peer may get");
	batch = kvmalloc(req->batch_len + len, GFP_KERNEL);
	if (!batch) {
		ktls_request_fail(req, ENOMEM, "out of memory");
		return -ENOMEM;
	}
	if (req->batch_len)
		memcpy(batch, req->batch, req->batch_len);
	memcpy(batch + req->batch_len, nla_data(nla), len);
	kvfree(req->batch);
	req->batch = batch;
	req->batch_len += len;
	req->batch_total += len;
	return 0;
}

/* The helper's turn is over: its credit comes back, its bytes can be told. */
static int answer_end_turn(struct ktls_request *req)
{
	struct ktls_net *kn = req->kn;
	int err = 0;

	spin_lock_bh(&kn->lock);
	if (req->phase == KTLS_PHASE_HELPER) {
		req->port->in_flight -= req->cost;
		req->cost = 0;
		req->phase = KTLS_PHASE_KERNEL;
	} else {
		err = -ENOENT;
	}
	spin_unlock_bh(&kn->lock);
	return err;
}

/**
 * ktls_answer_data - the helper has said DATA
 * @port: who says it
 * @req: about what
 * @info: its message
 *
 * Context: process, @port->mutex held.
 * Return: 0; -EPERM, -ENOENT: not this port's, or not any more; -EPROTO: the
 * contract is broken, the request has ended; -ENOMEM: it has ended as well.
 */
int ktls_answer_data(struct ktls_port *port, struct ktls_request *req,
		     struct genl_info *info)
{
	int err;

	err = answer_in_turn(port, req, info, false);
	if (err)
		return err;
	if (req->params.cmd == KTLS_CMD_CHECK)
		return answer_breach(req, info, "CHECK is answered by DONE");
	err = answer_collect(req, info);
	if (err || info->attrs[KTLS_A_MORE])
		return err;
	err = answer_end_turn(req);
	if (err) {
		NL_SET_ERR_MSG(info->extack, "this request has ended");
		return err;
	}
	ktls_request_trace(answered, req, 0);
	ktls_request_publish(req, KTLS_ANSWER_DATA, NULL, req->batch, req->batch_len);
	req->batch = NULL;
	req->batch_len = 0;
	return 0;
}

/* --- DONE ----------------------------------------------------------------- */

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

/* A string with a NUL inside is two strings to two readers. */
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

static bool answer_is_cert(const struct nlattr *nla)
{
	return nla_type(nla) == KTLS_A_PEER_CERT || nla_type(nla) == KTLS_A_CHAIN_CERT;
}

/* All of them together: how much is it? */
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

/* What the peer presented, or the verified chain, in one piece; NULL: none. */
static int answer_certs(const struct genl_info *info, int attr, struct ktls_certs **ret_certs)
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
	certs = kvmalloc(struct_size(certs, data, size), GFP_KERNEL);
	if (!certs)
		return -ENOMEM;
	certs->len = 0;
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

static void answer_keys(const struct genl_info *info, struct ktls_done *done)
{
	done->version = answer_number(info, KTLS_A_VERSION, 0);
	done->suite = answer_number(info, KTLS_A_SUITE, 0);
	done->tx_secret_len = answer_bytes(info, KTLS_A_TX_SECRET, done->tx_secret,
					   sizeof(done->tx_secret));
	done->rx_secret_len = answer_bytes(info, KTLS_A_RX_SECRET, done->rx_secret,
					   sizeof(done->rx_secret));
	done->tx_iv_len = answer_bytes(info, KTLS_A_TX_IV, done->tx_iv, sizeof(done->tx_iv));
	done->rx_iv_len = answer_bytes(info, KTLS_A_RX_IV, done->rx_iv, sizeof(done->rx_iv));
	done->exporter_len = answer_bytes(info, KTLS_A_EXPORTER, done->exporter,
					  sizeof(done->exporter));
	done->tx_seq = answer_number(info, KTLS_A_TX_SEQ, 0);
	done->rx_seq = answer_number(info, KTLS_A_RX_SEQ, 0);
	done->tx_nonce = answer_number(info, KTLS_A_TX_NONCE, 0);
}

static int answer_parse(const struct genl_info *info, struct ktls_done *done)
{
	int err;

	done->error = answer_number(info, KTLS_A_ERRNO, 0);
	done->alert = answer_number(info, KTLS_A_ALERT, KTLS_ALERT_NONE);
	done->alert_rcvd = info->attrs[KTLS_A_ALERT_RCVD];
	done->group = answer_number(info, KTLS_A_GROUP, 0);
	done->sigalg = answer_number(info, KTLS_A_SIGALG, 0);
	done->consumed = answer_number(info, KTLS_A_CONSUMED, 0);
	done->max_fragment = answer_number(info, KTLS_A_MAX_FRAGMENT, 0);
	done->messages = answer_number(info, KTLS_A_MESSAGES, 0);
	done->verified = info->attrs[KTLS_A_VERIFIED];
	done->resumed = info->attrs[KTLS_A_RESUMED];
	done->alpn_len = answer_bytes(info, KTLS_A_ALPN, done->alpn, sizeof(done->alpn));
	answer_keys(info, done);
	err = answer_string(info, KTLS_A_SERVER_NAME, done->server_name,
			    sizeof(done->server_name));
	if (!err)
		err = answer_string(info, KTLS_A_SENTENCE, done->reason,
				    sizeof(done->reason));
	if (!err)
		err = ktls_peer_parse(info, &done->peer);
	if (!err)
		err = answer_check_certs(info);
	if (!err)
		err = answer_certs(info, KTLS_A_PEER_CERT, &done->peer_certs);
	if (!err)
		err = answer_certs(info, KTLS_A_CHAIN_CERT, &done->chain_certs);
	return err;
}

/* Success without these is none. */
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
 * ktls_answer_done - the helper has said DONE
 * @port: who says it
 * @req: about what
 * @info: its message
 *
 * Only the form is checked; what it means is for the taker to judge.
 *
 * Context: process, @port->mutex held.
 * Return: as ktls_answer_data().
 */
int ktls_answer_done(struct ktls_port *port, struct ktls_request *req,
		     struct genl_info *info)
{
	struct ktls_done *done;
	int err;

	err = answer_in_turn(port, req, info, answer_number(info, KTLS_A_ERRNO, 0));
	if (!err)
		err = answer_collect(req, info);
	if (err)
		return err;
	done = kzalloc(sizeof(*done), GFP_KERNEL);
	err = done ? answer_parse(info, done) : -ENOMEM;
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
	ktls_request_trace(done, req, done->error);
	ktls_request_publish(req, KTLS_ANSWER_DONE, done, req->batch, req->batch_len);
	req->batch = NULL;
	req->batch_len = 0;
	return 0;

give_up:
	ktls_done_free(done);
	return err;
}

/**
 * ktls_answer_wipe - overwrite the secrets in a message that was dealt with
 * @info: a DONE, whatever came of it
 *
 * The buffer goes back to the allocator, a tap (nlmon) may have a clone of it, and
 * an error message quotes the message it is about.
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
