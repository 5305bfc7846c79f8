// SPDX-License-Identifier: GPL-2.0-or-later
/* DONE in all its attributes. See fake.h. */
#include <linux/genetlink.h>
#include <string.h>

#include "fake.h"
#include "harness.h"

void fake_done_init(struct fake_done *d, const struct fake *f, uint64_t id, uint32_t role)
{
	const struct hs *hs = f->hs;
	bool client = role == 1, v13 = hs->suite->version == KTLS_TLS_1_3;
	size_t len = v13 ? hs->suite->hash : hs->suite->key;

	*d = (struct fake_done) {
		.id = id,
		.alert = -1,
		.version = hs->suite->version,
		.suite = hs->suite->id,
		.tx_secret = client ? hs->client_secret : hs->server_secret,
		.rx_secret = client ? hs->server_secret : hs->client_secret,
		.tx_secret_len = len,
		.rx_secret_len = len,
		.exporter = hs->exporter_len ? hs->exporter : NULL,
		.exporter_len = hs->exporter_len,
		.tx_seq = client ? hs->client_seq : hs->server_seq,
		.rx_seq = client ? hs->server_seq : hs->client_seq,
	};
	if (!v13) {
		d->tx_iv = client ? hs->client_iv : hs->server_iv;
		d->rx_iv = client ? hs->server_iv : hs->client_iv;
		d->tx_iv_len = d->rx_iv_len = hs->suite->salt;
		d->tx_nonce = hs->nonce;
	}
	if (client) {
		d->verified = true;
		d->peer_name = "server.test";
		d->messages = f->messages;
	}
}

static bool has(const struct fake_done *d, int attr)
{
	return !(d->omit & 1ULL << attr);
}

static void put(struct nlmsghdr *nlh, const struct fake_done *d, int attr,
		const void *data, size_t len)
{
	if (data && has(d, attr))
		mnl_attr_put(nlh, attr, len, data);
}

static void fill_error(struct nlmsghdr *nlh, const struct fake_done *d)
{
	if (has(d, KTLS_A_ERRNO))
		mnl_attr_put_u32(nlh, KTLS_A_ERRNO, d->error);
	if (d->alert >= 0 && has(d, KTLS_A_ALERT))
		mnl_attr_put_u8(nlh, KTLS_A_ALERT, d->alert);
	if (d->reason && has(d, KTLS_A_REASON))
		mnl_attr_put_str(nlh, KTLS_A_REASON, d->reason);
}

static void fill_keys(struct nlmsghdr *nlh, const struct fake_done *d)
{
	if (has(d, KTLS_A_VERSION))
		mnl_attr_put_u16(nlh, KTLS_A_VERSION, d->version);
	if (has(d, KTLS_A_SUITE))
		mnl_attr_put_u16(nlh, KTLS_A_SUITE, d->suite);
	put(nlh, d, KTLS_A_TX_SECRET, d->tx_secret, d->tx_secret_len);
	put(nlh, d, KTLS_A_RX_SECRET, d->rx_secret, d->rx_secret_len);
	put(nlh, d, KTLS_A_TX_IV, d->tx_iv, d->tx_iv_len);
	put(nlh, d, KTLS_A_RX_IV, d->rx_iv, d->rx_iv_len);
	if (has(d, KTLS_A_TX_SEQ))
		mnl_attr_put_u64(nlh, KTLS_A_TX_SEQ, d->tx_seq);
	if (has(d, KTLS_A_RX_SEQ))
		mnl_attr_put_u64(nlh, KTLS_A_RX_SEQ, d->rx_seq);
	put(nlh, d, KTLS_A_EXPORTER, d->exporter, d->exporter_len);
	if (d->tx_nonce && has(d, KTLS_A_TX_NONCE))
		mnl_attr_put_u64(nlh, KTLS_A_TX_NONCE, d->tx_nonce);
}

static void fill_done(struct nlmsghdr *nlh, void *arg)
{
	const struct fake_done *d = arg;

	if (has(d, KTLS_A_ID))
		mnl_attr_put_u64(nlh, KTLS_A_ID, d->id);
	fill_error(nlh, d);
	if (d->version)
		fill_keys(nlh, d);
	if (has(d, KTLS_A_CONSUMED))
		mnl_attr_put_u32(nlh, KTLS_A_CONSUMED, d->consumed);
	put(nlh, d, KTLS_A_RECORDS, d->records, d->records_len);
	if (d->verified)
		mnl_attr_put(nlh, KTLS_A_VERIFIED, 0, NULL);
	if (d->peer_name)
		mnl_attr_put_str(nlh, KTLS_A_PEER_NAME, d->peer_name);
	if (d->peer_subject)
		mnl_attr_put_str(nlh, KTLS_A_PEER_SUBJECT, d->peer_subject);
	if (d->peer_names)
		mnl_attr_put_str(nlh, KTLS_A_PEER_NAMES, d->peer_names);
	put(nlh, d, KTLS_A_PEER_FINGERPRINT, d->fingerprint, d->fingerprint_len);
	if (d->server_name)
		mnl_attr_put_str(nlh, KTLS_A_SERVER_NAME, d->server_name);
	if (d->alpn)
		mnl_attr_put(nlh, KTLS_A_ALPN, strlen(d->alpn), d->alpn);
	if (d->max_fragment)
		mnl_attr_put_u32(nlh, KTLS_A_MAX_FRAGMENT, d->max_fragment);
	put(nlh, d, KTLS_A_PEER_CERT, d->peer_cert, d->peer_cert_len);
	put(nlh, d, KTLS_A_CHAIN_CERT, d->chain_cert, d->chain_cert_len);
	if (d->messages)
		mnl_attr_put_u32(nlh, KTLS_A_MESSAGES, d->messages);
	if (d->revocation)
		mnl_attr_put_u32(nlh, KTLS_A_REVOCATION, d->revocation);
}

int fake_done(struct fake *f, const struct fake_done *d)
{
	return fake_raw(f, KTLS_CMD_DONE, fill_done, (void *)d);
}

int fake_fail(struct fake *f, uint64_t id, int error, int alert, const char *reason)
{
	struct fake_done d = { .id = id, .error = error, .alert = alert, .reason = reason };

	return fake_done(f, &d);
}
