/* SPDX-License-Identifier: GPL-2.0-or-later */
/* KTLS_PSK: an external pre-shared key. Thread of the handshake. */
#ifndef KTLSD_PSK_H
#define KTLSD_PSK_H

#include "tls/handshake.h"

/* Offers @psk as a client, accepts it as a server. @psk must outlive @hs. */
void ktlsd_psk_use(struct ktlsd_handshake *hs, const struct ktls_psk *psk);

#endif
