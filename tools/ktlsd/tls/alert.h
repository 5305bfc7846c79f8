/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An alert after a handshake that OpenSSL considers successful. Thread of the handshake. */
#ifndef KTLSD_ALERT_H
#define KTLSD_ALERT_H

#include "tls/handshake.h"

/**
 * ktlsd_alert_seal - refuse a TLS 1.2 connection whose handshake is complete
 * @hs: its keys are in use in both directions
 * @description: of the fatal alert, which is sealed and appended to the output
 * @fault: on error
 *
 * OpenSSL sends alerts only for handshakes that it fails itself.
 *
 * Return: 0 or a negative errno
 */
int ktlsd_alert_seal(struct ktlsd_handshake *hs, uint8_t description,
		     struct ktlsd_fault *fault);

#endif
