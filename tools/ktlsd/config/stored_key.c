// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>

#include "lib/log.h"
#include "config/stored_key.h"

enum {
	STORED_KEY_WAIT_S	= 5,	/* for calls into a token that have not returned */
	/* PKCS #11 return values, which pkcs11-provider uses as reasons: CKR_PIN_INCORRECT to
	 * CKR_PIN_LOCKED.
	 */
	STORED_KEY_PIN_FIRST	= 0xa0,
	STORED_KEY_PIN_LAST	= 0xa4,
	/* Response codes of a TPM, without the number of the session: TPM_RC_AUTH_FAIL, and
	 * TPM_RC_BAD_AUTH for keys that it does not count for.
	 */
	STORED_KEY_TPM_MASK	= 0xbf,
	STORED_KEY_TPM_AUTH	= 0x8e,
	STORED_KEY_TPM_BAD_AUTH	= 0xa2,
};

/**
 * struct stored_key_library - a library context of OpenSSL with the providers
 * @refs: one of @stored_key, and one a key
 * @context: frees the providers with it, and they finalize the token's PKCS #11 library
 */
struct stored_key_library {
	atomic_uint	refs;
	OSSL_LIB_CTX	*context;
};

/**
 * struct stored_key - what belongs to an EVP_PKEY, as its ex_data
 * @library: a reference
 * @token: which token it is in, see stored_key_token()
 */
struct stored_key {
	struct stored_key_library	*library;
	char				*token;
};

/**
 * struct stored_key_refusal - a PIN that a token has refused, or seems to
 * @next: in the list
 * @token: which token, see stored_key_token()
 * @pin: NULL for each PIN
 */
struct stored_key_refusal {
	struct stored_key_refusal	*next;
	char				*token;
	char				*pin;
};

/**
 * stored_keys - the providers
 * @lock: covers @alive and @refusals
 * @ended: signalled when @alive has changed
 * @alive: libraries that are not freed yet
 * @refusals: since the last reload
 * @failed: a token has failed since @library was made
 * @index: of the ex_data, 0 before there is any
 * @providers: their names; this and what follows: main thread only
 * @library: NULL if there is none
 * @renewed: @library was made, or could not be, since the last reload
 * @loaded: a provider was loaded since the process started
 */
static struct {
	pthread_mutex_t			lock;
	pthread_cond_t			ended;
	unsigned int			alive;
	struct stored_key_refusal	*refusals;
	atomic_bool			failed;
	int				index;
	struct ktlsd_words		providers;
	struct stored_key_library	*library;
	bool				renewed;
	bool				loaded;
} stored_keys = { .lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER };

bool ktlsd_stored_key_is_uri(const char *text)
{
	return !strncmp(text, "pkcs11:", 7) || !strncmp(text, "handle:", 7);
}

bool ktlsd_stored_key_is_tpm(const void *pem, size_t len)
{
	static const char begin[] = "-----BEGIN TSS2 PRIVATE KEY-----";

	return memmem(pem, len, begin, sizeof(begin) - 1);
}

/* --- the library context --- */

static void stored_key_put(struct stored_key_library *library)
{
	if (!library || atomic_fetch_sub(&library->refs, 1) != 1)
		return;
	OSSL_LIB_CTX_free(library->context);
	free(library);
	pthread_mutex_lock(&stored_keys.lock);
	stored_keys.alive--;
	pthread_cond_broadcast(&stored_keys.ended);
	pthread_mutex_unlock(&stored_keys.lock);
}

static void stored_key_load_providers(OSSL_LIB_CTX *context)
{
	const char *name;
	size_t i;

	/* It can have settings of the providers. */
	OSSL_LIB_CTX_load_config(context, NULL);
	ERR_clear_error();
	for (i = 0; i < stored_keys.providers.count; i++) {
		name = stored_keys.providers.items[i];
		if (OSSL_PROVIDER_available(context, name) == 1 ||
		    OSSL_PROVIDER_try_load(context, name, 1))
			continue;
		ktlsd_log(KTLSD_LOG_ERROR, "providers: OpenSSL cannot load %s: %s. Is its package installed?",
			  name, ktlsd_errors_openssl_reason());
		ERR_clear_error();
	}
}

/* A process initializes a PKCS #11 library once, and who finalizes it does so for all: there is
 * never a second one. Return: whether there is none, perhaps after a while
 */
static bool stored_key_await_end(void)
{
	struct timespec until;
	bool none;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += stored_keys.renewed ? 0 : STORED_KEY_WAIT_S;
	pthread_mutex_lock(&stored_keys.lock);
	while (stored_keys.alive && !err)
		err = pthread_cond_timedwait(&stored_keys.ended, &stored_keys.lock, &until);
	none = !stored_keys.alive;
	stored_keys.alive += none;
	pthread_mutex_unlock(&stored_keys.lock);
	return none;
}

/* Makes the library context if there is none. */
static int stored_key_open(struct ktlsd_fault *fault)
{
	struct stored_key_library *library;
	bool none;

	if (stored_keys.library)
		return 0;
	none = stored_key_await_end();
	stored_keys.renewed = true;
	if (!none)
		return ktlsd_errors_set(fault, -EINVAL,
			"a token has not returned from an earlier call: reload again when it has");
	library = calloc(1, sizeof(*library));
	if (library)
		library->context = OSSL_LIB_CTX_new();
	if (!library || !library->context) {
		free(library);
		pthread_mutex_lock(&stored_keys.lock);
		stored_keys.alive--;
		pthread_mutex_unlock(&stored_keys.lock);
		return ktlsd_errors_set(fault, -ENOMEM, "out of memory");
	}
	/* A provider that gets no PIN asks for it, on the terminal if there is one. */
	UI_set_default_method(UI_null());
	atomic_init(&library->refs, 1);
	stored_keys.library = library;
	stored_keys.failed = false;
	stored_keys.loaded = true;
	stored_key_load_providers(library->context);
	return 0;
}

static void stored_key_free_ex(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl,
			       void *argp)
{
	struct stored_key *stored = ptr;

	(void)parent;
	(void)ad;
	(void)index;
	(void)argl;
	(void)argp;
	if (!stored)
		return;
	stored_key_put(stored->library);
	free(stored->token);
	free(stored);
}

static struct stored_key *stored_key_of(const EVP_PKEY *key)
{
	return stored_keys.index > 0 ? EVP_PKEY_get_ex_data(key, stored_keys.index) : NULL;
}

/* Lets @key hold a reference to the library context. Return: 0 or -ENOMEM */
static int stored_key_attach(EVP_PKEY *key, const char *token)
{
	struct stored_key *stored = calloc(1, sizeof(*stored));

	if (stored)
		stored->token = strdup(token);
	if (!stored || !stored->token || !EVP_PKEY_set_ex_data(key, stored_keys.index, stored)) {
		free(stored ? stored->token : NULL);
		free(stored);
		return -ENOMEM;
	}
	stored->library = stored_keys.library;
	atomic_fetch_add(&stored->library->refs, 1);
	return 0;
}

/* --- refused PINs --- */

/* Return: the attributes of a PKCS #11 URI that choose the token, else all of it; NULL without
 * memory
 */
static char *stored_key_token(const char *uri)
{
	char *copy = strdup(uri), *token = copy ? calloc(1, strlen(uri) + 2) : NULL, *rest, *word;

	if (copy && token && !strncmp(uri, "pkcs11:", 7)) {
		copy[strcspn(copy, "?")] = '\0';
		for (rest = copy + 7; (word = strsep(&rest, ";"));) {
			if (!strncmp(word, "object=", 7) || !strncmp(word, "id=", 3) ||
			    !strncmp(word, "type=", 5))
				continue;
			strcat(token, word);
			strcat(token, rest ? ";" : "");
		}
	} else if (token) {
		strcpy(token, uri);
	}
	free(copy);
	return token;
}

static bool stored_key_is_refused(const char *token, const char *pin)
{
	const struct stored_key_refusal *refusal;

	pthread_mutex_lock(&stored_keys.lock);
	for (refusal = stored_keys.refusals; refusal; refusal = refusal->next) {
		if (!strcmp(refusal->token, token) &&
		    (!refusal->pin || !pin || !strcmp(refusal->pin, pin)))
			break;
	}
	pthread_mutex_unlock(&stored_keys.lock);
	return refusal;
}

static void stored_key_free_refusal(struct stored_key_refusal *refusal)
{
	if (refusal->pin)
		explicit_bzero(refusal->pin, strlen(refusal->pin));
	free(refusal->pin);
	free(refusal->token);
	free(refusal);
}

static void stored_key_refuse(const char *token, const char *pin)
{
	struct stored_key_refusal *refusal = calloc(1, sizeof(*refusal));

	if (!refusal)
		return;
	refusal->token = strdup(token);
	refusal->pin = pin ? strdup(pin) : NULL;
	if (!refusal->token) {
		stored_key_free_refusal(refusal);
		return;
	}
	pthread_mutex_lock(&stored_keys.lock);
	refusal->next = stored_keys.refusals;
	stored_keys.refusals = refusal;
	pthread_mutex_unlock(&stored_keys.lock);
}

static void stored_key_forget_refusals(void)
{
	struct stored_key_refusal *refusal, *next;

	pthread_mutex_lock(&stored_keys.lock);
	refusal = stored_keys.refusals;
	stored_keys.refusals = NULL;
	pthread_mutex_unlock(&stored_keys.lock);
	for (; refusal; refusal = next) {
		next = refusal->next;
		stored_key_free_refusal(refusal);
	}
}

/* Return: whether an error with @data says that the PIN was wrong */
static bool stored_key_is_pin_error(unsigned long code, const char *data)
{
	int reason = ERR_GET_REASON(code), response;
	char *end;

	if (ERR_GET_LIB(code) < ERR_LIB_USER)
		return false;
	if (reason >= STORED_KEY_PIN_FIRST && reason <= STORED_KEY_PIN_LAST)
		return true;
	/* tpm2-openssl: a response code, and what it means */
	response = (int)strtol(data, &end, 10) & STORED_KEY_TPM_MASK;
	return !strncmp(end, " tpm:", 5) &&
	       (response == STORED_KEY_TPM_AUTH || response == STORED_KEY_TPM_BAD_AUTH);
}

/* Empties OpenSSL's error queue. Return: whether the token has refused the PIN; @ret_reason is
 * the reason of that, or the first one of a provider, which knows more than OpenSSL, or the
 * first one
 */
static bool stored_key_take_errors(const char **ret_reason)
{
	unsigned long code;
	bool refused = false, provider = false, better;
	const char *reason, *data;
	int flags;

	*ret_reason = NULL;
	while (!refused && (code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags))) {
		refused = stored_key_is_pin_error(code, flags & ERR_TXT_STRING ? data : "");
		reason = ERR_reason_error_string(code);
		better = !provider && ERR_GET_LIB(code) >= ERR_LIB_USER;
		if (reason && (refused || better || !*ret_reason))
			*ret_reason = reason;
		provider |= better;
	}
	if (refused && ERR_GET_REASON(code) < STORED_KEY_PIN_FIRST)
		*ret_reason = "the TPM refused the PIN";
	ERR_clear_error();
	return refused;
}

/* --- reloads --- */

static bool stored_key_same_providers(const struct ktlsd_words *providers)
{
	size_t i;

	for (i = 0; i < providers->count && i < stored_keys.providers.count; i++) {
		if (strcmp(providers->items[i], stored_keys.providers.items[i]))
			return false;
	}
	return providers->count == stored_keys.providers.count;
}

void ktlsd_stored_key_use(const struct ktlsd_words *providers)
{
	struct ktlsd_fault fault;
	size_t i;

	stored_key_forget_refusals();
	stored_keys.renewed = false;
	if (!stored_keys.index)
		stored_keys.index = EVP_PKEY_get_ex_new_index(0, NULL, NULL, NULL, stored_key_free_ex);
	if (!stored_key_same_providers(providers)) {
		stored_keys.failed |= stored_keys.library != NULL;
		ktlsd_words_free(&stored_keys.providers);
		for (i = 0; i < providers->count; i++)
			ktlsd_words_add(&stored_keys.providers, providers->items[i],
					KTLSD_PROVIDERS_MAX);
	}
	if (stored_keys.providers.count && !stored_keys.library && stored_key_open(&fault))
		ktlsd_log(KTLSD_LOG_ERROR, "providers: %s.", fault.reason);
}

bool ktlsd_stored_key_is_stale(void)
{
	return stored_keys.failed && !stored_keys.renewed;
}

void ktlsd_stored_key_renew(void)
{
	struct ktlsd_fault fault;

	stored_key_put(stored_keys.library);
	stored_keys.library = NULL;
	stored_keys.failed = false;
	if (stored_keys.providers.count && stored_key_open(&fault))
		ktlsd_log(KTLSD_LOG_ERROR, "providers: %s.", fault.reason);
}

void ktlsd_stored_key_exit(int status)
{
	if (!stored_keys.loaded)
		return;
	fflush(NULL);
	_exit(status);
}

/* --- keys --- */

/**
 * struct stored_key_question - what is known when OpenSSL asks for the PIN
 * @token: which token, see stored_key_token()
 * @pin: NULL for none
 * @asked: it did
 * @refused: and got none, as the token has refused it before
 */
struct stored_key_question {
	const char	*token;
	const char	*pin;
	bool		asked;
	bool		refused;
};

static int stored_key_give_pin(char *buffer, int size, int writing, void *arg)
{
	struct stored_key_question *question = arg;
	size_t len = question->pin ? strlen(question->pin) : 0;

	(void)writing;
	if (!len || len > (size_t)size)
		return -1;
	question->asked = true;
	question->refused |= stored_key_is_refused(question->token, question->pin);
	if (question->refused)
		return -1;
	memcpy(buffer, question->pin, len);
	return (int)len;
}

static EVP_PKEY *stored_key_find(const char *uri, struct stored_key_question *question,
				 UI_METHOD *method)
{
	OSSL_STORE_CTX *store;
	OSSL_STORE_INFO *info;
	EVP_PKEY *key = NULL;

	/* Whatever provider OpenSSL's configuration prefers, the key is not there. */
	store = OSSL_STORE_open_ex(uri, stored_keys.library ? stored_keys.library->context : NULL,
				   "-provider", method, question, NULL, NULL, NULL);
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

static int stored_key_look_up(const char *uri, const char *token, const char *pin,
			      EVP_PKEY **ret_key, struct ktlsd_fault *fault)
{
	struct stored_key_question question = { .token = token, .pin = pin };
	UI_METHOD *method = UI_UTIL_wrap_read_pem_callback(stored_key_give_pin, 0);
	const char *reason;

	ERR_clear_error();
	*ret_key = method ? stored_key_find(uri, &question, method) : NULL;
	UI_destroy_method(method);
	stored_key_take_errors(&reason);
	if (*ret_key)
		return 0;
	stored_keys.failed |= stored_keys.library != NULL;
	if (question.refused)
		return ktlsd_errors_set(fault, -EKEYREJECTED,
			"the token seems to refuse the PIN in passphrase_file, which is not tried again before the next reload: correct it, as a token counts wrong PINs");
	/* Providers do not tell whether the PIN was wrong. If it was right, they do not ask again. */
	if (question.asked)
		stored_key_refuse(token, pin);
	return ktlsd_errors_set(fault, -EINVAL,
		"the private key was not found (%s): is the token there, is its PIN in passphrase_file, and does providers name the OpenSSL provider for it?",
		reason ? reason : "no such key");
}

int ktlsd_stored_key_load(const char *uri, const char *pin, EVP_PKEY **ret_key,
			  struct ktlsd_fault *fault)
{
	char *token = stored_key_token(uri);
	int err = token ? 0 : ktlsd_errors_set(fault, -ENOMEM, "out of memory");

	*ret_key = NULL;
	if (!err && stored_keys.providers.count)
		err = stored_key_open(fault);
	if (!err)
		err = stored_key_look_up(uri, token, pin, ret_key, fault);
	if (!err && stored_keys.library && stored_key_attach(*ret_key, token)) {
		EVP_PKEY_free(*ret_key);
		*ret_key = NULL;
		err = ktlsd_errors_set(fault, -ENOMEM, "out of memory");
	}
	free(token);
	return err;
}

bool ktlsd_stored_key_is_stored(const EVP_PKEY *key)
{
	return stored_key_of(key);
}

OSSL_LIB_CTX *ktlsd_stored_key_library(const EVP_PKEY *key)
{
	const struct stored_key *stored = stored_key_of(key);

	return stored ? stored->library->context : NULL;
}

bool ktlsd_stored_key_is_refused(const EVP_PKEY *key)
{
	const struct stored_key *stored = stored_key_of(key);

	return stored && stored_key_is_refused(stored->token, NULL);
}

const char *ktlsd_stored_key_fail(const EVP_PKEY *key)
{
	const struct stored_key *stored = stored_key_of(key);
	const char *reason;
	bool refused = stored_key_take_errors(&reason);

	if (stored)
		stored_keys.failed = true;
	if (stored && refused)
		stored_key_refuse(stored->token, NULL);
	return reason ? reason : "unknown reason";
}
