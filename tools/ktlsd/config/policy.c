// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>

#include "config/netns.h"
#include "config/policy.h"
#include "tls/algorithms.h"
#include "tls/suites.h"

#define POLICY_SEPARATORS	" \t,:"

enum {
	POLICY_RSA_MIN		= 2048,	/* OpenSSL's security level refuses less */
	POLICY_RSA_MAX		= 8192,
	POLICY_TICKETS_MAX	= 16,
	POLICY_WORD_MAX		= 64,
};

/**
 * struct policy_row - a key of a policy
 * @name: before the "="
 * @key: its number
 * @set: parses the value
 */
struct policy_row {
	const char		*name;
	enum ktlsd_policy_key	key;
	int			(*set)(struct ktlsd_policy *policy, enum ktlsd_policy_key key,
				       const char *value, struct ktlsd_fault *fault);
};

/* --- values --- */

static int policy_set_version(struct ktlsd_policy *policy, enum ktlsd_policy_key key,
			      const char *value, struct ktlsd_fault *fault)
{
	uint16_t version;

	if (!strcmp(value, "1.2"))
		version = KTLS_TLS_1_2;
	else if (!strcmp(value, "1.3"))
		version = KTLS_TLS_1_3;
	else
		return ktlsd_errors_set(fault, -EINVAL, "use 1.2 or 1.3");
	if (key == KTLSD_POLICY_MIN_VERSION)
		policy->bounds.version_min = version;
	else
		policy->bounds.version_max = version;
	return 0;
}

uint32_t ktlsd_policy_bit(enum ktlsd_policy_key key, const char *word, size_t len)
{
	if (key == KTLSD_POLICY_SUITES)
		return ktlsd_suites_bit(word, len);
	return ktlsd_algorithms_bit_by_name(key == KTLSD_POLICY_GROUPS ?
					    KTLSD_ALGORITHMS_GROUPS :
					    KTLSD_ALGORITHMS_SIGALGS, word, len);
}

static const char *policy_next_word(const char **list, size_t *ret_len)
{
	const char *word = *list + strspn(*list, POLICY_SEPARATORS);

	*ret_len = strcspn(word, POLICY_SEPARATORS);
	*list = word + *ret_len;
	return *ret_len ? word : NULL;
}

static int policy_unknown_word(struct ktlsd_fault *fault, const char *word, size_t len)
{
	return ktlsd_errors_set(fault, -EINVAL, "'%.*s' is not known here, see ktls(7)",
				len > POLICY_WORD_MAX ? POLICY_WORD_MAX : (int)len, word);
}

static int policy_set_list(struct ktlsd_policy *policy, enum ktlsd_policy_key key,
			   const char *value, struct ktlsd_fault *fault)
{
	uint32_t mask = 0, bit;
	const char *word;
	size_t len;

	while ((word = policy_next_word(&value, &len))) {
		bit = ktlsd_policy_bit(key, word, len);
		if (!bit)
			return policy_unknown_word(fault, word, len);
		mask |= bit;
	}
	if (!mask)
		return ktlsd_errors_set(fault, -EINVAL,
					"the list is empty: name what is allowed, or remove the line");
	if (key == KTLSD_POLICY_SUITES)
		policy->bounds.no_suites = ktlsd_suites_all() & ~mask;
	else if (key == KTLSD_POLICY_GROUPS)
		policy->bounds.no_groups = ktlsd_algorithms_all(KTLSD_ALGORITHMS_GROUPS) & ~mask;
	else
		policy->bounds.no_sigalgs = ktlsd_algorithms_all(KTLSD_ALGORITHMS_SIGALGS) & ~mask;
	return 0;
}

/* Keys of certificates that are no RSA keys. */
static const struct {
	const char	*name;
	const char	*openssl;
	int		kind;
} policy_curves[] = {
	{ "P-256", "prime256v1", EVP_PKEY_EC },
	{ "P-384", "secp384r1", EVP_PKEY_EC },
	{ "P-521", "secp521r1", EVP_PKEY_EC },
	{ "Ed25519", NULL, EVP_PKEY_ED25519 },
	{ "Ed448", NULL, EVP_PKEY_ED448 },
};

enum {
	POLICY_CURVES		= sizeof(policy_curves) / sizeof(*policy_curves),
	/* A list that contains all of them still forbids the curves without a bit. */
	POLICY_OTHER_CURVES	= 1 << POLICY_CURVES,
	POLICY_ALL_CURVES	= (POLICY_OTHER_CURVES << 1) - 1,
};

static int policy_set_curves(struct ktlsd_policy *policy, enum ktlsd_policy_key key,
			     const char *value, struct ktlsd_fault *fault)
{
	uint32_t mask = 0;
	const char *word;
	size_t len;
	int i;

	(void)key;
	while ((word = policy_next_word(&value, &len))) {
		for (i = 0; i < POLICY_CURVES; i++) {
			if (strlen(policy_curves[i].name) == len &&
			    !memcmp(policy_curves[i].name, word, len))
				break;
		}
		if (i == POLICY_CURVES)
			return ktlsd_errors_set(fault, -EINVAL,
				"'%.*s' is not one of P-256, P-384, P-521, Ed25519 and Ed448",
				len > POLICY_WORD_MAX ? POLICY_WORD_MAX : (int)len, word);
		mask |= UINT32_C(1) << i;
	}
	if (!mask)
		return ktlsd_errors_set(fault, -EINVAL,
					"the list is empty: name what is allowed, or remove the line");
	policy->bounds.no_curves = POLICY_ALL_CURVES & ~mask;
	return 0;
}

static int policy_read_number(const char *value, unsigned int min, unsigned int max,
			      unsigned int *ret_number, struct ktlsd_fault *fault)
{
	unsigned long got;
	char *end;

	errno = 0;
	got = strtoul(value, &end, 10);
	if (errno || *end || value[0] < '0' || value[0] > '9' || got < min || got > max)
		return ktlsd_errors_set(fault, -EINVAL, "use a number from %u to %u", min, max);
	*ret_number = (unsigned int)got;
	return 0;
}

static int policy_set_number(struct ktlsd_policy *policy, enum ktlsd_policy_key key,
			     const char *value, struct ktlsd_fault *fault)
{
	if (key == KTLSD_POLICY_RSA_BITS)
		return policy_read_number(value, POLICY_RSA_MIN, POLICY_RSA_MAX,
					  &policy->bounds.rsa_min, fault);
	policy->bounds.tickets_bound = true;
	return policy_read_number(value, 0, POLICY_TICKETS_MAX,
				  &policy->bounds.tickets_max, fault);
}

static int policy_set_required(struct ktlsd_policy *policy, enum ktlsd_policy_key key,
			       const char *value, struct ktlsd_fault *fault)
{
	if (strcmp(value, "required"))
		return ktlsd_errors_set(fault, -EINVAL, "use required, or remove the line");
	if (key == KTLSD_POLICY_VERIFY)
		policy->bounds.verify = true;
	else
		policy->bounds.verify_clients = true;
	return 0;
}

static int policy_read_yes(const char *value, bool *ret_yes, struct ktlsd_fault *fault)
{
	*ret_yes = !strcmp(value, "yes");
	if (*ret_yes || !strcmp(value, "no"))
		return 0;
	return ktlsd_errors_set(fault, -EINVAL, "use yes or no");
}

static int policy_set_yes(struct ktlsd_policy *policy, enum ktlsd_policy_key key,
			  const char *value, struct ktlsd_fault *fault)
{
	bool yes;
	int err;

	err = policy_read_yes(value, &yes, fault);
	if (err)
		return err;
	if (key == KTLSD_POLICY_CONTAINERS) {
		policy->containers_given = true;
		policy->containers = yes;
	} else if (key == KTLSD_POLICY_REVOCATION_TRUST) {
		policy->bounds.revocation_ktls_trust = yes;
	} else if (key == KTLSD_POLICY_RSA_TRANSPORT) {
		policy->bounds.rsa_transport = yes;
		policy->bounds.no_rsa_transport = !yes;
	} else if (key == KTLSD_POLICY_OWN_KEYS) {
		policy->bounds.no_own_keys = !yes;
	} else {
		policy->bounds.no_own_anchors = !yes;
	}
	return 0;
}

static int policy_set_alpn(struct ktlsd_policy *policy, enum ktlsd_policy_key key,
			   const char *value, struct ktlsd_fault *fault)
{
	uint8_t list[KTLSD_POLICY_ALPN_MAX];
	const char *word;
	size_t len, at = 0;

	(void)key;
	/* A protocol may contain a colon. */
	for (word = value; *word; word += len) {
		word += strspn(word, " \t,");
		len = strcspn(word, " \t,");
		if (!len)
			continue;
		if (len > UINT8_MAX || len + 1 > sizeof(list) - at)
			return ktlsd_errors_set(fault, -EINVAL,
				"a protocol has at most 255 bytes, and all have %zu",
				sizeof(list));
		list[at] = (uint8_t)len;
		memcpy(&list[at + 1], word, len);
		at += len + 1;
	}
	if (!at)
		return ktlsd_errors_set(fault, -EINVAL,
					"the list is empty: name what is allowed, or remove the line");
	policy->alpn = malloc(at);
	if (!policy->alpn)
		return ktlsd_errors_set(fault, -ENOMEM, "out of memory");
	memcpy(policy->alpn, list, at);
	policy->alpn_len = at;
	return 0;
}

/* "off" would look as if a policy could switch off what [ktlsd] or an identity asks for. */
static int policy_set_revocation(struct ktlsd_policy *policy, enum ktlsd_policy_key key,
				 const char *value, struct ktlsd_fault *fault)
{
	struct ktlsd_revocation revocation;

	(void)key;
	if (ktlsd_revocation_parse(value, &revocation) ||
	    revocation.mode == KTLSD_REVOCATION_OFF)
		return ktlsd_errors_set(fault, -EINVAL,
			"use staple, crl, ocsp or hard, or remove the line: a policy only makes the check stricter");
	policy->bounds.revocation = revocation.mode;
	return 0;
}

static int policy_set_ids(struct ktlsd_policy *policy, enum ktlsd_policy_key key,
			  const char *value, struct ktlsd_fault *fault)
{
	if (!value[strspn(value, " \t\r,")])
		return ktlsd_errors_set(fault, -EINVAL,
			"the list is empty: list users or groups, or remove the line");
	return ktlsd_acl_parse(&policy->selects, key == KTLSD_POLICY_GIDS, value, fault);
}

static const struct policy_row policy_rows[] = {
	{ "min_version", KTLSD_POLICY_MIN_VERSION, policy_set_version },
	{ "max_version", KTLSD_POLICY_MAX_VERSION, policy_set_version },
	{ "cipher_suites", KTLSD_POLICY_SUITES, policy_set_list },
	{ "groups", KTLSD_POLICY_GROUPS, policy_set_list },
	{ "signature_algorithms", KTLSD_POLICY_SIGALGS, policy_set_list },
	{ "min_rsa_bits", KTLSD_POLICY_RSA_BITS, policy_set_number },
	{ "curves", KTLSD_POLICY_CURVES, policy_set_curves },
	{ "verify", KTLSD_POLICY_VERIFY, policy_set_required },
	{ "verify_clients", KTLSD_POLICY_VERIFY_CLIENTS, policy_set_required },
	{ "own_keys", KTLSD_POLICY_OWN_KEYS, policy_set_yes },
	{ "own_anchors", KTLSD_POLICY_OWN_ANCHORS, policy_set_yes },
	{ "alpn", KTLSD_POLICY_ALPN, policy_set_alpn },
	{ "tickets", KTLSD_POLICY_TICKETS, policy_set_number },
	{ "revocation", KTLSD_POLICY_REVOCATION, policy_set_revocation },
	{ "revocation_ktls_trust", KTLSD_POLICY_REVOCATION_TRUST, policy_set_yes },
	{ "rsa_key_transport", KTLSD_POLICY_RSA_TRANSPORT, policy_set_yes },
	{ "uids", KTLSD_POLICY_UIDS, policy_set_ids },
	{ "gids", KTLSD_POLICY_GIDS, policy_set_ids },
	{ "containers", KTLSD_POLICY_CONTAINERS, policy_set_yes },
};

enum {
	POLICY_ROWS	= sizeof(policy_rows) / sizeof(*policy_rows),
};

const char *ktlsd_policy_key_name(enum ktlsd_policy_key key)
{
	size_t i;

	for (i = 0; i < POLICY_ROWS; i++) {
		if (policy_rows[i].key == key)
			return policy_rows[i].name;
	}
	return "?";
}

/* --- policies --- */

int ktlsd_policy_init(struct ktlsd_policy *policy, const char *name, const char *path,
		      unsigned int line)
{
	memset(policy, 0, sizeof(*policy));
	snprintf(policy->name, sizeof(policy->name), "%s", name);
	policy->line = line;
	policy->path = strdup(path);
	return policy->path ? 0 : -ENOMEM;
}

void ktlsd_policy_free(struct ktlsd_policy *policy)
{
	free(policy->path);
	free(policy->netns);
	free(policy->alpn);
	ktlsd_acl_free(&policy->selects);
	memset(policy, 0, sizeof(*policy));
}

int ktlsd_policy_set(struct ktlsd_policy *policy, const char *name, unsigned int line,
		     const char *value, struct ktlsd_fault *fault)
{
	size_t i;

	for (i = 0; i < POLICY_ROWS; i++) {
		if (strcmp(policy_rows[i].name, name))
			continue;
		if (policy_rows[i].key < KTLSD_POLICY_KEYS)
			policy->lines[policy_rows[i].key] = line;
		return policy_rows[i].set(policy, policy_rows[i].key, value, fault);
	}
	return ktlsd_errors_set(fault, -EINVAL, "there is no such key");
}

bool ktlsd_policy_selects(const struct ktlsd_policy *policy,
			  const struct ktlsd_caller *caller)
{
	if (policy->netns && !ktlsd_netns_listed(policy->netns))
		return false;
	if (policy->containers_given && policy->containers != caller->in_container)
		return false;
	return !policy->selects.given || ktlsd_acl_may_name(&policy->selects, caller);
}

void ktlsd_policy_merge(struct ktlsd_bounds *bounds, const struct ktlsd_policy *policy)
{
	const struct ktlsd_bounds *more = &policy->bounds;
	int key;

	if (more->version_min > bounds->version_min)
		bounds->version_min = more->version_min;
	if (more->version_max && (!bounds->version_max ||
				  more->version_max < bounds->version_max))
		bounds->version_max = more->version_max;
	bounds->no_suites |= more->no_suites;
	bounds->no_groups |= more->no_groups;
	bounds->no_sigalgs |= more->no_sigalgs;
	bounds->no_curves |= more->no_curves;
	if (more->rsa_min > bounds->rsa_min) {
		bounds->rsa_min = more->rsa_min;
		bounds->by[KTLSD_POLICY_RSA_BITS] = policy;
	}
	bounds->verify |= more->verify;
	bounds->verify_clients |= more->verify_clients;
	bounds->no_own_keys |= more->no_own_keys;
	bounds->no_own_anchors |= more->no_own_anchors;
	if (more->tickets_bound && (!bounds->tickets_bound ||
				    more->tickets_max < bounds->tickets_max))
		bounds->tickets_max = more->tickets_max;
	bounds->tickets_bound |= more->tickets_bound;
	if (more->revocation > bounds->revocation)
		bounds->revocation = more->revocation;
	bounds->revocation_ktls_trust |= more->revocation_ktls_trust;
	bounds->no_rsa_transport |= more->no_rsa_transport;
	bounds->rsa_transport = (bounds->rsa_transport || more->rsa_transport) &&
				!bounds->no_rsa_transport;
	for (key = 0; key < KTLSD_POLICY_KEYS; key++) {
		if (policy->lines[key] && !bounds->by[key])
			bounds->by[key] = policy;
	}
}

void ktlsd_policy_place(const struct ktlsd_policy *policy, enum ktlsd_policy_key key,
			char *text, size_t size)
{
	bool named = policy->name[0];

	if (!policy->line) {
		snprintf(text, size, "OpenSSL's configuration (%.80s)", policy->path);
		return;
	}
	snprintf(text, size, "policy%s%.40s%s (%s, %.80s:%u)", named ? " '" : "", policy->name,
		 named ? "'" : "", ktlsd_policy_key_name(key), policy->path,
		 policy->lines[key]);
}

static uint32_t policy_curve_bit(const EVP_PKEY *key)
{
	int kind = EVP_PKEY_get_base_id(key);
	char name[32] = "";
	int i;

	if (kind == EVP_PKEY_EC &&
	    !EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name,
					    sizeof(name), NULL))
		return POLICY_OTHER_CURVES;
	for (i = 0; i < POLICY_CURVES; i++) {
		if (policy_curves[i].kind == kind &&
		    (!policy_curves[i].openssl || !strcmp(policy_curves[i].openssl, name)))
			return UINT32_C(1) << i;
	}
	return POLICY_OTHER_CURVES;
}

bool ktlsd_policy_allows_key(const struct ktlsd_bounds *bounds, const EVP_PKEY *key,
			     char why[KTLSD_POLICY_WHY_MAX])
{
	int kind = EVP_PKEY_get_base_id(key);
	char place[KTLSD_POLICY_WHY_MAX / 2 + 48];

	if (kind == EVP_PKEY_RSA || kind == EVP_PKEY_RSA_PSS) {
		if (EVP_PKEY_get_bits(key) >= (int)bounds->rsa_min)
			return true;
		ktlsd_policy_place(bounds->by[KTLSD_POLICY_RSA_BITS], KTLSD_POLICY_RSA_BITS,
				   place, sizeof(place));
		snprintf(why, KTLSD_POLICY_WHY_MAX, "an RSA key of %d bits, and %s requires %u",
			 EVP_PKEY_get_bits(key), place, bounds->rsa_min);
		return false;
	}
	if (!(policy_curve_bit(key) & bounds->no_curves))
		return true;
	ktlsd_policy_place(bounds->by[KTLSD_POLICY_CURVES], KTLSD_POLICY_CURVES, place,
			   sizeof(place));
	snprintf(why, KTLSD_POLICY_WHY_MAX, "a key on a curve that %s does not list", place);
	return false;
}
