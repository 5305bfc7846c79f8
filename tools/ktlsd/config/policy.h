/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sections [policy] and [policy NAME] of ktlsd.conf: what the administrator requires of the
 * handshakes of all programs, or of some. Parsed by the main thread, constant afterwards.
 */
#ifndef KTLSD_POLICY_H
#define KTLSD_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "config/acl.h"
#include "config/revocation.h"
#include "errors.h"

enum {
	KTLSD_POLICY_NAME_MAX	= 64,	/* bytes */
	KTLSD_POLICIES_MAX	= 256,
	KTLSD_POLICY_ALPN_MAX	= 1024,	/* bytes */
	KTLSD_POLICY_WHY_MAX	= 200,	/* bytes of an explanation */
};

/* What a policy bounds. The names of the keys are in policy.c. */
enum ktlsd_policy_key {
	KTLSD_POLICY_MIN_VERSION,
	KTLSD_POLICY_MAX_VERSION,
	KTLSD_POLICY_SUITES,
	KTLSD_POLICY_GROUPS,
	KTLSD_POLICY_SIGALGS,
	KTLSD_POLICY_RSA_BITS,
	KTLSD_POLICY_CURVES,
	KTLSD_POLICY_VERIFY,
	KTLSD_POLICY_VERIFY_CLIENTS,
	KTLSD_POLICY_OWN_KEYS,
	KTLSD_POLICY_OWN_ANCHORS,
	KTLSD_POLICY_ALPN,
	KTLSD_POLICY_TICKETS,
	KTLSD_POLICY_REVOCATION,
	KTLSD_POLICY_REVOCATION_TRUST,
	KTLSD_POLICY_RSA_TRANSPORT,
	KTLSD_POLICY_KEYS,	/* how many bounds there are */

	/* Selectors. */
	KTLSD_POLICY_UIDS = KTLSD_POLICY_KEYS,
	KTLSD_POLICY_GIDS,
	KTLSD_POLICY_CONTAINERS,
	KTLSD_POLICY_UNKNOWN,
};

struct ktlsd_policy;

/**
 * struct ktlsd_bounds - what a handshake has to keep to; all zeros means anything but
 *	RSA key transport
 * @version_min: lowest version, 0 for any
 * @version_max: highest version, 0 for any
 * @no_suites: mask of cipher suites that are forbidden, see tls/suites.h
 * @no_groups: likewise, see tls/algorithms.h
 * @no_sigalgs: likewise
 * @rsa_min: bits of an RSA key, 0 for any
 * @no_curves: mask of KTLSD_CURVE_* that are forbidden; not 0 also forbids all other curves
 * @verify: clients must verify servers
 * @verify_clients: servers must verify clients
 * @no_own_keys: programs must not bring a key of their own
 * @no_own_anchors: programs must not bring trust anchors of their own
 * @tickets_bound: @tickets_max counts
 * @tickets_max: how many tickets a server may issue; 0: no session is resumed
 * @revocation: how peers are checked for revocation at least
 * @revocation_ktls_trust: also where the trust anchors are the program's
 * @rsa_transport: cipher suites with RSA key transport may be used; otherwise comply.c adds
 *	them to @no_suites
 * @no_rsa_transport: even if another policy says so, they may not
 * @by: for each key, the first policy that set it; NULL for none
 */
struct ktlsd_bounds {
	uint16_t			version_min;
	uint16_t			version_max;
	uint32_t			no_suites;
	uint32_t			no_groups;
	uint32_t			no_sigalgs;
	unsigned int			rsa_min;
	uint32_t			no_curves;
	bool				verify;
	bool				verify_clients;
	bool				no_own_keys;
	bool				no_own_anchors;
	bool				tickets_bound;
	unsigned int			tickets_max;
	enum ktlsd_revocation_mode	revocation;
	bool				revocation_ktls_trust;
	bool				rsa_transport;
	bool				no_rsa_transport;
	const struct ktlsd_policy	*by[KTLSD_POLICY_KEYS];
};

/**
 * struct ktlsd_policy - a section [policy] or [policy NAME]
 * @name: NAME, or ""
 * @path: of the file it is in
 * @line: of the section; 0: it is what OpenSSL's configuration says
 * @lines: of each key, 0 if it is not set
 * @selects: whose handshakes, if @selects.given
 * @netns: only in these network namespaces, NULL for all
 * @containers_given: only those in containers, or only those that are not
 * @containers: which of them
 * @bounds: what it requires; its @by is empty
 * @alpn: allowed protocols, an RFC 7301 list; owned
 * @alpn_len: bytes
 */
struct ktlsd_policy {
	char			name[KTLSD_POLICY_NAME_MAX + 1];
	char			*path;
	unsigned int		line;
	unsigned int		lines[KTLSD_POLICY_KEYS];
	struct ktlsd_acl	selects;
	char			*netns;
	bool			containers_given;
	bool			containers;
	struct ktlsd_bounds	bounds;
	uint8_t			*alpn;
	size_t			alpn_len;
};

/**
 * ktlsd_policy_init - begin a policy
 * @policy: filled; ktlsd_policy_free() releases it
 * @name: of the section, or ""
 * @path: of the file, copied
 * @line: of the section
 *
 * Return: 0 or -ENOMEM
 */
int ktlsd_policy_init(struct ktlsd_policy *policy, const char *name, const char *path,
		      unsigned int line);
void ktlsd_policy_free(struct ktlsd_policy *policy);

/**
 * ktlsd_policy_set - set a key
 * @policy: changed
 * @name: of the key
 * @line: of the key
 * @value: from the file
 * @fault: on error: what is wrong with @value
 *
 * Return: 0 or a negative errno
 */
int ktlsd_policy_set(struct ktlsd_policy *policy, const char *name, unsigned int line,
		     const char *value, struct ktlsd_fault *fault);

/* Return: the name of a key. */
const char *ktlsd_policy_key_name(enum ktlsd_policy_key key);

/* Return: the bit of @word in the masks of @key, a list of names; 0 if it is unknown. */
uint32_t ktlsd_policy_bit(enum ktlsd_policy_key key, const char *word, size_t len);

/* Return: whether the handshakes of @caller have to keep to @policy. If its ids are
 * ambiguous they have to.
 */
bool ktlsd_policy_selects(const struct ktlsd_policy *policy,
			  const struct ktlsd_caller *caller);

/* Makes @bounds as strict as both: what is forbidden by one of them is. RSA key transport is
 * allowed by one, if none forbids it.
 */
void ktlsd_policy_merge(struct ktlsd_bounds *bounds, const struct ktlsd_policy *policy);

/**
 * ktlsd_policy_place - say where a policy requires something
 * @policy: it
 * @key: that it sets
 * @text: filled, such as "policy 'web' (min_version, /etc/ktls/ktlsd.conf:12)"
 * @size: of @text
 */
void ktlsd_policy_place(const struct ktlsd_policy *policy, enum ktlsd_policy_key key,
			char *text, size_t size);

/**
 * ktlsd_policy_allows_key - decide whether a public key may be used
 * @bounds: for its type and size
 * @key: of a certificate
 * @why: filled if it may not: a description such as "an RSA key of 2048 bits: ..."
 *
 * Return: true if it may
 */
bool ktlsd_policy_allows_key(const struct ktlsd_bounds *bounds, const EVP_PKEY *key,
			     char why[KTLSD_POLICY_WHY_MAX]);

#endif
