/* SPDX-License-Identifier: GPL-2.0 */
/* Messages to the helper. */
#ifndef _KTLS_HELPER_MESSAGE_H
#define _KTLS_HELPER_MESSAGE_H

#include <linux/skbuff.h>
#include <linux/types.h>

struct genl_family;
struct genl_info;
struct ktls_config;
struct ktls_port;
struct ktls_request;

void ktls_message_init(const struct genl_family *family);
struct sk_buff *ktls_message_request(const struct ktls_request *req,
				     const struct ktls_port *port);
int ktls_message_data(const struct ktls_request *req, const void *records, size_t len,
		      const char *reason, struct sk_buff_head *messages);
struct sk_buff *ktls_message_number(u8 cmd, int attr, u64 value);
struct sk_buff *ktls_message_piece(const struct ktls_request *req, u32 attr, u32 offset,
				   const struct genl_info *info);
struct sk_buff *ktls_message_ticket(const struct ktls_config *config, u64 id, const u8 *body,
				    size_t len);
struct sk_buff *ktls_message_suites(const struct genl_info *info);
void ktls_message_wipe(struct sk_buff *skb);

#endif /* _KTLS_HELPER_MESSAGE_H */
