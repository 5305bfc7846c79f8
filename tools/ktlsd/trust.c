// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "credentials.h"
#include "file.h"
#include "public_key.h"
#include "trust.h"

/* Return: how many certificates were added, or a negative errno. */
static int trust_add_file(X509_STORE *store, const struct ktlsd_buffer *pem)
{
	BIO *bio = BIO_new_mem_buf(pem->len ? (void *)pem->data : "", (int)pem->len);
	int count = 0, added = 1;
	unsigned long code;
	X509 *cert;

	if (!bio)
		return -ENOMEM;
	/* AUX: "TRUSTED CERTIFICATE" is a certificate, too. */
	while (added && (cert = PEM_read_bio_X509_AUX(bio, NULL,
						      ktlsd_credentials_no_passphrase,
						      NULL))) {
		added = X509_STORE_add_cert(store, cert);
		X509_free(cert);
		count += added;
	}
	BIO_free(bio);
	code = ERR_peek_last_error();
	if (!added)
		return -ENOMEM;
	if (ERR_GET_LIB(code) != ERR_LIB_PEM ||
	    ERR_GET_REASON(code) != PEM_R_NO_START_LINE)
		return -EINVAL;
	ERR_clear_error();
	return count;
}

int ktlsd_trust_load(const char *path, X509_STORE **ret_store,
		     struct ktlsd_fault *fault)
{
	struct ktlsd_buffer pem = { 0 };
	struct ktlsd_fault why;
	X509_STORE *store;
	int count, err;

	err = ktlsd_file_read(path, KTLSD_TRUST_FILE_MAX, &pem, NULL, &why);
	if (err) {
		ktlsd_buffer_free(&pem);
		return ktlsd_errors_set(fault, err, "the trust anchors %s",
					why.sentence);
	}
	ERR_clear_error();
	store = X509_STORE_new();
	count = store ? trust_add_file(store, &pem) : -ENOMEM;
	ktlsd_buffer_free(&pem);
	if (count > 0) {
		*ret_store = store;
		return 0;
	}
	X509_STORE_free(store);
	if (!count)
		err = ktlsd_errors_set(fault, -EINVAL,
			"the trust anchors %s cannot be read: there is no PEM certificate in it",
			path);
	else if (count == -ENOMEM)
		err = ktlsd_errors_set(fault, -ENOMEM, "there is no memory");
	else
		err = ktlsd_errors_set(fault, -EINVAL,
			"the trust anchors %s cannot be read: %s", path,
			ktlsd_errors_openssl_reason());
	ERR_clear_error();
	return err;
}

/* Adds an anchor's name unless the list has become too long. */
static int trust_add_name(STACK_OF(X509_NAME) **names, size_t *used,
			  const X509 *cert)
{
	const unsigned char *der;
	X509_NAME *copy;
	size_t len = 0;

	if (!*names)
		return 0;
	if (!X509_NAME_get0_der(X509_get_subject_name(cert), &der, &len))
		return -ENOMEM;
	*used += len + 2;
	if (*used > KTLSD_TRUST_NAMES_MAX) {
		sk_X509_NAME_pop_free(*names, X509_NAME_free);
		*names = NULL;
		return 0;
	}
	copy = X509_NAME_dup(X509_get_subject_name(cert));
	if (!copy || !sk_X509_NAME_push(*names, copy)) {
		X509_NAME_free(copy);
		return -ENOMEM;
	}
	return 0;
}

static int trust_read(BIO *bio, X509_STORE *store, STACK_OF(X509_NAME) **names,
		      struct ktlsd_fault *fault)
{
	unsigned long code;
	size_t used = 0;
	int count = 0, err = 0;
	const char *why;
	X509 *cert;

	while ((cert = PEM_read_bio_X509(bio, NULL,
					 ktlsd_credentials_no_passphrase, NULL))) {
		count++;
		why = ktlsd_public_key_explain(ktlsd_public_key_judge(cert));
		if (why) {
			X509_free(cert);
			return ktlsd_errors_set(fault, -EINVAL,
				"A certificate in KTLS_TRUST (number %d) has %s.",
				count, why);
		}
		if (!X509_STORE_add_cert(store, cert))
			err = -ENOMEM;
		if (!err)
			err = trust_add_name(names, &used, cert);
		X509_free(cert);
		if (err)
			return ktlsd_errors_set(fault, err, "there is no memory");
	}
	code = ERR_peek_last_error();
	if (ERR_GET_LIB(code) != ERR_LIB_PEM ||
	    ERR_GET_REASON(code) != PEM_R_NO_START_LINE)
		return ktlsd_errors_set(fault, -EINVAL,
			"A certificate in KTLS_TRUST (number %d) cannot be read: %s.",
			count + 1, ktlsd_errors_openssl_reason());
	if (!count)
		return ktlsd_errors_set(fault, -EINVAL,
			"There is no PEM certificate in KTLS_TRUST.");
	return 0;
}

int ktlsd_trust_parse(const void *pem, size_t len, X509_STORE **ret_store,
		      STACK_OF(X509_NAME) **ret_names,
		      struct ktlsd_fault *fault)
{
	STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
	X509_STORE *store = X509_STORE_new();
	BIO *bio = NULL;
	int err;

	if (len > KTLSD_TRUST_MAX) {
		err = ktlsd_errors_set(fault, -EINVAL,
			"KTLS_TRUST is longer than %d bytes.", KTLSD_TRUST_MAX);
		goto free_all;
	}
	bio = BIO_new_mem_buf(pem, (int)len);
	if (!names || !store || !bio) {
		err = ktlsd_errors_set(fault, -ENOMEM, "There is no memory.");
		goto free_all;
	}
	ERR_clear_error();
	err = trust_read(bio, store, &names, fault);
	ERR_clear_error();
	if (err)
		goto free_all;
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	BIO_free(bio);
	*ret_store = store;
	*ret_names = names;
	return 0;

free_all:
	BIO_free(bio);
	X509_STORE_free(store);
	sk_X509_NAME_pop_free(names, X509_NAME_free);
	return err;
}
