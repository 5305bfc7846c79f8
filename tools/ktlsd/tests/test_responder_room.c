// SPDX-License-Identifier: GPL-2.0-or-later
/* Users share the questions to OCSP responders; the test plays ktls-fetch, which is slow. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "responders.h"
#include "test_authority.h"
#include "test_fetching.h"
#include "test_pki.h"

enum {
	ROOM_SOON_MS	= 5000,		/* that something happens in */
	ROOM_NEVER_MS	= 100,		/* after that it does not happen any more */
	ROOM_SHARE	= 8,		/* of KTLSD_RESPONDERS_AT_ONCE that one network has */
};

#define ROOM_USER(uid, network)	((uint64_t)(uid) << 32 | (network))

/**
 * struct room_test - what is tested
 * @all: the table
 * @inbox: of all handshakes
 * @last_id: of a handshake
 * @woken: how many handshakes were
 * @woken_id: the last of them
 */
static struct room_test {
	struct ktlsd_responders		all;
	struct ktlsd_responders_inbox	inbox;
	uint64_t			last_id;
	unsigned int			woken;
	uint64_t			woken_id;
} test;

/**
 * struct room_call - a handshake asks
 * @question: what
 * @answer: filled
 */
struct room_call {
	struct ktlsd_ocsp_question	question;
	struct ktlsd_ocsp_answer	answer;
};

static int room_setup(void **state)
{
	test_pki_setup(state);
	test_fetching_setup();
	return 0;
}

static int room_teardown(void **state)
{
	test_fetching_teardown();
	return test_pki_teardown(state);
}

static void room_open(void)
{
	memset(&test, 0, sizeof(test));
	test_fetching_listen();
	assert_int_equal(ktlsd_responders_start(&test.all, fetching.socket), 0);
	assert_int_equal(ktlsd_responders_open_inbox(&test.all, &test.inbox), 0);
}

static void room_close(void)
{
	ktlsd_responders_close_inbox(&test.inbox);
	ktlsd_responders_stop(&test.all);
	close(fetching.listener);
	if (fetching.peer >= 0)
		close(fetching.peer);
	fetching.peer = -1;
}

static int room_call_ask(void *arg)
{
	struct room_call *call = arg;

	return test.inbox.asker.ask(&test.inbox.asker, &call->question, &call->answer);
}

/* A handshake of @user asks about @cert. Return: as @ask of struct ktlsd_status_asker. */
static int room_ask(X509 *cert, uint64_t user)
{
	struct ktlsd_pause_owner owner = { .id = ++test.last_id };
	struct ktlsd_pause *job = NULL;
	struct room_call call = { .question = {
		.cert = cert, .issuer = pki.ca, .user = user,
		.deadline = ktlsd_clock_ms() + 60000,
	} };
	int ret = 0;

	assert_int_equal(ktlsd_pause_run(&job, &owner, room_call_ask, &call, &ret), 0);
	return ret;
}

/* A certificate with this serial number and responder. */
static X509 *room_leaf(unsigned int serial, unsigned int host)
{
	X509 *cert = X509_dup(pki.ec);
	char value[64];

	ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial);
	snprintf(value, sizeof(value), "OCSP;URI:http://host%u.test/", host);
	test_authority_extend(cert, pki.ca_key, NID_info_access, value);
	return cert;
}

static int room_ask_new(unsigned int serial, unsigned int host, uint64_t user)
{
	X509 *cert = room_leaf(serial, host);
	int ret = room_ask(cert, user);

	X509_free(cert);
	return ret;
}

/* What ktls-fetch is asked for next. Return: the id, or 0 if nothing comes within @wait ms. */
static uint64_t room_receive(char url[KTLS_FETCH_URL_MAX + 1], int wait)
{
	uint8_t message[sizeof(struct ktls_fetch_request) + KTLS_FETCH_URL_MAX +
			KTLS_FETCH_BODY_MAX];
	struct pollfd poller = { .fd = fetching.listener, .events = POLLIN };
	struct ktls_fetch_request header;

	if (fetching.peer < 0 && poll(&poller, 1, wait) == 1)
		fetching.peer = accept(fetching.listener, NULL, NULL);
	poller.fd = fetching.peer;
	if (fetching.peer < 0 || poll(&poller, 1, wait) != 1)
		return 0;
	assert_true(recv(fetching.peer, message, sizeof(message), 0) > (ssize_t)sizeof(header));
	memcpy(&header, message, sizeof(header));
	memcpy(url, message + sizeof(header), header.url_len);
	url[header.url_len] = '\0';
	return header.id;
}

/* Return: how many requests come until there are no more. */
static unsigned int room_receive_all(void)
{
	char url[KTLS_FETCH_URL_MAX + 1];
	unsigned int count = 0;

	while (room_receive(url, count < ROOM_SHARE ? 10 * ROOM_NEVER_MS : ROOM_NEVER_MS))
		count++;
	return count;
}

static void room_refuse(uint64_t id, int error)
{
	struct ktls_fetch_answer header = { .id = id, .error = error };

	assert_int_equal(send(fetching.peer, &header, sizeof(header), 0), sizeof(header));
}

static void room_note_wake(void *arg, uint64_t id)
{
	(void)arg;
	test.woken++;
	test.woken_id = id;
}

/* Return: how many handshakes were woken since the last call. */
static unsigned int room_woken(void)
{
	test.woken = 0;
	ktlsd_responders_deliver(&test.inbox, room_note_wake, NULL);
	return test.woken;
}

/* A user whose questions fill the table makes room for another, and only then. */
static void room_table(void **state)
{
	unsigned int i;

	(void)state;
	room_open();
	for (i = 0; i < KTLSD_RESPONDERS_MAX; i++)
		assert_int_equal(room_ask_new(i, i, ROOM_USER(1, 0)), 0);
	assert_int_equal(room_woken(), 0);
	assert_int_equal(room_ask_new(i++, 0, ROOM_USER(1, 0)), -ENOMEM);
	assert_int_equal(room_woken(), 0);
	assert_int_equal(room_ask_new(i++, 0, ROOM_USER(2, 0)), 0);
	assert_int_equal(room_woken(), 1);
	assert_true(test.woken_id <= KTLSD_RESPONDERS_MAX);
	/* The one that was woken, again. */
	assert_int_equal(room_ask_new((unsigned int)test.woken_id - 1, 0, ROOM_USER(1, 0)), -ENOMEM);
	assert_int_equal(test.all.count, KTLSD_RESPONDERS_MAX);
	room_close();
}

/* Likewise the network of peers that fills the table, of those of one server. */
static void room_peers(void **state)
{
	unsigned int i;

	(void)state;
	room_open();
	for (i = 0; i < KTLSD_RESPONDERS_MAX; i++)
		assert_int_equal(room_ask_new(i, i, ROOM_USER(1, 7)), 0);
	assert_int_equal(room_ask_new(i++, 0, ROOM_USER(1, 7)), -ENOMEM);
	assert_int_equal(room_ask_new(i++, 0, ROOM_USER(1, 8)), 0);
	assert_int_equal(room_woken(), 1);
	room_close();
}

/* A user whose questions are slow leaves ktls-fetch time for those of others. */
static void room_turns(void **state)
{
	char url[KTLS_FETCH_URL_MAX + 1];
	unsigned int i;
	uint64_t id;

	(void)state;
	room_open();
	for (i = 0; i < 100; i++)
		assert_int_equal(room_ask_new(i, i, ROOM_USER(1, 7)), 0);
	assert_int_equal(room_receive_all(), ROOM_SHARE);
	assert_int_equal(room_ask_new(i, i, ROOM_USER(2, 0)), 0);
	id = room_receive(url, ROOM_SOON_MS);
	assert_string_equal(url, "http://host100.test/");
	i++;
	assert_int_equal(room_ask_new(i, i, ROOM_USER(1, 8)), 0);
	assert_true(room_receive(url, ROOM_SOON_MS));
	assert_string_equal(url, "http://host101.test/");
	/* The place becomes free: the other user's next comes before 92 older ones. */
	i++;
	assert_int_equal(room_ask_new(i, i, ROOM_USER(2, 0)), 0);
	assert_true(room_receive(url, ROOM_SOON_MS));
	assert_string_equal(url, "http://host102.test/");
	room_refuse(id, -ETIMEDOUT);
	assert_int_equal(room_receive_all(), 0);
	room_close();
}

/* The same at one host; and whoever waits for a question of others gives it his turn. */
static void room_host(void **state)
{
	char url[KTLS_FETCH_URL_MAX + 1];
	X509 *cert = room_leaf(9, 0);
	unsigned int i;

	(void)state;
	room_open();
	for (i = 0; i < 9; i++)
		assert_int_equal(room_ask_new(i, 0, ROOM_USER(1, 0)), 0);
	assert_int_equal(room_ask(cert, ROOM_USER(1, 0)), 0);
	assert_int_equal(room_receive_all(), KTLSD_RESPONDERS_PER_HOST - 1);
	assert_int_equal(room_ask(cert, ROOM_USER(2, 0)), 0);
	assert_true(room_receive(url, ROOM_SOON_MS));
	assert_int_equal(room_receive(url, ROOM_NEVER_MS), 0);
	X509_free(cert);
	room_close();
}

/* Handshakes of one user that wait for one answer leave room for those of others. */
static void room_waiters(void **state)
{
	X509 *cert = room_leaf(1, 1);
	unsigned int i;

	(void)state;
	room_open();
	for (i = 0; i < KTLSD_RESPONDERS_WAITERS; i++)
		assert_int_equal(room_ask(cert, ROOM_USER(1, 0)), 0);
	assert_int_equal(room_ask(cert, ROOM_USER(1, 0)), -EBUSY);
	assert_int_equal(room_woken(), 0);
	assert_int_equal(room_ask(cert, ROOM_USER(2, 0)), 0);
	assert_int_equal(room_woken(), 1);
	assert_true(test.woken_id <= KTLSD_RESPONDERS_WAITERS);
	X509_free(cert);
	room_close();
}

/* When more answers are there than the inbox has places, the worker learns that. */
static void room_inbox(void **state)
{
	char url[KTLS_FETCH_URL_MAX + 1];
	uint64_t id;

	(void)state;
	room_open();
	assert_int_equal(room_ask_new(1, 1, ROOM_USER(1, 0)), 0);
	id = room_receive(url, ROOM_SOON_MS);
	pthread_mutex_lock(&test.inbox.lock);
	test.inbox.count = KTLSD_PAUSE_MAX;
	pthread_mutex_unlock(&test.inbox.lock);
	room_refuse(id, -ETIMEDOUT);
	assert_int_equal(poll(&(struct pollfd){ test.inbox.fd, POLLIN, 0 }, 1, ROOM_SOON_MS), 1);
	assert_false(ktlsd_responders_deliver(&test.inbox, room_note_wake, NULL));
	assert_int_equal(test.woken, KTLSD_PAUSE_MAX);
	/* Only once. */
	assert_int_equal(room_ask_new(2, 2, ROOM_USER(1, 0)), 0);
	room_refuse(room_receive(url, ROOM_SOON_MS), -ETIMEDOUT);
	assert_int_equal(poll(&(struct pollfd){ test.inbox.fd, POLLIN, 0 }, 1, ROOM_SOON_MS), 1);
	assert_true(ktlsd_responders_deliver(&test.inbox, room_note_wake, NULL));
	room_close();
}

/* If ktls-fetch has too much to do, it is asked again. */
static void room_busy(void **state)
{
	char url[KTLS_FETCH_URL_MAX + 1];
	uint64_t id;

	(void)state;
	room_open();
	assert_int_equal(room_ask_new(1, 1, ROOM_USER(1, 0)), 0);
	id = room_receive(url, ROOM_SOON_MS);
	assert_true(id);
	room_refuse(id, -EBUSY);
	assert_true(room_receive(url, ROOM_SOON_MS) > id);
	assert_int_equal(room_woken(), 0);
	room_close();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(room_table),
		cmocka_unit_test(room_peers),
		cmocka_unit_test(room_turns),
		cmocka_unit_test(room_host),
		cmocka_unit_test(room_waiters),
		cmocka_unit_test(room_inbox),
		cmocka_unit_test(room_busy),
	};

	return cmocka_run_group_tests_name("responder_room", tests, room_setup, room_teardown);
}
