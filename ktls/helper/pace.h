/* SPDX-License-Identifier: GPL-2.0 */
/* How long requests of a source wait that has many of them cancelled. */
#ifndef _KTLS_HELPER_PACE_H
#define _KTLS_HELPER_PACE_H

#include <linux/spinlock.h>
#include <linux/types.h>

struct ktls_pace;

/* What tells sources apart: a uid, a listener or none, and the peer's address; see queue.h. */
#define KTLS_PACE_NAMES	3

struct ktls_pace *ktls_pace_new(spinlock_t *lock);
void ktls_pace_free(struct ktls_pace *pace);
u64 ktls_pace_delay(struct ktls_pace *pace, const u64 *name, u64 now);
void ktls_pace_vain(struct ktls_pace *pace, const u64 *name, u64 now);
void ktls_pace_success(struct ktls_pace *pace, const u64 *name);

#endif /* _KTLS_HELPER_PACE_H */
