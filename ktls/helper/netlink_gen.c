// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	include/netlink/ktls.yaml */
/* YNL-GEN kernel source */
/* To regenerate run: include/netlink/regen */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <uapi/linux/ktls_netlink.h>
#include <linux/ktls.h>

/* KTLS_CMD_REGISTER - do */
const struct nla_policy ktls_register_nl_policy[KTLS_A_CREDIT + 1] = {
	[KTLS_A_PROTOCOL] = { .type = NLA_U32, },
	[KTLS_A_CREDIT] = NLA_POLICY_MAX(NLA_U32, 1024),
};

/* KTLS_CMD_CONFIG - do */
const struct nla_policy ktls_config_nl_policy[KTLS_A_OFFSET + 1] = {
	[KTLS_A_ID] = { .type = NLA_U64, },
	[KTLS_A_CONFIG_ATTR] = NLA_POLICY_MAX(NLA_U32, 3),
	[KTLS_A_OFFSET] = { .type = NLA_U32, },
};

/* KTLS_CMD_DATA - do */
const struct nla_policy ktls_data_nl_policy[KTLS_A_MORE + 1] = {
	[KTLS_A_ID] = { .type = NLA_U64, },
	[KTLS_A_RECORDS] = { .type = NLA_BINARY, },
	[KTLS_A_MORE] = { .type = NLA_FLAG, },
};

/* KTLS_CMD_DONE - do */
const struct nla_policy ktls_done_nl_policy[KTLS_A_REVOCATION + 1] = {
	[KTLS_A_ID] = { .type = NLA_U64, },
	[KTLS_A_ERRNO] = NLA_POLICY_MAX(NLA_U32, 4095),
	[KTLS_A_RECORDS] = { .type = NLA_BINARY, },
	[KTLS_A_ALERT] = { .type = NLA_U8, },
	[KTLS_A_ALERT_RCVD] = { .type = NLA_FLAG, },
	[KTLS_A_REASON] = { .type = NLA_STRING, .len = KTLS_GENL_REASON_MAX, },
	[KTLS_A_VERSION] = { .type = NLA_U16, },
	[KTLS_A_SUITE] = { .type = NLA_U16, },
	[KTLS_A_GROUP] = { .type = NLA_U16, },
	[KTLS_A_SIGALG] = { .type = NLA_U16, },
	[KTLS_A_CONSUMED] = { .type = NLA_U32, },
	[KTLS_A_TX_SECRET] = NLA_POLICY_MAX_LEN(KTLS_GENL_SECRET_MAX),
	[KTLS_A_RX_SECRET] = NLA_POLICY_MAX_LEN(KTLS_GENL_SECRET_MAX),
	[KTLS_A_TX_IV] = NLA_POLICY_MAX_LEN(12),
	[KTLS_A_RX_IV] = NLA_POLICY_MAX_LEN(12),
	[KTLS_A_TX_SEQ] = { .type = NLA_U64, },
	[KTLS_A_RX_SEQ] = { .type = NLA_U64, },
	[KTLS_A_TX_NONCE] = { .type = NLA_U64, },
	[KTLS_A_EXPORTER] = NLA_POLICY_MAX_LEN(KTLS_GENL_EXPORTER_MAX),
	[KTLS_A_MAX_FRAGMENT] = { .type = NLA_U32, },
	[KTLS_A_VERIFIED] = { .type = NLA_FLAG, },
	[KTLS_A_RESUMED] = { .type = NLA_FLAG, },
	[KTLS_A_ALPN] = NLA_POLICY_MAX_LEN(255),
	[KTLS_A_SERVER_NAME] = { .type = NLA_STRING, .len = 253, },
	[KTLS_A_PEER_NAME] = { .type = NLA_STRING, .len = 253, },
	[KTLS_A_PEER_CERT] = { .type = NLA_BINARY, },
	[KTLS_A_CHAIN_CERT] = { .type = NLA_BINARY, },
	[KTLS_A_MESSAGES] = NLA_POLICY_MAX(NLA_U32, KTLS_GENL_MESSAGES_MAX),
	[KTLS_A_PEER_SUBJECT] = { .type = NLA_STRING, .len = KTLS_GENL_PEER_MAX, },
	[KTLS_A_PEER_NAMES] = { .type = NLA_STRING, .len = KTLS_GENL_PEER_MAX, },
	[KTLS_A_PEER_FINGERPRINT] = NLA_POLICY_MAX_LEN(KTLS_GENL_FINGERPRINT),
	[KTLS_A_REVOCATION] = NLA_POLICY_MAX(NLA_U32, 4),
};

/* KTLS_CMD_CANCEL - do */
const struct nla_policy ktls_cancel_nl_policy[KTLS_A_ID + 1] = {
	[KTLS_A_ID] = { .type = NLA_U64, },
};

/* KTLS_CMD_MESSAGE - do */
const struct nla_policy ktls_message_nl_policy[KTLS_A_ID + 1] = {
	[KTLS_A_ID] = { .type = NLA_U64, },
};

/* Ops table for ktls */
const struct genl_ops ktls_nl_ops[8] = {
	{
		.cmd		= KTLS_CMD_REGISTER,
		.doit		= ktls_nl_register_doit,
		.policy		= ktls_register_nl_policy,
		.maxattr	= KTLS_A_CREDIT,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= KTLS_CMD_CONFIG,
		.doit		= ktls_nl_config_doit,
		.policy		= ktls_config_nl_policy,
		.maxattr	= KTLS_A_OFFSET,
	},
	{
		.cmd		= KTLS_CMD_DATA,
		.doit		= ktls_nl_data_doit,
		.policy		= ktls_data_nl_policy,
		.maxattr	= KTLS_A_MORE,
	},
	{
		.cmd		= KTLS_CMD_DONE,
		.doit		= ktls_nl_done_doit,
		.policy		= ktls_done_nl_policy,
		.maxattr	= KTLS_A_REVOCATION,
	},
	{
		.cmd		= KTLS_CMD_CANCEL,
		.doit		= ktls_nl_cancel_doit,
		.policy		= ktls_cancel_nl_policy,
		.maxattr	= KTLS_A_ID,
	},
	{
		.cmd		= KTLS_CMD_MESSAGE,
		.doit		= ktls_nl_message_doit,
		.policy		= ktls_message_nl_policy,
		.maxattr	= KTLS_A_ID,
	},
	{
		.cmd	= KTLS_CMD_SOCKETS,
		.dumpit	= ktls_nl_sockets_dumpit,
	},
	{
		.cmd	= KTLS_CMD_STATS,
		.dumpit	= ktls_nl_stats_dumpit,
	},
};
