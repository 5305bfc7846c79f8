// SPDX-License-Identifier: GPL-2.0-or-later
/* What is counted, and the text it becomes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stats.h"
#include "test_kernel.h"

/* Every handshake that has begun ends once, as done, failed or cancelled. */
static void metrics_spans(void **state)
{
	struct ktlsd_fault fault = { .error = -EKEYREJECTED, .alert = 42 };
	struct ktlsd_metrics *metrics = calloc(1, sizeof(*metrics));
	struct ktlsd_metrics_span span = { 0 };

	(void)state;
	/* A CHECK has not begun. */
	ktlsd_metrics_identify(metrics, &span, "web");
	ktlsd_metrics_fail(metrics, &span, &fault);
	ktlsd_metrics_cancel(metrics, &span);
	assert_int_equal(metrics->names, 0);
	assert_int_equal(metrics->roles[0].cancelled, 0);

	ktlsd_metrics_begin(metrics, &span, true);
	ktlsd_metrics_identify(metrics, &span, "web");
	ktlsd_metrics_fail(metrics, &span, &fault);
	ktlsd_metrics_fail(metrics, &span, &fault);
	ktlsd_metrics_cancel(metrics, &span);
	ktlsd_metrics_done(metrics, &span, false);
	assert_int_equal(metrics->roles[1].started, 1);
	assert_int_equal(metrics->roles[1].failed[KTLSD_FAILED_CERTIFICATE], 1);
	assert_int_equal(metrics->roles[1].cancelled, 0);
	assert_int_equal(metrics->roles[1].done, 0);
	assert_int_equal(span.identity->failed[KTLSD_FAILED_CERTIFICATE], 1);

	ktlsd_metrics_begin(metrics, &span, false);
	span.begun -= 300;
	ktlsd_metrics_done(metrics, &span, true);
	ktlsd_metrics_begin(metrics, &span, false);
	span.begun -= 60000000;
	ktlsd_metrics_done(metrics, &span, true);
	assert_int_equal(metrics->durations[0][1].counts[0], 0);
	assert_int_equal(metrics->durations[0][1].counts[KTLSD_METRICS_BUCKETS], 1);
	assert_true(metrics->durations[0][1].microseconds >= 60000300);
	ktlsd_metrics_free(metrics);
	free(metrics);
}

static void metrics_reasons(void **state)
{
	static const struct {
		int error, alert;
		bool received;
		const char *word;
	} cases[] = {
		{ -EKEYREJECTED, 42, false, "certificate" },
		{ -EPROTO, 40, true, "alert" },
		{ -EPROTO, KTLSD_ALERT_NONE, true, "protocol" },
		{ -ETIMEDOUT, KTLSD_ALERT_NONE, false, "timeout" },
		{ -ENOKEY, KTLSD_ALERT_NONE, false, "identity" },
		{ -EACCES, KTLSD_ALERT_NONE, false, "access" },
		{ -EINVAL, KTLSD_ALERT_NONE, false, "options" },
		{ -ENOBUFS, KTLSD_ALERT_NONE, false, "resources" },
		{ -EDOM, KTLSD_ALERT_NONE, false, "other" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct ktlsd_fault fault = { .error = cases[i].error, .alert = cases[i].alert,
					     .alert_received = cases[i].received };

		assert_string_equal(ktlsd_metrics_reason_word(ktlsd_metrics_classify(&fault)),
				    cases[i].word);
	}
}

/* The number of names is bounded; those that have an entry keep it. */
static void metrics_many_names(void **state)
{
	struct ktlsd_metrics *metrics = calloc(1, sizeof(*metrics));
	struct ktlsd_metrics_span span;
	char name[16];
	int i;

	(void)state;
	for (i = 0; i < 5000; i++) {
		memset(&span, 0, sizeof(span));
		ktlsd_metrics_begin(metrics, &span, false);
		snprintf(name, sizeof(name), "i%d", i % 2500);
		ktlsd_metrics_identify(metrics, &span, name);
		ktlsd_metrics_settle(&span);
		assert_int_equal(!!span.identity, i % 2500 < KTLSD_METRICS_NAMES);
		if (span.identity)
			assert_int_equal(span.identity->started, 1 + i / 2500);
	}
	assert_int_equal(metrics->names, KTLSD_METRICS_NAMES);
	assert_int_equal(metrics->roles[0].started, 5000);
	ktlsd_metrics_free(metrics);
	free(metrics);
}

/* A server's handshake with identity "web", which fails unless @good. @name: server name that
 * the client asks for, or NULL
 */
static void metrics_serve(struct test_kernel *kernel, uint64_t id, const char *name, bool good)
{
	struct test_peer peer;

	test_peer_init(&peer, false);
	test_peer_begin(&peer);
	if (name)
		assert_int_equal(SSL_set_tlsext_host_name(peer.ssl, name), 1);
	test_peer_step(&peer);
	test_kernel_forget(kernel);
	test_kernel_start(kernel, KTLS_CMD_START, id, KTLS_ROLE_SERVER, "web", 0, NULL);
	test_kernel_send_batch(kernel, &peer, id, 32768);
	if (good) {
		test_kernel_deliver(kernel, &peer);
		test_peer_step(&peer);
		test_kernel_send_batch(kernel, &peer, id, 32768);
		test_kernel_check_done(kernel, 0, "");
	} else {
		struct ktlsd_message message;

		test_kernel_begin(&message, KTLS_CMD_DATA, id);
		ktlsd_message_put(&message, KTLS_A_RECORDS, "\x16\3\3\0\2xx", 7);
		test_kernel_tell(kernel, &message);
		test_kernel_check_done(kernel, EPROTO, "");
	}
	test_peer_free(&peer);
}

/* The identity "shop" has the server name shop.test of the listener "web". */
static void metrics_add_name(struct ktlsd_config *config)
{
	struct ktlsd_identity *web, *shop;

	config->identities = realloc(config->identities, 2 * sizeof(*web));
	config->identity_count = 2;
	web = &config->identities[0];
	shop = &config->identities[1];
	memset(shop, 0, sizeof(*shop));
	strcpy(shop->name, "shop");
	assert_int_equal(ktlsd_credentials_share(&shop->credentials[0], &web->credentials[0]), 0);
	shop->credential_count = 1;
	web->names.names = calloc(1, sizeof(*web->names.names));
	web->names.names[0].pattern = "shop.test";
	web->names.names[0].identity = shop;
	web->names.count = 1;
}

static void metrics_use_keys(struct ktlsd_metrics *metrics)
{
	ktlsd_metrics_use_key(metrics, "EC", false, KTLSD_USE_DONE, 0);
	ktlsd_metrics_use_key(metrics, "RSA", false, KTLSD_USE_REFUSED, 0);
	ktlsd_metrics_use_key(metrics, "RSA", true, KTLSD_USE_FAILED, 0);
	ktlsd_metrics_use_key(metrics, "DSA", false, KTLSD_USE_DONE, 0);
}

static const char *const metrics_lines[] = {
	"\n# TYPE ktlsd_handshakes_started_total counter\n",
	"\nktlsd_handshakes_started_total{role=\"server\"} 7\n",
	"\nktlsd_handshakes_completed_total{role=\"server\"} 3\n",
	"\nktlsd_handshakes_cancelled_total{role=\"server\"} 1\n",
	"\nktlsd_handshakes_failed_total{role=\"server\",reason=\"protocol\"} 2\n",
	"\nktlsd_handshakes_failed_total{role=\"server\",reason=\"identity\"} 1\n",
	"\nktlsd_handshakes_started_total{role=\"client\"} 0\n",
	"\nktlsd_handshake_duration_seconds_count{role=\"server\",kind=\"full\"} 3\n",
	"\nktlsd_handshake_duration_seconds_bucket{role=\"server\",kind=\"full\",le=\"+Inf\"} 3\n",
	"\nktlsd_identity_handshakes_started_total{identity=\"web\",role=\"server\"} 4\n",
	"\nktlsd_identity_handshakes_failed_total{identity=\"web\",role=\"server\",reason=\"protocol\"} 1\n",
	"\nktlsd_identity_handshakes_started_total{identity=\"shop\",role=\"server\"} 2\n",
	"\nktlsd_identity_handshakes_completed_total{identity=\"shop\",role=\"server\"} 1\n",
	"\nktlsd_identity_handshakes_failed_total{identity=\"shop\",role=\"server\",reason=\"protocol\"} 1\n",
	"\nktlsd_key_uses_total{key=\"EC\",operation=\"sign\",result=\"done\"} 1\n",
	"\nktlsd_key_uses_total{key=\"RSA\",operation=\"sign\",result=\"refused\"} 1\n",
	"\nktlsd_key_uses_total{key=\"RSA\",operation=\"decrypt\",result=\"failed\"} 1\n",
	"\nktlsd_key_use_duration_seconds_count{key=\"EC\",operation=\"sign\"} 1\n",
	"\nktlsd_key_use_duration_seconds_count{key=\"RSA\",operation=\"sign\"} 0\n",
	"\nktlsd_log_lines_suppressed_total 3\n",
	"\nktlsd_certificate_expiry_time_seconds{identity=\"web\"} ",
	"\nktlsd_contexts 1\n",
	"\nktlsd_memory_account_bytes 700\n",
	"\nktlsd_memory_account_limit_bytes 4000\n",
	"\nktlsd_memory_account_largest_user_bytes 500\n",
	"\nktlsd_memory_account_users 2\n",
	"\nktlsd_tickets_issued_total 0\n",
	"\nktlsd_reloads_total{result=\"partial\"} 1\n",
};

/* Handshakes that succeed, fail, and are cancelled. */
static void metrics_shake(struct test_kernel *kernel)
{
	metrics_serve(kernel, 1, NULL, true);
	metrics_serve(kernel, 2, "web.test", true);
	metrics_serve(kernel, 3, NULL, false);
	metrics_serve(kernel, 7, "shop.test", true);
	metrics_serve(kernel, 8, "shop.test", false);
	metrics_use_keys(&kernel->sessions.metrics);
	kernel->sessions.limit.suppressed = 3;
	test_kernel_start(kernel, KTLS_CMD_START, 4, KTLS_ROLE_SERVER, "web", 0, NULL);
	test_kernel_start(kernel, KTLS_CMD_START, 5, KTLS_ROLE_SERVER, "made up", 0, NULL);
	test_kernel_start(kernel, KTLS_CMD_CHECK, 6, KTLS_ROLE_SERVER, "made up", 0, NULL);
	ktlsd_sessions_clear(&kernel->sessions);
	ktlsd_sessions_measure(&kernel->sessions);
}

/* Runs handshakes through the sessions, and finds them in the text. */
static void metrics_text(void **state)
{

	struct ktlsd_worker *worker = calloc(1, sizeof(*worker));
	struct ktlsd_shared shared = { .worker_count = 1 };
	struct ktlsd_quota_hold one = { &shared.quota, 1, 0 }, two = { &shared.quota, 2, 0 };
	struct ktlsd_stats stats;
	struct test_kernel kernel;
	size_t len, i;
	char *text;

	(void)state;
	test_kernel_init(&kernel);
	test_kernel_add_identity(&kernel, "web");
	metrics_add_name(kernel.config);
	metrics_shake(&kernel);

	pthread_mutex_init(&shared.lock, NULL);
	ktlsd_cache_init(&shared.cache, 10);
	ktlsd_ticket_keys_init(&shared.ticket_keys, 7200);
	ktlsd_quota_init(&shared.quota, 4000);
	ktlsd_quota_take(&one, 500);
	ktlsd_quota_take(&two, 200);
	shared.config = kernel.config;
	memcpy(&worker->sessions, &kernel.sessions, sizeof(worker->sessions));
	ktlsd_stats_init(&stats, &shared, worker);
	ktlsd_stats_reload(&stats, KTLSD_RELOAD_PARTIAL);
	assert_int_equal(ktlsd_stats_write(&stats, &text, &len), 0);
	assert_int_equal(strlen(text), len);
	for (i = 0; i < sizeof(metrics_lines) / sizeof(*metrics_lines); i++) {
		if (!strstr(text, metrics_lines[i]))
			fail_msg("no line%sin%s", metrics_lines[i], text);
	}
	/* Programs make up names; labels must not be theirs. */
	assert_null(strstr(text, "made up"));
	assert_string_equal(text + len - strlen(KTLSD_STATS_END), KTLSD_STATS_END);
	free(text);
	free(worker);
	ktlsd_cache_free(&shared.cache);
	ktlsd_ticket_keys_free(&shared.ticket_keys);
	ktlsd_quota_release(&one);
	ktlsd_quota_release(&two);
	ktlsd_quota_destroy(&shared.quota);
	test_kernel_free(&kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_spans),
		cmocka_unit_test(metrics_reasons),
		cmocka_unit_test(metrics_many_names),
		cmocka_unit_test(metrics_text),
	};

	return cmocka_run_group_tests_name("metrics", tests, test_kernel_setup, test_pki_teardown);
}
