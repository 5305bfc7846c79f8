// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>

#include <openssl/asn1t.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "config/kdf.h"

int ktlsd_kdf_spend_iterations(const ASN1_INTEGER *iterations, uint64_t *spent,
			       struct ktlsd_fault *fault)
{
	uint64_t count;

	if (!ASN1_INTEGER_get_uint64(&count, iterations) || !count ||
	    count > KTLSD_KDF_ITERATIONS_MAX - *spent)
		return ktlsd_errors_set(fault, -EINVAL,
			"it takes more than %d iterations to decrypt it: encrypt it again with fewer",
			KTLSD_KDF_ITERATIONS_MAX);
	*spent += count;
	return 0;
}

static int kdf_refuse(struct ktlsd_fault *fault)
{
	return ktlsd_errors_set(fault, -EINVAL,
		"it is encrypted in a way that ktlsd does not know: use PBES2 with PBKDF2 (openssl pkcs8 -topk8)");
}

static int kdf_spend_scrypt(const ASN1_TYPE *parameter, struct ktlsd_fault *fault)
{
	SCRYPT_PARAMS *scrypt = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), parameter);
	const uint64_t max = KTLSD_KDF_SCRYPT_MAX;
	uint64_t n, r, p;
	bool good;

	good = scrypt && ASN1_INTEGER_get_uint64(&n, scrypt->costParameter) &&
	       ASN1_INTEGER_get_uint64(&r, scrypt->blockSize) &&
	       ASN1_INTEGER_get_uint64(&p, scrypt->parallelizationParameter) &&
	       n && r && p && n <= max && r <= max / n && p <= max / n / r;
	SCRYPT_PARAMS_free(scrypt);
	return good ? 0 : ktlsd_errors_set(fault, -EINVAL,
		"its scrypt parameters are too big: N * r * p can be %d", KTLSD_KDF_SCRYPT_MAX);
}

static int kdf_spend_function(const X509_ALGOR *function, uint64_t *spent,
			      struct ktlsd_fault *fault)
{
	PBKDF2PARAM *pbkdf2;
	int err;

	switch (OBJ_obj2nid(function->algorithm)) {
	case NID_id_scrypt:
		return kdf_spend_scrypt(function->parameter, fault);
	case NID_id_pbkdf2:
		break;
	default:
		return kdf_refuse(fault);
	}
	pbkdf2 = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), function->parameter);
	err = pbkdf2 ? ktlsd_kdf_spend_iterations(pbkdf2->iter, spent, fault) : kdf_refuse(fault);
	PBKDF2PARAM_free(pbkdf2);
	return err;
}

int ktlsd_kdf_spend(const X509_ALGOR *algorithm, uint64_t *spent, struct ktlsd_fault *fault)
{
	PBE2PARAM *pbes2;
	PBEPARAM *pbe;
	int err;

	if (OBJ_obj2nid(algorithm->algorithm) == NID_pbes2) {
		pbes2 = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM),
						  algorithm->parameter);
		err = pbes2 ? kdf_spend_function(pbes2->keyfunc, spent, fault) :
			      kdf_refuse(fault);
		PBE2PARAM_free(pbes2);
		return err;
	}
	pbe = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), algorithm->parameter);
	err = pbe ? ktlsd_kdf_spend_iterations(pbe->iter, spent, fault) : kdf_refuse(fault);
	PBEPARAM_free(pbe);
	return err;
}
