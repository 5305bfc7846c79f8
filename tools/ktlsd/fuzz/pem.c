// SPDX-License-Identifier: GPL-2.0-or-later
/* Certificates, keys and trust anchors of programs, as they come from KTLS_CERTIFICATE,
 * KTLS_PRIVATE_KEY and KTLS_TRUST. And files of ktlsd.conf, which the signer reads for the
 * serving process, without the private keys.
 */
#include <stdlib.h>

#include "config/anchors.h"
#include "config/credentials.h"
#include "config/private_key.h"
#include "fuzz.h"
#include "lib/log.h"
#include "signer/broker.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	ktlsd_log_open("fuzz", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	return 0;
}

/* Both halves in one input: PEM does not care what stands around it. */
static void pem_credential(const uint8_t *data, size_t len)
{
	struct ktlsd_credential credential = { 0 };
	struct ktlsd_fault fault = { 0 };

	if (!ktlsd_credentials_parse(data, len, data, len, &credential, &fault)) {
		ktlsd_credentials_find_problem(&credential, &fault);
		ktlsd_credentials_free(&credential);
	} else if (!fault.reason[0]) {
		abort();
	}
}

static void pem_anchors(const uint8_t *data, size_t len)
{
	struct ktlsd_anchors_cache cache = { 0 };
	struct ktlsd_anchors_digest digest = { 0 };
	struct ktlsd_fault fault = { 0 };
	struct ktlsd_anchors *anchors;
	int ret;

	do {
		ret = ktlsd_anchors_digest_step(&digest, data, len, &fault);
	} while (ret > 0);
	if (ret || ktlsd_anchors_open(&cache, &digest, data, len, 1000, &anchors, &fault)) {
		ktlsd_anchors_digest_free(&digest);
		return;
	}
	do {
		ret = ktlsd_anchors_read(&cache, anchors, &fault);
	} while (ret > 0);
	if (ret < 0 && !fault.reason[0])
		abort();
	ktlsd_anchors_put(anchors);
	ktlsd_anchors_flush(&cache);
}

/* Nobody can load a key from what the signer leaves of a file. */
static void pem_hide(const uint8_t *data, size_t len)
{
	struct ktlsd_buffer file = { 0 };
	struct ktlsd_fault fault;
	EVP_PKEY *key;

	if (ktlsd_buffer_append(&file, data, len, SIZE_MAX))
		abort();
	if (!ktlsd_broker_hide_keys(&file) &&
	    !ktlsd_private_key_parse(file.data, file.len, &key, &fault))
		abort();
	ktlsd_buffer_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	pem_hide(data, len);
	pem_credential(data, len);
	pem_anchors(data, len);
	return 0;
}
