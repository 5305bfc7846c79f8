/* SPDX-License-Identifier: GPL-2.0 */
/* Which port gets which request, and what becomes of them when it closes. */
#ifndef _KTLS_HELPER_DISPATCH_H
#define _KTLS_HELPER_DISPATCH_H

#include <linux/types.h>
#include <linux/workqueue.h>

struct ktls_net;
struct ktls_port;

void ktls_dispatch_port(struct ktls_port *port);
void ktls_dispatch_any(struct ktls_net *kn);
void ktls_dispatch_work(struct work_struct *work);
void ktls_dispatch_wake(struct work_struct *work);
void ktls_dispatch_discard(struct ktls_port *port);
void ktls_dispatch_close(struct ktls_net *kn, u32 portid);
void ktls_dispatch_close_all(struct ktls_net *kn);

#endif /* _KTLS_HELPER_DISPATCH_H */
