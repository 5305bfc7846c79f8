// SPDX-License-Identifier: GPL-2.0-or-later
/* Certificates. See chain.h. */
#include <openssl/asn1t.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "chain.h"

/* --- keys --- */

/* An RSA public key of random numbers: nobody has its private half. */
static EVP_PKEY *made_up_rsa(int bits, unsigned long exponent)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_new(), *e = BN_new();
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;

	OK(BN_rand(n, bits, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD) - 1);
	BN_set_word(e, exponent);
	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e);
	params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_fromdata_init(ctx);
	ASSERT_EQ(1, EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params));
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	BN_free(e);
	return key;
}

static EVP_PKEY *explicit_p256(void)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 5),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, "explicit", 8),
		OSSL_PARAM_END,
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	EVP_PKEY_keygen_init(ctx);
	EVP_PKEY_CTX_set_params(ctx, params);
	ASSERT_EQ(1, EVP_PKEY_generate(ctx, &key));
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *new_key(const char *kind)
{
	if (!strcmp(kind, "rsa1024"))
		return EVP_RSA_gen(1024);
	if (!strcmp(kind, "rsa-even"))
		return made_up_rsa(2048, 65536);
	if (!strcmp(kind, "rsa-one"))
		return made_up_rsa(2048, 1);
	if (!strcmp(kind, "rsa16384"))
		return made_up_rsa(16384, 65537);
	if (!strcmp(kind, "x25519"))
		return EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	if (!strcmp(kind, "explicit"))
		return explicit_p256();
	return EVP_EC_gen(kind);
}

static bool can_sign(const char *kind)
{
	return strcmp(kind, "rsa-even") && strcmp(kind, "rsa-one") && strcmp(kind, "rsa16384") &&
	       strcmp(kind, "x25519");
}

EVP_PKEY *chain_key(const char *kind, bool fresh)
{
	static struct { const char *kind; EVP_PKEY *key; } kept[8];
	EVP_PKEY *key;
	size_t i;

	if (!kind)
		kind = "P-256";
	for (i = 0; i < ARRAY_SIZE(kept) && kept[i].kind && !fresh; i++)
		if (!strcmp(kept[i].kind, kind)) {
			EVP_PKEY_up_ref(kept[i].key);
			return kept[i].key;
		}
	key = new_key(kind);
	ASSERT_TRUE(key);
	if (!fresh && i < ARRAY_SIZE(kept)) {
		kept[i].kind = kind;
		kept[i].key = key;
		EVP_PKEY_up_ref(key);
	}
	return key;
}

/* --- a certificate --- */

static void extend(X509 *cert, X509 *issuer, const char *name, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;

	if (!value || !value[0])
		return;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf(NULL, &ctx, name, value);
	if (!ext)
		ERR_print_errors_fp(stdout);
	ASSERT_TRUE(ext);
	ASSERT_EQ(1, X509_add_ext(cert, ext, -1));
	X509_EXTENSION_free(ext);
}

static void extend_by(X509 *cert, X509 *issuer, const char *text)
{
	char name[64];
	size_t len;

	if (!text)
		return;
	len = strcspn(text, "=");
	ASSERT_LT(len, sizeof(name));
	memcpy(name, text, len);
	name[len] = 0;
	extend(cert, issuer, name, text + len + 1);
}

/* An authorityKeyIdentifier for a key that does not exist. */
static void wrong_akid(X509 *cert)
{
	extend_by(cert, cert, "authorityKeyIdentifier=DER:30168014"
		  "0102030405060708090a0b0c0d0e0f1011121314");
}

static void set_extensions(const struct cert *spec, bool is_ca, X509 *cert, X509 *issuer)
{
	if (spec->version == 1)
		return;
	if (!(spec->flags & CERT_NO_BASIC))
		extend(cert, issuer, "basicConstraints", spec->basic ? spec->basic :
		       is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	extend(cert, issuer, "keyUsage", spec->ku ? spec->ku : is_ca ?
	       "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
	if (spec->flags & CERT_TWICE)
		extend(cert, issuer, "keyUsage", "digitalSignature");
	extend(cert, issuer, "subjectKeyIdentifier", "hash");
	if (spec->flags & CERT_AKID)
		wrong_akid(cert);
	else if (!(spec->flags & CERT_SELF_ISSUED) && X509_get0_subject_key_id(issuer))
		extend(cert, issuer, "authorityKeyIdentifier", "keyid");
	extend(cert, issuer, "extendedKeyUsage", spec->eku ? spec->eku : is_ca ? "" : "serverAuth");
	extend(cert, issuer, "subjectAltName", spec->san ? spec->san : is_ca ? "" :
	       "DNS:server.test,IP:127.0.0.1");
	extend_by(cert, issuer, spec->ext[0]);
	extend_by(cert, issuer, spec->ext[1]);
}

static void set_times(const struct cert *spec, X509 *cert)
{
	bool usual = !spec->from && !spec->to;
	static const unsigned char no_time[] = "991332256199Z";
	ASN1_STRING *to = (ASN1_STRING *)X509_getm_notAfter(cert);

	X509_gmtime_adj(X509_getm_notBefore(cert), 86400L * (usual ? -1 : spec->from));
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * (usual ? 90 : spec->to));
	if (spec->flags & CERT_BAD_TIME)
		ASSERT_EQ(1, ASN1_STRING_set(to, no_time, sizeof(no_time) - 1));
}

static void spoil_signature(const struct cert *spec, X509 *cert)
{
	const ASN1_BIT_STRING *signature;
	const X509_ALGOR *algorithm;

	X509_get0_signature(&signature, &algorithm, cert);
	if (spec->flags & CERT_BAD_SIGNATURE)
		((unsigned char *)ASN1_STRING_get0_data(signature))
			[ASN1_STRING_length(signature) - 1] ^= 1;
	if (spec->flags & CERT_OTHER_ALGORITHM)
		X509_ALGOR_set0((X509_ALGOR *)algorithm, OBJ_nid2obj(NID_ecdsa_with_SHA384),
				V_ASN1_UNDEF, NULL);
}

static X509 *issue(const struct cert *spec, bool is_ca, EVP_PKEY *key, X509 *issuer,
		   EVP_PKEY *issuer_key)
{
	const char *cn = spec->cn ? spec->cn : is_ca ? "issuing CA" : "server.test";
	EVP_PKEY *signer = issuer_key;
	X509 *cert = X509_new(), *again;
	uint64_t serial;

	X509_set_version(cert, spec->version ? spec->version - 1 : X509_VERSION_3);
	RAND_bytes((unsigned char *)&serial, sizeof(serial));
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1);
	set_times(spec, cert);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
				   (const unsigned char *)cn, -1, -1, 0);
	if (spec->flags & CERT_SELF_ISSUED) {
		issuer = cert;
		signer = key;
	}
	X509_set_issuer_name(cert, X509_get_subject_name(issuer));
	X509_set_pubkey(cert, key);
	set_extensions(spec, is_ca, cert, issuer);
	if (spec->flags & CERT_OTHER_KEY)
		signer = chain_key(NULL, true);
	ASSERT_LT(0, X509_sign(cert, signer, EVP_get_digestbyname(spec->md ? spec->md : "SHA256")));
	if (spec->flags & CERT_OTHER_KEY)
		EVP_PKEY_free(signer);
	spoil_signature(spec, cert);
	/* OpenSSL caches what it decoded; a fresh copy has the changes. */
	again = X509_dup(cert);
	X509_free(cert);
	return again;
}

/* --- a chain --- */

void chain_read_ca(const char *name, X509 **ret_cert, EVP_PKEY **ret_key)
{
	char file[32];
	BIO *cert, *key;

	snprintf(file, sizeof(file), "%s.pem", name);
	cert = BIO_new_file(real_pki(file), "r");
	snprintf(file, sizeof(file), "%s.key", name);
	key = BIO_new_file(real_pki(file), "r");
	ASSERT_TRUE(cert && key);

	*ret_cert = PEM_read_bio_X509(cert, NULL, NULL, NULL);
	*ret_key = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);
	ASSERT_TRUE(*ret_cert && *ret_key);
	BIO_free(cert);
	BIO_free(key);
}

/* @specs: the leaf first. If the issuer has no private key, another key signs. */
static void make_from(const struct cert *const *specs, int count, struct chain_made *ret)
{
	EVP_PKEY *key, *issuer_key;
	X509 *issuer, *root;
	int i;

	chain_read_ca("ca", &root, &issuer_key);
	issuer = root;
	for (i = count - 1; i >= 0; i--) {
		key = chain_key(specs[i]->key, i > 0);
		ret->certs[i] = issue(specs[i], i > 0, key, issuer, issuer_key);
		ret->sent[i] = !(specs[i]->flags & CERT_NOT_SENT);
		if (!i) {
			X509_up_ref(issuer);
			ret->issuer = issuer;
			ret->issuer_key = issuer_key;
		} else {
			EVP_PKEY_free(issuer_key);
		}
		issuer = ret->certs[i];
		issuer_key = key;
		if (i && specs[i]->key && !can_sign(specs[i]->key)) {
			EVP_PKEY_free(key);
			issuer_key = chain_key(NULL, true);
		}
	}
	ret->key = issuer_key;
	X509_free(root);
}

void chain_make(const struct chain *chain, struct chain_made *ret)
{
	static char names[CHAIN_MAX][16];
	struct cert deep[CHAIN_MAX];
	const struct cert *specs[CHAIN_MAX] = { &chain->leaf };
	int i;

	memset(ret, 0, sizeof(*ret));
	ret->count = 1;
	for (i = 0; i < 3 && chain->ca[i].cn; i++)
		specs[ret->count++] = &chain->ca[i];
	for (i = 0; i < chain->repeat; i++) {
		deep[i] = *specs[ret->count - 1];
		snprintf(names[i], sizeof(names[i]), "CA %d", i);
		deep[i].cn = names[i];
		specs[ret->count++] = &deep[i];
		ASSERT_LE(ret->count, CHAIN_MAX);
	}
	make_from(specs, ret->count, ret);
}

void chain_free(struct chain_made *made)
{
	for (int i = 0; i < made->count; i++)
		X509_free(made->certs[i]);
	X509_free(made->issuer);
	EVP_PKEY_free(made->issuer_key);
	EVP_PKEY_free(made->key);
}

void chain_use(const struct chain_made *made, SSL_CTX *ctx)
{
	SSL_CTX_set_security_level(ctx, 0);
	ASSERT_EQ(1, SSL_CTX_use_certificate(ctx, made->certs[0]));
	ASSERT_EQ(1, SSL_CTX_use_PrivateKey(ctx, made->key));
	for (int i = 1; i < made->count; i++)
		if (made->sent[i])
			ASSERT_EQ(1, SSL_CTX_add1_chain_cert(ctx, made->certs[i]));
}
