// SPDX-License-Identifier: GPL-2.0-or-later
/* Jobs that pause, and handshakes that wait in the middle of SSL_do_handshake(). */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "test_kernel.h"
#include "tls/pause.h"

/**
 * struct pause_probe - what a job does
 * @pauses: how often it pauses
 * @result: of its last ktlsd_pause()
 * @seen: on whose behalf it ran
 * @value: what it returns
 */
struct pause_probe {
	unsigned int	pauses;
	int		result;
	uint64_t	seen;
	int		value;
};

static int pause_probe(void *arg)
{
	struct pause_probe *probe = arg;
	char stack[32768];

	/* Its stack is its own: what is there stays there. */
	memset(stack, (char)probe->value, sizeof(stack));
	probe->seen = ktlsd_pause_get_owner()->id;
	while (probe->pauses) {
		probe->pauses--;
		probe->result = ktlsd_pause();
		if (probe->result)
			break;
	}
	assert_int_equal(stack[0], (char)probe->value);
	assert_int_equal(stack[sizeof(stack) - 1], (char)probe->value);
	return probe->value;
}

static void pause_returns(void **state)
{
	struct ktlsd_pause_owner owner = { .id = 5, .uid = 6 };
	struct pause_probe probe = { .value = 7 };
	struct ktlsd_pause *job = NULL;
	int value = 0;

	(void)state;
	assert_int_equal(ktlsd_pause_run(&job, &owner, pause_probe, &probe, &value), 0);
	assert_null(job);
	assert_int_equal(value, 7);
	assert_int_equal(probe.seen, 5);
	assert_null(ktlsd_pause_get_owner());
	assert_int_equal(ktlsd_pause(), -EDEADLK);
}

/* Many at a time, continued in another order than they began. */
static void pause_interleaves(void **state)
{
	enum { JOBS = 40, PAUSES = 3 };
	struct ktlsd_pause_owner owner[JOBS];
	struct pause_probe probe[JOBS];
	struct ktlsd_pause *job[JOBS] = { NULL };
	int i, pass, value;

	(void)state;
	for (i = 0; i < JOBS; i++) {
		probe[i] = (struct pause_probe){ .pauses = PAUSES, .value = i };
		owner[i].id = 100 + i;
		assert_int_equal(ktlsd_pause_run(&job[i], &owner[i], pause_probe,
						 &probe[i], &value), 1);
		assert_non_null(job[i]);
	}
	for (pass = 1; pass <= PAUSES; pass++) {
		for (i = JOBS; i--;) {
			value = -1;
			assert_int_equal(ktlsd_pause_run(&job[i], NULL, NULL, NULL, &value),
					 pass < PAUSES);
			assert_int_equal(value, pass < PAUSES ? -1 : i);
			assert_int_equal(probe[i].seen, 100 + i);
		}
	}
	ktlsd_pause_flush();
}

static void pause_cancels(void **state)
{
	struct ktlsd_pause_owner owner = { .id = 5 };
	struct pause_probe probe = { .pauses = 3, .value = 1 };
	struct ktlsd_pause *job = NULL;
	int value;

	(void)state;
	ktlsd_pause_cancel(&job);
	assert_int_equal(ktlsd_pause_run(&job, &owner, pause_probe, &probe, &value), 1);
	ktlsd_pause_cancel(&job);
	assert_null(job);
	assert_int_equal(probe.result, -ECANCELED);
	assert_int_equal(probe.pauses, 2);
	/* The stack can be used again, and its next job is not cancelled. */
	probe = (struct pause_probe){ .pauses = 1, .value = 2 };
	assert_int_equal(ktlsd_pause_run(&job, &owner, pause_probe, &probe, &value), 1);
	assert_int_equal(ktlsd_pause_run(&job, &owner, pause_probe, &probe, &value), 0);
	assert_int_equal(probe.result, 0);
	ktlsd_pause_flush();
}

static void pause_bounded(void **state)
{
	static struct ktlsd_pause *job[KTLSD_PAUSE_MAX + 1];
	static struct pause_probe probe[KTLSD_PAUSE_MAX + 1];
	struct ktlsd_pause_owner owner = { .id = 5 };
	int i, value;

	(void)state;
	for (i = 0; i <= KTLSD_PAUSE_MAX; i++) {
		probe[i].pauses = 1;
		assert_int_equal(ktlsd_pause_run(&job[i], &owner, pause_probe, &probe[i],
						 &value),
				 i < KTLSD_PAUSE_MAX ? 1 : -ENOBUFS);
	}
	assert_null(job[KTLSD_PAUSE_MAX]);
	for (i = 0; i < KTLSD_PAUSE_MAX; i++)
		ktlsd_pause_cancel(&job[i]);
	ktlsd_pause_flush();
}

static void *pause_thread(void *arg)
{
	pause_interleaves(NULL);
	return arg;
}

static void pause_per_thread(void **state)
{
	pthread_t thread[2];
	int i;

	(void)state;
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, pause_thread, NULL), 0);
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
}

/* --- handshakes that wait: the SNI callback of a server does, as a signature would --- */

static struct {
	bool	answered;
	int	result;
	int	calls;
} pause_answer;

static int pause_servername(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)alert;
	(void)arg;
	pause_answer.calls++;
	do {
		pause_answer.result = ktlsd_pause();
	} while (!pause_answer.result && !pause_answer.answered);
	return pause_answer.result ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_OK;
}

/* Begins server handshake @id, which waits. */
static void pause_begin(struct test_kernel *kernel, struct test_peer *peer, uint64_t id)
{
	pause_answer.answered = false;
	pause_answer.result = 1;
	test_peer_init(peer, false);
	test_peer_begin(peer);
	test_peer_step(peer);
	test_kernel_start(kernel, KTLS_CMD_START, id, KTLS_ROLE_SERVER, "site", 0, NULL);
	SSL_CTX_set_tlsext_servername_callback(kernel->sessions.contexts.first->ctx,
					       pause_servername);
	test_kernel_send_batch(kernel, peer, id, 8000);
}

static void pause_handshake(void **state)
{
	struct test_kernel kernel;
	struct test_peer peer;
	int i;

	(void)state;
	test_kernel_init(&kernel);
	test_kernel_add_identity(&kernel, "site");
	pause_begin(&kernel, &peer, 9);
	assert_int_equal(pause_answer.calls, 1);
	assert_int_equal(kernel.count, 0);
	assert_false(ktlsd_sessions_work(&kernel.sessions));
	/* Too early: it waits on. */
	for (i = 0; i < 3; i++) {
		ktlsd_sessions_wake(&kernel.sessions, 9);
		ktlsd_sessions_wake(&kernel.sessions, 9);
		assert_true(ktlsd_sessions_work(&kernel.sessions));
		assert_false(ktlsd_sessions_work(&kernel.sessions));
		assert_int_equal(kernel.count, 0);
	}
	ktlsd_sessions_wake(&kernel.sessions, 8);
	assert_false(ktlsd_sessions_work(&kernel.sessions));
	ktlsd_sessions_wake_all(&kernel.sessions);
	assert_true(ktlsd_sessions_work(&kernel.sessions));
	assert_false(ktlsd_sessions_work(&kernel.sessions));
	pause_answer.answered = true;
	ktlsd_sessions_wake(&kernel.sessions, 9);
	assert_true(ktlsd_sessions_work(&kernel.sessions));
	test_kernel_last(&kernel, KTLS_CMD_DATA);
	test_kernel_deliver(&kernel, &peer);
	test_peer_step(&peer);
	test_kernel_send_batch(&kernel, &peer, 9, 8000);
	test_kernel_check_done(&kernel, 0, "");
	assert_true(peer.finished);
	assert_int_equal(pause_answer.calls, 1);
	test_peer_free(&peer);
	test_kernel_free(&kernel);
}

/* However the session ends, its job ends too, and nothing leaks. */
static void pause_handshake_ends(void **state)
{
	struct ktlsd_message message;
	struct test_kernel kernel;
	struct test_peer peer;

	(void)state;
	test_kernel_init(&kernel);
	test_kernel_add_identity(&kernel, "site");

	pause_begin(&kernel, &peer, 1);
	test_kernel_begin(&message, KTLS_CMD_CANCEL, 1);
	test_kernel_tell(&kernel, &message);
	assert_int_equal(pause_answer.result, -ECANCELED);
	test_kernel_last(&kernel, KTLS_CMD_CANCEL);
	ktlsd_sessions_wake(&kernel.sessions, 1);
	assert_false(ktlsd_sessions_work(&kernel.sessions));
	test_peer_free(&peer);

	pause_begin(&kernel, &peer, 2);
	kernel.sessions.next_deadline = 0;
	kernel.sessions.buckets[2]->deadline = 1;
	ktlsd_sessions_expire(&kernel.sessions);
	assert_int_equal(pause_answer.result, -ECANCELED);
	test_kernel_check_done(&kernel, ETIMEDOUT, "in time");
	test_peer_free(&peer);

	/* Records may come only after an answer. */
	pause_begin(&kernel, &peer, 3);
	test_kernel_begin(&message, KTLS_CMD_DATA, 3);
	ktlsd_message_put(&message, KTLS_A_RECORDS, "x", 1);
	test_kernel_tell(&kernel, &message);
	assert_int_equal(pause_answer.result, -ECANCELED);
	test_kernel_check_done(&kernel, EPROTO, "before ktlsd answered");
	test_peer_free(&peer);

	pause_begin(&kernel, &peer, 4);
	ktlsd_sessions_clear(&kernel.sessions);
	assert_int_equal(pause_answer.result, -ECANCELED);
	assert_int_equal(kernel.sessions.count, 0);
	test_peer_free(&peer);
	test_kernel_free(&kernel);
	ktlsd_pause_flush();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pause_returns),
		cmocka_unit_test(pause_interleaves),
		cmocka_unit_test(pause_cancels),
		cmocka_unit_test(pause_bounded),
		cmocka_unit_test(pause_per_thread),
		cmocka_unit_test(pause_handshake),
		cmocka_unit_test(pause_handshake_ends),
	};

	return cmocka_run_group_tests_name("pause", tests, test_kernel_setup,
					   test_pki_teardown);
}
