// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "comply.h"
#include "tls/algorithms.h"
#include "tls/suites.h"
#include "tls/system.h"

enum {
	COMPLY_PLACE_MAX	= 192,	/* bytes of ktlsd_policy_place() */
	COMPLY_NAME_MAX		= 40,	/* bytes of a name in a reason */
};

__attribute__((format(printf, 4, 5)))
static int comply_refuse(struct ktlsd_fault *fault, const struct ktlsd_policy *policy,
			 enum ktlsd_policy_key key, const char *format, ...)
{
	char reason[KTLS_GENL_REASON_MAX + 1], place[COMPLY_PLACE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	ktlsd_policy_place(policy, key, place, sizeof(place));
	return ktlsd_errors_set(fault, -EACCES, "Forbidden by %s: %s", place, reason);
}

static const char *comply_version_name(uint16_t version)
{
	return version == KTLS_TLS_1_2 ? "TLS 1.2" : "TLS 1.3";
}

static int comply_versions(const struct ktlsd_policy *policy,
			   const struct ktlsd_request *request, struct ktlsd_fault *fault)
{
	const struct ktlsd_bounds *bounds = &policy->bounds;

	if (bounds->version_min > request->version_max)
		return comply_refuse(fault, policy, KTLSD_POLICY_MIN_VERSION,
			"KTLS_VERSIONS allows at most %s; allow %s.",
			comply_version_name(request->version_max),
			comply_version_name(bounds->version_min));
	if (bounds->version_max && bounds->version_max < request->version_min)
		return comply_refuse(fault, policy, KTLSD_POLICY_MAX_VERSION,
			"KTLS_VERSIONS allows only %s and later; allow %s.",
			comply_version_name(request->version_min),
			comply_version_name(bounds->version_max));
	return 0;
}

/* Every name of a list that the program gave must be allowed. */
static int comply_list(const struct ktlsd_policy *policy, enum ktlsd_policy_key key,
		       const char *option, const char *names, uint32_t forbidden,
		       struct ktlsd_fault *fault)
{
	size_t len;

	if (!names[0] || !forbidden)
		return 0;
	for (;; names += len + 1) {
		len = strcspn(names, ":");
		if (ktlsd_policy_bit(key, names, len) & forbidden)
			return comply_refuse(fault, policy, key,
				"%s names %.*s; remove it from the list.", option,
				len > COMPLY_NAME_MAX ? COMPLY_NAME_MAX : (int)len, names);
		if (!names[len])
			return 0;
	}
}

static int comply_lists(const struct ktlsd_policy *policy,
			const struct ktlsd_request *request, struct ktlsd_fault *fault)
{
	const struct ktlsd_bounds *bounds = &policy->bounds;
	int err;

	err = comply_list(policy, KTLSD_POLICY_SUITES, "KTLS_CIPHERS", request->ciphers,
			  bounds->no_suites, fault);
	if (!err)
		err = comply_list(policy, KTLSD_POLICY_GROUPS, "KTLS_GROUPS",
				  request->groups, bounds->no_groups, fault);
	if (!err)
		err = comply_list(policy, KTLSD_POLICY_SIGALGS, "KTLS_SIGALGS",
				  request->sigalgs, bounds->no_sigalgs, fault);
	return err;
}

static int comply_verify(const struct ktlsd_policy *policy,
			 const struct ktlsd_request *request, struct ktlsd_fault *fault)
{
	enum ktlsd_policy_key key = request->is_server ? KTLSD_POLICY_VERIFY_CLIENTS :
							 KTLSD_POLICY_VERIFY;
	bool must = request->is_server ? policy->bounds.verify_clients : policy->bounds.verify;

	if (!must || !request->verify_given || request->verify == KTLS_VERIFY_REQUIRED)
		return 0;
	return comply_refuse(fault, policy, key,
		"KTLS_VERIFY is %s; set KTLS_VERIFY_REQUIRED, or do not set it.",
		request->verify == KTLS_VERIFY_NONE ? "KTLS_VERIFY_NONE" :
						      "KTLS_VERIFY_OPTIONAL");
}

static int comply_own(const struct ktlsd_policy *policy,
		      const struct ktlsd_request *request, struct ktlsd_fault *fault)
{
	uint32_t parts = request->parts;

	if (policy->bounds.no_own_keys && parts & 1u << KTLS_CONFIG_PSK)
		return comply_refuse(fault, policy, KTLSD_POLICY_OWN_KEYS,
			"KTLS_PSK is a key of the program; use KTLS_IDENTITY.");
	if (policy->bounds.no_own_keys && parts & (1u << KTLS_CONFIG_CERTIFICATE |
						   1u << KTLS_CONFIG_PRIVATE_KEY))
		return comply_refuse(fault, policy, KTLSD_POLICY_OWN_KEYS,
			"KTLS_PRIVATE_KEY is a key of the program; use KTLS_IDENTITY.");
	if (policy->bounds.no_own_anchors && parts & 1u << KTLS_CONFIG_TRUST)
		return comply_refuse(fault, policy, KTLSD_POLICY_OWN_ANCHORS,
			"KTLS_TRUST has trust anchors of the program; remove it, and have them added to the system's.");
	return 0;
}

static bool comply_has_protocol(const struct ktlsd_policy *policy, const uint8_t *protocol)
{
	size_t at;

	for (at = 0; at < policy->alpn_len; at += 1 + policy->alpn[at]) {
		if (policy->alpn[at] == protocol[0] &&
		    !memcmp(&policy->alpn[at + 1], protocol + 1, protocol[0]))
			return true;
	}
	return false;
}

static int comply_alpn(const struct ktlsd_policy *policy,
		       const struct ktlsd_request *request, struct ktlsd_fault *fault)
{
	const uint8_t *protocol;
	size_t at;

	for (at = 0; policy->alpn && at < request->alpn_len; at += 1 + request->alpn[at]) {
		protocol = &request->alpn[at];
		if (!comply_has_protocol(policy, protocol))
			return comply_refuse(fault, policy, KTLSD_POLICY_ALPN,
				"KTLS_ALPN lists '%.*s'; remove it from the list.",
				protocol[0] > COMPLY_NAME_MAX ? COMPLY_NAME_MAX : protocol[0],
				(const char *)protocol + 1);
	}
	return 0;
}

static int comply_with(const struct ktlsd_policy *policy,
		       const struct ktlsd_request *request, struct ktlsd_fault *fault)
{
	int err;

	err = comply_versions(policy, request, fault);
	if (!err)
		err = comply_lists(policy, request, fault);
	if (!err)
		err = comply_verify(policy, request, fault);
	if (!err)
		err = comply_own(policy, request, fault);
	if (!err)
		err = comply_alpn(policy, request, fault);
	return err;
}

/* Removes the cipher suites with RSA key transport. @who: does not allow them, for the reason */
static int comply_forbid_rsa(struct ktlsd_request *request, const char *who,
			     struct ktlsd_fault *fault)
{
	const char *names = request->ciphers;
	size_t len;

	request->bounds.rsa_transport = false;
	request->bounds.no_suites |= ktlsd_suites_rsa();
	for (;; names += len + 1) {
		len = strcspn(names, ":");
		if (ktlsd_suites_bit(names, len) & ktlsd_suites_rsa())
			return ktlsd_errors_set(fault, -EACCES,
				"KTLS_CIPHERS names %.*s, which transports keys with RSA: %s in ktlsd.conf must have rsa_key_transport = yes for that.",
				(int)len, names, who);
		if (!names[len])
			return 0;
	}
}

static int comply_check_suites(const struct ktlsd_request *request, struct ktlsd_fault *fault)
{
	uint32_t suites = ktlsd_suites_of(request->version_min) |
			  ktlsd_suites_of(request->version_max);

	if (request->version_min <= request->version_max && (suites & ~request->bounds.no_suites))
		return 0;
	return ktlsd_errors_set(fault, -EACCES,
		"The policies for uid %u leave no TLS version or no cipher suite: see min_version, max_version and cipher_suites in ktlsd.conf.",
		request->caller.uid);
}

/* Policies that can be kept one by one can still exclude each other. */
static int comply_narrow(struct ktlsd_request *request, struct ktlsd_fault *fault)
{
	const struct ktlsd_bounds *bounds = &request->bounds;
	int err;

	if (bounds->version_min > request->version_min)
		request->version_min = bounds->version_min;
	if (bounds->version_max && bounds->version_max < request->version_max)
		request->version_max = bounds->version_max;
	err = comply_check_suites(request, fault);
	if (err)
		return err;
	if (request->is_server ? bounds->verify_clients : bounds->verify)
		request->verify = KTLS_VERIFY_REQUIRED;
	if (bounds->tickets_bound && request->tickets > bounds->tickets_max)
		request->tickets = bounds->tickets_max;
	return 0;
}

int ktlsd_comply_request(const struct ktlsd_config *config, struct ktlsd_request *request,
			 struct ktlsd_fault *fault)
{
	const struct ktlsd_policy *policy = ktlsd_system_policy();
	size_t i;
	int err;

	memset(&request->bounds, 0, sizeof(request->bounds));
	err = comply_with(policy, request, fault);
	if (err)
		return err;
	ktlsd_policy_merge(&request->bounds, policy);
	for (i = 0; i < config->policy_count; i++) {
		policy = &config->policies[i];
		if (!ktlsd_policy_selects(policy, &request->caller))
			continue;
		err = comply_with(policy, request, fault);
		if (err)
			return err;
		ktlsd_policy_merge(&request->bounds, policy);
	}
	if (!request->bounds.rsa_transport)
		err = comply_forbid_rsa(request, "a policy", fault);
	return err ? err : comply_narrow(request, fault);
}

static int comply_default_alpn(const struct ktlsd_policy *policy,
			       const struct ktlsd_identity *identity, struct ktlsd_fault *fault)
{
	const uint8_t *protocol;
	size_t at;

	for (at = 0; policy->alpn && at < identity->alpn_len; at += 1 + identity->alpn[at]) {
		protocol = &identity->alpn[at];
		if (!comply_has_protocol(policy, protocol))
			return comply_refuse(fault, policy, KTLSD_POLICY_ALPN,
				"The identity '%s' has '%.*s' in alpn; set KTLS_ALPN, or have it removed there.",
				identity->name,
				protocol[0] > COMPLY_NAME_MAX ? COMPLY_NAME_MAX : protocol[0],
				(const char *)protocol + 1);
	}
	return 0;
}

/* The signer decides likewise for each key: here a program hears of it before there is a peer. */
static unsigned int comply_roles_of(const struct ktlsd_identity *identity)
{
	unsigned int i, roles = identity->roles;

	for (i = 0; !identity->roles && i < identity->credential_count; i++)
		roles |= ktlsd_roles_of(identity->credentials[i].leaf);
	return roles;
}

static int comply_role(const struct ktlsd_config *config, const struct ktlsd_request *request,
		       const struct ktlsd_identity *identity, struct ktlsd_fault *fault)
{
	unsigned int role = request->is_server ? KTLSD_ROLES_SERVER : KTLSD_ROLES_CLIENT;
	unsigned int roles = comply_roles_of(identity);

	if (!roles || (roles & role))
		return 0;
	return ktlsd_errors_set(fault, -EACCES,
		"The identity '%s' is only for %s%s: see role in %s.", identity->name,
		ktlsd_roles_who(roles),
		identity->roles ? "" : ", says the extended key usage of its certificate",
		config->path);
}

/* A client may ask for any of the identities, and is told the cipher suites of all: it gets those
 * with RSA key transport only if none of them forbids that.
 */
static int comply_rsa_transport(struct ktlsd_request *request,
				const struct ktlsd_identity *identity, struct ktlsd_fault *fault)
{
	char who[sizeof("the identity ''") + KTLSD_IDENTITY_MAX];
	size_t i;
	int err;

	for (i = 0; identity->rsa_transport && i < identity->names.other_count; i++) {
		if (!identity->names.others[i]->rsa_transport)
			identity = identity->names.others[i];
	}
	if (!request->is_server || !request->bounds.rsa_transport || identity->rsa_transport)
		return 0;
	snprintf(who, sizeof(who), "the identity '%s'", identity->name);
	err = comply_forbid_rsa(request, who, fault);
	return err ? err : comply_check_suites(request, fault);
}

static int comply_alpn_of_identities(const struct ktlsd_config *config,
				     const struct ktlsd_request *request,
				     const struct ktlsd_identity *identity,
				     struct ktlsd_fault *fault)
{
	const struct ktlsd_sni *names = &identity->names;
	const struct ktlsd_policy *policy;
	size_t i, k;
	int err = 0;

	for (i = 0; !err && !request->alpn_len && i < config->policy_count; i++) {
		policy = &config->policies[i];
		if (!policy->alpn || !ktlsd_policy_selects(policy, &request->caller))
			continue;
		err = comply_default_alpn(policy, identity, fault);
		for (k = 0; !err && request->is_server && k < names->other_count; k++)
			err = comply_default_alpn(policy, names->others[k], fault);
	}
	return err;
}

int ktlsd_comply_identity(const struct ktlsd_config *config, struct ktlsd_request *request,
			  const struct ktlsd_identity *identity, struct ktlsd_fault *fault)
{
	const struct ktlsd_sni *names = &identity->names;
	size_t i;
	int err;

	err = comply_role(config, request, identity, fault);
	for (i = 0; !err && request->is_server && i < names->other_count; i++)
		err = comply_role(config, request, names->others[i], fault);
	if (!err)
		err = comply_alpn_of_identities(config, request, identity, fault);
	return err ? err : comply_rsa_transport(request, identity, fault);
}

int ktlsd_comply_keys(SSL_CTX *ctx, const struct ktlsd_bounds *bounds,
		      struct ktlsd_fault *fault)
{
	char why[KTLSD_POLICY_WHY_MAX];
	const X509 *cert;
	int err = 0;
	long more;

	if (!bounds->rsa_min && !bounds->no_curves)
		return 0;
	for (more = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_FIRST); more && !err;
	     more = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_NEXT)) {
		cert = SSL_CTX_get0_certificate(ctx);
		if (cert && !ktlsd_policy_allows_key(bounds, X509_get0_pubkey(cert), why))
			err = ktlsd_errors_set(fault, -EACCES,
				"The certificate of this side has %s.", why);
	}
	SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_FIRST);
	return err;
}
