// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/crl_lookup.h"
#include "config/file.h"
#include "config/netns.h"
#include "config/parse.h"
#include "config/trust.h"

/* Counts a file that cannot be loaded. */
static void config_count_trouble(struct ktlsd_config *config,
				 const struct ktlsd_fault *fault)
{
	if (!config->troubles++)
		config->first_trouble = *fault;
}

static void config_note_trouble(struct ktlsd_config *config,
				const struct ktlsd_fault *fault)
{
	ktlsd_log(KTLSD_LOG_ERROR, "%s.", fault->reason);
	config_count_trouble(config, fault);
}

static void config_free_credentials(struct ktlsd_identity *identity)
{
	while (identity->credential_count)
		ktlsd_credentials_free(&identity->credentials[--identity->credential_count]);
}

static bool config_share_credentials(struct ktlsd_identity *identity,
				     const struct ktlsd_identity *before)
{
	unsigned int i;

	for (i = 0; i < before->credential_count; i++) {
		if (ktlsd_credentials_share(&identity->credentials[i],
					    &before->credentials[i])) {
			config_free_credentials(identity);
			return false;
		}
		identity->credential_count++;
	}
	return i;
}

/* Takes over the credentials that the identity has in @old. Return: false if it has none. */
static bool config_reuse_credentials(struct ktlsd_identity *identity,
				     const struct ktlsd_config *old)
{
	size_t i;

	for (i = 0; old && i < old->identity_count; i++) {
		if (!strcmp(old->identities[i].name, identity->name))
			return config_share_credentials(identity, &old->identities[i]);
	}
	return false;
}

/* All or none: with a part of them, some peers would be refused. */
static int config_load_credentials(struct ktlsd_identity *identity,
				   struct ktlsd_fault *fault)
{
	const struct ktlsd_identity_files *files;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < KTLSD_IDENTITY_CERTIFICATES; i++) {
		files = &identity->files[i];
		if (!files->certificate)
			continue;
		err = ktlsd_credentials_load(files->certificate, files->private_key,
					     files->passphrase,
					     &identity->credentials[identity->credential_count],
					     fault);
		if (!err)
			identity->credential_count++;
	}
	if (err)
		config_free_credentials(identity);
	return err;
}

static void config_load_identities(struct ktlsd_config *config,
				   const struct ktlsd_config *old)
{
	struct ktlsd_identity *identity;
	struct ktlsd_fault fault, why;
	const char *outcome;
	size_t i;
	int err;

	for (i = 0; i < config->identity_count; i++) {
		identity = &config->identities[i];
		err = config_load_credentials(identity, &why);
		if (!err)
			continue;
		snprintf(identity->trouble, sizeof(identity->trouble), "%s",
			 why.reason);
		outcome = config_reuse_credentials(identity, old) ?
			  "keeps its old credentials" : "cannot be used";
		/* In the log there is room for all of it: what to do comes last. */
		ktlsd_log(KTLSD_LOG_ERROR, "%s:%u: the identity '%s' %s: %s.", identity->path,
			  identity->line, identity->name, outcome, why.reason);
		ktlsd_errors_set(&fault, err, "%s:%u: the identity '%s' %s: %s",
				 identity->path, identity->line, identity->name, outcome,
				 why.reason);
		config_count_trouble(config, &fault);
	}
}

/* Begins @fault with the place where the key was set, if it was. */
static void config_add_place(struct ktlsd_fault *fault, const struct ktlsd_config_place *place)
{
	const struct ktlsd_fault inner = *fault;

	if (place->path)
		ktlsd_errors_set(fault, inner.error, "%s:%u: %s", place->path, place->line,
				 inner.reason);
}

/* Loads the system's trust anchors. If that fails, those of @old stay. Without @old, a file
 * named in ktlsd.conf must be loadable; the default file need not exist.
 */
static int config_load_trust(struct ktlsd_config *config,
			     const struct ktlsd_config *old,
			     struct ktlsd_fault *fault)
{
	const char *path = config->trust_given ? config->trust_path
					       : KTLSD_TRUST_SYSTEM;
	struct ktlsd_fault why;
	int err;

	err = ktlsd_trust_load(path, &config->trust, &why);
	if (!err)
		return 0;
	config_add_place(&why, &config->trust_place);
	if (old) {
		X509_STORE_up_ref(old->trust);
		config->trust = old->trust;
		ktlsd_errors_set(fault, err, "%s: the old trust anchors stay in force",
				 why.reason);
		config_note_trouble(config, fault);
		return 0;
	}
	if (config->trust_given) {
		*fault = why;
		ktlsd_log(KTLSD_LOG_ERROR, "%s.", fault->reason);
		return err;
	}
	ktlsd_errors_set(fault, err,
			 "%s: no certificate is trusted unless a program sets KTLS_TRUST",
			 why.reason);
	if (err == -ENOENT)
		ktlsd_log(KTLSD_LOG_WARNING, "%s.", fault->reason);
	else
		config_note_trouble(config, fault);
	config->trust = X509_STORE_new();
	if (config->trust)
		ktlsd_crl_lookup_attach(config->trust);
	return config->trust ? 0 : ktlsd_errors_set(fault, -ENOMEM,
						    "out of memory");
}

/* The mode crl without CRLs would check nothing. */
static int config_check_crl_mode(const struct ktlsd_config *config, struct ktlsd_fault *fault)
{
	bool found = config->revocation.mode == KTLSD_REVOCATION_CRL;
	size_t i;

	for (i = 0; i < config->identity_count; i++)
		found |= config->identities[i].revocation.mode == KTLSD_REVOCATION_CRL;
	for (i = 0; i < config->policy_count; i++)
		found |= config->policies[i].bounds.revocation == KTLSD_REVOCATION_CRL;
	if (!found)
		return 0;
	ktlsd_errors_set(fault, -EINVAL,
			 "%s: revocation is crl, but there are no CRLs: set crl or crl_fetch in [ktlsd]",
			 config->path);
	ktlsd_log(KTLSD_LOG_ERROR, "%s.", fault->reason);
	return -EINVAL;
}

/* Reads the CRLs. If that fails, those of @old stay; without them it is an error, as then
 * nobody would be found revoked.
 */
static int config_load_crls(struct ktlsd_config *config, const struct ktlsd_config *old,
			    struct ktlsd_fault *fault)
{
	struct ktlsd_fault why;
	int err;

	if (!config->crl_path && !config->crl_fetch)
		return config_check_crl_mode(config, fault);
	err = ktlsd_crls_open(config->crl_path, &config->crls, &why);
	if (!err) {
		config->crls->fetch = config->crl_fetch;
		return 0;
	}
	config_add_place(&why, &config->crl_place);
	if (!old || !old->crls) {
		*fault = why;
		ktlsd_log(KTLSD_LOG_ERROR, "%s.", fault->reason);
		return err;
	}
	config->crls = ktlsd_crls_get(old->crls);
	config->crls->fetch = config->crl_fetch;
	ktlsd_errors_set(fault, err, "%s: the old CRLs stay in force", why.reason);
	config_note_trouble(config, fault);
	return 0;
}

/* Loads what a configuration names. */
static int config_load_files(struct ktlsd_config *config, const struct ktlsd_config *old,
			     struct ktlsd_fault *fault)
{
	struct ktlsd_fault more;
	int err, also;

	config_load_identities(config, old);
	err = config_load_trust(config, old, fault);
	also = config_load_crls(config, old, err ? &more : fault);
	return err ? err : also;
}

static void config_warn_policies(const struct ktlsd_config *config)
{
	const struct ktlsd_identity *identity;
	const struct ktlsd_policy *policy;
	bool allowed = false;
	size_t i;

	for (i = 0; i < config->policy_count; i++) {
		policy = &config->policies[i];
		allowed |= policy->bounds.rsa_transport;
		if (policy->bounds.rsa_transport)
			ktlsd_log(KTLSD_LOG_WARNING,
				  "%s:%u: rsa_key_transport = yes: whoever gets a server's private key, even years later, can read its TLS 1.2 connections that were recorded.",
				  policy->path, policy->lines[KTLSD_POLICY_RSA_TRANSPORT]);
	}
	for (i = 0; i < config->identity_count; i++) {
		identity = &config->identities[i];
		if (identity->rsa_transport && !allowed)
			ktlsd_log(KTLSD_LOG_WARNING,
				  "%s:%u: the identity '%s' has rsa_key_transport = yes, which has no effect: no policy has it, too.",
				  identity->path, identity->line, identity->name);
	}
}

int ktlsd_config_reload(const char *path, const struct ktlsd_config *old,
			struct ktlsd_config **ret_config,
			struct ktlsd_fault *fault)
{
	struct ktlsd_config *config;
	int err;

	ktlsd_file_begin_digest();
	err = ktlsd_parse_config(path, &config, fault);
	if (err)
		return err;
	config_warn_policies(config);
	err = config_load_files(config, old, fault);
	if (err) {
		ktlsd_config_put(config);
		return err;
	}
	config->content = ktlsd_file_end_digest();
	if (config->ticket_rotate == (unsigned int)KTLSD_TICKET_ROTATE_LIFETIME)
		config->ticket_rotate = config->ticket_lifetime;
	*ret_config = config;
	return 0;
}

int ktlsd_config_check(const char *path, struct ktlsd_config **ret_config,
		       struct ktlsd_fault *fault)
{
	struct ktlsd_config *config;
	struct ktlsd_fault other;
	int err, more;

	err = ktlsd_parse_all(path, &config, fault);
	*ret_config = config;
	if (!config)
		return err;
	config_warn_policies(config);
	ktlsd_stored_key_use(&config->providers);
	more = config_load_files(config, NULL, err ? &other : fault);
	if (!err)
		err = more;
	if (!err && config->troubles) {
		*fault = config->first_trouble;
		err = fault->error;
	}
	return err;
}

int ktlsd_config_load(const char *path, bool strict,
		      struct ktlsd_config **ret_config,
		      struct ktlsd_fault *fault)
{
	int err;

	if (!strict)
		return ktlsd_config_reload(path, NULL, ret_config, fault);
	err = ktlsd_config_check(path, ret_config, fault);
	if (err) {
		ktlsd_config_put(*ret_config);
		*ret_config = NULL;
	}
	return err;
}

struct ktlsd_config *ktlsd_config_get(struct ktlsd_config *config)
{
	atomic_fetch_add(&config->refs, 1);
	return config;
}

static void config_free_identity(struct ktlsd_identity *identity)
{
	unsigned int i;

	for (i = 0; i < KTLSD_IDENTITY_CERTIFICATES; i++) {
		free(identity->files[i].certificate);
		free(identity->files[i].private_key);
		free(identity->files[i].passphrase);
		ktlsd_staple_put(identity->staples[i]);
	}
	ktlsd_acl_free(&identity->acl);
	free(identity->netns);
	ktlsd_words_free(&identity->sni);
	ktlsd_words_free(&identity->also);
	ktlsd_sni_free(&identity->names);
	config_free_credentials(identity);
}

void ktlsd_config_put(struct ktlsd_config *config)
{
	size_t i;

	if (!config || atomic_fetch_sub(&config->refs, 1) != 1)
		return;
	for (i = 0; i < config->identity_count; i++)
		config_free_identity(&config->identities[i]);
	free(config->identities);
	for (i = 0; i < config->policy_count; i++)
		ktlsd_policy_free(&config->policies[i]);
	free(config->policies);
	X509_STORE_free(config->trust);
	ktlsd_crls_put(config->crls);
	free(config->trust_path);
	free(config->ticket_keys);
	free(config->crl_path);
	free(config->metrics_socket);
	free(config->key_log);
	free(config->fetch_socket);
	ktlsd_words_free(&config->providers);
	ktlsd_words_free(&config->files);
	free(config->path);
	free(config);
}

const struct ktlsd_identity *ktlsd_config_lookup(const struct ktlsd_config *config,
						 const char *name)
{
	size_t i;

	for (i = 0; i < config->identity_count; i++) {
		if (!strcmp(config->identities[i].name, name))
			return &config->identities[i];
	}
	return NULL;
}

static int config_check_access(const struct ktlsd_config *config,
			       const struct ktlsd_identity *identity,
			       const struct ktlsd_caller *caller, const char *why,
			       struct ktlsd_fault *fault)
{
	if (!ktlsd_acl_allows(&identity->acl, caller))
		return ktlsd_errors_set(fault, -EACCES,
			"Uid %u may not use the identity '%s'%s: see allow_uids and allow_gids in %s.",
			caller->uid, identity->name, why, config->path);
	if (identity->netns && !ktlsd_netns_listed(identity->netns))
		return ktlsd_errors_set(fault, -EACCES,
			"The identity '%s'%s is not for the network namespace '%s': see netns in %s.",
			identity->name, why, ktlsd_netns_name(), config->path);
	if (!ktlsd_acl_allows_container(&identity->acl, caller))
		return ktlsd_errors_set(fault, -EACCES,
			"The identity '%s'%s is not for containers (processes in another PID namespace than ktlsd): see allow_containers in %s.",
			identity->name, why, config->path);
	return 0;
}

int ktlsd_config_find(const struct ktlsd_config *config, const char *name,
		      const struct ktlsd_caller *caller,
		      const struct ktlsd_identity **ret_identity,
		      struct ktlsd_fault *fault)
{
	const struct ktlsd_identity *identity = ktlsd_config_lookup(config, name);
	char why[KTLSD_IDENTITY_MAX + 32];
	size_t i;
	int err;

	if (!identity)
		return ktlsd_errors_set(fault, -ENOKEY,
			"There is no identity '%s' in %s.", name, config->path);
	err = config_check_access(config, identity, caller, "", fault);
	snprintf(why, sizeof(why), ", which '%s' names in also", name);
	for (i = 0; !err && i < identity->names.other_count; i++)
		err = config_check_access(config, identity->names.others[i], caller, why,
					  fault);
	if (err)
		return err;
	if (!identity->credential_count)
		return ktlsd_errors_set(fault, -ENOKEY,
			"The identity '%s' cannot be used: %s.", name,
			identity->trouble);
	*ret_identity = identity;
	return 0;
}

size_t ktlsd_config_memory(const struct ktlsd_config *config)
{
	size_t memory = (size_t)KTLSD_MEMORY_DEFAULT << 20;
	size_t sessions = (size_t)config->max_sessions * KTLSD_MEMORY_SESSION;

	if (config->max_memory)
		return (size_t)config->max_memory << 20;
	return memory > sessions ? memory : sessions;
}
