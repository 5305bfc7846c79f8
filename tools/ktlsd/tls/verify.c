// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include <openssl/x509v3.h>

#include "config/credentials.h"
#include "config/public_key.h"
#include "tls/verify.h"

static void verify_record(struct ktlsd_handshake *hs, int error, int depth,
			  X509 *cert)
{
	X509_free(hs->verdict.cert);
	hs->verdict.error = error;
	hs->verdict.depth = depth;
	hs->verdict.cert = cert;
	if (cert)
		X509_up_ref(cert);
}

/* The bounds of the policies hold for every key that the verdict depends on: that of the
 * trust anchor too. Return: whether all of @chain may be used.
 */
static bool verify_keys(struct ktlsd_handshake *hs, X509_STORE_CTX *store_ctx,
			STACK_OF(X509) *chain, int count)
{
	char why[KTLSD_POLICY_WHY_MAX];
	X509 *cert;
	int i;

	for (i = 0; i < count; i++) {
		cert = sk_X509_value(chain, i);
		if (ktlsd_policy_allows_key(&hs->bounds, X509_get0_pubkey(cert), why))
			continue;
		verify_record(hs, KTLSD_PUBLIC_KEY_POLICY, i, cert);
		X509_STORE_CTX_set_error(store_ctx, X509_V_ERR_CERT_REJECTED);
		return false;
	}
	return true;
}

int ktlsd_verify_chain(X509_STORE_CTX *store_ctx, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store_ctx,
				SSL_get_ex_data_X509_STORE_CTX_idx());
	struct ktlsd_handshake *hs = SSL_get_app_data(ssl);
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_untrusted(store_ctx);
	int i, error;

	(void)arg;
	/* Store them now: after a failure OpenSSL frees what the peer sent. */
	sk_X509_pop_free(hs->presented, X509_free);
	hs->presented = chain ? X509_chain_up_ref(chain) : NULL;
	hs->verified = false;

	for (i = 0; i < sk_X509_num(chain); i++) {
		error = ktlsd_public_key_check(sk_X509_value(chain, i));
		if (error == KTLSD_PUBLIC_KEY_GOOD)
			continue;
		verify_record(hs, error, i, sk_X509_value(chain, i));
		X509_STORE_CTX_set_error(store_ctx, X509_V_ERR_CERT_REJECTED);
		return 0;
	}

	if (hs->verify == KTLS_VERIFY_NONE)
		return verify_keys(hs, store_ctx, chain, sk_X509_num(chain) > 0);
	if (ktlsd_status_verify(hs, store_ctx)) {
		chain = X509_STORE_CTX_get0_chain(store_ctx);
		if (!verify_keys(hs, store_ctx, chain, sk_X509_num(chain)))
			return 0;
		hs->verified = true;
		return 1;
	}
	error = X509_STORE_CTX_get_error(store_ctx);
	if (error == X509_V_OK) {
		error = X509_V_ERR_UNSPECIFIED;
		X509_STORE_CTX_set_error(store_ctx, error);
	}
	verify_record(hs, error, X509_STORE_CTX_get_error_depth(store_ctx),
		      X509_STORE_CTX_get_current_cert(store_ctx));
	return 0;
}

static int verify_setup_name(struct ktlsd_handshake *hs)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(hs->ssl);
	const struct ktlsd_name *name = &hs->name;

	X509_VERIFY_PARAM_set_hostflags(param,
					X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
					X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	switch (name->kind) {
	case KTLSD_NAME_HOST:
		if (!X509_VERIFY_PARAM_set1_host(param, name->text, 0) ||
		    !SSL_set_tlsext_host_name(hs->ssl, name->text))
			return -ENOMEM;
		return 0;
	case KTLSD_NAME_ADDRESS:
		return X509_VERIFY_PARAM_set1_ip(param, name->address,
						 name->address_len) ? 0 : -ENOMEM;
	default:
		/* Without a name, any trusted certificate would be accepted. */
		return hs->verify == KTLS_VERIFY_NONE ? 0 : -EINVAL;
	}
}

int ktlsd_verify_setup(struct ktlsd_handshake *hs,
		       const STACK_OF(X509_NAME) *ca_names)
{
	STACK_OF(X509_NAME) *names;
	int mode = SSL_VERIFY_NONE;

	/* A client sees a certificate in any case. With SSL_VERIFY_NONE OpenSSL would go on after
	 * ktlsd_verify_chain() has refused its keys.
	 */
	if (hs->verify != KTLS_VERIFY_NONE || !hs->is_server)
		mode |= SSL_VERIFY_PEER;
	if (hs->verify == KTLS_VERIFY_REQUIRED)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_set_verify(hs->ssl, mode, NULL);
	SSL_set_verify_depth(hs->ssl, KTLSD_CHAIN_DEPTH_MAX);

	if (!hs->is_server)
		return verify_setup_name(hs);
	if (!ca_names || hs->verify == KTLS_VERIFY_NONE)
		return 0;
	names = SSL_dup_CA_list(ca_names);
	if (!names)
		return -ENOMEM;
	SSL_set0_CA_list(hs->ssl, names);
	return 0;
}
