/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The key exchange groups and signature algorithms that programs can choose. Any thread. */
#ifndef KTLSD_ALGORITHMS_H
#define KTLSD_ALGORITHMS_H

#include <openssl/ssl.h>

#include "errors.h"

/**
 * ktlsd_algorithms_set_groups - KTLS_GROUPS
 * @ssl: the handshake
 * @names: colon-separated, or "" to keep the default
 * @fault: on error
 *
 * Return: 0, -EINVAL for a name that ktlsd or OpenSSL does not know, -ENOMEM
 */
int ktlsd_algorithms_set_groups(SSL *ssl, const char *names, struct ktlsd_fault *fault);

/* The same for KTLS_SIGALGS. */
int ktlsd_algorithms_set_sigalgs(SSL *ssl, const char *names, struct ktlsd_fault *fault);

#endif
