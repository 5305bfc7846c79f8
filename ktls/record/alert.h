/* SPDX-License-Identifier: GPL-2.0 */
/* Alerts, and what they do to a connection. Socket lock held. */
#ifndef _KTLS_RECORD_ALERT_H
#define _KTLS_RECORD_ALERT_H

#include <linux/types.h>

struct ktls_rl;

enum ktls_alert_limits {
	KTLS_WARNINGS_MAX	= 8,	/* warning alerts in a row */
};

int ktls_alert_send(struct ktls_rl *rl, u8 alert);
int ktls_alert_fatal(struct ktls_rl *rl, u8 alert, int err, const char *reason);
int ktls_alert_refuse(struct ktls_rl *rl, u8 alert, const char *reason);
void ktls_alert_report(struct ktls_rl *rl, int err, const char *reason);
int ktls_alert_received(struct ktls_rl *rl, const u8 *data, size_t len);

#endif /* _KTLS_RECORD_ALERT_H */
