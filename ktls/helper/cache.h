/* SPDX-License-Identifier: GPL-2.0 */
/* Configurations that the helper may have cached. */
#ifndef _KTLS_HELPER_CACHE_H
#define _KTLS_HELPER_CACHE_H

struct ktls_config;
struct ktls_port;

void ktls_cache_add(struct ktls_port *port, struct ktls_config *config);

#endif /* _KTLS_HELPER_CACHE_H */
