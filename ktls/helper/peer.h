/* SPDX-License-Identifier: GPL-2.0 */
/* The identity of a peer, as the helper has verified it. */
#ifndef _KTLS_HELPER_PEER_H
#define _KTLS_HELPER_PEER_H

#include <linux/types.h>

struct genl_info;
struct ktls_config;
struct ktls_peer;

enum ktls_peer_part {
	KTLS_PEER_PART_NAME,		/* KTLS_PEER_NAME */
	KTLS_PEER_PART_SUBJECT,		/* KTLS_PEER_SUBJECT */
	KTLS_PEER_PART_NAMES,		/* KTLS_PEER_NAMES */
	KTLS_PEER_PART_FINGERPRINT,	/* KTLS_PEER_FINGERPRINT */
	__KTLS_PEER_PARTS
};

int ktls_peer_parse(const struct genl_info *info, const struct ktls_config *config,
		    struct ktls_peer **ret_peer);
const void *ktls_peer_get(const struct ktls_peer *peer, enum ktls_peer_part part,
			  size_t *ret_len);

#endif /* _KTLS_HELPER_PEER_H */
