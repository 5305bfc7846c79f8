// SPDX-License-Identifier: GPL-2.0-or-later
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "config/signature.h"

/* The digest of RSASSA-PSS is in its parameters; the default is SHA-1 (RFC 8017 A.2.3). Return: a
 * NID, NID_undef if they cannot be decoded.
 */
static int signature_pss_digest(int type, const void *value)
{
	RSA_PSS_PARAMS *params;
	const unsigned char *at;
	int digest = NID_undef;

	if (type != V_ASN1_SEQUENCE)
		return NID_undef;
	at = ASN1_STRING_get0_data(value);
	params = d2i_RSA_PSS_PARAMS(NULL, &at, ASN1_STRING_length(value));
	if (params)
		digest = params->hashAlgorithm ? OBJ_obj2nid(params->hashAlgorithm->algorithm) :
						 NID_sha1;
	RSA_PSS_PARAMS_free(params);
	ERR_clear_error();
	return digest;
}

bool ktlsd_signature_is_strong(const X509_ALGOR *algorithm)
{
	const ASN1_OBJECT *object;
	const void *value;
	const EVP_MD *md;
	int type, kind, digest, key;

	X509_ALGOR_get0(&object, &type, &value, algorithm);
	kind = OBJ_obj2nid(object);
	/* Their digests are fixed: SHA-512 and SHAKE256. */
	if (kind == NID_ED25519 || kind == NID_ED448)
		return true;
	if (kind == NID_rsassaPss)
		digest = signature_pss_digest(type, value);
	else if (!OBJ_find_sigid_algs(kind, &digest, &key))
		return false;
	md = EVP_get_digestbynid(digest);
	return md && EVP_MD_get_size(md) >= KTLSD_SIGNATURE_DIGEST_MIN;
}
