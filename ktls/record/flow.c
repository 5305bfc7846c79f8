// SPDX-License-Identifier: GPL-2.0
/* What stands for the flow of a record layer without records. */
#include <linux/cache.h>
#include <linux/list.h>

#include "record/rl.h"
#include "wire.h"

/* Read by sockets without records, and written to by nobody: that is a fault at once. */
struct ktls_flow ktls_flow_none __ro_after_init = {
	.framing.need	= KTLS_HEADER_SIZE,
	.opened.list	= LIST_HEAD_INIT(ktls_flow_none.opened.list),
};
