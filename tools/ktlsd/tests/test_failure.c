// SPDX-License-Identifier: GPL-2.0-or-later
/* The line about a failure, as text and as the journal gets it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "failure.h"
#include "test_pki.h"

static char failure_directory[] = "/tmp/test_failure.XXXXXX";
static char failure_path[64];
static int failure_fd;

/* A socket in place of systemd-journald's. */
static int failure_setup(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)state;
	if (!mkdtemp(failure_directory))
		return -1;
	snprintf(failure_path, sizeof(failure_path), "%s/socket", failure_directory);
	strcpy(address.sun_path, failure_path);
	failure_fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (bind(failure_fd, (struct sockaddr *)&address, sizeof(address)))
		return -1;
	ktlsd_log_open("test", KTLSD_LOG_JOURNAL, KTLSD_LOG_INFO);
	ktlsd_journal_open("test", failure_path);
	return 0;
}

static int failure_teardown(void **state)
{
	(void)state;
	close(failure_fd);
	unlink(failure_path);
	return rmdir(failure_directory);
}

/* Return: the next datagram, "" if there is none. */
static const char *failure_receive(void)
{
	static char text[16384];
	ssize_t len = recv(failure_fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[len < 0 ? 0 : len] = '\0';
	return text;
}

static void failure_fields(void **state)
{
	struct ktlsd_request *request = calloc(1, sizeof(*request));
	struct ktlsd_fault fault = { .error = -EKEYREJECTED, .alert = 48 };
	struct ktlsd_log_limit limit = { 0 };

	(void)state;
	request->id = 7;
	request->is_server = true;
	request->caller.uid = 1000;
	request->caller.pid = 99;
	strcpy(request->caller.comm, "nginx");
	strcpy(request->identity, "we\nb");
	strcpy(request->peer, "192.0.2.1 port 4711");
	strcpy(request->culprit, "192.0.2.1");
	strcpy(fault.reason, "The client's certificate is not trusted.");
	ktlsd_failure_log(&limit, request, &fault);
	assert_string_equal(failure_receive(),
		"PRIORITY=6\nSYSLOG_IDENTIFIER=test\n"
		"MESSAGE=Server handshake 7 of nginx (pid 99, uid 1000) as we\\x0ab with "
		"192.0.2.1 port 4711: Key was rejected by service: "
		"The client's certificate is not trusted. [alert unknown_ca]\n"
		"MESSAGE_ID=" KTLSD_FAILURE_MESSAGE_ID "\nKTLS_ROLE=server\n"
		"KTLS_PEER=192.0.2.1 port 4711\nKTLS_UID=1000\nKTLS_IDENTITY=we\\x0ab\n"
		"KTLS_ERRNO=EKEYREJECTED\nKTLS_ALERT=unknown_ca\nKTLS_ALERT_FROM=ktlsd\n"
		"KTLS_REASON=The client's certificate is not trusted.\n");

	/* The administrator can fix this one; there is neither alert nor peer nor identity. */
	memset(request, 0, sizeof(*request));
	strcpy(request->culprit, "uid 0");
	fault.error = -ENOKEY;
	fault.alert = KTLSD_ALERT_NONE;
	strcpy(fault.reason, "No key.");
	ktlsd_failure_log(&limit, request, &fault);
	assert_string_equal(failure_receive(),
		"PRIORITY=4\nSYSLOG_IDENTIFIER=test\n"
		"MESSAGE=Client handshake 0 of  (pid 0, uid 0): Required key not available: No key.\n"
		"MESSAGE_ID=" KTLSD_FAILURE_MESSAGE_ID "\nKTLS_ROLE=client\nKTLS_UID=0\n"
		"KTLS_ERRNO=ENOKEY\nKTLS_REASON=No key.\n");

	fault.alert = 40;
	fault.alert_received = true;
	ktlsd_failure_log(&limit, request, &fault);
	assert_non_null(strstr(failure_receive(),
			       "\nKTLS_ALERT=handshake_failure\nKTLS_ALERT_FROM=peer\n"));
	free(request);
}

/* Of one peer ten lines come, then their number; another peer's come in between. */
static void failure_flood(void **state)
{
	struct ktlsd_request *request = calloc(1, sizeof(*request));
	struct ktlsd_fault fault = { .error = -EPROTO, .alert = KTLSD_ALERT_NONE };
	struct ktlsd_log_limit limit = { 0 };
	unsigned int i, lines = 0;

	(void)state;
	strcpy(request->culprit, "2001:db8::/64");
	for (i = 0; i < 1000; i++) {
		ktlsd_failure_log(&limit, request, &fault);
		lines += !!failure_receive()[0];
	}
	assert_int_equal(lines, 10);
	strcpy(request->culprit, "192.0.2.2");
	ktlsd_failure_log(&limit, request, &fault);
	assert_non_null(strstr(failure_receive(), "KTLS_ERRNO=EPROTO\n"));
	ktlsd_log_flush(&limit, true);
	assert_string_equal(failure_receive(),
		"PRIORITY=6\nSYSLOG_IDENTIFIER=test\n"
		"MESSAGE=990 lines about 2001:db8::/64 were suppressed.\n");
	free(request);
}

/* The longest values all fit. */
static void failure_long(void **state)
{
	struct ktlsd_request *request = calloc(1, sizeof(*request));
	struct ktlsd_fault fault = { .error = -EPROTO, .alert = 40 };
	struct ktlsd_log_limit limit = { 0 };

	(void)state;
	memset(request->identity, '\\', KTLSD_IDENTITY_MAX);
	memset(request->name.text, 'n', KTLSD_NAME_MAX);
	memset(request->peer, 'p', KTLSD_PEER_TEXT_MAX - 1);
	memset(fault.reason, 'r', sizeof(fault.reason) - 1);
	ktlsd_failure_log(&limit, request, &fault);
	assert_non_null(strstr(failure_receive(), fault.reason));
	free(request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failure_fields),
		cmocka_unit_test(failure_flood),
		cmocka_unit_test(failure_long),
	};

	return cmocka_run_group_tests_name("failure", tests, failure_setup, failure_teardown);
}
