/* SPDX-License-Identifier: GPL-2.0 */
/* A helper that a test controls; see request_helper.c. */
#ifndef _KTLS_KUNIT_REQUEST_HELPER_H
#define _KTLS_KUNIT_REQUEST_HELPER_H

#include <uapi/linux/ktls_netlink.h>

#include "common.h"

/**
 * struct ktls_kunit_helper - a helper that does nothing by itself
 * @sock: its netlink socket
 * @file: of @sock; NULL: it has died
 * @seq: of its last message
 * @received: how many messages of each command it was sent
 * @id: of the last START or CHECK
 * @buffer: for one message
 */
struct ktls_kunit_helper {
	struct socket	*sock;
	struct file	*file;
	u32		seq;
	unsigned int	received[KTLS_CMD_CANCEL + 1];
	u64		id;
	void		*buffer;
};

struct ktls_kunit_helper *ktls_kunit_helper(struct kunit *test, u32 credit);
void ktls_kunit_helper_die(struct ktls_kunit_helper *helper);
unsigned int ktls_kunit_helper_wait_for(struct ktls_kunit_helper *helper, u8 cmd);
unsigned int ktls_kunit_helper_waits(struct ktls_kunit_helper *helper, u8 cmd, unsigned int want);
int ktls_kunit_helper_register(struct ktls_kunit_helper *helper, u32 credit);
int ktls_kunit_helper_data(struct ktls_kunit_helper *helper, u64 id, const char *records,
			   size_t len, bool more);
int ktls_kunit_helper_done(struct ktls_kunit_helper *helper, u64 id, u32 error);
void ktls_kunit_expect_idle(struct kunit *test, unsigned int ports);

#endif /* _KTLS_KUNIT_REQUEST_HELPER_H */
