// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "message.h"

enum {
	MESSAGE_STRING_MAX	= 1024,	/* the longest option sent inline */
};

/* What an attribute may look like: sizes in bytes, both ends included. */
struct message_rule {
	uint16_t	min;
	uint16_t	max;
};

#define EXACTLY(n)	{ .min = (n), .max = (n) }
#define UP_TO(n)	{ .min = 0, .max = (n) }

static const struct message_rule message_rules[KTLS_A_MAX + 1] = {
	[KTLS_A_PAD]		= UP_TO(UINT16_MAX),
	[KTLS_A_PROTOCOL]	= EXACTLY(4),
	[KTLS_A_CREDIT]		= EXACTLY(4),
	[KTLS_A_SUITES]		= UP_TO(512),
	[KTLS_A_ID]		= EXACTLY(8),
	[KTLS_A_ROLE]		= EXACTLY(4),
	[KTLS_A_DEADLINE]	= EXACTLY(8),
	[KTLS_A_UID]		= EXACTLY(4),
	[KTLS_A_GID]		= EXACTLY(4),
	[KTLS_A_GROUPS]		= UP_TO(KTLS_GENL_GROUPS_MAX * 4),
	[KTLS_A_PID]		= EXACTLY(4),
	[KTLS_A_COMM]		= UP_TO(64),
	[KTLS_A_LOCAL_ADDR]	= UP_TO(128),
	[KTLS_A_PEER_ADDR]	= UP_TO(128),
	[KTLS_A_CONFIG]		= EXACTLY(8),
	[KTLS_A_CONFIG_PARTS]	= EXACTLY(4),
	[KTLS_A_SERVER_NAME]	= UP_TO(254),
	[KTLS_A_IDENTITY]	= UP_TO(65),
	[KTLS_A_VERIFY]		= EXACTLY(4),
	[KTLS_A_ALPN]		= UP_TO(MESSAGE_STRING_MAX),
	[KTLS_A_VERSION_MIN]	= EXACTLY(2),
	[KTLS_A_VERSION_MAX]	= EXACTLY(2),
	[KTLS_A_CIPHERS]	= UP_TO(MESSAGE_STRING_MAX + 1),
	[KTLS_A_RECORDS]	= UP_TO(KTLS_GENL_DATA_MAX),
	[KTLS_A_MORE]		= EXACTLY(0),
	[KTLS_A_CONFIG_ATTR]	= EXACTLY(4),
	[KTLS_A_OFFSET]		= EXACTLY(4),
	[KTLS_A_TOTAL]		= EXACTLY(4),
	[KTLS_A_PIECE]		= UP_TO(KTLS_GENL_PIECE_MAX),
	[KTLS_A_ERRNO]		= EXACTLY(4),
	[KTLS_A_ALERT]		= EXACTLY(1),
	[KTLS_A_ALERT_RCVD]	= EXACTLY(0),
	[KTLS_A_REASON]	= UP_TO(KTLS_GENL_REASON_MAX + 1),
	[KTLS_A_VERSION]	= EXACTLY(2),
	[KTLS_A_SUITE]		= EXACTLY(2),
	[KTLS_A_GROUP]		= EXACTLY(2),
	[KTLS_A_SIGALG]		= EXACTLY(2),
	[KTLS_A_CONSUMED]	= EXACTLY(4),
	[KTLS_A_TX_SECRET]	= UP_TO(KTLS_GENL_SECRET_MAX),
	[KTLS_A_RX_SECRET]	= UP_TO(KTLS_GENL_SECRET_MAX),
	[KTLS_A_TX_IV]		= UP_TO(KTLS_GENL_SECRET_MAX),
	[KTLS_A_RX_IV]		= UP_TO(KTLS_GENL_SECRET_MAX),
	[KTLS_A_TX_SEQ]		= EXACTLY(8),
	[KTLS_A_RX_SEQ]		= EXACTLY(8),
	[KTLS_A_TX_NONCE]	= EXACTLY(8),
	[KTLS_A_EXPORTER]	= UP_TO(KTLS_GENL_EXPORTER_MAX),
	[KTLS_A_MAX_FRAGMENT]	= EXACTLY(4),
	[KTLS_A_VERIFIED]	= EXACTLY(0),
	[KTLS_A_RESUMED]	= EXACTLY(0),
	[KTLS_A_PEER_NAME]	= UP_TO(256),
	[KTLS_A_PEER_CERT]	= UP_TO(UINT16_MAX),
	[KTLS_A_CHAIN_CERT]	= UP_TO(UINT16_MAX),
	[KTLS_A_MESSAGES]	= EXACTLY(4),
	[KTLS_A_TLS_GROUPS]	= UP_TO(MESSAGE_STRING_MAX + 1),
	[KTLS_A_SIGALGS]	= UP_TO(MESSAGE_STRING_MAX + 1),
	[KTLS_A_TICKETS]	= EXACTLY(4),
	[KTLS_A_TICKET]		= UP_TO(KTLS_GENL_TICKET_MAX),
	[KTLS_A_PEER_SUBJECT]	= UP_TO(KTLS_GENL_PEER_MAX + 1),
	[KTLS_A_PEER_NAMES]	= UP_TO(KTLS_GENL_PEER_MAX + 1),
	[KTLS_A_PEER_FINGERPRINT] = EXACTLY(KTLS_GENL_FINGERPRINT),
	[KTLS_A_FOREIGN]	= EXACTLY(0),
	[KTLS_A_REVOCATION]	= EXACTLY(4),
	[KTLS_A_INFO]		= UP_TO(1024),
	[KTLS_A_INODE]		= EXACTLY(8),
	[KTLS_A_AGE]		= EXACTLY(4),
	[KTLS_A_TX_IDLE]	= EXACTLY(4),
	[KTLS_A_RX_IDLE]	= EXACTLY(4),
	[KTLS_A_EXTERNAL]	= EXACTLY(0),
	[KTLS_A_COUNTER]	= UP_TO(64),
	[KTLS_A_VALUE]		= EXACTLY(8),
};

void ktlsd_message_begin(struct ktlsd_message *message, void *buffer,
			 size_t size, uint16_t family, uint8_t cmd,
			 uint32_t seq)
{
	struct genlmsghdr *genl;

	message->nlh = mnl_nlmsg_put_header(buffer);
	message->nlh->nlmsg_type = family;
	message->nlh->nlmsg_flags = NLM_F_REQUEST;
	message->nlh->nlmsg_seq = seq;
	message->size = size;
	message->overflow = false;

	genl = mnl_nlmsg_put_extra_header(message->nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = KTLS_GENL_VERSION;
}

void ktlsd_message_put(struct ktlsd_message *message, uint16_t attr,
		       const void *data, size_t len)
{
	if (len > UINT16_MAX - MNL_ATTR_HDRLEN ||
	    !mnl_attr_put_check(message->nlh, message->size, attr, len, data)) {
		message->overflow = true;
		return;
	}
	/* libmnl leaves the padding as it is: from an earlier message, or from the stack. */
	memset((char *)mnl_nlmsg_get_payload_tail(message->nlh) - (MNL_ALIGN(len) - len), 0,
	       MNL_ALIGN(len) - len);
}

void ktlsd_message_put_flag(struct ktlsd_message *message, uint16_t attr)
{
	ktlsd_message_put(message, attr, "", 0);
}

void ktlsd_message_put_u8(struct ktlsd_message *message, uint16_t attr,
			  uint8_t value)
{
	ktlsd_message_put(message, attr, &value, sizeof(value));
}

void ktlsd_message_put_u16(struct ktlsd_message *message, uint16_t attr,
			   uint16_t value)
{
	ktlsd_message_put(message, attr, &value, sizeof(value));
}

void ktlsd_message_put_u32(struct ktlsd_message *message, uint16_t attr,
			   uint32_t value)
{
	ktlsd_message_put(message, attr, &value, sizeof(value));
}

void ktlsd_message_put_u64(struct ktlsd_message *message, uint16_t attr,
			   uint64_t value)
{
	ktlsd_message_put(message, attr, &value, sizeof(value));
}

void ktlsd_message_put_string(struct ktlsd_message *message, uint16_t attr,
			      const char *string)
{
	ktlsd_message_put(message, attr, string, strlen(string));
}

int ktlsd_message_parse(const struct nlmsghdr *nlh, struct ktlsd_event *ret_event)
{
	const struct genlmsghdr *genl;
	const struct nlattr *attr;

	memset(ret_event, 0, sizeof(*ret_event));
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl))
		return -EBADMSG;
	genl = mnl_nlmsg_get_payload(nlh);
	ret_event->cmd = genl->cmd;
	ret_event->seq = nlh->nlmsg_seq;

	mnl_attr_for_each(attr, nlh, sizeof(*genl)) {
		uint16_t type = mnl_attr_get_type(attr);
		uint16_t len = mnl_attr_get_payload_len(attr);

		/* A newer kernel may tell more than this helper understands. */
		if (type > KTLS_A_MAX || type == KTLS_A_PAD)
			continue;
		if (len < message_rules[type].min ||
		    len > message_rules[type].max)
			return -EBADMSG;
		if (!ret_event->attr[type])
			ret_event->attr[type] = attr;
	}
	return 0;
}

uint16_t ktlsd_message_u16(const struct ktlsd_event *event, uint16_t attr,
			   uint16_t absent)
{
	return event->attr[attr] ? mnl_attr_get_u16(event->attr[attr]) : absent;
}

uint32_t ktlsd_message_u32(const struct ktlsd_event *event, uint16_t attr,
			   uint32_t absent)
{
	return event->attr[attr] ? mnl_attr_get_u32(event->attr[attr]) : absent;
}

uint64_t ktlsd_message_u64(const struct ktlsd_event *event, uint16_t attr,
			   uint64_t absent)
{
	return event->attr[attr] ? mnl_attr_get_u64(event->attr[attr]) : absent;
}

const void *ktlsd_message_bytes(const struct ktlsd_event *event, uint16_t attr,
				size_t *ret_len)
{
	if (!event->attr[attr]) {
		*ret_len = 0;
		return NULL;
	}
	*ret_len = mnl_attr_get_payload_len(event->attr[attr]);
	return mnl_attr_get_payload(event->attr[attr]);
}

int ktlsd_message_string(const struct ktlsd_event *event, uint16_t attr,
			 char *dst, size_t size)
{
	const char *bytes;
	size_t len;

	bytes = ktlsd_message_bytes(event, attr, &len);
	if (len && !bytes[len - 1])
		len--;
	if (len >= size)
		return -EMSGSIZE;
	if (len && memchr(bytes, '\0', len))
		return -EINVAL;
	if (len)
		memcpy(dst, bytes, len);
	dst[len] = '\0';
	return (int)len;
}
