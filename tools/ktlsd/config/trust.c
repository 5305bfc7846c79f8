// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "config/credentials.h"
#include "config/crl_lookup.h"
#include "config/file.h"
#include "config/trust.h"

/* Return: how many certificates were added, or a negative errno. */
static int trust_add_file(X509_STORE *store, const struct ktlsd_buffer *pem)
{
	BIO *bio = BIO_new_mem_buf(pem->len ? (void *)pem->data : "", (int)pem->len);
	int count = 0, added = 1;
	unsigned long code;
	X509 *cert;

	if (!bio)
		return -ENOMEM;
	/* AUX: accept "TRUSTED CERTIFICATE" too. */
	while (added && (cert = PEM_read_bio_X509_AUX(bio, NULL,
						      ktlsd_credentials_no_passphrase,
						      NULL))) {
		/* Decodes its extensions, which OpenSSL else does while threads share it. */
		X509_check_purpose(cert, -1, 0);
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
					why.reason);
	}
	ERR_clear_error();
	store = X509_STORE_new();
	if (store)
		ktlsd_crl_lookup_attach(store);
	count = store ? trust_add_file(store, &pem) : -ENOMEM;
	ktlsd_buffer_free(&pem);
	if (count > 0) {
		*ret_store = store;
		return 0;
	}
	X509_STORE_free(store);
	if (!count)
		err = ktlsd_errors_set(fault, -EINVAL,
			"the trust anchors %s cannot be read: there is no PEM certificate in this file",
			path);
	else if (count == -ENOMEM)
		err = ktlsd_errors_set(fault, -ENOMEM, "out of memory");
	else
		err = ktlsd_errors_set(fault, -EINVAL,
			"the trust anchors %s cannot be read: %s", path,
			ktlsd_errors_openssl_reason());
	ERR_clear_error();
	return err;
}
