/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ktlsd.conf with the certificates, keys and trust anchors that it names. A configuration does
 * not change once it is shared between threads.
 */
#ifndef KTLSD_CONFIG_H
#define KTLSD_CONFIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "lib/log.h"
#include "config/acl.h"
#include "config/alpn.h"
#include "config/credentials.h"
#include "config/policy.h"
#include "config/crls.h"
#include "config/revocation.h"
#include "config/roles.h"
#include "config/sni.h"
#include "config/staple.h"
#include "config/stored_key.h"
#include "config/words.h"
#include "errors.h"

#define KTLSD_CONFIG_PATH	"/etc/ktls/ktlsd.conf"

enum {
	KTLSD_IDENTITY_MAX	= 64,		/* bytes of a name, as KTLS_IDENTITY */
	KTLSD_IDENTITIES_MAX	= 1024,
	KTLSD_IDENTITY_CERTIFICATES	= 8,	/* of an identity */
	KTLSD_WORKERS_MAX	= 64,
	KTLSD_SESSIONS_MAX	= 65536,	/* upper limit of max_sessions */
	KTLSD_SESSIONS_DEFAULT	= 2048,
	KTLSD_MEMORY_MIN	= 16,		/* max_memory, MiB */
	KTLSD_MEMORY_MAX	= 1048576,
	KTLSD_MEMORY_DEFAULT	= 512,
	KTLSD_MEMORY_SESSION	= 128 << 10,	/* without max_memory, for each of max_sessions */
	KTLSD_CACHE_MAX		= 65536,	/* upper limit of session_cache */
	KTLSD_CACHE_DEFAULT	= 1024,
	KTLSD_TICKET_LIFETIME_MIN	= 60,		/* seconds */
	KTLSD_TICKET_LIFETIME_MAX	= 604800,	/* RFC 8446 4.6.1 */
	KTLSD_TICKET_LIFETIME_DEFAULT	= 7200,
	KTLSD_TICKET_ROTATE_LIFETIME	= -1,		/* ticket_rotate: ticket_lifetime */
};

/**
 * struct ktlsd_identity_files - where a certificate and its key are
 * @certificate: path; NULL if there is none with this number
 * @private_key: path; NULL if the key is in @certificate, a PKCS #12 file
 * @passphrase: path of a file with it, or NULL
 */
struct ktlsd_identity_files {
	char	*certificate;
	char	*private_key;
	char	*passphrase;
};

/**
 * struct ktlsd_identity - a section [identity NAME]
 * @name: NAME
 * @files: "certificate", "certificate.2" and so on, with their keys
 * @path: of the file that has the section; not owned
 * @line: of the section, for messages
 * @acl: who may use it
 * @roles: who may use it, see roles.h; 0: whom its certificates are for
 * @rsa_transport: its RSA keys may be used for RSA key transport, if a policy allows that
 * @revocation: how servers and clients that use it check their peers
 * @sni: server names that it has, see ktlsd_sni_parse_pattern()
 * @also: other identities that its listeners use, by server name
 * @sni_strict: its listeners refuse names that none of these has
 * @names: who has which name
 * @alpn: default of KTLS_ALPN, an RFC 7301 list
 * @alpn_len: bytes
 * @netns: in which network namespaces, NULL for all
 * @credentials: from the files, in their order; the peer decides which is used
 * @credential_count: 0 if one of the files could not be loaded
 * @staple: OCSP responses are stapled to these
 * @staples: the responses, a reference for each credential, or NULL; see staples.h
 * @trouble: why it could not be loaded; @credentials may be of an earlier generation then
 */
struct ktlsd_identity {
	char				name[KTLSD_IDENTITY_MAX + 1];
	struct ktlsd_identity_files	files[KTLSD_IDENTITY_CERTIFICATES];
	const char			*path;
	unsigned int			line;
	struct ktlsd_acl		acl;
	unsigned int			roles;
	bool				rsa_transport;
	struct ktlsd_revocation		revocation;
	struct ktlsd_words		sni;
	struct ktlsd_words		also;
	bool				sni_strict;
	struct ktlsd_sni		names;
	uint8_t				alpn[KTLSD_ALPN_MAX];
	size_t				alpn_len;
	char				*netns;
	struct ktlsd_credential		credentials[KTLSD_IDENTITY_CERTIFICATES];
	unsigned int			credential_count;
	bool				staple;
	struct ktlsd_staple		*staples[KTLSD_IDENTITY_CERTIFICATES];
	char				trouble[KTLS_GENL_REASON_MAX + 1];
};

/**
 * struct ktlsd_config_place - where a key was set
 * @path: of the file, NULL for nowhere; not owned: @files of the configuration has it
 * @line: in it
 */
struct ktlsd_config_place {
	const char	*path;
	unsigned int	line;
};

/**
 * struct ktlsd_config - one generation of the configuration
 * @refs: the last one frees it
 * @generation: number of this generation; set by the owner
 * @path: of the file
 * @files: the same and the files that it includes
 * @workers: threads, 0 for one per core
 * @log: where log lines go
 * @log_level: which lines are logged
 * @trust_path: file of the system's trust anchors
 * @trust_given: @trust_path is from ktlsd.conf, so it must exist
 * @trust_place: where
 * @max_sessions: handshakes at a time, over all workers
 * @max_memory: memory for them, MiB; 0: not given, see ktlsd_config_memory()
 * @ticket_lifetime: of the tickets that servers issue, seconds
 * @session_age: for how long after its full handshake a session is resumed, seconds
 * @ticket_keys: directory of the secrets of tickets, NULL for none
 * @ticket_keys_place: where it was set
 * @ticket_rotate: for how long each of them seals, seconds; 0: another host turns them
 * @content: hash of the files that were read: tells whether another ktlsd has the same
 * @session_cache: how many sessions of clients are cached
 * @revocation: how peers' certificates are checked
 * @revocation_ktls_trust: also where the trust anchors are the program's
 * @crl_path: of the CRLs, or NULL
 * @crl_place: where it was set
 * @crl_fetch: those that certificates name are fetched
 * @metrics_socket: path of the socket for Prometheus, or NULL
 * @key_log: path of the file for secrets of handshakes, or NULL
 * @metrics_place: where it was set
 * @key_log_place: likewise
 * @providers: of OpenSSL, for keys in tokens and TPMs
 * @fetch_socket: of ktls-fetch, or NULL for the default; not changed by a reload
 * @fetch_place: where it was set
 * @identities: owned array
 * @identity_count: its length
 * @policies: owned array, in the order of the file
 * @policy_count: its length
 * @trust: the system's trust anchors; empty if the default file could not be loaded
 * @crls: from @crl_path and fetched ones, or NULL; a reference
 * @troubles: how many files could not be loaded
 * @first_trouble: why the first of them could not
 */
struct ktlsd_config {
	atomic_uint		refs;
	uint64_t		generation;
	char			*path;
	struct ktlsd_words	files;
	unsigned int		workers;
	enum ktlsd_log_target	log;
	enum ktlsd_log_level	log_level;
	char			*trust_path;
	bool			trust_given;
	struct ktlsd_config_place trust_place;
	unsigned int		max_sessions;
	unsigned int		max_memory;
	unsigned int		ticket_lifetime;
	unsigned int		session_age;
	char			*ticket_keys;
	struct ktlsd_config_place ticket_keys_place;
	unsigned int		ticket_rotate;
	uint64_t		content;
	unsigned int		session_cache;
	struct ktlsd_revocation	revocation;
	bool			revocation_ktls_trust;
	char			*crl_path;
	struct ktlsd_config_place crl_place;
	bool			crl_fetch;
	char			*metrics_socket;
	char			*key_log;
	struct ktlsd_config_place metrics_place;
	struct ktlsd_config_place key_log_place;
	struct ktlsd_words	providers;
	char			*fetch_socket;
	struct ktlsd_config_place fetch_place;
	struct ktlsd_identity	*identities;
	size_t			identity_count;
	struct ktlsd_policy	*policies;
	size_t			policy_count;
	X509_STORE		*trust;
	struct ktlsd_crls	*crls;
	unsigned int		troubles;
	struct ktlsd_fault	first_trouble;
};

/**
 * ktlsd_config_reload - read the file, the identities and the trust anchors
 * @path: of the file
 * @old: the configuration in force, or NULL. Credentials and trust anchors that cannot be
 *	loaded are taken from it, and counted in @troubles.
 * @ret_config: a reference for the caller
 * @fault: on error: the first one; all are logged
 *
 * Without @old, the use of an identity that cannot be loaded fails with ENOKEY; trust anchors
 * that the file names must be loadable.
 *
 * Return: 0 or a negative errno
 */
int ktlsd_config_reload(const char *path, const struct ktlsd_config *old,
			struct ktlsd_config **ret_config,
			struct ktlsd_fault *fault);

/* The same without an old one. @strict: ktlsd_config_check(). */
int ktlsd_config_load(const char *path, bool strict,
		      struct ktlsd_config **ret_config,
		      struct ktlsd_fault *fault);

/**
 * ktlsd_config_check - log the errors of the file, and of all the files that it names
 * @path: of the file
 * @ret_config: a reference for the caller, on error too; NULL if the file cannot be read
 * @fault: on error: the first one
 *
 * A file that cannot be loaded is an error, and all are tried, also after an error in ktlsd.conf.
 *
 * Return: 0 or a negative errno
 */
int ktlsd_config_check(const char *path, struct ktlsd_config **ret_config,
		       struct ktlsd_fault *fault);

struct ktlsd_config *ktlsd_config_get(struct ktlsd_config *config);
void ktlsd_config_put(struct ktlsd_config *config);

/* Return: the identity, or NULL. */
const struct ktlsd_identity *ktlsd_config_lookup(const struct ktlsd_config *config,
						 const char *name);

/**
 * ktlsd_config_find - find an identity that a caller may use
 * @config: the configuration
 * @name: which
 * @caller: who asks for it
 * @ret_identity: lives as long as @config
 * @fault: on error
 *
 * The caller must be allowed to use those in its "also" as well, broken or not.
 *
 * Return: 0, -ENOKEY if it does not exist or is broken, -EACCES
 */
int ktlsd_config_find(const struct ktlsd_config *config, const char *name,
		      const struct ktlsd_caller *caller,
		      const struct ktlsd_identity **ret_identity,
		      struct ktlsd_fault *fault);

/* Return: how much memory handshakes may take, bytes. */
size_t ktlsd_config_memory(const struct ktlsd_config *config);

#endif
