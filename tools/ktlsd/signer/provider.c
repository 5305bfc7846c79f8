// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/clock.h"
#include "signer/channel.h"
#include "signer/premaster.h"
#include "signer/process.h"
#include "signer/provider.h"
#include "tls/pause.h"

#define PROVIDER_NAME		"ktlsd"
#define PROVIDER_HANDLE		"ktlsd-handle"
#define PROVIDER_PUBLIC		"ktlsd-public"

/**
 * struct provider_key - a key, or only the public half of one
 * @kind: name of its algorithm
 * @handle: of the signer, 0 for none
 * @public: the public half, of OpenSSL's own providers
 */
struct provider_key {
	const char	*kind;
	uint64_t	handle;
	EVP_PKEY	*public;
};

/**
 * struct provider_signature - a signature that is being made
 * @key: lives longer
 * @hash: NID, NID_undef for none
 * @pss: RSA: PSS padding
 */
struct provider_signature {
	const struct provider_key	*key;
	int				hash;
	bool				pss;
};

/* --- key management --- */

static void *provider_new(const char *kind)
{
	struct provider_key *key = OPENSSL_zalloc(sizeof(*key));

	if (key)
		key->kind = kind;
	return key;
}

#define PROVIDER_NEW(name, kind) \
	static void *provider_new_##name(void *provider) \
	{ \
		(void)provider; \
		return provider_new(kind); \
	}

PROVIDER_NEW(rsa, "RSA")
PROVIDER_NEW(rsa_pss, "RSA-PSS")
PROVIDER_NEW(ec, "EC")
PROVIDER_NEW(ed25519, "ED25519")
PROVIDER_NEW(ed448, "ED448")

static void provider_free(void *keydata)
{
	struct provider_key *key = keydata;

	if (!key)
		return;
	if (key->handle)
		ktlsd_signer_release(key->handle);
	EVP_PKEY_free(key->public);
	OPENSSL_free(key);
}

static int provider_has(const void *keydata, int selection)
{
	const struct provider_key *key = keydata;

	if (!key || !key->public)
		return 0;
	return !(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) || key->handle;
}

static int provider_match(const void *keydata1, const void *keydata2, int selection)
{
	const struct provider_key *key1 = keydata1, *key2 = keydata2;

	(void)selection;
	return key1->public && key2->public && EVP_PKEY_eq(key1->public, key2->public) == 1;
}

/* From ktlsd_provider_new_key(). */
static int provider_import_handle(struct provider_key *key, const OSSL_PARAM *handle,
				  const OSSL_PARAM *public)
{
	const void *der;
	const unsigned char *at;
	size_t len;

	if (!public || !OSSL_PARAM_get_octet_string_ptr(public, &der, &len))
		return 0;
	at = der;
	key->public = d2i_PUBKEY(NULL, &at, (long)len);
	return key->public && EVP_PKEY_is_a(key->public, key->kind) &&
	       OSSL_PARAM_get_uint64(handle, &key->handle);
}

/* OpenSSL compares a certificate's key with ours here. */
static int provider_import_public(struct provider_key *key, const OSSL_PARAM params[])
{
	EVP_PKEY_CTX *ctx;
	bool good;

	ctx = EVP_PKEY_CTX_new_from_name(NULL, key->kind, NULL);
	good = ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
	       EVP_PKEY_fromdata(ctx, &key->public, EVP_PKEY_PUBLIC_KEY,
				 (OSSL_PARAM *)params) == 1;
	EVP_PKEY_CTX_free(ctx);
	return good;
}

static int provider_import(void *keydata, int selection, const OSSL_PARAM params[])
{
	const OSSL_PARAM *handle = OSSL_PARAM_locate_const(params, PROVIDER_HANDLE);
	struct provider_key *key = keydata;

	(void)selection;
	if (!key || key->public)
		return 0;
	if (handle)
		return provider_import_handle(key, handle,
					      OSSL_PARAM_locate_const(params, PROVIDER_PUBLIC));
	return provider_import_public(key, params);
}

static const OSSL_PARAM *provider_import_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_uint64(PROVIDER_HANDLE, NULL),
		OSSL_PARAM_octet_string(PROVIDER_PUBLIC, NULL, 0),
		OSSL_PARAM_END
	};

	(void)selection;
	return types;
}

/* The private half cannot leave: OpenSSL must use this provider to sign. */
static int provider_export(void *keydata, int selection, OSSL_CALLBACK *callback, void *arg)
{
	const struct provider_key *key = keydata;

	if (!key || !key->public || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY))
		return 0;
	return EVP_PKEY_export(key->public, selection, callback, arg);
}

static int provider_get_params(void *keydata, OSSL_PARAM params[])
{
	const struct provider_key *key = keydata;

	return key->public && EVP_PKEY_get_params(key->public, params);
}

static const OSSL_PARAM *provider_gettable_params(void *provider)
{
	static const OSSL_PARAM names[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
		OSSL_PARAM_END
	};

	(void)provider;
	return names;
}

static const char *provider_query_ec(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ECDSA" : "EC";
}

/* --- asking the signer --- */

/* Return: 1 with the answer in @data, 0 on error. */
static int provider_ask(enum ktlsd_signer_op op, const struct provider_key *key,
			uint32_t value, uint32_t value2,
			const unsigned char *text, size_t text_len,
			unsigned char *data, size_t *len, size_t size)
{
	struct ktlsd_pause_owner *owner = ktlsd_pause_get_owner();
	struct ktlsd_signer_head head = {
		.op = op, .handle = key->handle, .value = value, .value2 = value2,
	};
	uint8_t answer[KTLSD_SIGNER_REPLY_MAX];
	struct ktlsd_fault fault = { 0 };
	const int64_t begun = ktlsd_clock_us();
	size_t got = 0;
	int err;

	err = ktlsd_signer_channel_call(&head, text, text_len, answer, &got, &fault);
	ktlsd_signer_channel_count(key->kind, &head, err, begun);
	if (err) {
		if (owner)
			owner->fault = fault;
		ERR_raise(ERR_LIB_PROV, ERR_R_OPERATION_FAIL);
		return 0;
	}
	if (got <= size) {
		memcpy(data, answer, got);
		*len = got;
	}
	OPENSSL_cleanse(answer, got);
	return got <= size;
}

/* --- signatures --- */

static void *provider_sign_new(void *provider, const char *properties)
{
	(void)provider;
	(void)properties;
	return OPENSSL_zalloc(sizeof(struct provider_signature));
}

static void provider_sign_free(void *signature)
{
	OPENSSL_free(signature);
}

static void *provider_sign_dup(void *signature)
{
	return OPENSSL_memdup(signature, sizeof(struct provider_signature));
}

static int provider_sign_set_params(void *arg, const OSSL_PARAM params[])
{
	const OSSL_PARAM *mode = params ?
		OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE) : NULL;
	struct provider_signature *signature = arg;
	const char *text;
	int number;

	/* The length of the salt is always that of the hash (RFC 8446 4.2.3). */
	if (!mode)
		return 1;
	if (mode->data_type == OSSL_PARAM_UTF8_STRING) {
		if (!OSSL_PARAM_get_utf8_string_ptr(mode, &text))
			return 0;
		signature->pss = !strcmp(text, OSSL_PKEY_RSA_PAD_MODE_PSS);
		return signature->pss || !strcmp(text, OSSL_PKEY_RSA_PAD_MODE_PKCSV15);
	}
	if (!OSSL_PARAM_get_int(mode, &number))
		return 0;
	signature->pss = number == RSA_PKCS1_PSS_PADDING;
	return signature->pss || number == RSA_PKCS1_PADDING;
}

static const OSSL_PARAM *provider_sign_settable_params(void *signature, void *provider)
{
	static const OSSL_PARAM names[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
		OSSL_PARAM_END
	};

	(void)signature;
	(void)provider;
	return names;
}

static int provider_sign_init(void *arg, const char *hash, void *keydata,
			      const OSSL_PARAM params[])
{
	struct provider_signature *signature = arg;
	EVP_MD *md;

	signature->key = keydata;
	if (!keydata || !signature->key->handle)
		return 0;
	signature->pss = !strcmp(signature->key->kind, "RSA-PSS");
	signature->hash = NID_undef;
	if (hash && hash[0]) {
		md = EVP_MD_fetch(NULL, hash, NULL);
		if (!md)
			return 0;
		signature->hash = EVP_MD_get_type(md);
		EVP_MD_free(md);
	}
	return provider_sign_set_params(signature, params);
}

static int provider_sign(void *arg, unsigned char *data, size_t *len, size_t size,
			 const unsigned char *text, size_t text_len)
{
	const struct provider_signature *signature = arg;

	if (!data) {
		*len = (size_t)EVP_PKEY_get_size(signature->key->public);
		return 1;
	}
	return provider_ask(KTLSD_SIGNER_SIGN, signature->key, (uint32_t)signature->hash,
			    signature->pss, text, text_len, data, len, size);
}

/* --- RSA key transport --- */

/**
 * struct provider_cipher - a premaster secret that is being decrypted
 * @key: lives longer
 * @tls: its padding is that of TLS
 * @version: of the client
 */
struct provider_cipher {
	const struct provider_key	*key;
	bool				tls;
	unsigned int			version;
};

static void *provider_decrypt_new(void *provider)
{
	(void)provider;
	return OPENSSL_zalloc(sizeof(struct provider_cipher));
}

static void provider_decrypt_free(void *cipher)
{
	OPENSSL_free(cipher);
}

static void *provider_decrypt_dup(void *cipher)
{
	return OPENSSL_memdup(cipher, sizeof(struct provider_cipher));
}

static int provider_decrypt_set_params(void *arg, const OSSL_PARAM params[])
{
	const OSSL_PARAM *mode = NULL, *version = NULL;
	struct provider_cipher *cipher = arg;
	int number;

	if (params) {
		mode = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE);
		version = OSSL_PARAM_locate_const(params,
						  OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION);
	}
	if (mode) {
		cipher->tls = OSSL_PARAM_get_int(mode, &number) &&
			      number == RSA_PKCS1_WITH_TLS_PADDING;
		if (!cipher->tls)
			return 0;
	}
	return !version || OSSL_PARAM_get_uint(version, &cipher->version);
}

static const OSSL_PARAM *provider_decrypt_settable_params(void *cipher, void *provider)
{
	static const OSSL_PARAM names[] = {
		OSSL_PARAM_int(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL),
		OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, NULL),
		OSSL_PARAM_END
	};

	(void)cipher;
	(void)provider;
	return names;
}

static int provider_decrypt_init(void *arg, void *keydata, const OSSL_PARAM params[])
{
	struct provider_cipher *cipher = arg;

	cipher->key = keydata;
	return keydata && cipher->key->handle && provider_decrypt_set_params(cipher, params);
}

static int provider_decrypt(void *arg, unsigned char *data, size_t *len, size_t size,
			    const unsigned char *encrypted, size_t encrypted_len)
{
	const struct provider_cipher *cipher = arg;

	/* Nothing else is decrypted. */
	if (!cipher->tls)
		return 0;
	if (!data) {
		*len = KTLSD_PREMASTER_LEN;
		return 1;
	}
	return provider_ask(KTLSD_SIGNER_DECRYPT, cipher->key, cipher->version, 0,
			    encrypted, encrypted_len, data, len, size);
}

/* --- tables --- */

typedef void (*provider_function)(void);

#define PROVIDER_KEYMGMT(name) \
	static const OSSL_DISPATCH provider_keymgmt_##name[] = { \
		{ OSSL_FUNC_KEYMGMT_NEW, (provider_function)provider_new_##name }, \
		{ OSSL_FUNC_KEYMGMT_FREE, (provider_function)provider_free }, \
		{ OSSL_FUNC_KEYMGMT_HAS, (provider_function)provider_has }, \
		{ OSSL_FUNC_KEYMGMT_MATCH, (provider_function)provider_match }, \
		{ OSSL_FUNC_KEYMGMT_IMPORT, (provider_function)provider_import }, \
		{ OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (provider_function)provider_import_types }, \
		{ OSSL_FUNC_KEYMGMT_EXPORT, (provider_function)provider_export }, \
		{ OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (provider_function)provider_import_types }, \
		{ OSSL_FUNC_KEYMGMT_GET_PARAMS, (provider_function)provider_get_params }, \
		{ OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (provider_function)provider_gettable_params }, \
		PROVIDER_QUERY_##name \
		{ 0, NULL } \
	}

#define PROVIDER_QUERY_rsa
#define PROVIDER_QUERY_rsa_pss	{ OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, \
				  (provider_function)provider_query_rsa_pss },
#define PROVIDER_QUERY_ec	{ OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, \
				  (provider_function)provider_query_ec },
#define PROVIDER_QUERY_ed25519
#define PROVIDER_QUERY_ed448

/* One RSA signature for both kinds of keys, as in OpenSSL's own providers. */
static const char *provider_query_rsa_pss(int operation)
{
	(void)operation;
	return "RSA";
}

PROVIDER_KEYMGMT(rsa);
PROVIDER_KEYMGMT(rsa_pss);
PROVIDER_KEYMGMT(ec);
PROVIDER_KEYMGMT(ed25519);
PROVIDER_KEYMGMT(ed448);

static const OSSL_DISPATCH provider_signature[] = {
	{ OSSL_FUNC_SIGNATURE_NEWCTX, (provider_function)provider_sign_new },
	{ OSSL_FUNC_SIGNATURE_FREECTX, (provider_function)provider_sign_free },
	{ OSSL_FUNC_SIGNATURE_DUPCTX, (provider_function)provider_sign_dup },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (provider_function)provider_sign_init },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (provider_function)provider_sign },
	{ OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (provider_function)provider_sign_set_params },
	{ OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS,
	  (provider_function)provider_sign_settable_params },
	{ 0, NULL }
};

static const OSSL_DISPATCH provider_asym_cipher[] = {
	{ OSSL_FUNC_ASYM_CIPHER_NEWCTX, (provider_function)provider_decrypt_new },
	{ OSSL_FUNC_ASYM_CIPHER_FREECTX, (provider_function)provider_decrypt_free },
	{ OSSL_FUNC_ASYM_CIPHER_DUPCTX, (provider_function)provider_decrypt_dup },
	{ OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, (provider_function)provider_decrypt_init },
	{ OSSL_FUNC_ASYM_CIPHER_DECRYPT, (provider_function)provider_decrypt },
	{ OSSL_FUNC_ASYM_CIPHER_SET_CTX_PARAMS,
	  (provider_function)provider_decrypt_set_params },
	{ OSSL_FUNC_ASYM_CIPHER_SETTABLE_CTX_PARAMS,
	  (provider_function)provider_decrypt_settable_params },
	{ 0, NULL }
};

#define PROVIDER_PROPERTY	"provider=" PROVIDER_NAME

/* The names are those of OpenSSL's own providers, so that types compare equal. */
static const OSSL_ALGORITHM provider_keymgmts[] = {
	{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", PROVIDER_PROPERTY,
	  provider_keymgmt_rsa, "" },
	{ "RSA-PSS:RSASSA-PSS:1.2.840.113549.1.1.10", PROVIDER_PROPERTY,
	  provider_keymgmt_rsa_pss, "" },
	{ "EC:id-ecPublicKey:1.2.840.10045.2.1", PROVIDER_PROPERTY, provider_keymgmt_ec, "" },
	{ "ED25519:1.3.101.112", PROVIDER_PROPERTY, provider_keymgmt_ed25519, "" },
	{ "ED448:1.3.101.113", PROVIDER_PROPERTY, provider_keymgmt_ed448, "" },
	{ NULL, NULL, NULL, NULL }
};

static const OSSL_ALGORITHM provider_signatures[] = {
	{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", PROVIDER_PROPERTY, provider_signature, "" },
	{ "ECDSA", PROVIDER_PROPERTY, provider_signature, "" },
	{ "ED25519:1.3.101.112", PROVIDER_PROPERTY, provider_signature, "" },
	{ "ED448:1.3.101.113", PROVIDER_PROPERTY, provider_signature, "" },
	{ NULL, NULL, NULL, NULL }
};

static const OSSL_ALGORITHM provider_asym_ciphers[] = {
	{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", PROVIDER_PROPERTY,
	  provider_asym_cipher, "" },
	{ NULL, NULL, NULL, NULL }
};

static const OSSL_ALGORITHM *provider_query(void *provider, int operation, int *no_cache)
{
	(void)provider;
	*no_cache = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return provider_keymgmts;
	if (operation == OSSL_OP_SIGNATURE)
		return provider_signatures;
	if (operation == OSSL_OP_ASYM_CIPHER)
		return provider_asym_ciphers;
	return NULL;
}

static int provider_start(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
			  const OSSL_DISPATCH **ret_out, void **ret_provider)
{
	static const OSSL_DISPATCH functions[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (provider_function)provider_query },
		{ 0, NULL }
	};

	(void)in;
	*ret_out = functions;
	*ret_provider = (void *)handle;
	return 1;
}

/* The provider has a library context of its own: in OpenSSL's default one, with a second
 * provider for each kind of key, parsing a certificate would take a tenth longer.
 */
static OSSL_LIB_CTX *provider_library;

int ktlsd_provider_init(void)
{
	if (provider_library)
		return 0;
	provider_library = OSSL_LIB_CTX_new();
	if (provider_library &&
	    OSSL_PROVIDER_add_builtin(provider_library, PROVIDER_NAME, provider_start) &&
	    OSSL_PROVIDER_load(provider_library, PROVIDER_NAME))
		return 0;
	OSSL_LIB_CTX_free(provider_library);
	provider_library = NULL;
	ERR_clear_error();
	return -ENOMEM;
}

EVP_PKEY *ktlsd_provider_new_key(uint64_t handle, const uint8_t *public, size_t len)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_uint64(PROVIDER_HANDLE, &handle),
		OSSL_PARAM_construct_octet_string(PROVIDER_PUBLIC, (void *)public, len),
		OSSL_PARAM_construct_end(),
	};
	const unsigned char *at = public;
	EVP_PKEY *plain, *key = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	const char *kind = NULL;

	plain = d2i_PUBKEY(NULL, &at, (long)len);
	if (plain)
		kind = EVP_PKEY_get0_type_name(plain);
	if (kind)
		ctx = EVP_PKEY_CTX_new_from_name(provider_library, kind, NULL);
	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(plain);
	return key;
}
