// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "tls/saved_session.h"

enum {
	SAVED_SESSION_CERT_FACTOR	= 4,	/* memory of a parsed certificate, to its DER */
};

int64_t ktlsd_saved_session_chain_end(STACK_OF(X509) *chain, int64_t limit)
{
	struct tm tm;
	time_t end;
	int i;

	for (i = 0; i < sk_X509_num(chain); i++) {
		if (!ASN1_TIME_to_tm(X509_get0_notAfter(sk_X509_value(chain, i)), &tm))
			return 0;
		end = timegm(&tm);
		if (end < limit)
			limit = end;
	}
	return limit;
}

static size_t saved_session_chain_cost(STACK_OF(X509) *chain)
{
	size_t cost = 0;
	int i, len;

	for (i = 0; i < sk_X509_num(chain); i++) {
		len = i2d_X509(sk_X509_value(chain, i), NULL);
		if (len > 0)
			cost += (size_t)len * SAVED_SESSION_CERT_FACTOR;
	}
	return cost;
}

struct ktlsd_saved_session *ktlsd_saved_session_new(const uint8_t *der, size_t der_len,
						    STACK_OF(X509) *presented,
						    STACK_OF(X509) *chain, int64_t expires)
{
	struct ktlsd_saved_session *saved = calloc(1, sizeof(*saved));

	if (!saved)
		return NULL;
	saved->refs = 1;
	saved->expires = ktlsd_saved_session_chain_end(chain, expires);
	saved->der = malloc(der_len);
	if (presented)
		saved->presented = X509_chain_up_ref(presented);
	if (chain)
		saved->chain = X509_chain_up_ref(chain);
	if (!saved->der || !saved->expires || !saved->presented != !presented ||
	    !saved->chain != !chain) {
		ktlsd_saved_session_put(saved);
		return NULL;
	}
	memcpy(saved->der, der, der_len);
	saved->der_len = der_len;
	saved->cost = sizeof(*saved) + der_len + saved_session_chain_cost(presented) +
		      saved_session_chain_cost(chain);
	return saved;
}

void ktlsd_saved_session_put(struct ktlsd_saved_session *saved)
{
	if (!saved || atomic_fetch_sub(&saved->refs, 1) != 1)
		return;
	if (saved->der)
		OPENSSL_cleanse(saved->der, saved->der_len);
	free(saved->der);
	sk_X509_pop_free(saved->presented, X509_free);
	sk_X509_pop_free(saved->chain, X509_free);
	free(saved);
}
