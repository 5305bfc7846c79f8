/* SPDX-License-Identifier: GPL-2.0 */
/* Can the helper serve with a configuration? */
#ifndef _KTLS_HELPER_CHECK_H
#define _KTLS_HELPER_CHECK_H

#include <linux/types.h>

#include "wire.h"

struct ktls_config;
struct net;

int ktls_check(struct net *net, struct ktls_config *config, u32 timeout_ms,
	       char reason[KTLS_REASON_MAX]);

#endif /* _KTLS_HELPER_CHECK_H */
