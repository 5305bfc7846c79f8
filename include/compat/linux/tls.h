/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _KTLS_COMPAT_LINUX_TLS_H
#define _KTLS_COMPAT_LINUX_TLS_H

#include_next <linux/tls.h>

#ifndef TLS_TX_MAX_PAYLOAD_LEN
#define TLS_TX_MAX_PAYLOAD_LEN	5	/* Maximum plaintext size */
/* An enumerator in the header that has the option. */
#define TLS_INFO_TX_MAX_PAYLOAD_LEN	(TLS_INFO_RX_NO_PAD + 1)
#endif

#endif /* _KTLS_COMPAT_LINUX_TLS_H */
