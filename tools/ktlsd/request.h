/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A START or CHECK of the kernel, parsed and validated. Owns nothing; any thread. */
#ifndef KTLSD_REQUEST_H
#define KTLSD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/acl.h"
#include "config/config.h"
#include "errors.h"
#include "names.h"
#include "shares.h"

enum {
	KTLSD_CIPHERS_MAX	= 1024,	/* bytes, as KTLS_CIPHERS */
	KTLSD_NAMES_MAX		= 1024,	/* bytes, as KTLS_GROUPS and KTLS_SIGALGS */
	KTLSD_TICKETS_MAX	= 16,	/* as KTLS_TICKETS */
	KTLSD_PEER_TEXT_MAX	= 64,	/* bytes of an address with its port */
};

/**
 * struct ktlsd_request - a START or CHECK
 * @id: of the request
 * @check: a CHECK: try the configuration without a handshake
 * @is_server: our role
 * @deadline: of the handshake, milliseconds of the monotonic clock
 * @caller: task that chose the credential
 * @source: for the scheduler, see shares.h
 * @config_id: identifies @parts; 0 without any
 * @parts: bits of enum ktls_config_attr that can be fetched
 * @identity: name, or ""
 * @name: client: name that the server's certificate must have
 * @port: of the peer, 0 if unknown
 * @peer: address and port of the peer, for logs; or ""
 * @culprit: who caused the request, to limit log lines: a server's peer or its network,
 *	else the caller
 * @verify: enum ktls_verify, for a client never KTLS_VERIFY_OPTIONAL
 * @verify_given: the program has set KTLS_VERIFY
 * @alpn: RFC 7301 list
 * @alpn_len: bytes
 * @version_min: lowest version
 * @version_max: highest
 * @ciphers: KTLS_CIPHERS, or ""
 * @groups: KTLS_GROUPS, or ""
 * @sigalgs: KTLS_SIGALGS, or ""
 * @tickets: KTLS_TICKETS
 * @bounds: of the policies that apply, see comply.h
 */
struct ktlsd_request {
	uint64_t		id;
	bool			check;
	bool			is_server;
	int64_t			deadline;
	struct ktlsd_caller	caller;
	struct ktlsd_source	source;
	uint64_t		config_id;
	uint32_t		parts;
	char			identity[KTLSD_IDENTITY_MAX + 1];
	struct ktlsd_name	name;
	uint16_t		port;
	char			peer[KTLSD_PEER_TEXT_MAX];
	char			culprit[KTLSD_PEER_TEXT_MAX];
	uint32_t		verify;
	bool			verify_given;
	uint8_t			alpn[KTLSD_ALPN_MAX];
	size_t			alpn_len;
	uint16_t		version_min;
	uint16_t		version_max;
	char			ciphers[KTLSD_CIPHERS_MAX + 1];
	char			groups[KTLSD_NAMES_MAX + 1];
	char			sigalgs[KTLSD_NAMES_MAX + 1];
	unsigned int		tickets;
	struct ktlsd_bounds	bounds;
};

/**
 * ktlsd_request_parse - read a START or CHECK
 * @event: the message; has an ID
 * @ret_request: filled; after an error at least its @id
 * @fault: on error
 *
 * Return: 0, or -EINVAL
 */
int ktlsd_request_parse(const struct ktlsd_event *event,
			struct ktlsd_request *ret_request,
			struct ktlsd_fault *fault);

#endif
