/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SSL_CTX objects, one for each configuration of a socket, identity, KTLS_CIPHERS, role and
 * generation of ktlsd.conf, in a bounded LRU cache. A cache belongs to one worker; nothing
 * here is locked.
 */
#ifndef KTLSD_CONTEXT_H
#define KTLSD_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "config/anchors.h"
#include "config/config.h"
#include "errors.h"
#include "quota.h"
#include "request.h"
#include "tls/fingerprint.h"
#include "tls/suites.h"

enum {
	KTLSD_CONTEXTS_MAX		= 256,		/* in a cache */
	KTLSD_CONTEXTS_CACHED_BYTES	= 32 << 20,	/* cost of those in the cache */
};

/**
 * struct ktlsd_context - an SSL_CTX and its key in the cache
 * @cache: the cache that accounts for it
 * @prev: more recently used neighbour, NULL for the first
 * @next: less recently used neighbour
 * @refs: sessions that use it, and the cache while it is @cached
 * @cached: it is in the list
 * @config_id: key: configuration, 0 for none
 * @is_server: key: role
 * @identity: key: name, or ""
 * @ciphers: key: KTLS_CIPHERS, or ""
 * @cost: its memory and that of its anchors, estimated
 * @hold: its memory without that of the anchors, in the quota of the user it was made for
 * @ctx: owned
 * @suites: set in @ctx, see ktlsd_handshake_new()
 * @anchors: of KTLS_TRUST, a reference; or NULL
 * @psk: KTLS_PSK, or NULL; owned
 * @fingerprint: of what it was made from
 */
struct ktlsd_context {
	struct ktlsd_contexts	*cache;
	struct ktlsd_context	*prev;
	struct ktlsd_context	*next;
	unsigned int		refs;
	bool			cached;
	uint64_t		config_id;
	bool			is_server;
	char			identity[KTLSD_IDENTITY_MAX + 1];
	char			ciphers[KTLSD_CIPHERS_MAX + 1];
	size_t			cost;
	struct ktlsd_quota_hold	hold;
	SSL_CTX			*ctx;
	struct ktlsd_suites_choice suites;
	struct ktlsd_anchors	*anchors;
	struct ktls_psk		*psk;
	struct ktlsd_fingerprint fingerprint;
};

/**
 * struct ktlsd_contexts - a cache
 * @first: most recently used
 * @last: least recently used
 * @count: how many are cached
 * @cached_bytes: sum of their costs
 * @cached_max: limit of it; 0: KTLSD_CONTEXTS_CACHED_BYTES
 * @live_bytes: sum of all costs, including those that only sessions hold
 * @anchors: cache of the anchors of KTLS_TRUST
 *
 * Zeroed to begin with.
 */
struct ktlsd_contexts {
	struct ktlsd_context	*first;
	struct ktlsd_context	*last;
	unsigned int		count;
	size_t			cached_bytes;
	size_t			cached_max;
	size_t			live_bytes;
	struct ktlsd_anchors_cache anchors;
};

/**
 * struct ktlsd_context_parts - PEM that was fetched from the kernel
 * @data: by enum ktls_config_attr; NULL where absent
 * @len: bytes
 * @anchors: of KTLS_TRUST, see ktlsd_context_open_anchors()
 * @hold: ktlsd_context_cost() of memory, which the context takes over; NULL: not counted
 */
struct ktlsd_context_parts {
	const void		*data[KTLS_CONFIG_MAX + 1];
	size_t			len[KTLS_CONFIG_MAX + 1];
	struct ktlsd_anchors	*anchors;
	struct ktlsd_quota_hold	*hold;
};

/* Return: the memory of a context, without that of its anchors. */
size_t ktlsd_context_cost(const struct ktlsd_context_parts *parts);

/* Return: a reference to the context for @request, or NULL. */
struct ktlsd_context *ktlsd_context_find(struct ktlsd_contexts *cache,
					 const struct ktlsd_request *request);

/**
 * ktlsd_context_open_anchors - begin to read KTLS_TRUST, before the context is made
 * @cache: of the worker
 * @request: for its uid
 * @digest: of this KTLS_TRUST, zeroed to begin with
 * @parts: what was fetched; @parts->anchors becomes a reference, if there is a KTLS_TRUST;
 *	ktlsd_anchors_read() continues
 * @fault: on error
 *
 * Return: 1 call it again, 0, -EINVAL or -ENOMEM
 */
int ktlsd_context_open_anchors(struct ktlsd_contexts *cache,
			       const struct ktlsd_request *request,
			       struct ktlsd_anchors_digest *digest,
			       struct ktlsd_context_parts *parts,
			       struct ktlsd_fault *fault);

/**
 * ktlsd_context_make - make a context
 * @cache: accounts for it
 * @keep: add it to the cache; false if @config is no longer the newest
 * @config: for the system's trust anchors
 * @request: for the key in the cache
 * @identity: for its credential; NULL if that is in @parts, or if there is none
 * @parts: what was fetched; its anchors are complete
 * @ret_context: a reference for the caller
 * @fault: on error
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int ktlsd_context_make(struct ktlsd_contexts *cache, bool keep,
		       const struct ktlsd_config *config,
		       const struct ktlsd_request *request,
		       const struct ktlsd_identity *identity,
		       const struct ktlsd_context_parts *parts,
		       struct ktlsd_context **ret_context,
		       struct ktlsd_fault *fault);

/* Return: the subjects of KTLS_TRUST, for a server's CertificateRequest, or NULL. */
const STACK_OF(X509_NAME) *ktlsd_context_ca_names(const struct ktlsd_context *context);

/* Return: how peers are checked for revocation. @bounds: of the policies that apply;
 * @identity may be NULL.
 */
enum ktlsd_revocation_mode ktlsd_context_revocation(const struct ktlsd_context *context,
						    const struct ktlsd_config *config,
						    const struct ktlsd_bounds *bounds,
						    const struct ktlsd_identity *identity);

void ktlsd_context_put(struct ktlsd_context *context);

/* Removes the contexts that were made from a configuration of the kernel. */
void ktlsd_context_drop(struct ktlsd_contexts *cache, uint64_t config_id);

/* Removes one context from the cache; sessions keep it. */
void ktlsd_context_forget(struct ktlsd_context *context);

/* Frees the least recently used context of a user that no session uses. Return: false if there
 * is none.
 */
bool ktlsd_context_reclaim(struct ktlsd_contexts *cache, uint32_t uid);

/* Empties the cache; sessions keep the contexts they use. */
void ktlsd_context_flush(struct ktlsd_contexts *cache);

#endif
