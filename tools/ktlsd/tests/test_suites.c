// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "test_pki.h"
#include "tls/suites.h"

static void suites_all(void **state)
{
	struct ktlsd_suites_choice choice;
	struct ktlsd_fault fault;

	(void)state;
	assert_int_equal(ktlsd_suites_choose("", ktlsd_suites_all(), &choice, &fault), 0);
	assert_string_equal(choice.tls13, "TLS_AES_128_GCM_SHA256:"
		"TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
	assert_non_null(strstr(choice.tls12, "ECDHE-RSA-CHACHA20-POLY1305"));
}

static void suites_kernel_decides(void **state)
{
	static const uint16_t ids[] = { 0x1302, 0xc030, 0xffff, 0x002f };
	struct ktlsd_suites_choice choice;
	struct ktlsd_fault fault;
	uint32_t mask = ktlsd_suites_mask(ids, 4);

	(void)state;
	assert_int_equal(ktlsd_suites_choose("", mask, &choice, &fault), 0);
	assert_string_equal(choice.tls13, "TLS_AES_256_GCM_SHA384");
	assert_string_equal(choice.tls12, "ECDHE-RSA-AES256-GCM-SHA384");
	assert_int_equal(ktlsd_suites_choose("TLS_AES_128_GCM_SHA256", mask,
					     &choice, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "TLS_AES_128_GCM_SHA256"));
	assert_non_null(strstr(fault.reason, "kernel"));
}

static void suites_order_is_kept(void **state)
{
	struct ktlsd_suites_choice choice;
	struct ktlsd_fault fault;

	(void)state;
	assert_int_equal(ktlsd_suites_choose(
		"TLS_CHACHA20_POLY1305_SHA256:ECDHE-RSA-AES256-GCM-SHA384:"
		"TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:"
		"ECDHE-RSA-AES128-GCM-SHA256", ktlsd_suites_all(), &choice, &fault), 0);
	assert_string_equal(choice.tls13,
			    "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256");
	assert_string_equal(choice.tls12,
			    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256");
}

static void suites_no_keywords(void **state)
{
	static const char *const bad[] = {
		"ALL", "HIGH", "DEFAULT", "@SECLEVEL=0", "eNULL", "AES128-SHA",
		"TLS_AES_128_GCM_SHA256:", ":TLS_AES_128_GCM_SHA256",
		"TLS_AES_128_GCM_SHA256::ECDHE-RSA-AES128-GCM-SHA256",
		"tls_aes_128_gcm_sha256", "TLS_AES_128_GCM_SHA256 ",
		"TLS_AES_128_CCM_SHA256", "DHE-RSA-AES128-GCM-SHA256",
		"!ECDHE-RSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA25",
	};
	struct ktlsd_suites_choice choice;
	struct ktlsd_fault fault;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (ktlsd_suites_choose(bad[i], ktlsd_suites_all(), &choice, &fault) != -EINVAL)
			fail_msg("'%s' was accepted", bad[i]);
	}
	ktlsd_suites_choose("EVIL\n", ktlsd_suites_all(), &choice, &fault);
	assert_non_null(strstr(fault.reason, "'EVIL\\x0a'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(suites_all),
		cmocka_unit_test(suites_kernel_decides),
		cmocka_unit_test(suites_order_is_kept),
		cmocka_unit_test(suites_no_keywords),
	};

	return cmocka_run_group_tests_name("suites", tests, NULL, NULL);
}
