/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which sessions may be resumed by whom: a hash over all that must be the same.
 * For a client that is the key of the session cache, for a server the context of
 * the session and what its ticket keys are derived from. The namespaces are not in
 * it: a ktlsd serves one network namespace, and uids are in its own user namespace.
 */
#ifndef KTLSD_FINGERPRINT_H
#define KTLSD_FINGERPRINT_H

#include <stdint.h>

struct ktlsd_context_parts;
struct ktlsd_request;

enum {
	KTLSD_FINGERPRINT_SIZE	= 32,
};

struct ktlsd_fingerprint {
	uint8_t	bytes[KTLSD_FINGERPRINT_SIZE];
};

/**
 * ktlsd_fingerprint_parts - of what was fetched, and of the configuration file
 * @parts: certificate, key, trust
 * @identity: the name, or ""
 * @generation: of the configuration file: the system's trust, the identities
 * @ret_fingerprint: filled
 *
 * Return: 0 or -ENOMEM
 */
int ktlsd_fingerprint_parts(const struct ktlsd_context_parts *parts,
			    const char *identity, uint64_t generation,
			    struct ktlsd_fingerprint *ret_fingerprint);

/**
 * ktlsd_fingerprint_request - of all that one caller wants
 * @parts: ktlsd_fingerprint_parts() of its configuration
 * @request: role, uid and container, verification, versions, suites, groups, signature
 *	algorithms, ALPN; of a client the server's name and port, too
 * @ret_fingerprint: filled
 *
 * Return: 0 or -ENOMEM
 */
int ktlsd_fingerprint_request(const struct ktlsd_fingerprint *parts,
			      const struct ktlsd_request *request,
			      struct ktlsd_fingerprint *ret_fingerprint);

#endif
