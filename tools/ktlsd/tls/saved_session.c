// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <time.h>

#include "config/date.h"
#include "tls/saved_session.h"

enum {
	SAVED_SESSION_CERT_FACTOR	= 4,	/* memory of a parsed certificate, to its DER */
	SAVED_SESSION_COST		= 2048,	/* bytes of an SSL_SESSION without its ticket */
};

int64_t ktlsd_saved_session_chain_end(STACK_OF(X509) *chain, int64_t limit)
{
	int64_t end;
	int i;

	for (i = 0; i < sk_X509_num(chain); i++) {
		end = ktlsd_date_seconds(X509_get0_notAfter(sk_X509_value(chain, i)));
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

struct ktlsd_saved_session *ktlsd_saved_session_new(const SSL_SESSION *session,
						    STACK_OF(X509) *presented,
						    STACK_OF(X509) *chain, int64_t expires)
{
	struct ktlsd_saved_session *saved = calloc(1, sizeof(*saved));
	const unsigned char *ticket;
	size_t len;

	if (!saved)
		return NULL;
	saved->refs = 1;
	saved->expires = ktlsd_saved_session_chain_end(chain, expires);
	saved->session = SSL_SESSION_dup(session);
	if (presented)
		saved->presented = X509_chain_up_ref(presented);
	if (chain)
		saved->chain = X509_chain_up_ref(chain);
	if (!saved->session || !saved->expires || !saved->presented != !presented ||
	    !saved->chain != !chain) {
		ktlsd_saved_session_put(saved);
		return NULL;
	}
	SSL_SESSION_get0_ticket(session, &ticket, &len);
	saved->cost = sizeof(*saved) + SAVED_SESSION_COST + len +
		      saved_session_chain_cost(presented) + saved_session_chain_cost(chain);
	return saved;
}

void ktlsd_saved_session_put(struct ktlsd_saved_session *saved)
{
	if (!saved || atomic_fetch_sub(&saved->refs, 1) != 1)
		return;
	/* It wipes the secrets. */
	SSL_SESSION_free(saved->session);
	sk_X509_pop_free(saved->presented, X509_free);
	sk_X509_pop_free(saved->chain, X509_free);
	free(saved);
}

SSL_SESSION *ktlsd_saved_session_open(struct ktlsd_saved_session *saved)
{
	if (!saved->once)
		return SSL_SESSION_dup(saved->session);
	return SSL_SESSION_up_ref(saved->session) ? saved->session : NULL;
}
