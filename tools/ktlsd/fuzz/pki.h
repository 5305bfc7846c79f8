/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and certificates for fuzz targets: the same in each run, so that an input means the
 * same; and how a target writes the inputs to begin with.
 */
#ifndef KTLSD_FUZZ_PKI_H
#define KTLSD_FUZZ_PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/test_pki.h"

/* Return: the P-256 key with this number; the caller frees it. */
EVP_PKEY *fuzz_pki_key(uint8_t number);

/* Fills in pki, but for what is RSA. */
void fuzz_pki_setup(void);

/* Gives a certificate this serial number, and signs it again. */
void fuzz_pki_number(X509 *cert, EVP_PKEY *issuer_key, int serial);

/**
 * fuzz_pki_sign_response - sign an OCSP response again, because a change spoils the signature
 * @data: the response
 * @len: bytes
 * @signer: certificate of who signs
 * @key: its key
 * @ret_len: bytes of the new one
 *
 * Return: the new one, which OPENSSL_free() frees; NULL if @data is none
 */
uint8_t *fuzz_pki_sign_response(const uint8_t *data, size_t len, X509 *signer, EVP_PKEY *key,
				int *ret_len);

/* The same for a CRL in DER. */
uint8_t *fuzz_pki_sign_crl(const uint8_t *data, size_t len, EVP_PKEY *key, int *ret_len);

/**
 * fuzz_pki_seeds - write inputs to begin with, and exit
 * @argc: of the program; does nothing unless they are "--seeds DIRECTORY"
 * @argv: likewise
 * @write: calls fuzz_pki_seed() for each input
 */
void fuzz_pki_seeds(int argc, char **argv, void (*write)(void));

/* Writes the input @head followed by @data to the file @name. */
void fuzz_pki_seed(const char *name, const void *head, size_t head_len, const void *data,
		   size_t len);

#endif
