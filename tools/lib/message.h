/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of the netlink protocol in include/uapi/linux/ktls_netlink.h: built in a bounded
 * buffer, and parsed. A message belongs to one thread.
 */
#ifndef KTLS_TOOLS_LIB_MESSAGE_H
#define KTLS_TOOLS_LIB_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/ktls.h>
#include <linux/ktls_netlink.h>

/**
 * struct ktlsd_message - a message under construction
 * @nlh: its header, in the caller's buffer
 * @size: size of that buffer, bytes
 * @overflow: an attribute did not fit; the message must not be sent
 */
struct ktlsd_message {
	struct nlmsghdr	*nlh;
	size_t		size;
	bool		overflow;
};

/* Begins a message in @buffer, which the caller owns and which is aligned for a nlmsghdr. */
void ktlsd_message_begin(struct ktlsd_message *message, void *buffer,
			 size_t size, uint16_t family, uint8_t cmd,
			 uint32_t seq);
void ktlsd_message_put(struct ktlsd_message *message, uint16_t attr,
		       const void *data, size_t len);
void ktlsd_message_put_flag(struct ktlsd_message *message, uint16_t attr);
void ktlsd_message_put_u8(struct ktlsd_message *message, uint16_t attr,
			  uint8_t value);
void ktlsd_message_put_u16(struct ktlsd_message *message, uint16_t attr,
			   uint16_t value);
void ktlsd_message_put_u32(struct ktlsd_message *message, uint16_t attr,
			   uint32_t value);
void ktlsd_message_put_u64(struct ktlsd_message *message, uint16_t attr,
			   uint64_t value);
void ktlsd_message_put_string(struct ktlsd_message *message, uint16_t attr,
			      const char *string);

/**
 * struct ktlsd_event - a received message
 * @cmd: enum ktls_cmd
 * @seq: sequence number of the header
 * @attr: by enum ktls_attr, NULL where absent; they point into the buffer
 *	that was given to ktlsd_message_parse()
 */
struct ktlsd_event {
	uint8_t			cmd;
	uint32_t		seq;
	const struct nlattr	*attr[KTLS_A_MAX + 1];
};

/**
 * ktlsd_message_parse - parse a message
 *
 * Checks the size of every attribute against the protocol. Of an attribute that occurs more
 * than once (PEER_CERT, CHAIN_CERT) the first is used.
 *
 * Return: 0, -EBADMSG if it violates the protocol
 */
int ktlsd_message_parse(const struct nlmsghdr *nlh, struct ktlsd_event *ret_event);

uint32_t ktlsd_message_u32(const struct ktlsd_event *event, uint16_t attr,
			   uint32_t absent);
uint64_t ktlsd_message_u64(const struct ktlsd_event *event, uint16_t attr,
			   uint64_t absent);
uint16_t ktlsd_message_u16(const struct ktlsd_event *event, uint16_t attr,
			   uint16_t absent);

/* Return: the payload, NULL with *ret_len 0 when the attribute is absent. */
const void *ktlsd_message_bytes(const struct ktlsd_event *event, uint16_t attr,
				size_t *ret_len);

/**
 * ktlsd_message_string - copy a string attribute
 *
 * One final NUL is dropped.
 *
 * Return: its length, 0 when absent, -EINVAL with a NUL inside, -EMSGSIZE when
 * @size is too small.
 */
int ktlsd_message_string(const struct ktlsd_event *event, uint16_t attr,
			 char *dst, size_t size);

#endif
