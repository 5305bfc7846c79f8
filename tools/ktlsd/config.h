/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration file, and what it names. */
#ifndef KTLSD_CONFIG_H
#define KTLSD_CONFIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "lib/log.h"
#include "acl.h"
#include "cache.h"
#include "credentials.h"
#include "errors.h"
#include "ticket_keys.h"

#define KTLSD_CONFIG_PATH	"/etc/ktls/ktlsd.conf"

enum {
	KTLSD_IDENTITY_MAX	= 64,		/* bytes of a name, as KTLS_IDENTITY */
	KTLSD_IDENTITIES_MAX	= 1024,
	KTLSD_WORKERS_MAX	= 64,
	KTLSD_SESSIONS_MAX	= 65536,	/* upper limit of max_sessions */
	KTLSD_SESSIONS_DEFAULT	= 2048,
};

/**
 * struct ktlsd_identity - a credential that the administrator gave us
 * @name: section [identity NAME]
 * @certificate: path
 * @private_key: path
 * @line: of the section, for messages
 * @acl: who may use it
 * @credential: what the files hold; without leaf if they could not be loaded
 * @trouble: why they could not; @credential may be of an earlier reading then
 */
struct ktlsd_identity {
	char			name[KTLSD_IDENTITY_MAX + 1];
	char			*certificate;
	char			*private_key;
	unsigned int		line;
	struct ktlsd_acl	acl;
	struct ktlsd_credential	credential;
	char			trouble[KTLS_GENL_SENTENCE_MAX + 1];
};

/**
 * struct ktlsd_config - one generation of the configuration
 * @refs: the last one frees it
 * @generation: which reading of the file this is; set by the owner
 * @path: of the file
 * @workers: threads, 0 for one a core
 * @log: where lines go
 * @log_level: which lines
 * @trust_path: the system's trust anchors
 * @trust_given: the path is from the file, so it must exist
 * @max_sessions: handshakes at a time, over all workers
 * @ticket_lifetime: of the tickets that servers issue, seconds
 * @session_cache: how many sessions of clients are cached
 * @identities: owned array
 * @identity_count: its length
 * @trust: the anchors; empty store if the default file is of no use
 * @troubles: how many of the files it names are of no use
 * @first_trouble: what is wrong with the first of them
 *
 * Immutable once it is shared between threads.
 */
struct ktlsd_config {
	atomic_uint		refs;
	uint64_t		generation;
	char			*path;
	unsigned int		workers;
	enum ktlsd_log_target	log;
	enum ktlsd_log_level	log_level;
	char			*trust_path;
	bool			trust_given;
	unsigned int		max_sessions;
	unsigned int		ticket_lifetime;
	unsigned int		session_cache;
	struct ktlsd_identity	*identities;
	size_t			identity_count;
	X509_STORE		*trust;
	unsigned int		troubles;
	struct ktlsd_fault	first_trouble;
};

/**
 * ktlsd_config_reload - read the file, the identities and the trust anchors
 * @path: of the file
 * @old: what is in force, or NULL. What cannot be loaded stays as it is there,
 *	except who may use an identity, and counts as a trouble.
 * @ret_config: a reference for the caller
 * @fault: on error: the first one; all are logged
 *
 * Without @old, an identity that cannot be loaded answers ENOKEY to whoever wants
 * it; trust anchors that the file names must be right.
 *
 * Return: 0 or a negative errno
 */
int ktlsd_config_reload(const char *path, const struct ktlsd_config *old,
			struct ktlsd_config **ret_config,
			struct ktlsd_fault *fault);

/* Likewise, without an old one. @strict: trouble is an error. */
int ktlsd_config_load(const char *path, bool strict,
		      struct ktlsd_config **ret_config,
		      struct ktlsd_fault *fault);

struct ktlsd_config *ktlsd_config_get(struct ktlsd_config *config);
void ktlsd_config_put(struct ktlsd_config *config);

/**
 * ktlsd_config_find - an identity that a caller may use
 * @config: the configuration
 * @name: which
 * @caller: who wants it
 * @ret_identity: lives as long as @config
 * @fault: on error
 *
 * Return: 0, -ENOKEY if it does not exist or is broken, -EACCES
 */
int ktlsd_config_find(const struct ktlsd_config *config, const char *name,
		      const struct ktlsd_caller *caller,
		      const struct ktlsd_identity **ret_identity,
		      struct ktlsd_fault *fault);

#endif
