// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "errors.h"
#include "test_pki.h"

static void errors_reason_is_bounded(void **state)
{
	struct ktlsd_fault fault;
	char text[1024];

	(void)state;
	memset(text, '\n', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(ktlsd_errors_set(&fault, -EINVAL, "%s", text), -EINVAL);
	assert_int_equal(fault.error, -EINVAL);
	assert_true(strlen(fault.reason) <= KTLS_GENL_REASON_MAX);
	assert_null(strchr(fault.reason, '\n'));
}

static void errors_every_verdict(void **state)
{
	struct ktlsd_verdict verdict = { 0 };
	struct ktlsd_fault fault;

	(void)state;
	for (verdict.error = 1; verdict.error < 100; verdict.error++) {
		for (verdict.depth = 0; verdict.depth < 2; verdict.depth++) {
			assert_int_equal(ktlsd_errors_from_verdict(&fault, &verdict,
				"a-rather-long-name-of-a-server.in.some.domain.example"),
				-EKEYREJECTED);
			assert_true(strlen(fault.reason) > 30);
			assert_int_equal(ktlsd_errors_from_verdict(&fault, &verdict,
								   NULL), -EKEYREJECTED);
		}
	}
}

static void errors_received_alerts(void **state)
{
	struct ktlsd_fault fault;
	int alert;

	(void)state;
	for (alert = 0; alert < 256; alert++) {
		fault.alert = alert;
		fault.alert_received = true;
		assert_int_equal(ktlsd_errors_from_ssl(&fault, alert & 1), -EPROTO);
		if (alert && strcmp(ktlsd_errors_alert_name(alert), "unknown"))
			assert_non_null(strstr(fault.reason,
					       ktlsd_errors_alert_name(alert)));
	}
}

static int errors_of_reason(int reason, char *word)
{
	struct ktlsd_fault fault = { .alert = 40 };

	ERR_clear_error();
	/* Errors of other libraries are ignored. */
	ERR_raise(ERR_LIB_RSA, 1);
	ERR_raise(ERR_LIB_SSL, reason);
	ktlsd_errors_from_ssl(&fault, true);
	assert_int_equal(ERR_peek_error(), 0);
	if (!strstr(fault.reason, word))
		fail_msg("%s", fault.reason);
	return fault.error;
}

static void errors_reasons(void **state)
{
	(void)state;
	assert_int_equal(errors_of_reason(SSL_R_HTTP_REQUEST, "plain HTTP"), -EPROTO);
	assert_int_equal(errors_of_reason(SSL_R_NO_SHARED_CIPHER, "KTLS_CIPHERS"), -EPROTO);
	assert_int_equal(errors_of_reason(SSL_R_EE_KEY_TOO_SMALL, "too small"), -EKEYREJECTED);
	assert_int_equal(errors_of_reason(SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE,
					  "no certificate"), -EKEYREJECTED);
	assert_int_equal(errors_of_reason(SSL_R_LENGTH_MISMATCH, "handshake_failure (40)"),
			 -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_reason_is_bounded),
		cmocka_unit_test(errors_every_verdict),
		cmocka_unit_test(errors_received_alerts),
		cmocka_unit_test(errors_reasons),
	};

	return cmocka_run_group_tests_name("errors", tests, NULL, NULL);
}
