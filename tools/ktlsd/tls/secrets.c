// SPDX-License-Identifier: GPL-2.0-or-later
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "tls/keys.h"
#include "tls/pause.h"
#include "tls/secrets.h"

#define SECRETS_PROVIDER	"ktlsd-kdf"
/* Of the few names that OpenSSL 3.0 allows for properties one that its configuration does not
 * ask for: a query for "provider" would override that of default_properties. The query prefers
 * what has the property, which is the KDF; all else is found as without a query.
 */
#define SECRETS_PROPERTY	"version=ktlsd"
#define SECRETS_QUERY		"?" SECRETS_PROPERTY

enum {
	SECRETS_FUNCTIONS_MAX	= 32,
};

/* Of OpenSSL's own KDF; set before the provider is loaded, and not changed afterwards. */
static OSSL_FUNC_kdf_derive_fn *secrets_kdf_derive;
static void *secrets_kdf_provider;
static OSSL_DISPATCH secrets_functions[SECRETS_FUNCTIONS_MAX];

static pthread_once_t secrets_once = PTHREAD_ONCE_INIT;
static bool secrets_work;
/* Loaded for good. */
static OSSL_PROVIDER *secrets_provider;

static int secrets_derive(void *ctx, unsigned char *secret, size_t len,
			  const OSSL_PARAM params[])
{
	const struct ktlsd_pause_owner *owner = ktlsd_pause_get_owner();
	int ret = secrets_kdf_derive(ctx, secret, len, params);
	const OSSL_PARAM *label;

	if (ret != 1 || !owner || !owner->handshake || !params)
		return ret;
	label = OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_LABEL);
	if (label && label->data_type == OSSL_PARAM_OCTET_STRING)
		ktlsd_keys_take_derived(owner->handshake, label->data, label->data_size,
					secret, len);
	return ret;
}

static const OSSL_ALGORITHM *secrets_query_operation(void *provider, int operation,
						     int *no_cache)
{
	static const OSSL_ALGORITHM kdfs[] = {
		{ OSSL_KDF_NAME_TLS1_3_KDF,
		  "provider=" SECRETS_PROVIDER "," SECRETS_PROPERTY, secrets_functions, "" },
		{ NULL, NULL, NULL, NULL }
	};

	(void)provider;
	*no_cache = 0;
	return operation == OSSL_OP_KDF ? kdfs : NULL;
}

/* Contexts are those of OpenSSL's provider, so this one has its context, too. */
static int secrets_start(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
			 const OSSL_DISPATCH **ret_out, void **ret_provider)
{
	static const OSSL_DISPATCH functions[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))secrets_query_operation },
		{ 0, NULL }
	};

	(void)handle;
	(void)in;
	*ret_out = functions;
	*ret_provider = secrets_kdf_provider;
	return 1;
}

/* Return: whether all of @functions were copied, with derive() replaced. */
static bool secrets_copy(const OSSL_DISPATCH *functions)
{
	size_t i;

	for (i = 0; functions[i].function_id && i < SECRETS_FUNCTIONS_MAX - 1; i++) {
		secrets_functions[i] = functions[i];
		if (functions[i].function_id != OSSL_FUNC_KDF_DERIVE)
			continue;
		secrets_kdf_derive = OSSL_FUNC_kdf_derive(&functions[i]);
		secrets_functions[i].function = (void (*)(void))secrets_derive;
	}
	return !functions[i].function_id && secrets_kdf_derive;
}

/* Finds the functions of @kdf in the tables of its provider. */
static bool secrets_find(const EVP_KDF *kdf)
{
	const OSSL_PROVIDER *provider = EVP_KDF_get0_provider(kdf);
	const OSSL_ALGORITHM *all, *one;
	bool found = false;
	int no_cache;

	all = OSSL_PROVIDER_query_operation(provider, OSSL_OP_KDF, &no_cache);
	for (one = all; one && one->algorithm_names && !found; one++) {
		found = !strcmp(one->algorithm_names, OSSL_KDF_NAME_TLS1_3_KDF) &&
			secrets_copy(one->implementation);
	}
	OSSL_PROVIDER_unquery_operation(provider, OSSL_OP_KDF, all);
	secrets_kdf_provider = OSSL_PROVIDER_get0_provider_ctx(provider);
	return found;
}

static bool secrets_is_ours(const EVP_KDF *kdf)
{
	return kdf && !strcmp(OSSL_PROVIDER_get0_name(EVP_KDF_get0_provider(kdf)),
			      SECRETS_PROVIDER);
}

static void secrets_init(void)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, NULL), *ours = NULL;

	if (kdf && secrets_find(kdf) &&
	    OSSL_PROVIDER_add_builtin(NULL, SECRETS_PROVIDER, secrets_start))
		secrets_provider = OSSL_PROVIDER_try_load(NULL, SECRETS_PROVIDER, 1);
	if (secrets_provider)
		ours = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, SECRETS_QUERY);
	secrets_work = secrets_is_ours(ours);
	EVP_KDF_free(ours);
	EVP_KDF_free(kdf);
	ERR_clear_error();
}

const char *ktlsd_secrets_query(void)
{
	pthread_once(&secrets_once, secrets_init);
	return secrets_work ? SECRETS_QUERY : NULL;
}
