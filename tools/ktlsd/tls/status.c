// SPDX-License-Identifier: GPL-2.0-or-later
/* CRLs are checked by OpenSSL, along with the chain. A staple is there when the chain is
 * verified in TLS 1.3, and only later in TLS 1.2: then OpenSSL's callback for staples, which
 * comes before this side sends anything but its ClientHello, does the rest.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "config/config.h"
#include "config/crl_lookup.h"
#include "config/date.h"
#include "tls/handshake.h"
#include "tls/status.h"

enum {
	STATUS_ALERT_RECORD	= 7,	/* bytes of an alert in plaintext */
};

__attribute__((format(printf, 3, 4)))
static void status_refuse(struct ktlsd_handshake *hs, int alert, const char *format, ...)
{
	struct ktlsd_fault fault;
	char text[2 * sizeof(fault.reason)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ktlsd_errors_set(&fault, -EKEYREJECTED, "%s", text);
	memcpy(hs->status.reason, fault.reason, sizeof(hs->status.reason));
	hs->status.alert = alert;
}

static const char *status_subject(const struct ktlsd_handshake *hs, int depth,
				  char *dst, size_t size)
{
	ktlsd_errors_subject(dst, size, depth, hs->is_server ? NULL : hs->name.text);
	return dst;
}

static void status_print_time(int64_t when, char *dst, size_t size)
{
	time_t seconds = (time_t)when;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(dst, size, "%Y-%m-%d %H:%M:%S UTC", &tm))
		snprintf(dst, size, "an unreadable date");
}

/* @reason: CRL_REASON_* or -1; @says: who says so */
static void status_refuse_revoked(struct ktlsd_handshake *hs, int depth, int64_t when,
				  int reason, const char *says)
{
	char subject[128], date[48];

	status_print_time(when, date, sizeof(date));
	status_refuse(hs, SSL_AD_CERTIFICATE_REVOKED, "%s was revoked on %s%s%s%s, says %s.",
		      status_subject(hs, depth, subject, sizeof(subject)), date,
		      reason >= 0 ? " (" : "", reason >= 0 ? OCSP_crl_reason_str(reason) : "",
		      reason >= 0 ? ")" : "", says);
}

/* --- CRLs --- */

static int status_crl_reason(const X509_REVOKED *entry)
{
	ASN1_ENUMERATED *value = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
	int reason = value ? (int)ASN1_ENUMERATED_get(value) : -1;

	ASN1_ENUMERATED_free(value);
	return reason;
}

static void status_explain_crl(struct ktlsd_handshake *hs, X509_STORE_CTX *store_ctx, int error)
{
	X509_CRL *crl = X509_STORE_CTX_get0_current_crl(store_ctx);
	int depth = X509_STORE_CTX_get_error_depth(store_ctx);
	char issuer[72] = "?", subject[128], date[48] = "an unknown date";

	if (crl)
		ktlsd_errors_print_name(issuer, sizeof(issuer), X509_CRL_get_issuer(crl));
	if (crl && X509_CRL_get0_nextUpdate(crl))
		status_print_time(ktlsd_date_seconds(X509_CRL_get0_nextUpdate(crl)), date,
				  sizeof(date));
	status_subject(hs, depth, subject, sizeof(subject));
	if (error == X509_V_ERR_CRL_HAS_EXPIRED)
		status_refuse(hs, SSL_AD_CERTIFICATE_UNKNOWN,
			"%s cannot be checked: the CRL of '%s' is stale, its next update was due on %s. Fetch it again.",
			subject, issuer, date);
	else
		status_refuse(hs, SSL_AD_CERTIFICATE_UNKNOWN,
			"%s cannot be checked for revocation: the CRL of '%s' cannot be used: %s.",
			subject, issuer, X509_verify_cert_error_string(error));
}

static X509 *status_issuer(X509_STORE_CTX *store_ctx)
{
	return sk_X509_value(X509_STORE_CTX_get0_chain(store_ctx),
			     X509_STORE_CTX_get_error_depth(store_ctx) + 1);
}

/* The entry may be in a delta CRL, while OpenSSL names the complete one. */
static void status_explain_revoked(struct ktlsd_handshake *hs, X509_STORE_CTX *store_ctx)
{
	struct ktlsd_crl_set *set = ktlsd_crls_get_set(hs->status.crls);
	X509 *cert = X509_STORE_CTX_get_current_cert(store_ctx);
	char issuer[72], says[128];
	X509_REVOKED *entry;
	X509_CRL *crl;

	entry = ktlsd_crl_lookup_revoked(set, cert, status_issuer(store_ctx), &crl);
	ktlsd_errors_print_name(issuer, sizeof(issuer), X509_get_issuer_name(cert));
	snprintf(says, sizeof(says), "the CRL of '%s'", issuer);
	status_refuse_revoked(hs, X509_STORE_CTX_get_error_depth(store_ctx),
			      entry ? ktlsd_date_seconds(X509_REVOKED_get0_revocationDate(entry)) :
			      time(NULL), entry ? status_crl_reason(entry) : -1, says);
	ktlsd_crls_put_set(set);
}

/* Errors of X509_verify_cert() that are about a CRL, not about a certificate. */
static bool status_is_about_crl(int error)
{
	switch (error) {
	case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
	case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
	case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
	case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
		return true;
	default:
		return false;
	}
}

static int status_note_verify(int good, X509_STORE_CTX *store_ctx)
{
	int error = X509_STORE_CTX_get_error(store_ctx);
	struct ktlsd_handshake *hs;

	/* OpenSSL verifies the path to the issuer of a CRL in a context of its own, which has no
	 * SSL. If that fails, the CRL cannot be used, which comes here too.
	 */
	if (good || X509_STORE_CTX_get0_parent_ctx(store_ctx))
		return good;
	hs = SSL_get_app_data(X509_STORE_CTX_get_ex_data(store_ctx,
						SSL_get_ex_data_X509_STORE_CTX_idx()));
	/* An issuer may have several CRLs, each for a part of its certificates. */
	if (error == X509_V_ERR_UNABLE_TO_GET_CRL || error == X509_V_ERR_DIFFERENT_CRL_SCOPE) {
		hs->status.no_crl |= 1u << X509_STORE_CTX_get_error_depth(store_ctx);
		X509_STORE_CTX_set_error(store_ctx, X509_V_OK);
		return 1;
	}
	if (error == X509_V_ERR_CERT_REVOKED) {
		status_explain_revoked(hs, store_ctx);
	} else if (status_is_about_crl(error)) {
		status_explain_crl(hs, store_ctx, error);
		/* OpenSSL would send certificate_expired for a stale CRL. */
		X509_STORE_CTX_set_error(store_ctx, X509_V_ERR_CRL_PATH_VALIDATION_ERROR);
	}
	return 0;
}

/* --- OCSP --- */

static void status_bound(struct ktlsd_status *status, int64_t expires)
{
	if (expires < status->expires)
		status->expires = expires;
}

/* Return: true if @answer is about a good certificate; else the peer is refused. */
static bool status_take_answer(struct ktlsd_handshake *hs, int depth,
			       const struct ktlsd_ocsp_answer *answer, const char *says)
{
	char subject[128];

	if (answer->status == KTLSD_OCSP_REVOKED) {
		status_refuse_revoked(hs, depth, answer->revoked_at, answer->reason, says);
		return false;
	}
	if (answer->status != KTLSD_OCSP_GOOD) {
		status_refuse(hs, SSL_AD_CERTIFICATE_UNKNOWN,
			      "%s is not known to its issuer, says %s.",
			      status_subject(hs, depth, subject, sizeof(subject)), says);
		return false;
	}
	hs->status.good |= 1u << depth;
	status_bound(&hs->status, answer->expires);
	return true;
}

/* RFC 6066 8: a response that is not satisfactory ends the handshake. */
static void status_check_staple(struct ktlsd_handshake *hs,
				const struct ktlsd_ocsp_question *question)
{
	struct ktlsd_ocsp_answer answer;
	const unsigned char *staple;
	char subject[128];
	long len;

	len = SSL_get_tlsext_status_ocsp_resp(hs->ssl, &staple);
	if (len <= 0) {
		if (ktlsd_ocsp_must_staple(question->cert))
			status_refuse(hs, SSL_AD_BAD_CERTIFICATE_STATUS_RESPONSE,
				"%s requires a stapled OCSP response (must-staple), and the server sent none.",
				status_subject(hs, 0, subject, sizeof(subject)));
		return;
	}
	ktlsd_ocsp_check(staple, (size_t)len, question, &answer);
	if (answer.status == KTLSD_OCSP_BAD)
		status_refuse(hs, SSL_AD_BAD_CERTIFICATE_STATUS_RESPONSE,
			      "The OCSP response stapled by server '%.72s' is refused: %s.",
			      hs->name.text, answer.why);
	else if (status_take_answer(hs, 0, &answer,
				    "the OCSP response stapled by the server"))
		hs->status.how = KTLS_REVOCATION_STAPLE;
}

/* Asks for each certificate that nothing else is known of. Return: true if all answers are
 * there.
 */
static bool status_ask_once(struct ktlsd_handshake *hs, STACK_OF(X509) *chain,
			    struct ktlsd_ocsp_question *question)
{
	struct ktlsd_status *status = &hs->status;
	struct ktlsd_ocsp_answer answer;
	char says[128];
	bool all = true;
	int i, ret;

	for (i = 0; i < sk_X509_num(chain) - 1 && !status->reason[0]; i++) {
		if ((status->good | status->silent) & 1u << i)
			continue;
		question->cert = sk_X509_value(chain, i);
		question->issuer = sk_X509_value(chain, i + 1);
		ret = status->asker->ask(status->asker, question, &answer);
		if (!ret)
			all = false;
		if (ret < 0 || (ret > 0 && answer.status == KTLSD_OCSP_BAD)) {
			status->silent |= 1u << i;
			/* Without a responder there is nobody to ask again. */
			if (ret != -ENOENT)
				status_bound(status, question->now + KTLSD_STATUS_SILENT);
			if (status->mode == KTLSD_REVOCATION_HARD)
				status_refuse(hs, SSL_AD_CERTIFICATE_UNKNOWN,
					"%s cannot be checked for revocation (%s mode): its OCSP responder gave no valid answer: %s.",
					status_subject(hs, i, says, sizeof(says)),
					ktlsd_revocation_name(status->mode), answer.why);
		} else if (ret > 0 &&
			   status_take_answer(hs, i, &answer, "its OCSP responder") && !i) {
			status->how = KTLS_REVOCATION_OCSP;
		}
	}
	return all;
}

/* One answer may have decided, or the handshake ended, while it waited for others. */
static void status_leave(struct ktlsd_handshake *hs, STACK_OF(X509) *chain,
			 struct ktlsd_ocsp_question *question)
{
	struct ktlsd_status_asker *asker = hs->status.asker;
	int i;

	for (i = 0; asker->leave && i < sk_X509_num(chain) - 1; i++) {
		question->cert = sk_X509_value(chain, i);
		question->issuer = sk_X509_value(chain, i + 1);
		asker->leave(asker, question);
	}
}

static void status_ask(struct ktlsd_handshake *hs, STACK_OF(X509) *chain,
		       struct ktlsd_ocsp_question *question)
{
	bool all, asked = false;
	int err = 0;

	question->deadline = hs->status.deadline;
	question->user = hs->status.user;
	do {
		all = status_ask_once(hs, chain, question);
		asked = asked || !all;
		if (!all && !hs->status.reason[0])
			err = hs->status.asker->wait(hs->status.asker);
	} while (!all && !hs->status.reason[0] && !err);
	if (asked)
		status_leave(hs, chain, question);
	if (err)
		return;
	if (hs->status.silent & 1 && !hs->status.how)
		hs->status.how = KTLS_REVOCATION_NO_ANSWER;
}

/* In hard mode every certificate below the trust anchor must be proven good. */
static void status_require_all(struct ktlsd_handshake *hs, STACK_OF(X509) *chain)
{
	char subject[128];
	int i;

	for (i = 0; i < sk_X509_num(chain) - 1; i++) {
		if (hs->status.good & 1u << i)
			continue;
		status_refuse(hs, SSL_AD_CERTIFICATE_UNKNOWN,
			"%s cannot be checked for revocation, which is required here (hard): there is neither a CRL of its issuer nor an OCSP response.",
			status_subject(hs, i, subject, sizeof(subject)));
		return;
	}
}

/* Lets the missing CRLs be fetched, for later handshakes: this one does not wait. All users
 * share what is fetched, by the names of issuers: so a program's own anchors, which can have
 * the name of anybody, fetch nothing.
 */
static void status_want_crls(struct ktlsd_handshake *hs, STACK_OF(X509) *chain)
{
	struct ktlsd_status_asker *asker = hs->status.asker;
	int i;

	if (!asker || !asker->want_crl || hs->status.own_anchors || !hs->status.crls->fetch)
		return;
	for (i = 0; i < sk_X509_num(chain) - 1; i++) {
		if (hs->status.no_crl & 1u << i)
			asker->want_crl(asker, sk_X509_value(chain, i),
					sk_X509_value(chain, i + 1), hs->status.user);
	}
}

/* @chain: verified, the trust anchor last. Its revocation is its removal. */
static void status_decide(struct ktlsd_handshake *hs, STACK_OF(X509) *chain)
{
	struct ktlsd_status *status = &hs->status;
	struct ktlsd_crl_set *set = ktlsd_crls_get_set(status->crls);
	struct ktlsd_ocsp_question question = { .now = time(NULL), .crls = set };
	int count = sk_X509_num(chain);

	status->decided = true;
	if (count < 2)
		goto put_set;
	question.cert = sk_X509_value(chain, 0);
	question.issuer = sk_X509_value(chain, 1);
	if (!hs->is_server)
		status_check_staple(hs, &question);
	if (status->mode >= KTLSD_REVOCATION_CRL && set) {
		status->good |= ((1u << (count - 1)) - 1) & ~status->no_crl;
		status_want_crls(hs, chain);
	}
	if (!status->how && status->good & 1)
		status->how = KTLS_REVOCATION_CRL;
	if (!status->reason[0] && status->mode >= KTLSD_REVOCATION_OCSP && status->asker)
		status_ask(hs, chain, &question);
	if (!status->reason[0] && status->mode == KTLSD_REVOCATION_HARD)
		status_require_all(hs, chain);
put_set:
	ktlsd_crls_put_set(set);
}

/* --- OpenSSL --- */

int ktlsd_status_verify(struct ktlsd_handshake *hs, X509_STORE_CTX *store_ctx)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(store_ctx);
	struct ktlsd_status *status = &hs->status;
	struct ktlsd_crl_view view = { .user = status->user };
	struct ktlsd_crl_set *set = NULL;
	int good;

	if (status->mode >= KTLSD_REVOCATION_CRL)
		set = ktlsd_crls_get_set(status->crls);
	view.set = set;
	if (set) {
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK |
					    X509_V_FLAG_CRL_CHECK_ALL |
					    X509_V_FLAG_EXTENDED_CRL_SUPPORT |
					    X509_V_FLAG_USE_DELTAS);
		ktlsd_crl_lookup_use(store_ctx, &view);
		X509_STORE_CTX_set_verify_cb(store_ctx, status_note_verify);
	}
	good = X509_verify_cert(store_ctx) == 1 &&
	       X509_STORE_CTX_get_error(store_ctx) == X509_V_OK;
	ktlsd_crl_lookup_use(store_ctx, NULL);
	if (good && view.failed) {
		X509_STORE_CTX_set_error(store_ctx, X509_V_ERR_OUT_OF_MEM);
		good = 0;
	}
	ktlsd_crls_put_set(set);
	if (!good || status->mode == KTLSD_REVOCATION_OFF)
		return good;
	if (!hs->is_server && SSL_version(hs->ssl) == TLS1_2_VERSION)
		return 1;
	status_decide(hs, X509_STORE_CTX_get0_chain(store_ctx));
	/* The callback for staples sends another alert. */
	if (!status->reason[0] ||
	    (!hs->is_server && status->alert == SSL_AD_BAD_CERTIFICATE_STATUS_RESPONSE))
		return 1;
	X509_STORE_CTX_set_error(store_ctx, status->alert == SSL_AD_CERTIFICATE_REVOKED ?
				 X509_V_ERR_CERT_REVOKED : X509_V_ERR_OCSP_VERIFY_FAILED);
	return 0;
}

/* RFC 6066 8, RFC 8446 4.4.2.1: the response for the certificate that OpenSSL has chosen, and not
 * for those above it: OpenSSL 3.0 to 3.5 has no way to send these.
 */
static int status_give_staple(struct ktlsd_handshake *hs)
{
	const struct ktlsd_identity *identity = hs->identity;
	const X509 *cert = SSL_get_certificate(hs->ssl);
	uint8_t *der = NULL;
	unsigned int i;
	size_t len;

	/* A resumed handshake has no certificate. */
	if (!identity || !cert || SSL_session_reused(hs->ssl))
		return SSL_TLSEXT_ERR_NOACK;
	for (i = 0; i < identity->credential_count && !der; i++) {
		if (identity->staples[i] && !X509_cmp(identity->credentials[i].leaf, cert))
			der = ktlsd_staple_copy(identity->staples[i], time(NULL), &len);
	}
	if (!der || !SSL_set_tlsext_status_ocsp_resp(hs->ssl, der, (long)len))
		return SSL_TLSEXT_ERR_NOACK;
	hs->status.stapled = true;
	return SSL_TLSEXT_ERR_OK;
}

/* Called on clients, whether the server has stapled something or not, and on servers when
 * the client asks for a staple.
 */
static int status_check_late(SSL *ssl, void *arg)
{
	struct ktlsd_handshake *hs = SSL_get_app_data(ssl);

	(void)arg;
	if (hs->is_server)
		return status_give_staple(hs);
	if (SSL_session_reused(ssl) || !hs->verified)
		return 1;
	if (!hs->status.decided)
		status_decide(hs, SSL_get0_verified_chain(ssl));
	return !hs->status.reason[0];
}

int ktlsd_status_prepare(SSL_CTX *ctx)
{
	return SSL_CTX_set_tlsext_status_cb(ctx, status_check_late) ? 0 : -ENOMEM;
}

int ktlsd_status_setup(struct ktlsd_handshake *hs, enum ktlsd_revocation_mode mode,
		       struct ktlsd_crls *crls)
{
	if (hs->verify == KTLS_VERIFY_NONE)
		mode = KTLSD_REVOCATION_OFF;
	hs->status.mode = mode;
	hs->status.crls = crls;
	hs->status.expires = INT64_MAX;
	if (mode == KTLSD_REVOCATION_OFF || hs->is_server)
		return 0;
	return SSL_set_tlsext_status_type(hs->ssl, TLSEXT_STATUSTYPE_ocsp) ? 0 : -ENOMEM;
}

void ktlsd_status_fix_alert(struct ktlsd_handshake *hs)
{
	static const uint8_t sent[STATUS_ALERT_RECORD] = {
		SSL3_RT_ALERT, 3, 3, 0, 2, SSL3_AL_FATAL,
		SSL_AD_BAD_CERTIFICATE_STATUS_RESPONSE,
	};
	struct ktlsd_buffer *output = &hs->output;

	if (!hs->status.reason[0] || hs->alert_received || output->len < sizeof(sent) ||
	    memcmp(output->data + output->len - sizeof(sent), sent, sizeof(sent)))
		return;
	output->data[output->len - 1] = (uint8_t)hs->status.alert;
	hs->alert = hs->status.alert;
}

bool ktlsd_status_is_revoked(const struct ktlsd_handshake *hs, X509 *cert, X509 *issuer)
{
	struct ktlsd_crl_set *set;
	X509_CRL *crl;
	bool revoked;

	if (hs->status.mode < KTLSD_REVOCATION_CRL)
		return false;
	set = ktlsd_crls_get_set(hs->status.crls);
	revoked = ktlsd_crl_lookup_revoked(set, cert, issuer, &crl);
	ktlsd_crls_put_set(set);
	return revoked;
}

bool ktlsd_status_may_resume(const struct ktlsd_handshake *hs, STACK_OF(X509) *chain)
{
	int i, count = sk_X509_num(chain);

	for (i = 0; i < count; i++) {
		/* The last one has, as a rule, issued itself. */
		if (ktlsd_status_is_revoked(hs, sk_X509_value(chain, i),
					    sk_X509_value(chain, i + 1 < count ? i + 1 : i)))
			return false;
	}
	return true;
}
