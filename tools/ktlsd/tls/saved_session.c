// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "config/date.h"
#include "tls/saved_session.h"

enum {
	SAVED_SESSION_CERT_FACTOR	= 4,	/* memory of a parsed certificate, to its DER */
	SAVED_SESSION_COST		= 2048,	/* bytes of an SSL_SESSION without its ticket */
};

/**
 * struct ktlsd_saved_session_rest - a session as DER
 * @len: of @der
 * @presented: certificates of ktlsd_saved_session.presented
 * @chain: of the other
 * @der: the session, and behind it the certificates
 */
struct ktlsd_saved_session_rest {
	size_t		len;
	int		presented;
	int		chain;
	unsigned char	der[];
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

static void saved_session_free_objects(struct ktlsd_saved_session *saved)
{
	/* It wipes the secrets. */
	SSL_SESSION_free(saved->session);
	saved->session = NULL;
	sk_X509_pop_free(saved->presented, X509_free);
	saved->presented = NULL;
	sk_X509_pop_free(saved->chain, X509_free);
	saved->chain = NULL;
}

static void saved_session_free_rest(struct ktlsd_saved_session *saved)
{
	if (saved->rest)
		OPENSSL_cleanse(saved->rest->der, saved->rest->len);
	free(saved->rest);
	saved->rest = NULL;
}

void ktlsd_saved_session_put(struct ktlsd_saved_session *saved)
{
	if (!saved || atomic_fetch_sub(&saved->refs, 1) != 1)
		return;
	saved_session_free_objects(saved);
	saved_session_free_rest(saved);
	free(saved);
}

/* At @at, which is moved behind them; or nowhere, if that is NULL. Return: bytes of all these
 * certificates as DER, or -1.
 */
static int saved_session_put_certs(STACK_OF(X509) *certs, unsigned char **at)
{
	int i, len, all = 0;

	for (i = 0; i < sk_X509_num(certs); i++) {
		len = i2d_X509(sk_X509_value(certs, i), at);
		if (len <= 0)
			return -1;
		all += len;
	}
	return all;
}

/* All that rests, likewise. */
static int saved_session_put_all(const struct ktlsd_saved_session *saved, unsigned char **at)
{
	int session = i2d_SSL_SESSION(saved->session, at);
	int presented = saved_session_put_certs(saved->presented, at);
	int chain = saved_session_put_certs(saved->chain, at);

	return session > 0 && presented >= 0 && chain >= 0 ? session + presented + chain : -1;
}

bool ktlsd_saved_session_rest(struct ktlsd_saved_session *saved)
{
	struct ktlsd_saved_session_rest *rest = NULL;
	unsigned char *at;
	int len;

	if (!saved->once || saved->rest || atomic_load(&saved->refs) != 1)
		return false;
	len = saved_session_put_all(saved, NULL);
	if (len > 0)
		rest = calloc(1, sizeof(*rest) + (size_t)len);
	if (rest) {
		rest->len = (size_t)len;
		rest->presented = sk_X509_num(saved->presented);
		rest->chain = sk_X509_num(saved->chain);
		at = rest->der;
		saved->rest = rest;
	}
	if (!rest || saved_session_put_all(saved, &at) != len) {
		saved_session_free_rest(saved);
		ERR_clear_error();
		return false;
	}
	saved_session_free_objects(saved);
	return true;
}

/* @count: -1: there was no stack. Return: 0, or -ENOMEM with what could be read. */
static int saved_session_get_certs(STACK_OF(X509) **certs, int count, const unsigned char **at,
				   const unsigned char *end)
{
	X509 *cert;

	if (count < 0)
		return 0;
	*certs = sk_X509_new_reserve(NULL, count);
	while (*certs && count--) {
		cert = d2i_X509(NULL, at, end - *at);
		if (!cert)
			return -ENOMEM;
		sk_X509_push(*certs, cert);
	}
	return *certs ? 0 : -ENOMEM;
}

int ktlsd_saved_session_wake(struct ktlsd_saved_session *saved)
{
	const struct ktlsd_saved_session_rest *rest = saved->rest;
	const unsigned char *at, *end;
	int err = 0;

	if (!rest)
		return 0;
	at = rest->der;
	end = at + rest->len;
	saved->session = d2i_SSL_SESSION(NULL, &at, (long)rest->len);
	if (!saved->session)
		err = -ENOMEM;
	if (!err)
		err = saved_session_get_certs(&saved->presented, rest->presented, &at, end);
	if (!err)
		err = saved_session_get_certs(&saved->chain, rest->chain, &at, end);
	if (err) {
		saved_session_free_objects(saved);
		ERR_clear_error();
		return err;
	}
	saved_session_free_rest(saved);
	return 0;
}

SSL_SESSION *ktlsd_saved_session_open(struct ktlsd_saved_session *saved)
{
	if (!saved->once)
		return SSL_SESSION_dup(saved->session);
	return SSL_SESSION_up_ref(saved->session) ? saved->session : NULL;
}
