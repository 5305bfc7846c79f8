// SPDX-License-Identifier: GPL-2.0-or-later
/* CHECK of a listener: identities, certificates, keys. */
#include <errno.h>

#include "lib/clock.h"
#include "test_kernel.h"

static void session_check(void **state)
{
	struct ktlsd_message message;
	struct test_kernel kernel;

	(void)state;
	test_kernel_init(&kernel);
	test_kernel_add_identity(&kernel, "web");
	test_kernel_start(&kernel, KTLS_CMD_CHECK, 1, 0, "web", 0, NULL);
	test_kernel_check_done(&kernel, 0, "");
	test_kernel_start(&kernel, KTLS_CMD_CHECK, 2, 0, "mail", 0, NULL);
	test_kernel_check_done(&kernel, ENOKEY, "no identity 'mail' in /etc/ktls/ktlsd.conf");
	test_kernel_start(&kernel, KTLS_CMD_CHECK, 3, 0, NULL, 0, NULL);
	test_kernel_check_done(&kernel, ENOKEY, "needs a certificate");
	test_kernel_start(&kernel, KTLS_CMD_CHECK, 4, 0, "web", 0, "NULL-SHA");
	test_kernel_check_done(&kernel, EINVAL, "'NULL-SHA'");
	test_kernel_begin(&message, KTLS_CMD_CHECK, 6);
	ktlsd_message_put_u64(&message, KTLS_A_DEADLINE,
			      (uint64_t)ktlsd_clock_ms() + 10000);
	ktlsd_message_put_u32(&message, KTLS_A_UID, 1000);
	ktlsd_message_put_u64(&message, KTLS_A_DEADLINE,
			      (uint64_t)ktlsd_clock_ms() + 10000);
	ktlsd_message_put_flag(&message, KTLS_A_FOREIGN);
	ktlsd_message_put_string(&message, KTLS_A_IDENTITY, "web");
	test_kernel_tell(&kernel, &message);
	test_kernel_check_done(&kernel, EACCES, "not for containers");
	kernel.config->identities[0].acl.uids.ids[0] = 1001;
	test_kernel_start(&kernel, KTLS_CMD_CHECK, 5, 0, "web", 0, NULL);
	test_kernel_check_done(&kernel, EACCES, "Uid 1000 may not use");
	assert_int_equal(kernel.sessions.count, 0);
	test_kernel_free(&kernel);
}

/* The program's own certificate and key, good and bad. */
static void session_check_own(void **state)
{
	struct test_kernel kernel;

	(void)state;
	test_kernel_init(&kernel);
	test_pki_put_cert(&kernel.parts[KTLS_CONFIG_CERTIFICATE], pki.ec);
	test_kernel_start(&kernel, KTLS_CMD_CHECK, 1, 0, NULL, 3, NULL);
	test_kernel_check_done(&kernel, EINVAL, "must be set together");
	test_pki_put_key(&kernel.parts[KTLS_CONFIG_PRIVATE_KEY], pki.ca_key, NULL);
	test_kernel_start(&kernel, KTLS_CMD_CHECK, 2, 0, NULL, 4, NULL);
	while (test_kernel_serve_piece(&kernel))
		;
	test_kernel_check_done(&kernel, EINVAL, "does not belong");
	test_kernel_start(&kernel, KTLS_CMD_CHECK, 3, 0, "web", 4, NULL);
	test_kernel_check_done(&kernel, EINVAL, "cannot be set together");
	test_kernel_forget(&kernel);
	ktlsd_buffer_free(&kernel.parts[KTLS_CONFIG_PRIVATE_KEY]);
	test_pki_put_key(&kernel.parts[KTLS_CONFIG_PRIVATE_KEY], pki.ec_key, NULL);
	test_kernel_start(&kernel, KTLS_CMD_CHECK, 4, 0, NULL, 5, NULL);
	while (test_kernel_serve_piece(&kernel))
		;
	test_kernel_check_done(&kernel, 0, "");
	test_kernel_free(&kernel);
}

/* An external pre-shared key in place of a certificate is fetched and validated. */
static void session_check_psk(void **state)
{
	struct ktls_psk psk = {
		.identity_len = 4, .key_len = 16, .identity = "lamp",
		.key = "0123456789abcdef",
	};
	struct ktlsd_buffer *part;
	struct test_kernel kernel;

	(void)state;
	test_kernel_init(&kernel);
	part = &kernel.parts[KTLS_CONFIG_PSK];
	ktlsd_buffer_append(part, &psk, sizeof(psk), sizeof(psk) + 1);
	test_kernel_start(&kernel, KTLS_CMD_CHECK, 1, 0, NULL, 1, NULL);
	assert_true(test_kernel_serve_piece(&kernel));
	test_kernel_check_done(&kernel, 0, "");

	ktlsd_buffer_append(part, "x", 1, sizeof(psk) + 1);
	test_kernel_start(&kernel, KTLS_CMD_CHECK, 2, 0, NULL, 2, NULL);
	assert_true(test_kernel_serve_piece(&kernel));
	test_kernel_check_done(&kernel, EINVAL, "too long");

	part->len = 0;
	psk.key_len = 15;
	ktlsd_buffer_append(part, &psk, sizeof(psk), sizeof(psk) + 1);
	test_kernel_start(&kernel, KTLS_CMD_CHECK, 3, 0, NULL, 3, NULL);
	assert_true(test_kernel_serve_piece(&kernel));
	test_kernel_check_done(&kernel, EINVAL, "KTLS_PSK is malformed");
	test_kernel_free(&kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(session_check),
		cmocka_unit_test(session_check_own),
		cmocka_unit_test(session_check_psk),
	};

	return cmocka_run_group_tests_name("session_check", tests, test_kernel_setup, test_pki_teardown);
}
