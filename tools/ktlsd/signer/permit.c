// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "config/parse.h"
#include "config/trust.h"
#include "signer/permit.h"

/**
 * permit - what ktlsd.conf permits
 * @path: of the file; NULL for none
 * @stale: it may have changed
 * @config: what is in it, a reference; NULL for nothing
 * @decrypt: there is a policy that allows RSA key transport
 */
static struct {
	const char	*path;
	bool		stale;
	struct ktlsd_config *config;
	atomic_bool	decrypt;
} permit;

void ktlsd_permit_init(const char *path)
{
	permit.path = path;
	permit.stale = path;
}

void ktlsd_permit_note_read(const char *path)
{
	permit.stale |= permit.path && !strcmp(path, permit.path);
}

static bool permit_same(const char *path, const char *other)
{
	return path && other ? !strcmp(path, other) : path == other;
}

/* Return: which of the identity's files these are, or -1 */
static int permit_find(const struct ktlsd_identity *identity,
		       const struct ktlsd_identity_files *files)
{
	int i;

	for (i = 0; i < KTLSD_IDENTITY_CERTIFICATES; i++) {
		if (permit_same(identity->files[i].certificate, files->certificate) &&
		    permit_same(identity->files[i].private_key, files->private_key) &&
		    permit_same(identity->files[i].passphrase, files->passphrase))
			return i;
	}
	return -1;
}

/* What all identities with these files allow. @otherwise: roles of those that say nothing */
static struct ktlsd_signer_rights permit_rights_of(const struct ktlsd_identity_files *files,
						   unsigned int otherwise)
{
	struct ktlsd_signer_rights rights = { 0 };
	const struct ktlsd_identity *identity;
	size_t i;
	int file;

	for (i = 0; permit.config && i < permit.config->identity_count; i++) {
		identity = &permit.config->identities[i];
		file = permit_find(identity, files);
		if (file < 0)
			continue;
		rights.roles |= identity->roles ? identity->roles : otherwise;
		if (!*rights.identity || (identity->rsa_transport && !rights.decrypts)) {
			strcpy(rights.identity, identity->name);
			rights.file = (unsigned int)file;
		}
		rights.decrypts |= identity->rsa_transport;
	}
	return rights;
}

/* An identity that is not loaded anew keeps its old key, but not rights that it and all others with
 * the same files have lost.
 */
static void permit_change_rights(struct ktlsd_signer_rights *rights)
{
	const struct ktlsd_identity *identity;
	struct ktlsd_signer_rights allowed;

	if (!*rights->identity)
		return;
	identity = ktlsd_config_lookup(permit.config, rights->identity);
	if (!identity || !identity->files[rights->file].certificate) {
		rights->decrypts = false;
		return;
	}
	allowed = permit_rights_of(&identity->files[rights->file], KTLSD_ROLES_BOTH);
	rights->decrypts &= allowed.decrypts;
	rights->roles &= allowed.roles;
}

int ktlsd_permit_refresh(struct ktlsd_fault *fault)
{
	struct ktlsd_config *config;
	bool decrypt = false;
	size_t i;
	int err;

	err = permit.stale ? ktlsd_parse_config(permit.path, &config, fault) : 0;
	if (err || !permit.stale)
		return err;
	permit.stale = false;
	ktlsd_stored_key_use(&config->providers);
	for (i = 0; i < config->policy_count; i++)
		decrypt |= config->policies[i].bounds.rsa_transport;
	permit.decrypt = decrypt;
	ktlsd_config_put(permit.config);
	permit.config = config;
	ktlsd_signer_keys_change(permit_change_rights);
	return 0;
}

bool ktlsd_permit_has(const struct ktlsd_identity_files *files)
{
	size_t i;

	for (i = 0; permit.config && i < permit.config->identity_count; i++) {
		if (permit_find(&permit.config->identities[i], files) >= 0)
			return true;
	}
	return !permit.path;
}

/* Return: files of a certificate, @i counts them in all identities; NULL behind the last one */
static const struct ktlsd_identity_files *permit_files(size_t i)
{
	size_t identity = i / KTLSD_IDENTITY_CERTIFICATES;

	if (!permit.config || identity >= permit.config->identity_count)
		return NULL;
	return &permit.config->identities[identity].files[i % KTLSD_IDENTITY_CERTIFICATES];
}

void ktlsd_permit_for_each(void (*visit)(const struct ktlsd_identity_files *files))
{
	const struct ktlsd_identity_files *files;
	size_t i;

	for (i = 0; (files = permit_files(i)); i++) {
		if (files->certificate)
			visit(files);
	}
}

/* Return: whether @path is a file in @directory */
static bool permit_is_in(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	return !strncmp(path, directory, len) && path[len] == '/' && !strchr(path + len + 1, '/');
}

bool ktlsd_permit_may_read(const char *path)
{
	const struct ktlsd_config *config = permit.config;
	size_t i;

	if (permit_same(path, permit.path) || !permit.path)
		return true;
	if (!config)
		return false;
	for (i = 0; i < config->files.count; i++) {
		if (!strcmp(path, config->files.items[i]))
			return true;
	}
	if (!strcmp(path, config->trust_given ? config->trust_path : KTLSD_TRUST_SYSTEM))
		return true;
	return config->crl_path && (!strcmp(path, config->crl_path) ||
				    permit_is_in(path, config->crl_path));
}

bool ktlsd_permit_is_passphrase(const char *path)
{
	const struct ktlsd_identity_files *files;
	struct stat asked, secret;
	size_t i;

	if (stat(path, &asked))
		return false;
	for (i = 0; (files = permit_files(i)); i++) {
		if (files->passphrase && !stat(files->passphrase, &secret) &&
		    secret.st_dev == asked.st_dev && secret.st_ino == asked.st_ino)
			return true;
	}
	return false;
}

struct ktlsd_signer_rights ktlsd_permit_rights(const struct ktlsd_identity_files *files,
					       X509 *cert)
{
	struct ktlsd_signer_rights rights = permit_rights_of(files, ktlsd_roles_of(cert));

	if (!permit.path)
		rights.roles = KTLSD_ROLES_BOTH;
	return rights;
}

bool ktlsd_permit_decrypt(void)
{
	return permit.decrypt;
}
