/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OpenSSL's own configuration (openssl.cnf, which distributions generate from their
 * crypto-policies) is a policy for all programs: ktlsd sets versions, suites, groups and
 * signature algorithms itself, and must not allow more than the system does.
 */
#ifndef KTLSD_SYSTEM_H
#define KTLSD_SYSTEM_H

#include "config/policy.h"

/**
 * ktlsd_system_init - find out what OpenSSL's configuration allows
 *
 * Call it once, before any thread is started.
 *
 * Return: 0 or -ENOMEM
 */
int ktlsd_system_init(void);

/* Return: the policy; without bounds before ktlsd_system_init(). */
const struct ktlsd_policy *ktlsd_system_policy(void);

#endif
