/* SPDX-License-Identifier: GPL-2.0 */
/* Why a connection failed, for KTLS_ERROR. Socket lock held. */
#ifndef _KTLS_RECORD_REASON_H
#define _KTLS_RECORD_REASON_H

#include <linux/compiler.h>

struct ktls_rl;

void ktls_reason_set(struct ktls_rl *rl, const char *fmt, ...) __printf(2, 3);
const char *ktls_reason_get(const struct ktls_rl *rl);
void ktls_reason_clear(struct ktls_rl *rl);	/* or nobody else knows @rl */

#endif /* _KTLS_RECORD_REASON_H */
