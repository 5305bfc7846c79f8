// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "lib/clock.h"
#include "config/crl_lookup.h"

int ktlsd_crl_lookup_hash(X509 *issuer, uint8_t *ret_hash)
{
	uint8_t *name = NULL, *key = NULL;
	int name_len = i2d_X509_NAME(X509_get_subject_name(issuer), &name);
	int key_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(issuer), &key);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good;

	good = ctx && name_len > 0 && key_len > 0 &&
	       EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
	       EVP_DigestUpdate(ctx, name, (size_t)name_len) &&
	       EVP_DigestUpdate(ctx, key, (size_t)key_len) &&
	       EVP_DigestFinal_ex(ctx, ret_hash, NULL);
	EVP_MD_CTX_free(ctx);
	OPENSSL_free(name);
	OPENSSL_free(key);
	ERR_clear_error();
	return good ? 0 : -ENOMEM;
}

/* --- for OpenSSL --- */

static bool crl_lookup_push(STACK_OF(X509_CRL) *list, X509_CRL *crl)
{
	if (!sk_X509_CRL_push(list, crl))
		return false;
	X509_CRL_up_ref(crl);
	return true;
}

/* Of files: those of this name, and those with a scope, which may be indirect. */
static bool crl_lookup_files(const struct ktlsd_crl_set *set, const X509_NAME *name,
			     STACK_OF(X509_CRL) *list)
{
	bool good = true;
	X509_CRL *crl;
	int i;

	for (i = 0; i < sk_X509_CRL_num(set->list) && good; i++) {
		crl = sk_X509_CRL_value(set->list, i);
		if (!X509_NAME_cmp(name, X509_CRL_get_issuer(crl)) ||
		    X509_CRL_get_ext_by_NID(crl, NID_issuing_distribution_point, -1) >= 0)
			good = crl_lookup_push(list, crl);
	}
	return good;
}

static bool crl_lookup_fetched(const struct ktlsd_crl_view *view, X509 *issuer,
			       STACK_OF(X509_CRL) *list)
{
	const struct ktlsd_crl_set *set = view->set;
	uint8_t hash[KTLSD_CRLS_ISSUER];
	bool good = true;
	unsigned int i;

	if (!set->fetched_count)
		return true;
	if (ktlsd_crl_lookup_hash(issuer, hash))
		return false;
	for (i = 0; i < set->fetched_count && good; i++) {
		if (memcmp(set->fetched[i]->issuer, hash, sizeof(hash)))
			continue;
		set->fetched[i]->used = ktlsd_clock_ms();
		set->fetched[i]->user = view->user;
		good = crl_lookup_push(list, set->fetched[i]->crl);
	}
	return good;
}

/* The chain is built then, but its signatures are verified after the CRLs. */
static X509 *crl_lookup_issuer(const X509_STORE_CTX *ctx)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	int depth = X509_STORE_CTX_get_error_depth(ctx);
	X509 *cert = sk_X509_value(chain, depth);

	if (depth + 1 < sk_X509_num(chain))
		return sk_X509_value(chain, depth + 1);
	/* A trust anchor, which may have been issued by another. */
	return cert && X509_get_extension_flags(cert) & EXFLAG_SS ? cert : NULL;
}

/* To OpenSSL a lookup that fails is the same as no CRL. */
static STACK_OF(X509_CRL) *crl_lookup_all(const X509_STORE_CTX *ctx, const X509_NAME *name)
{
	/* The path to the issuer of a CRL has a context of its own. */
	X509_STORE_CTX *first = X509_STORE_CTX_get0_parent_ctx(ctx);
	struct ktlsd_crl_view *view = X509_STORE_CTX_get_app_data(first ? first : ctx);
	STACK_OF(X509_CRL) *list;
	X509 *issuer;

	if (!view)
		return NULL;
	list = sk_X509_CRL_new_null();
	issuer = crl_lookup_issuer(ctx);
	if (list && crl_lookup_files(view->set, name, list) &&
	    (!issuer || crl_lookup_fetched(view, issuer, list)))
		return list;
	view->failed = true;
	sk_X509_CRL_pop_free(list, X509_CRL_free);
	return NULL;
}

void ktlsd_crl_lookup_attach(X509_STORE *store)
{
	X509_STORE_set_lookup_crls(store, crl_lookup_all);
}

void ktlsd_crl_lookup_use(X509_STORE_CTX *ctx, struct ktlsd_crl_view *view)
{
	X509_STORE_CTX_set_app_data(ctx, view);
}

/* --- for others --- */

static X509_REVOKED *crl_lookup_entry(X509_CRL *crl, X509 *cert)
{
	X509_REVOKED *entry = NULL;

	/* 2: removeFromCRL, in a delta. */
	if (X509_NAME_cmp(X509_get_issuer_name(cert), X509_CRL_get_issuer(crl)) ||
	    X509_CRL_get0_by_cert(crl, &entry, cert) != 1)
		return NULL;
	return entry;
}

X509_REVOKED *ktlsd_crl_lookup_revoked(const struct ktlsd_crl_set *set, X509 *cert, X509 *issuer,
				      X509_CRL **ret_crl)
{
	uint8_t hash[KTLSD_CRLS_ISSUER];
	X509_REVOKED *entry = NULL;
	unsigned int k;
	int i;

	if (!set)
		return NULL;
	for (i = 0; i < sk_X509_CRL_num(set->list) && !entry; i++) {
		*ret_crl = sk_X509_CRL_value(set->list, i);
		entry = crl_lookup_entry(*ret_crl, cert);
	}
	if (issuer && set->fetched_count && ktlsd_crl_lookup_hash(issuer, hash))
		return entry;
	for (k = 0; k < set->fetched_count && !entry; k++) {
		if (issuer && memcmp(set->fetched[k]->issuer, hash, sizeof(hash)))
			continue;
		*ret_crl = set->fetched[k]->crl;
		entry = crl_lookup_entry(*ret_crl, cert);
	}
	return entry;
}
