// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "tls/context.h"
#include "tls/handshake.h"
#include "tls/own_cert.h"
#include "tls/secrets.h"

enum {
	CONTEXT_COST	= 32768,	/* bytes, of an SSL_CTX without certificates */
};

static void context_unlink(struct ktlsd_context *context)
{
	struct ktlsd_contexts *cache = context->cache;

	if (context->prev)
		context->prev->next = context->next;
	else
		cache->first = context->next;
	if (context->next)
		context->next->prev = context->prev;
	else
		cache->last = context->prev;
	context->prev = NULL;
	context->next = NULL;
}

static void context_link(struct ktlsd_context *context)
{
	struct ktlsd_contexts *cache = context->cache;

	context->prev = NULL;
	context->next = cache->first;
	if (cache->first)
		cache->first->prev = context;
	else
		cache->last = context;
	cache->first = context;
}

static void context_evict(struct ktlsd_context *context)
{
	struct ktlsd_contexts *cache = context->cache;

	context_unlink(context);
	context->cached = false;
	cache->count--;
	cache->cached_bytes -= context->cost;
	ktlsd_context_put(context);
}

/* Adds a context to the cache, which takes a reference, and evicts the oldest ones. */
static void context_cache(struct ktlsd_context *context)
{
	struct ktlsd_contexts *cache = context->cache;
	size_t max = KTLSD_CONTEXTS_CACHED_BYTES;

	context->refs++;
	context->cached = true;
	context_link(context);
	cache->count++;
	cache->cached_bytes += context->cost;
	if (cache->cached_max)
		max = cache->cached_max;
	while (cache->count > KTLSD_CONTEXTS_MAX ||
	       (cache->count > 1 && cache->cached_bytes > max))
		context_evict(cache->last);
}

struct ktlsd_context *ktlsd_context_find(struct ktlsd_contexts *cache,
					 const struct ktlsd_request *request)
{
	struct ktlsd_context *context;

	for (context = cache->first; context; context = context->next) {
		if (context->config_id != request->config_id ||
		    context->is_server != request->is_server ||
		    strcmp(context->identity, request->identity) ||
		    strcmp(context->ciphers, request->ciphers))
			continue;
		context_unlink(context);
		context_link(context);
		context->refs++;
		return context;
	}
	return NULL;
}

void ktlsd_context_put(struct ktlsd_context *context)
{
	if (!context || --context->refs)
		return;
	context->cache->live_bytes -= context->cost;
	ktlsd_quota_release(&context->hold);
	SSL_CTX_free(context->ctx);
	ktlsd_anchors_put(context->anchors);
	OPENSSL_clear_free(context->psk, sizeof(*context->psk));
	free(context);
}

void ktlsd_context_drop(struct ktlsd_contexts *cache, uint64_t config_id)
{
	struct ktlsd_context *context, *next;

	for (context = cache->first; context; context = next) {
		next = context->next;
		if (context->config_id == config_id)
			context_evict(context);
	}
}

void ktlsd_context_forget(struct ktlsd_context *context)
{
	if (context->cached)
		context_evict(context);
}

bool ktlsd_context_reclaim(struct ktlsd_contexts *cache, uint32_t uid)
{
	struct ktlsd_context *context;

	for (context = cache->last; context; context = context->prev) {
		if (context->hold.uid == uid && context->refs == 1) {
			context_evict(context);
			return true;
		}
	}
	return false;
}

void ktlsd_context_flush(struct ktlsd_contexts *cache)
{
	while (cache->last)
		context_evict(cache->last);
}

const STACK_OF(X509_NAME) *ktlsd_context_ca_names(const struct ktlsd_context *context)
{
	return context->anchors ? context->anchors->names : NULL;
}

enum ktlsd_revocation_mode ktlsd_context_revocation(const struct ktlsd_context *context,
						    const struct ktlsd_config *config,
						    const struct ktlsd_bounds *bounds,
						    const struct ktlsd_identity *identity)
{
	return ktlsd_revocation_choose(bounds->revocation,
				       identity ? &identity->revocation : NULL,
				       &config->revocation, context->anchors,
				       config->revocation_ktls_trust ||
				       bounds->revocation_ktls_trust);
}

int ktlsd_context_open_anchors(struct ktlsd_contexts *cache,
			       const struct ktlsd_request *request,
			       struct ktlsd_anchors_digest *digest,
			       struct ktlsd_context_parts *parts,
			       struct ktlsd_fault *fault)
{
	const void *pem = parts->data[KTLS_CONFIG_TRUST];
	size_t len = parts->len[KTLS_CONFIG_TRUST];
	int err;

	if (!pem)
		return 0;
	err = ktlsd_anchors_digest_step(digest, pem, len, fault);
	return err ? err : ktlsd_anchors_open(&cache->anchors, digest, pem, len,
					      request->caller.uid, &parts->anchors, fault);
}

static int context_set_own(SSL_CTX *ctx, const struct ktlsd_context_parts *parts,
			   struct ktlsd_fault *fault)
{
	struct ktlsd_identity own = { 0 };
	struct ktlsd_fault inner;
	int err;

	err = ktlsd_credentials_parse(parts->data[KTLS_CONFIG_CERTIFICATE],
				      parts->len[KTLS_CONFIG_CERTIFICATE],
				      parts->data[KTLS_CONFIG_PRIVATE_KEY],
				      parts->len[KTLS_CONFIG_PRIVATE_KEY],
				      &own.credentials[0], &inner);
	if (err)
		return ktlsd_errors_set(fault, err,
			"KTLS_CERTIFICATE and KTLS_PRIVATE_KEY cannot be used: %s.",
			inner.reason);
	own.credential_count = 1;
	err = ktlsd_own_cert_set(ctx, &own, fault);
	ktlsd_credentials_free(&own.credentials[0]);
	return err;
}

static void context_set_trust(struct ktlsd_context *context,
			      const struct ktlsd_config *config,
			      const struct ktlsd_context_parts *parts)
{
	if (parts->anchors)
		context->anchors = ktlsd_anchors_get(parts->anchors);
	SSL_CTX_set1_cert_store(context->ctx, parts->anchors ? parts->anchors->store :
				config->trust);
}

/* The kernel has validated it; do not depend on that. */
static int context_set_psk(struct ktlsd_context *context,
			   const struct ktlsd_context_parts *parts,
			   struct ktlsd_fault *fault)
{
	const struct ktls_psk *psk = parts->data[KTLS_CONFIG_PSK];

	if (!psk)
		return 0;
	if (parts->len[KTLS_CONFIG_PSK] == sizeof(*psk))
		context->psk = OPENSSL_memdup(psk, sizeof(*psk));
	if (context->psk && context->psk->identity_len &&
	    context->psk->identity_len <= KTLS_PSK_IDENTITY_MAX &&
	    context->psk->key_len >= KTLS_PSK_KEY_MIN &&
	    context->psk->key_len <= KTLS_PSK_KEY_MAX)
		return 0;
	return ktlsd_errors_set(fault, -EINVAL, "KTLS_PSK is malformed: identity and key must have the lengths that linux/ktls.h allows.");
}

size_t ktlsd_context_cost(const struct ktlsd_context_parts *parts)
{
	size_t cost = CONTEXT_COST;
	int i;

	for (i = 0; i <= KTLS_CONFIG_MAX; i++)
		cost += i == KTLS_CONFIG_TRUST ? 0 : parts->len[i];
	return cost;
}

static struct ktlsd_context *context_new(struct ktlsd_contexts *cache,
					 const struct ktlsd_request *request,
					 size_t cost)
{
	struct ktlsd_context *context = calloc(1, sizeof(*context));

	if (!context)
		return NULL;
	context->ctx = SSL_CTX_new_ex(NULL, ktlsd_secrets_query(), TLS_method());
	if (!context->ctx || ktlsd_handshake_prepare(context->ctx)) {
		SSL_CTX_free(context->ctx);
		free(context);
		return NULL;
	}
	context->cache = cache;
	context->refs = 1;
	context->config_id = request->config_id;
	context->is_server = request->is_server;
	snprintf(context->identity, sizeof(context->identity), "%s",
		 request->identity);
	snprintf(context->ciphers, sizeof(context->ciphers), "%s", request->ciphers);
	SSL_CTX_set_app_data(context->ctx, &context->suites);
	context->cost = cost;
	cache->live_bytes += cost;
	return context;
}

int ktlsd_context_make(struct ktlsd_contexts *cache, bool keep,
		       const struct ktlsd_config *config,
		       const struct ktlsd_request *request,
		       const struct ktlsd_identity *identity,
		       const struct ktlsd_context_parts *parts,
		       struct ktlsd_context **ret_context,
		       struct ktlsd_fault *fault)
{
	struct ktlsd_context *context;
	size_t cost = ktlsd_context_cost(parts);
	int err;

	if (parts->anchors)
		cost += parts->anchors->cost;
	context = context_new(cache, request, cost);
	if (!context)
		return ktlsd_errors_set(fault, -ENOMEM, "ktlsd is out of memory.");
	if (parts->hold)
		ktlsd_quota_move(parts->hold, &context->hold);

	if (config->ticket_lifetime)
		SSL_CTX_set_timeout(context->ctx, config->ticket_lifetime);
	err = ktlsd_fingerprint_parts(parts, request->identity,
				      config->ticket_keys ? config->content : config->generation,
				      &context->fingerprint);
	if (err)
		ktlsd_errors_set(fault, err, "ktlsd is out of memory.");
	if (!err)
		err = context_set_psk(context, parts, fault);
	context_set_trust(context, config, parts);
	if (!err && identity)
		err = ktlsd_own_cert_set(context->ctx, identity, fault);
	else if (!err && parts->data[KTLS_CONFIG_CERTIFICATE])
		err = context_set_own(context->ctx, parts, fault);
	ERR_clear_error();
	if (err) {
		ktlsd_context_put(context);
		return err;
	}
	if (keep)
		context_cache(context);
	*ret_context = context;
	return 0;
}
