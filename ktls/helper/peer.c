// SPDX-License-Identifier: GPL-2.0
/* The identity of a peer, as the helper has verified it. Programs decide by it whom to
 * serve. So it is one allocation, constant once made, and every part is checked: no
 * byte in it can be taken for a separator or end a string early.
 */
#include <linux/slab.h>
#include <linux/string.h>
#include <net/genetlink.h>
#include <uapi/linux/ktls.h>
#include <uapi/linux/ktls_netlink.h>

#include "config.h"
#include "helper/peer.h"
#include "wire.h"

/**
 * struct ktls_peer - the identity of a peer
 * @len: bytes of each part
 * @data: the parts, one behind the other
 */
struct ktls_peer {
	u16	len[__KTLS_PEER_PARTS];
	u8	data[];
};

static bool peer_is_within(const char *text, size_t len, char lowest)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (text[i] < lowest || text[i] > '~')
			return false;
	return true;
}

static bool peer_is_printable(const char *text, size_t len)
{
	return peer_is_within(text, len, ' ');
}

/* A line of KTLS_PEER_NAMES: a kind and a name. */
static bool peer_is_name(const char *line, size_t len)
{
	static const char *const kinds[] = { "DNS:", "IP:", "URI:", "email:" };
	unsigned int i;
	size_t n;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		n = strlen(kinds[i]);
		if (len > n && !memcmp(line, kinds[i], n))
			return peer_is_within(line + n, len - n, '!');
	}
	return false;
}

static bool peer_are_names(const char *text, size_t len)
{
	static const char more[] = "...\n";
	const char *line = text, *end;

	for (; len; len -= end - line, line = end) {
		if (len == strlen(more) && !memcmp(line, more, len))
			return true;
		end = memchr(line, '\n', len);
		if (!end || !peer_is_name(line, end - line))
			return false;
		end++;
	}
	return true;
}

static bool peer_is_fingerprint(const char *data, size_t len)
{
	return len == KTLS_PEER_FINGERPRINT_SIZE;
}

static const struct {
	int	attr;
	bool	(*valid)(const char *data, size_t len);
} peer_parts[__KTLS_PEER_PARTS] = {
	[KTLS_PEER_PART_NAME]		= { KTLS_A_PEER_NAME, peer_is_printable },
	[KTLS_PEER_PART_SUBJECT]	= { KTLS_A_PEER_SUBJECT, peer_is_printable },
	[KTLS_PEER_PART_NAMES]		= { KTLS_A_PEER_NAMES, peer_are_names },
	[KTLS_PEER_PART_FINGERPRINT]	= { KTLS_A_PEER_FINGERPRINT, peer_is_fingerprint },
};

/* A string may have a final NUL, which does not count. */
static size_t peer_attr_len(const struct nlattr *nla, int attr)
{
	size_t len = nla ? nla_len(nla) : 0;

	if (len && attr != KTLS_A_PEER_FINGERPRINT && !((char *)nla_data(nla))[len - 1])
		len--;
	return len;
}

/**
 * ktls_peer_parse - make the identity of a peer from DONE
 * @info: the message; its policy has bounded every length
 * @config: whose memory cgroup is charged
 * @ret_peer: a new one, for kvfree(); unchanged if the message has no part of it
 *
 * Context: process.
 * Return: 0, -EINVAL with the attribute that is invalid, or -ENOMEM.
 */
int ktls_peer_parse(const struct genl_info *info, const struct ktls_config *config,
		    struct ktls_peer **ret_peer)
{
	size_t len, total = 0;
	struct ktls_peer *peer;
	struct nlattr *nla;
	unsigned int i;

	for (i = 0; i < __KTLS_PEER_PARTS; i++) {
		nla = info->attrs[peer_parts[i].attr];
		len = peer_attr_len(nla, peer_parts[i].attr);
		if (nla && !peer_parts[i].valid(nla_data(nla), len)) {
			NL_SET_BAD_ATTR(info->extack, nla);
			return -EINVAL;
		}
		total += len;
	}
	if (!total)
		return 0;

	peer = ktls_config_zalloc_others(config, struct_size(peer, data, total));
	if (!peer)
		return -ENOMEM;
	total = 0;
	for (i = 0; i < __KTLS_PEER_PARTS; i++) {
		nla = info->attrs[peer_parts[i].attr];
		len = peer_attr_len(nla, peer_parts[i].attr);
		peer->len[i] = len;
		if (len)
			memcpy(peer->data + total, nla_data(nla), len);
		total += len;
	}
	*ret_peer = peer;
	return 0;
}

/**
 * ktls_peer_get - a part of the identity of a peer
 * @peer: or NULL: unknown
 * @part: which
 * @ret_len: its bytes, 0 if it is not known
 *
 * Context: any; @peer stays.
 * Return: inside @peer, without a NUL at its end; NULL with *@ret_len 0.
 */
const void *ktls_peer_get(const struct ktls_peer *peer, enum ktls_peer_part part, size_t *ret_len)
{
	const u8 *data;
	unsigned int i;

	*ret_len = peer ? peer->len[part] : 0;
	if (!*ret_len)
		return NULL;
	data = peer->data;
	for (i = 0; i < part; i++)
		data += peer->len[i];
	return data;
}
