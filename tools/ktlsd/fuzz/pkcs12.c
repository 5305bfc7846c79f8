// SPDX-License-Identifier: GPL-2.0-or-later
/* PKCS #12 files.
 *
 * The input is a byte, and the file. The byte says which passphrase there is, and whether the
 * file gets a new MAC: a change spoils the one it has.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "config/pkcs12.h"
#include "fuzz.h"
#include "fuzz/fixed.h"
#include "fuzz/pki.h"
#include "lib/log.h"

enum {
	PKCS12_PASSPHRASE	= 3,	/* mask: which */
	PKCS12_AGAIN		= 4,	/* a new MAC */
};

static const char *const pkcs12_passphrases[] = { NULL, "", "seed", "seed" };

static void pkcs12_write_one(const char *name, uint8_t kind, int encryption)
{
	STACK_OF(X509) *others = sk_X509_new_null();
	uint8_t *der = NULL;
	PKCS12 *file;
	int len;

	sk_X509_push(others, pki.ca);
	file = PKCS12_create(pkcs12_passphrases[kind & PKCS12_PASSPHRASE], "seed", pki.ec_key,
			     pki.ec, others, encryption, encryption, 1, 1, 0);
	if (!file)
		abort();
	len = i2d_PKCS12(file, &der);
	fuzz_pki_seed(name, &kind, 1, der, (size_t)len);
	OPENSSL_free(der);
	PKCS12_free(file);
	sk_X509_free(others);
}

static void pkcs12_write(void)
{
	pkcs12_write_one("plain", 2, -1);
	pkcs12_write_one("again", 2 | PKCS12_AGAIN, -1);
	pkcs12_write_one("none", PKCS12_AGAIN, -1);
	pkcs12_write_one("encrypted", 2, NID_aes_128_cbc);
	pkcs12_write_one("encrypted-again", 2 | PKCS12_AGAIN, NID_aes_128_cbc);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_fixed_setup();
	ktlsd_log_open("fuzz", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	fuzz_pki_setup();
	fuzz_pki_seeds(*argc, *argv, pkcs12_write);
	return 0;
}

/* Return: the file with a new MAC, NULL if it is none. */
static uint8_t *pkcs12_again(const uint8_t *data, size_t len, const char *passphrase,
			     int *ret_len)
{
	PKCS12 *file = d2i_PKCS12(NULL, &data, (long)len);
	uint8_t *der = NULL;

	*ret_len = -1;
	if (file && PKCS12_set_mac(file, passphrase, -1, NULL, 0, 1, EVP_sha256()) == 1)
		*ret_len = i2d_PKCS12(file, &der);
	PKCS12_free(file);
	ERR_clear_error();
	return *ret_len > 0 ? der : NULL;
}

static void pkcs12_parse(const uint8_t *data, size_t len, const char *passphrase)
{
	struct ktlsd_credential credential;
	struct ktlsd_fault fault = { 0 };

	if (!ktlsd_pkcs12_parse(data, len, passphrase, &credential, &fault)) {
		if (!credential.key || !credential.leaf)
			abort();
		ktlsd_credentials_free(&credential);
	} else if (!fault.reason[0]) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz fuzz = { data, len };
	uint8_t kind = fuzz_byte(&fuzz), *again;
	const char *passphrase = pkcs12_passphrases[kind & PKCS12_PASSPHRASE];
	int again_len;

	fuzz_fixed_reset();
	if (!(kind & PKCS12_AGAIN)) {
		pkcs12_parse(fuzz.data, fuzz.len, passphrase);
		return 0;
	}
	again = pkcs12_again(fuzz.data, fuzz.len, passphrase, &again_len);
	if (again)
		pkcs12_parse(again, (size_t)again_len, passphrase);
	OPENSSL_free(again);
	return 0;
}
