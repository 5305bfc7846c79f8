// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "tls/own_cert.h"

/* Two certificates of the same kind cannot be in one SSL_CTX. */
static int own_cert_kind(const struct ktlsd_credential *credential)
{
	return EVP_PKEY_get_base_id(X509_get0_pubkey(credential->leaf));
}

/* Return: whether there is an earlier certificate of the same kind. */
static bool own_cert_is_another(const struct ktlsd_identity *identity, unsigned int number)
{
	unsigned int i;

	for (i = 0; i < number; i++) {
		if (own_cert_kind(&identity->credentials[i]) ==
		    own_cert_kind(&identity->credentials[number]))
			return true;
	}
	return false;
}

int ktlsd_own_cert_set(SSL_CTX *ctx, const struct ktlsd_identity *identity,
		       struct ktlsd_fault *fault)
{
	const struct ktlsd_credential *credential;
	unsigned int i;

	ERR_clear_error();
	for (i = 0; i < identity->credential_count; i++) {
		if (own_cert_is_another(identity, i))
			continue;
		credential = &identity->credentials[i];
		if (SSL_CTX_use_cert_and_key(ctx, credential->leaf, credential->key,
					     credential->chain, 1) != 1)
			return ktlsd_errors_set(fault, -EINVAL,
				"OpenSSL refuses the certificate of this side: %s.",
				ktlsd_errors_openssl_reason());
	}
	return 0;
}

static int own_cert_rate(struct ktlsd_handshake *hs, const struct ktlsd_credential *credential)
{
	int rating = 0;

	if (SSL_check_chain(hs->ssl, credential->leaf, credential->key, credential->chain) &
	    CERT_PKEY_VALID)
		rating += 2;
	if (hs->server_name[0] &&
	    X509_check_host(credential->leaf, hs->server_name, 0,
			    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
			    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1)
		rating++;
	return rating;
}

/* Return: the best certificate of the same kind as the one at @first, of those from there. */
static const struct ktlsd_credential *own_cert_best(struct ktlsd_handshake *hs,
						    const struct ktlsd_identity *identity,
						    unsigned int first)
{
	const struct ktlsd_credential *credential, *best = NULL;
	int kind = own_cert_kind(&identity->credentials[first]);
	int rating, best_rating = -1;
	unsigned int i;

	for (i = first; i < identity->credential_count; i++) {
		credential = &identity->credentials[i];
		if (own_cert_kind(credential) != kind)
			continue;
		rating = own_cert_rate(hs, credential);
		if (rating <= best_rating)
			continue;
		best_rating = rating;
		best = credential;
	}
	return best;
}

/* Return: whether two certificates are of one kind. */
static bool own_cert_is_ambiguous(const struct ktlsd_identity *identity)
{
	unsigned int i;

	for (i = 0; i < identity->credential_count; i++) {
		if (own_cert_is_another(identity, i))
			return true;
	}
	return false;
}

/* When OpenSSL needs a certificate: the peer's message was parsed. */
static int own_cert_install(SSL *ssl, void *arg)
{
	struct ktlsd_handshake *hs = SSL_get_app_data(ssl);
	const struct ktlsd_identity *identity = hs->identity;
	const struct ktlsd_credential *credential;
	unsigned int i;

	(void)arg;
	if (identity == hs->listener && !own_cert_is_ambiguous(identity))
		return 1;
	SSL_certs_clear(ssl);
	for (i = 0; i < identity->credential_count; i++) {
		if (own_cert_is_another(identity, i))
			continue;
		credential = own_cert_best(hs, identity, i);
		if (SSL_use_cert_and_key(ssl, credential->leaf, credential->key,
					 credential->chain, 1) != 1)
			return 0;
	}
	return 1;
}

void ktlsd_own_cert_choose(struct ktlsd_handshake *hs, const struct ktlsd_identity *identity)
{
	hs->identity = identity;
	if (!hs->default_alpn)
		return;
	memcpy(hs->alpn, identity->alpn, identity->alpn_len);
	hs->alpn_len = identity->alpn_len;
}

int ktlsd_own_cert_use(struct ktlsd_handshake *hs, const struct ktlsd_identity *identity)
{
	hs->listener = identity;
	hs->default_alpn = !hs->alpn_len;
	ktlsd_own_cert_choose(hs, identity);
	if ((hs->is_server && identity->names.count) || own_cert_is_ambiguous(identity))
		SSL_set_cert_cb(hs->ssl, own_cert_install, NULL);
	/* SSL_set_alpn_protos() returns 0 for success. */
	if (!hs->is_server && hs->default_alpn && hs->alpn_len &&
	    SSL_set_alpn_protos(hs->ssl, hs->alpn, (unsigned int)hs->alpn_len))
		return -ENOMEM;
	return 0;
}
