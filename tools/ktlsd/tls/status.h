/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the certificates of a verified chain were revoked: says CRLs, the OCSP response
 * that a server stapled, and OCSP responders. Thread of the handshake.
 */
#ifndef KTLSD_STATUS_H
#define KTLSD_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "config/crls.h"
#include "config/revocation.h"
#include "errors.h"
#include "tls/ocsp.h"

struct ktlsd_handshake;

enum {
	KTLSD_STATUS_WAIT_MS	= 5000,	/* how long a handshake waits for responders at most */
	KTLSD_STATUS_SILENT	= 30,	/* seconds that a session lasts if one did not answer */
};

/**
 * struct ktlsd_status_asker - asks OCSP responders for a handshake
 * @ask: looks for an answer, and asks the responder of the certificate if there is none yet.
 *	Return: 1 @ret_answer is it; 0 it is on its way; negative: there is none, and
 *	@ret_answer->why says why: "it ...".
 * @want_crl: fetches the CRL that a certificate names, if that can be done; returns at once. May
 *	be NULL.
 * @wait: pauses the handshake until @ask may have more to say. Return: 0, or a negative errno
 *	if the handshake has ended.
 * @leave: after @ask has returned 0: the handshake does not wait for the certificate of this question any more,
 *	whether it did or not. May be NULL.
 *
 * A member of whatever answers.
 */
struct ktlsd_status_asker {
	int	(*ask)(struct ktlsd_status_asker *asker,
		       const struct ktlsd_ocsp_question *question,
		       struct ktlsd_ocsp_answer *ret_answer);
	int	(*wait)(struct ktlsd_status_asker *asker);
	void	(*leave)(struct ktlsd_status_asker *asker,
			 const struct ktlsd_ocsp_question *question);
	void	(*want_crl)(struct ktlsd_status_asker *asker, X509 *cert, X509 *issuer,
			    uint64_t user);
};

/**
 * struct ktlsd_status - what is known of the peer's certificates
 * @mode: how they are checked
 * @crls: of ktlsd.conf, or NULL; not owned
 * @asker: asks responders, or NULL; not owned
 * @user: on whose behalf, see struct ktlsd_crl_view
 * @own_anchors: the program brought its trust anchors (KTLS_TRUST)
 * @deadline: until when it can wait for answers, milliseconds of the monotonic clock
 * @decided: the chain was checked
 * @no_crl: a bit for each certificate of the chain whose issuer has no CRL here
 * @good: likewise for those that are proven good
 * @silent: likewise for those whose responder did not answer
 * @how: enum ktls_revocation, for the leaf
 * @expires: until when the responses hold, or silence is accepted, seconds since the epoch;
 *	INT64_MAX for ever
 * @stapled: server: it sends a response for its own certificate
 * @alert: to send with @reason
 * @reason: why the peer is refused, or ""
 */
struct ktlsd_status {
	enum ktlsd_revocation_mode	mode;
	struct ktlsd_crls		*crls;
	struct ktlsd_status_asker	*asker;
	uint64_t			user;
	bool				own_anchors;
	int64_t				deadline;
	bool				decided;
	uint32_t			no_crl;
	uint32_t			good;
	uint32_t			silent;
	uint32_t			how;
	int64_t				expires;
	bool				stapled;
	int				alert;
	char				reason[KTLS_GENL_REASON_MAX + 1];
};

/* Sets callbacks that every handshake needs. Return: 0 or -ENOMEM. */
int ktlsd_status_prepare(SSL_CTX *ctx);

/* Says how the peer is to be checked, before the handshake begins. @crls may be NULL.
 * Return: 0 or -ENOMEM.
 */
int ktlsd_status_setup(struct ktlsd_handshake *hs, enum ktlsd_revocation_mode mode,
		       struct ktlsd_crls *crls);

/* Verifies a chain like X509_verify_cert(), and checks it for revocation as far as that is
 * possible now. Return: 1 if both are good.
 */
int ktlsd_status_verify(struct ktlsd_handshake *hs, X509_STORE_CTX *store_ctx);

/* After OpenSSL failed because of ktlsd_status: OpenSSL has only one alert for that, which
 * is replaced by the right one where it is not encrypted.
 */
void ktlsd_status_fix_alert(struct ktlsd_handshake *hs);

/* Return: whether a CRL has the certificate now. @issuer: its issuer's, or NULL, see
 * ktlsd_crl_lookup_revoked().
 */
bool ktlsd_status_is_revoked(const struct ktlsd_handshake *hs, X509 *cert, X509 *issuer);

/* Return: whether a session with this chain may be resumed: none of it is revoked now. */
bool ktlsd_status_may_resume(const struct ktlsd_handshake *hs, STACK_OF(X509) *chain);

#endif
