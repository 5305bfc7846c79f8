// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/ocsp.h>

#include "lib/unix.h"
#include "test_authority.h"
#include "test_responder.h"

struct test_responder responder = { .dir = "/tmp/ktlsd-ocsp-XXXXXX" };

const char *test_responder_path(const char *name)
{
	static char path[8][64];
	static unsigned int turn;
	char *to = path[turn++ % 8];

	snprintf(to, sizeof(path[0]), "%s/%s", responder.dir, name);
	return to;
}

pid_t test_responder_spawn(char *const *argv)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	return pid;
}

void test_responder_kill(pid_t pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

/* As systemd does: it gets the socket that the test listens on, whether it runs or not. */
pid_t test_responder_spawn_fetch(void)
{
	char self[256] = "", program[320], number[16];
	pid_t pid;

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(program, sizeof(program), "%s/ktls-fetch/ktls-fetch", dirname(self));
	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	snprintf(number, sizeof(number), "%d", getpid());
	setenv("LISTEN_PID", number, 1);
	setenv("LISTEN_FDS", "1", 1);
	dup2(responder.socket, 3);
	execl(program, program, "--allow", "127.0.0.0/8", "--log-level", "error", NULL);
	_exit(127);
}

void test_responder_listen_for_fetch(void)
{
	struct sockaddr_un address;

	assert_int_equal(ktlsd_unix_address(&address, test_responder_path("socket")), 0);
	/* Not 3, which keeps its flag if it is duplicated to itself. */
	responder.socket = fcntl(socket(AF_UNIX, SOCK_SEQPACKET, 0), F_DUPFD_CLOEXEC, 10);
	assert_int_equal(bind(responder.socket, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(responder.socket, 5), 0);
}

/* --- the responder in a thread --- */

/* The response to a request for pki.ec or @cert, as @responder.manner says. */
static uint8_t *responder_respond(OCSP_REQUEST *request, X509 *cert, int *ret_len)
{
	struct test_authority_response spec = {
		.cert = cert, .issuer = pki.ca, .signer = pki.ca, .key = pki.ca_key,
		.status = V_OCSP_CERTSTATUS_GOOD, .from = -60,
	};
	int index = OCSP_REQUEST_get_ext_by_NID(request, NID_id_pkix_OCSP_Nonce, -1);
	const ASN1_OCTET_STRING *value;
	enum manner manner = responder.manner;
	uint8_t nonce[16] = { 0 };

	value = X509_EXTENSION_get_data(OCSP_REQUEST_get_ext(request, index));
	memcpy(nonce, ASN1_STRING_get0_data(value) + 2, sizeof(nonce));
	spec.nonce = nonce;
	switch (manner) {
	case REVOKED:
		spec.status = V_OCSP_CERTSTATUS_REVOKED;
		break;
	case UNKNOWN:
		spec.status = V_OCSP_CERTSTATUS_UNKNOWN;
		break;
	case DELEGATE:
		spec.signer = responder.delegate;
		spec.key = pki.other_key;
		break;
	case WRONG_SIGNER:
		spec.signer = pki.other_ca;
		spec.key = pki.other_key;
		break;
	case WRONG_NONCE:
		nonce[0] ^= 1;
		break;
	case OLD:
		spec.from = -7200;
		spec.to = -3600;
		break;
	default:
		break;
	}
	return test_authority_response(&spec, ret_len);
}

static void responder_answer(int fd)
{
	uint8_t buffer[4096];
	size_t len = 0;
	const unsigned char *body = NULL;
	OCSP_REQUEST *request = NULL;
	uint8_t *der;
	ssize_t got;
	int size;

	while (!request && (got = recv(fd, buffer + len, sizeof(buffer) - len, 0)) > 0) {
		len += (size_t)got;
		body = memmem(buffer, len, "\r\n\r\n", 4);
		if (!body)
			continue;
		body += 4;
		request = d2i_OCSP_REQUEST(NULL, &body, (long)(buffer + len - body));
	}
	responder.asked++;
	if (!request || responder.manner == SILENT) {
		OCSP_REQUEST_free(request);
		/* Until the other end gives up. */
		recv(fd, buffer, 1, 0);
		return;
	}
	if (responder.manner == SLOW)
		usleep(500000);
	der = responder_respond(request, responder.cert, &size);
	if (responder.manner == GARBLED)
		memset(der + 4, 0x55, 20);
	if (responder.manner == FAILS)
		dprintf(fd, "HTTP/1.0 500 Internal Server Error\r\n\r\n");
	else
		dprintf(fd, "HTTP/1.0 200 OK\r\nContent-Type: application/ocsp-response\r\n"
			"Content-Length: %d\r\n\r\n", size);
	if (responder.manner != FAILS && write(fd, der, (size_t)size) != size)
		print_message("# the response was not sent\n");
	OPENSSL_free(der);
	OCSP_REQUEST_free(request);
}

static void *responder_answer_thread(void *arg)
{
	int fd = (int)(intptr_t)arg;

	responder_answer(fd);
	close(fd);
	return NULL;
}

static void *responder_listen_thread(void *arg)
{
	pthread_t thread;
	int fd;

	(void)arg;
	while ((fd = accept(responder.listener, NULL, NULL)) >= 0) {
		if (!pthread_create(&thread, NULL, responder_answer_thread, (void *)(intptr_t)fd))
			pthread_detach(thread);
	}
	return NULL;
}

void test_responder_listen(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	pthread_t thread;

	responder.listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(responder.listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(responder.listener, 64), 0);
	getsockname(responder.listener, (struct sockaddr *)&address, &len);
	responder.port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&thread, NULL, responder_listen_thread, NULL), 0);
	pthread_detach(thread);
}
