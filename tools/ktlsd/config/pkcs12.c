// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>

#include "config/kdf.h"
#include "config/pkcs12.h"
#include "config/private_key.h"

static int pkcs12_refuse(struct ktlsd_fault *fault)
{
	return ktlsd_errors_set(fault, -EINVAL,
		"the file is no PKCS #12 file that ktlsd can read: export it with openssl pkcs12 -export");
}

static int pkcs12_check_bags(STACK_OF(PKCS12_SAFEBAG) *bags, uint64_t *spent,
			     struct ktlsd_fault *fault)
{
	const X509_ALGOR *algorithm;
	const PKCS12_SAFEBAG *bag;
	int i, err = 0;

	for (i = 0; !err && i < sk_PKCS12_SAFEBAG_num(bags); i++) {
		bag = sk_PKCS12_SAFEBAG_value(bags, i);
		switch (PKCS12_SAFEBAG_get_nid(bag)) {
		case NID_pkcs8ShroudedKeyBag:
			X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &algorithm, NULL);
			err = ktlsd_kdf_spend(algorithm, spent, fault);
			break;
		case NID_safeContentsBag:
			/* Bags in bags: nobody makes them. */
			err = pkcs12_refuse(fault);
			break;
		}
	}
	return err;
}

/* What one part costs, decrypted if it has to be. */
static int pkcs12_check_part(PKCS7 *part, const char *passphrase, uint64_t *spent,
			     struct ktlsd_fault *fault)
{
	STACK_OF(PKCS12_SAFEBAG) *bags;
	int err = 0;

	if (PKCS7_type_is_data(part)) {
		bags = PKCS12_unpack_p7data(part);
	} else if (PKCS7_type_is_encrypted(part)) {
		err = ktlsd_kdf_spend(part->d.encrypted->enc_data->algorithm, spent, fault);
		if (err)
			return err;
		bags = PKCS12_unpack_p7encdata(part, passphrase,
					       passphrase ? (int)strlen(passphrase) : 0);
	} else {
		return pkcs12_refuse(fault);
	}
	/* NULL too after a wrong passphrase, which PKCS12_parse() reports. */
	if (bags)
		err = pkcs12_check_bags(bags, spent, fault);
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return err;
}

/* Bounds the work before OpenSSL does it. */
static int pkcs12_check(const PKCS12 *file, const char *passphrase, struct ktlsd_fault *fault)
{
	const ASN1_INTEGER *iterations = NULL;
	const X509_ALGOR *mac = NULL;
	STACK_OF(PKCS7) *parts;
	uint64_t spent = 0;
	int i, err = 0;

	if (!PKCS12_mac_present(file))
		return ktlsd_errors_set(fault, -EINVAL,
			"the PKCS #12 file has no MAC: export it again with one");
	PKCS12_get0_mac(NULL, &mac, NULL, &iterations, file);
	if (!mac || !EVP_get_digestbyobj(mac->algorithm))
		return ktlsd_errors_set(fault, -EINVAL,
			"the MAC of the PKCS #12 file is of an unknown kind: export it with openssl pkcs12 -export -macalg sha256");
	if (iterations)
		err = ktlsd_kdf_spend_iterations(iterations, &spent, fault);
	if (err)
		return err;
	parts = PKCS12_unpack_authsafes(file);
	if (!parts)
		return pkcs12_refuse(fault);
	for (i = 0; !err && i < sk_PKCS7_num(parts); i++)
		err = pkcs12_check_part(sk_PKCS7_value(parts, i), passphrase, &spent, fault);
	sk_PKCS7_pop_free(parts, PKCS7_free);
	return err;
}

/* Moves the certificates of @others that lead upwards from the leaf to the chain, in order. */
static int pkcs12_build_chain(struct ktlsd_credential *credential, STACK_OF(X509) *others,
			      struct ktlsd_fault *fault)
{
	X509 *below = credential->leaf, *cert;
	int i = 0;

	credential->chain = sk_X509_new_null();
	if (!credential->chain)
		return ktlsd_errors_set(fault, -ENOMEM, "out of memory");
	while (i < sk_X509_num(others)) {
		cert = sk_X509_value(others, i++);
		if (X509_check_issued(cert, below) != X509_V_OK)
			continue;
		if (sk_X509_num(credential->chain) >= KTLSD_CHAIN_DEPTH_MAX)
			return ktlsd_errors_set(fault, -EINVAL,
				"there are more than %d certificates above the first one",
				KTLSD_CHAIN_DEPTH_MAX);
		if (!sk_X509_push(credential->chain, cert))
			return ktlsd_errors_set(fault, -ENOMEM, "out of memory");
		below = sk_X509_delete(others, i - 1);
		i = 0;
	}
	return 0;
}

static int pkcs12_open(PKCS12 *file, const char *passphrase,
		       struct ktlsd_credential *ret_credential, struct ktlsd_fault *fault)
{
	STACK_OF(X509) *others = NULL;
	int err;

	err = pkcs12_check(file, passphrase, fault);
	if (err)
		return err;
	if (!PKCS12_verify_mac(file, passphrase ? passphrase : "", -1) &&
	    (passphrase || !PKCS12_verify_mac(file, NULL, 0)))
		return ktlsd_errors_set(fault, -EINVAL, passphrase ?
			"the passphrase of the PKCS #12 file is wrong" :
			"the PKCS #12 file has a passphrase: name it in passphrase_file or passphrase_credential");
	if (PKCS12_parse(file, passphrase, &ret_credential->key, &ret_credential->leaf,
			 &others) != 1)
		err = ktlsd_errors_set(fault, -EINVAL, "the PKCS #12 file cannot be decoded: %s",
				       ktlsd_errors_openssl_reason());
	else if (!ret_credential->key || !ret_credential->leaf)
		err = ktlsd_errors_set(fault, -EINVAL,
			"the PKCS #12 file has no private key with its certificate");
	else
		err = ktlsd_private_key_check(ret_credential->key, fault);
	if (!err)
		err = pkcs12_build_chain(ret_credential, others, fault);
	sk_X509_pop_free(others, X509_free);
	return err;
}

int ktlsd_pkcs12_parse(const void *data, size_t len, const char *passphrase,
		       struct ktlsd_credential *ret_credential, struct ktlsd_fault *fault)
{
	const unsigned char *at = data;
	PKCS12 *file;
	int err;

	memset(ret_credential, 0, sizeof(*ret_credential));
	ERR_clear_error();
	file = d2i_PKCS12(NULL, &at, (long)len);
	err = file ? pkcs12_open(file, passphrase, ret_credential, fault) : pkcs12_refuse(fault);
	PKCS12_free(file);
	ERR_clear_error();
	if (err)
		ktlsd_credentials_free(ret_credential);
	return err;
}
