// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>

#include "lib/log.h"
#include "config/stored_key.h"

static bool stored_key_loaded;

bool ktlsd_stored_key_is_uri(const char *text)
{
	return !strncmp(text, "pkcs11:", 7) || !strncmp(text, "handle:", 7);
}

bool ktlsd_stored_key_is_tpm(const void *pem, size_t len)
{
	static const char begin[] = "-----BEGIN TSS2 PRIVATE KEY-----";

	return memmem(pem, len, begin, sizeof(begin) - 1);
}

void ktlsd_stored_key_use(const struct ktlsd_words *providers)
{
	size_t i;

	for (i = 0; i < providers->count; i++) {
		if (OSSL_PROVIDER_available(NULL, providers->items[i]) == 1)
			continue;
		stored_key_loaded = true;
		if (OSSL_PROVIDER_try_load(NULL, providers->items[i], 1))
			continue;
		ktlsd_log(KTLSD_LOG_ERROR, "providers: OpenSSL cannot load %s: %s. Is its package installed?",
			  providers->items[i], ktlsd_errors_openssl_reason());
		ERR_clear_error();
	}
}

void ktlsd_stored_key_exit(int status)
{
	if (!stored_key_loaded)
		return;
	fflush(NULL);
	_exit(status);
}

/* OpenSSL asks for the PIN. */
static int stored_key_give_pin(char *buffer, int size, int writing, void *arg)
{
	size_t len = arg ? strlen(arg) : 0;

	(void)writing;
	if (!len || len > (size_t)size)
		return -1;
	memcpy(buffer, arg, len);
	return (int)len;
}

static EVP_PKEY *stored_key_find(const char *uri, const char *pin, UI_METHOD *method)
{
	OSSL_STORE_CTX *store;
	OSSL_STORE_INFO *info;
	EVP_PKEY *key = NULL;

	/* Whatever provider OpenSSL's configuration prefers, the key is not there. */
	store = OSSL_STORE_open_ex(uri, NULL, "-provider", method, (void *)pin, NULL, NULL, NULL);
	if (store)
		OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
	while (store && !key && !OSSL_STORE_eof(store)) {
		info = OSSL_STORE_load(store);
		if (!info)
			break;
		if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
			key = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
	}
	OSSL_STORE_close(store);
	return key;
}

int ktlsd_stored_key_load(const char *uri, const char *pin, EVP_PKEY **ret_key,
			  struct ktlsd_fault *fault)
{
	UI_METHOD *method = UI_UTIL_wrap_read_pem_callback(stored_key_give_pin, 0);
	int err = 0;

	ERR_clear_error();
	*ret_key = method ? stored_key_find(uri, pin, method) : NULL;
	if (!*ret_key)
		err = ktlsd_errors_set(fault, -EINVAL,
			"the private key was not found (%s): is the token there, is its PIN in passphrase_file, and does providers name the OpenSSL provider for it?",
			ERR_peek_last_error() ? ktlsd_errors_openssl_reason() : "no such key");
	UI_destroy_method(method);
	ERR_clear_error();
	return err;
}
