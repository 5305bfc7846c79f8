/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash over all that must be the same for a session to be resumed. For a client it is the
 * key in the session cache; for a server it is the session id context, and the ticket keys
 * are derived from it. It does not contain namespaces: a ktlsd serves one network namespace,
 * and uids are those of its own user namespace. Any thread.
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
 * ktlsd_fingerprint_parts - hash the configuration of a socket and of ktlsd
 * @parts: certificate, key, trust
 * @identity: the name, or ""
 * @generation: of ktlsd.conf, or a hash of what it names: stands for identities and the system's trust anchors
 * @ret_fingerprint: filled
 *
 * Return: 0 or -ENOMEM
 */
int ktlsd_fingerprint_parts(const struct ktlsd_context_parts *parts,
			    const char *identity, uint64_t generation,
			    struct ktlsd_fingerprint *ret_fingerprint);

/**
 * ktlsd_fingerprint_request - hash a request with its configuration
 * @parts: ktlsd_fingerprint_parts() of its configuration
 * @request: for its role, uid, container, verification, versions, suites, groups, signature
 *	algorithms, ALPN and policies; of a client also the server's name and port
 * @ret_fingerprint: filled
 *
 * Return: 0 or -ENOMEM
 */
int ktlsd_fingerprint_request(const struct ktlsd_fingerprint *parts,
			      const struct ktlsd_request *request,
			      struct ktlsd_fingerprint *ret_fingerprint);

#endif
