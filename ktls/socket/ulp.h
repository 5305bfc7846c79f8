/* SPDX-License-Identifier: GPL-2.0 */
/* The ULP. */
#ifndef _KTLS_SOCKET_ULP_H
#define _KTLS_SOCKET_ULP_H

int ktls_ulp_init(void);
void ktls_ulp_exit(void);

#endif /* _KTLS_SOCKET_ULP_H */
