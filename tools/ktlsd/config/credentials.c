// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "lib/buffer.h"
#include "lib/log.h"
#include "config/credentials.h"
#include "config/file.h"
#include "config/passphrase.h"
#include "config/pkcs12.h"
#include "config/private_key.h"
#include "config/stored_key.h"

enum {
	CREDENTIALS_SIGNATURE_BITS	= 112,	/* of KTLSD_SECURITY_LEVEL; SHA-1 has 63 */
};

int ktlsd_credentials_no_passphrase(char *buffer, int size, int writing, void *arg)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static int credentials_parse_chain(const void *pem, size_t len,
				   struct ktlsd_credential *credential,
				   struct ktlsd_fault *fault)
{
	BIO *bio = BIO_new_mem_buf(len ? pem : "", (int)len);
	unsigned long code;
	X509 *cert;

	if (bio)
		credential->chain = sk_X509_new_null();
	if (!credential->chain) {
		BIO_free(bio);
		return ktlsd_errors_set(fault, -ENOMEM, "out of memory");
	}
	while ((cert = PEM_read_bio_X509(bio, NULL,
					 ktlsd_credentials_no_passphrase, NULL))) {
		if (!credential->leaf) {
			credential->leaf = cert;
			continue;
		}
		if (sk_X509_num(credential->chain) >= KTLSD_CHAIN_DEPTH_MAX ||
		    !sk_X509_push(credential->chain, cert)) {
			X509_free(cert);
			break;
		}
	}
	BIO_free(bio);
	code = ERR_peek_last_error();
	if (cert)
		return ktlsd_errors_set(fault, -EINVAL,
			"there are more than %d certificates above the first one",
			KTLSD_CHAIN_DEPTH_MAX);
	if (ERR_GET_LIB(code) != ERR_LIB_PEM ||
	    ERR_GET_REASON(code) != PEM_R_NO_START_LINE)
		return ktlsd_errors_set(fault, -EINVAL,
			"a certificate cannot be decoded: %s",
			ktlsd_errors_openssl_reason());
	if (!credential->leaf)
		return ktlsd_errors_set(fault, -EINVAL,
			"there is no PEM certificate");
	return 0;
}

static int credentials_check_pair(const struct ktlsd_credential *credential,
				  struct ktlsd_fault *fault)
{
	if (X509_check_private_key(credential->leaf, credential->key) == 1)
		return 0;
	return ktlsd_errors_set(fault, -EINVAL,
		"the private key does not belong to the first certificate");
}

/* OpenSSL 3.5 has this rule for certificates of peers only. Of a certificate that signs itself nobody
 * checks the signature.
 */
static int credentials_check_signatures(const struct ktlsd_credential *credential,
					struct ktlsd_fault *fault)
{
	X509 *cert = credential->leaf;
	int i, bits;

	for (i = 0; cert; cert = sk_X509_value(credential->chain, i++)) {
		if (X509_get_extension_flags(cert) & EXFLAG_SS ||
		    !X509_get_signature_info(cert, NULL, NULL, &bits, NULL) ||
		    bits >= CREDENTIALS_SIGNATURE_BITS)
			continue;
		return ktlsd_errors_set(fault, -EINVAL,
			"the signature of certificate number %d is too weak: %s", i + 1,
			OBJ_nid2sn(X509_get_signature_nid(cert)));
	}
	return 0;
}

int ktlsd_credentials_parse(const void *certificates, size_t certificates_len,
			    const void *key, size_t key_len,
			    struct ktlsd_credential *ret_credential,
			    struct ktlsd_fault *fault)
{
	int err;

	memset(ret_credential, 0, sizeof(*ret_credential));
	ERR_clear_error();
	if (certificates_len > KTLSD_CERTIFICATE_MAX ||
	    key_len > KTLSD_PRIVATE_KEY_MAX)
		err = ktlsd_errors_set(fault, -EINVAL,
			"the certificates are longer than %d bytes, or the key is longer than %d bytes",
			KTLSD_CERTIFICATE_MAX, KTLSD_PRIVATE_KEY_MAX);
	else
		err = credentials_parse_chain(certificates, certificates_len,
					      ret_credential, fault);
	ERR_clear_error();
	if (!err)
		err = ktlsd_private_key_parse(key, key_len, &ret_credential->key, fault);
	if (!err)
		err = credentials_check_pair(ret_credential, fault);
	if (!err)
		err = credentials_check_signatures(ret_credential, fault);
	ERR_clear_error();
	if (err)
		ktlsd_credentials_free(ret_credential);
	return err;
}

static int credentials_read_key(const char *path, size_t max, struct ktlsd_buffer *buffer,
				struct ktlsd_fault *fault)
{
	mode_t mode;
	int err;

	err = ktlsd_file_read(path, max, buffer, &mode, fault);
	if (!err && (mode & S_IRWXO))
		ktlsd_log(KTLSD_LOG_WARNING,
			  "Every user of this machine can access the private key %s: run chmod o= %s.",
			  path, path);
	return err;
}

/* Finds out whether OpenSSL accepts the credential: it refuses weak hashes and curves. */
static int credentials_check_openssl(const struct ktlsd_credential *credential,
				     struct ktlsd_fault *fault)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	int err = 0;

	if (!ctx)
		return ktlsd_errors_set(fault, -ENOMEM, "out of memory");
	SSL_CTX_set_security_level(ctx, KTLSD_SECURITY_LEVEL);
	ERR_clear_error();
	if (SSL_CTX_use_cert_and_key(ctx, credential->leaf, credential->key,
				     credential->chain, 1) != 1)
		err = ktlsd_errors_set(fault, -EINVAL, "OpenSSL refuses it: %s",
				       ktlsd_errors_openssl_reason());
	ERR_clear_error();
	SSL_CTX_free(ctx);
	return err;
}

bool ktlsd_credentials_find_problem(const struct ktlsd_credential *credential,
				    struct ktlsd_fault *fault)
{
	X509 *cert = credential->leaf;
	int i;

	for (i = 0; cert; cert = sk_X509_value(credential->chain, i++)) {
		if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0) {
			ktlsd_errors_set(fault, -EINVAL,
					 "certificate number %d has expired", i + 1);
			return true;
		}
		if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0) {
			ktlsd_errors_set(fault, -EINVAL,
					 "certificate number %d is not valid yet", i + 1);
			return true;
		}
	}
	if (X509_check_purpose(credential->leaf, X509_PURPOSE_SSL_SERVER, 0) != 1 &&
	    X509_check_purpose(credential->leaf, X509_PURPOSE_SSL_CLIENT, 0) != 1) {
		ktlsd_errors_set(fault, -EINVAL,
				 "the key usage extensions allow neither a TLS server nor a TLS client");
		return true;
	}
	return false;
}

/* @key_path: NULL: both are in a PKCS #12 file
 * @key: what is in that file
 */
static int credentials_decode(const struct ktlsd_buffer *certificates, const char *key_path,
			      const struct ktlsd_buffer *key, const char *passphrase,
			      struct ktlsd_credential *credential, struct ktlsd_fault *fault)
{
	int err;

	if (!key_path)
		return ktlsd_pkcs12_parse(certificates->data, certificates->len, passphrase,
					  credential, fault);
	err = credentials_parse_chain(certificates->data, certificates->len, credential, fault);
	ERR_clear_error();
	if (err)
		return err;
	if (ktlsd_stored_key_is_uri(key_path) || ktlsd_stored_key_is_tpm(key->data, key->len))
		err = ktlsd_stored_key_load(key_path, passphrase, &credential->key, fault);
	else
		err = ktlsd_private_key_decrypt(key->data, key->len, passphrase,
						&credential->key, fault);
	return err;
}

static int credentials_read(const char *certificate_path, const char *key_path,
			    const char *passphrase_path, struct ktlsd_credential *credential,
			    struct ktlsd_fault *fault)
{
	struct ktlsd_buffer certificates = { 0 }, key = { 0 }, passphrase = { 0 };
	struct ktlsd_fault inner = { 0 };
	int err;

	err = key_path ? ktlsd_file_read(certificate_path, KTLSD_CERTIFICATE_MAX, &certificates,
					 NULL, fault) :
			 credentials_read_key(certificate_path, KTLSD_CERTIFICATE_MAX,
					      &certificates, fault);
	if (!err && key_path && !ktlsd_stored_key_is_uri(key_path))
		err = credentials_read_key(key_path, KTLSD_PRIVATE_KEY_MAX, &key, fault);
	if (!err && passphrase_path)
		err = ktlsd_passphrase_read(passphrase_path, &passphrase, fault);
	if (err) {
		err = err == -ENOMEM ? err : -EINVAL;
		goto free_buffers;
	}
	err = credentials_decode(&certificates, key_path, &key,
				 (const char *)passphrase.data, credential, &inner);
	if (!err)
		err = credentials_check_pair(credential, &inner);
	if (!err)
		err = credentials_check_signatures(credential, &inner);
	if (!err)
		err = credentials_check_openssl(credential, &inner);
	if (!err && ktlsd_credentials_find_problem(credential, &inner))
		ktlsd_log(KTLSD_LOG_WARNING, "%s: %s: peers will refuse it.",
			  certificate_path, inner.reason);
	if (err)
		ktlsd_errors_set(fault, err, "%s%s%s cannot be used: %s", certificate_path,
				 key_path ? " and " : "", key_path ? key_path : "",
				 inner.reason);
free_buffers:
	ktlsd_buffer_free(&certificates);
	ktlsd_buffer_free(&key);
	ktlsd_buffer_free(&passphrase);
	return err;
}

static ktlsd_credentials_loader credentials_loader;

void ktlsd_credentials_set_loader(ktlsd_credentials_loader loader)
{
	credentials_loader = loader;
}

int ktlsd_credentials_load(const char *certificate_path, const char *key_path,
			   const char *passphrase_path,
			   struct ktlsd_credential *ret_credential,
			   struct ktlsd_fault *fault)
{
	int err;

	if (credentials_loader)
		return credentials_loader(certificate_path, key_path, passphrase_path,
					  ret_credential, fault);
	memset(ret_credential, 0, sizeof(*ret_credential));
	err = credentials_read(certificate_path, key_path, passphrase_path, ret_credential,
			       fault);
	ERR_clear_error();
	if (err)
		ktlsd_credentials_free(ret_credential);
	return err;
}

int ktlsd_credentials_share(struct ktlsd_credential *ret_credential,
			    const struct ktlsd_credential *credential)
{
	STACK_OF(X509) *chain = X509_chain_up_ref(credential->chain);

	if (!chain)
		return -ENOMEM;
	*ret_credential = *credential;
	ret_credential->chain = chain;
	X509_up_ref(credential->leaf);
	EVP_PKEY_up_ref(credential->key);
	return 0;
}

void ktlsd_credentials_free(struct ktlsd_credential *credential)
{
	X509_free(credential->leaf);
	sk_X509_pop_free(credential->chain, X509_free);
	EVP_PKEY_free(credential->key);
	memset(credential, 0, sizeof(*credential));
}
