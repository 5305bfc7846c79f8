/* SPDX-License-Identifier: GPL-2.0 */
/* DATA and DONE, the helper's answers to a request. */
#ifndef _KTLS_HELPER_ANSWER_H
#define _KTLS_HELPER_ANSWER_H

#include <linux/types.h>

struct genl_info;
struct ktls_port;
struct ktls_request;

int ktls_answer_allowed(struct ktls_port *port, struct ktls_request *req,
			const struct genl_info *info, bool *ret_turn);
int ktls_answer_data(struct ktls_port *port, struct ktls_request *req,
		     struct genl_info *info);
int ktls_answer_done(struct ktls_port *port, struct ktls_request *req,
		     struct genl_info *info);
void ktls_answer_wipe(const struct genl_info *info);

#endif /* _KTLS_HELPER_ANSWER_H */
