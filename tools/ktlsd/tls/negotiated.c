// SPDX-License-Identifier: GPL-2.0-or-later
#include <openssl/obj_mac.h>
#include <openssl/tls1.h>

#include "tls/negotiated.h"

uint16_t ktlsd_negotiated_group(SSL *ssl)
{
	static const struct {
		int		nid;
		uint16_t	group;
	} groups[] = {
		{ NID_X9_62_prime256v1, 23 },
		{ NID_secp384r1, 24 },
		{ NID_secp521r1, 25 },
		{ NID_X25519, 29 },
		{ NID_X448, 30 },
	};
	long nid = SSL_get_negotiated_group(ssl);
	size_t i;

	for (i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		if (groups[i].nid == nid)
			return groups[i].group;
	}
	/* Groups without a NID are reported by their number and this flag. */
	if (nid > 0 && (nid & TLSEXT_nid_unknown))
		return (uint16_t)(nid & 0xffff);
	return 0;
}

/* The second byte of ecdsa_* and rsa_pkcs1_*, the first byte of the schemes. */
static uint16_t negotiated_hash_code(int hash)
{
	switch (hash) {
	case NID_sha1:
		return 2;
	case NID_sha224:
		return 3;
	case NID_sha256:
		return 4;
	case NID_sha384:
		return 5;
	case NID_sha512:
		return 6;
	default:
		return 0;
	}
}

uint16_t ktlsd_negotiated_sigalg(SSL *ssl)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);
	EVP_PKEY *key = cert ? X509_get0_pubkey(cert) : NULL;
	int type = NID_undef, hash = NID_undef;
	uint16_t code;

	if (!SSL_get_peer_signature_type_nid(ssl, &type))
		return 0;
	SSL_get_peer_signature_nid(ssl, &hash);
	code = negotiated_hash_code(hash);

	switch (type) {
	case EVP_PKEY_ED25519:
		return 0x0807;
	case EVP_PKEY_ED448:
		return 0x0808;
	case EVP_PKEY_RSA:
		return code ? code << 8 | 1 : 0;
	case EVP_PKEY_EC:
		return code ? code << 8 | 3 : 0;
	case EVP_PKEY_RSA_PSS:
		if (code < 4)
			return 0;
		if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA_PSS)
			return 0x0809 + code - 4;
		return 0x0804 + code - 4;
	default:
		return 0;
	}
}
