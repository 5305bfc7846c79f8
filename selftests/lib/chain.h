/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificate chains, right or with any one thing wrong, for a server of OpenSSL. */
#ifndef _SELFTESTS_CHAIN_H
#define _SELFTESTS_CHAIN_H

#include <stdbool.h>
#include <openssl/ssl.h>

#include "interop.h"

#define CHAIN_MAX	13	/* certificates, with the leaf */

enum cert_flag {
	CERT_BAD_SIGNATURE	= 1 << 0,	/* a bit of it is flipped */
	CERT_OTHER_KEY		= 1 << 1,	/* signed by a key that is not the issuer's */
	CERT_NOT_SENT		= 1 << 2,	/* the server keeps it back */
	CERT_OTHER_ALGORITHM	= 1 << 3,	/* two signature algorithms that differ */
	CERT_AKID		= 1 << 4,	/* names another key as its issuer's */
	CERT_BAD_TIME		= 1 << 5,	/* a notAfter that is no time */
	CERT_TWICE		= 1 << 6,	/* keyUsage twice */
	CERT_NO_BASIC		= 1 << 7,	/* no basicConstraints */
	CERT_SELF_ISSUED	= 1 << 8,	/* its own issuer */
};

/**
 * struct cert - what a certificate says; what is not set is as it should be
 * @cn: common name
 * @san: subjectAltName; "" for none
 * @eku: extendedKeyUsage
 * @ku: keyUsage
 * @basic: basicConstraints
 * @ext: two more extensions, "name=value" or "OID=DER:..."
 * @key: kind of key: p256, p192, rsa1024, ...
 * @md: digest of the signature with which it was issued
 * @from: begin of its validity, days from now
 * @to: end; both 0: from yesterday for 90 days
 * @version: 1 to 3, 0 for 3
 * @flags: enum cert_flag
 */
struct cert {
	const char	*cn, *san, *eku, *ku, *basic, *ext[2], *key, *md;
	int		from, to, version;
	unsigned int	flags;
};

/**
 * struct chain - a chain, right or to be refused
 * @name: of the case
 * @reason: what KTLS_ERROR says, some of its words
 * @server_name: that the client verifies; NULL for server.test, "" for the address
 * @leaf: the server's certificate
 * @ca: its issuer, that one's issuer ..., up to the first without cn; the trusted root,
 *	ktls test ca, issues the last of them
 * @repeat: the last CA of @ca is there so many times more, each issued by the next
 */
struct chain {
	const char	*name, *reason, *server_name;
	struct cert	leaf, ca[3];
	int		repeat;
};

/* A chain as it is presented, the leaf's key, and who issued the leaf, with the key for CRLs */
struct chain_made {
	X509		*certs[CHAIN_MAX];
	bool		sent[CHAIN_MAX];
	int		count;
	EVP_PKEY	*key;
	X509		*issuer;
	EVP_PKEY	*issuer_key;
};

void chain_make(const struct chain *chain, struct chain_made *ret);
void chain_free(struct chain_made *made);
/* An authority of ca.sh. */
void chain_read_ca(const char *name, X509 **ret_cert, EVP_PKEY **ret_key);
EVP_PKEY *chain_key(const char *kind, bool fresh);
/* To be given to SSL_CTX_use_certificate() and so on. */
void chain_use(const struct chain_made *made, SSL_CTX *ctx);

#endif /* _SELFTESTS_CHAIN_H */
