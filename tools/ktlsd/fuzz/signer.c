// SPDX-License-Identifier: GPL-2.0-or-later
/* What the serving process can send to the signer when it was taken over: any messages, to
 * the threads that sign for a worker, and to the main thread. No answer contains a private
 * key, and each request that must be answered is.
 *
 * The input is a list of messages: a byte each for what it is, its number, key and user, then
 * two numbers and the bytes after the header.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pkcs12.h>

#include "fuzz.h"
#include "fuzz/fixed.h"
#include "fuzz/pki.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "signer/broker.h"
#include "signer/protocol.h"

enum {
	SIGNER_MESSAGES	= 24,		/* of an input */
	SIGNER_WAIT_MS	= 15000,	/* for an answer */
	SIGNER_USERS	= 4,
	SIGNER_BARRIER	= 0x7fff0000,	/* numbers of our own requests */
	SIGNER_ROOM	= KTLSD_SIGNER_MESSAGE_MAX + 64,
	SIGNER_HEAD	= sizeof(struct ktlsd_signer_head),
};

/**
 * signer - both ends of what is tested
 * @thread: the main thread of the signer
 * @control: socket to it
 * @releases: likewise, for keys that are given back
 * @channel: socket to the threads that sign
 */
static struct {
	pthread_t	thread;
	int		control[2];
	int		releases[2];
	int		channel;
} signer;

static char signer_directory[] = "/tmp/fuzz_signer.XXXXXX";
static uint8_t signer_buffer[SIGNER_ROOM];
static char signer_base64[33];		/* of the key that no answer may contain */

static const char *const signer_files[] = {
	"cert.pem", "key.pem", "both.pem", "key.der", "file.p12", "pass", "none", "",
};

static const char *signer_path(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", signer_directory, name);
	return path;
}

/* --- setting up --- */

static void signer_make_files(void)
{
	PKCS12 *file = PKCS12_create("seed", "seed", pki.ec_key, pki.ec, NULL, -1, -1, 1, 1, 0);
	struct ktlsd_buffer text = { 0 };
	uint8_t *der = NULL;
	int len;

	test_pki_put_cert(&text, pki.ec);
	test_pki_write(signer_path("cert.pem"), &text, 0600);
	test_pki_put_key(&text, pki.ec_key, NULL);
	/* A part of it that has the private half. */
	memcpy(signer_base64, strchr((char *)text.data, '\n') + 49, sizeof(signer_base64) - 1);
	test_pki_write(signer_path("key.pem"), &text, 0600);
	test_pki_put_key(&text, pki.ec_key, NULL);
	test_pki_put_cert(&text, pki.ec);
	test_pki_write(signer_path("both.pem"), &text, 0600);
	len = i2d_PrivateKey(pki.ec_key, &der);
	ktlsd_buffer_append(&text, der, (size_t)len, SIZE_MAX);
	test_pki_write(signer_path("key.der"), &text, 0600);
	OPENSSL_free(der);
	der = NULL;
	len = i2d_PKCS12(file, &der);
	ktlsd_buffer_append(&text, der, (size_t)len, SIZE_MAX);
	test_pki_write(signer_path("file.p12"), &text, 0600);
	OPENSSL_free(der);
	PKCS12_free(file);
	ktlsd_buffer_append(&text, "seed\n", 5, SIZE_MAX);
	test_pki_write(signer_path("pass"), &text, 0600);
}

static void signer_remove_files(void)
{
	size_t i;

	for (i = 0; i < 6; i++)
		unlink(signer_path(signer_files[i]));
	rmdir(signer_directory);
}

static void signer_write(void)
{
	static const uint8_t load[] = {
		/* LOAD of cert.pem and key.pem, then a text of TLS 1.3 */
		0x80 | KTLSD_SIGNER_LOAD, 1, 0, 1, 0, 0, 0, 0, 2, 0, 1,
		KTLSD_SIGNER_SIGN, 2, 1, 1, 0x02, 0xa0, 0, 0, 1,
		KTLSD_SIGNER_CANCEL, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	};
	static const uint8_t read[] = {
		0x80 | KTLSD_SIGNER_READ, 1, 0, 0, 0xff, 0xff, 0, 0, 2, 2, 7,
		0x80 | KTLSD_SIGNER_READ, 2, 0, 0, 0xff, 0xff, 0, 0, 2, 1, 7,
		0x80 | KTLSD_SIGNER_READ, 3, 0, 0, 0xff, 0xff, 0, 0, 2, 3, 7,
		0x80 | KTLSD_SIGNER_LOAD, 4, 0, 0, 0, 0, 0, 0, 3, 4, 7, 5,
		0x80 | KTLSD_SIGNER_CHANNEL, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	};
	struct ktlsd_buffer import = { 0 };
	uint8_t head[] = { KTLSD_SIGNER_IMPORT, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0 };

	test_pki_put_key(&import, pki.ec_key, NULL);
	head[9] = (uint8_t)(import.len >> 8);
	head[10] = (uint8_t)import.len;
	fuzz_pki_seed("load", load, sizeof(load), NULL, 0);
	fuzz_pki_seed("read", read, sizeof(read), NULL, 0);
	fuzz_pki_seed("import", head, sizeof(head), import.data, import.len);
	ktlsd_buffer_free(&import);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_fixed_setup();
	ktlsd_log_open("fuzz", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	fuzz_pki_setup();
	fuzz_pki_seeds(*argc, *argv, signer_write);
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(signer_directory))
		abort();
	atexit(signer_remove_files);
	signer_make_files();
	return 0;
}

/* --- messages --- */

static bool signer_find(const uint8_t *data, size_t len, const void *what, size_t what_len)
{
	return memmem(data, len, what, what_len);
}

/* Receives an answer. Return: the bytes behind its head, -1 if there is none in time. */
static ssize_t signer_receive(int fd, struct ktlsd_signer_head *head, int wait_ms)
{
	static uint8_t scalar[32];
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	struct ktlsd_signer_head release = { .op = KTLSD_SIGNER_RELEASE };
	ssize_t len;
	int ready;

	/* libFuzzer has a timer. */
	do {
		ready = poll(&poller, 1, wait_ms);
	} while (ready < 0 && errno == EINTR);
	if (ready != 1)
		return -1;
	len = recv(fd, signer_buffer, sizeof(signer_buffer), 0);
	if (len < SIGNER_HEAD)
		return -1;
	memcpy(head, signer_buffer, SIGNER_HEAD);
	memset(scalar, 3, sizeof(scalar));	/* fuzz_pki_key(3) */
	if (signer_find(signer_buffer, (size_t)len, scalar, sizeof(scalar)) ||
	    signer_find(signer_buffer, (size_t)len, signer_base64, strlen(signer_base64)))
		abort();
	release.handle = head->handle;
	if ((head->op == KTLSD_SIGNER_IMPORT || head->op == KTLSD_SIGNER_LOAD) && !head->error &&
	    len > SIGNER_HEAD)
		send(signer.releases[0], &release, sizeof(release), MSG_DONTWAIT);
	return len - SIGNER_HEAD;
}

static void signer_send(int fd, const struct ktlsd_signer_head *head, const void *data,
			size_t len)
{
	struct iovec parts[] = {
		{ .iov_base = (void *)head, .iov_len = SIGNER_HEAD },
		{ .iov_base = (void *)data, .iov_len = len },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	struct ktlsd_signer_head answer;

	/* While it cannot receive, it waits for us to receive. */
	while (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EAGAIN)
		signer_receive(fd, &answer, 10);
}

/* Waits until all is answered that was sent before. */
static void signer_wait(int fd, const struct ktlsd_signer_head *head)
{
	struct ktlsd_signer_head answer = { 0 };

	signer_send(fd, head, NULL, 0);
	while (answer.seq != head->seq) {
		if (signer_receive(fd, &answer, SIGNER_WAIT_MS) < 0)
			abort();
	}
}

static void signer_wait_broker(void)
{
	static uint32_t count;
	const struct ktlsd_signer_head head = {
		.op = KTLSD_SIGNER_CHANNEL, .seq = SIGNER_BARRIER + (++count & 0xffff),
	};

	signer_wait(signer.control[0], &head);
}

/* The requests of a user for each of the two threads are answered in order: none of these has a
 * key.
 */
static void signer_wait_channel(void)
{
	static const uint32_t ops[] = { KTLSD_SIGNER_SIGN, KTLSD_SIGNER_IMPORT };
	static uint32_t count;
	struct ktlsd_signer_head head = { .deadline = INT64_MAX };
	unsigned int i;

	for (i = 0; i < 2 * SIGNER_USERS; i++) {
		head.op = ops[i & 1];
		head.uid = i / 2;
		head.seq = SIGNER_BARRIER + (++count & 0xffff);
		signer_wait(signer.channel, &head);
	}
}

/* --- the signer --- */

static void *signer_main(void *arg)
{
	(void)arg;
	ktlsd_broker_run(signer.control[1], signer.releases[1]);
	return NULL;
}

static void signer_open_channel(void)
{
	const struct ktlsd_signer_head head = { .op = KTLSD_SIGNER_CHANNEL };
	char ancillary[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec part = { .iov_base = (void *)&head, .iov_len = sizeof(head) };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = ancillary, .msg_controllen = sizeof(ancillary),
	};
	struct cmsghdr *control = CMSG_FIRSTHDR(&message);
	struct ktlsd_signer_head answer;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		abort();
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(control), &pair[1], sizeof(int));
	if (sendmsg(signer.control[0], &message, 0) < 0)
		abort();
	close(pair[1]);
	signer.channel = pair[0];
	if (signer_receive(signer.control[0], &answer, SIGNER_WAIT_MS) || answer.error)
		abort();
}

static void signer_start(void)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, signer.control) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, signer.releases) ||
	    pthread_create(&signer.thread, NULL, signer_main, NULL))
		abort();
	signer_open_channel();
}

static void signer_stop(void)
{
	struct ktlsd_signer_head answer;

	/* The threads that sign end after they have closed their socket. */
	shutdown(signer.channel, SHUT_WR);
	while (signer_receive(signer.channel, &answer, SIGNER_WAIT_MS) >= 0)
		;
	close(signer.channel);
	signer_wait_broker();
	close(signer.control[0]);
	pthread_join(signer.thread, NULL);
	close(signer.control[1]);
	close(signer.releases[0]);
	close(signer.releases[1]);
}

/* --- the input --- */

/* Paths of files that exist, each with its NUL; or bytes. Return: how many. */
static size_t signer_take_paths(struct fuzz *fuzz, char *dst, size_t size)
{
	unsigned int i, count = fuzz_byte(fuzz) & 3;
	size_t len = 0, part;
	const uint8_t *more;

	for (i = 0; i < count; i++)
		len += (size_t)snprintf(dst + len, size - len, "%s",
					signer_path(signer_files[fuzz_byte(fuzz) & 7])) + 1;
	if (count)
		return count == 1 ? len - 1 : len;
	more = fuzz_bytes(fuzz, fuzz_byte(fuzz), &part);
	len = (size_t)snprintf(dst, size, "%s", signer_path(""));
	memcpy(dst + len, more, part);
	return len + part;
}

/* Bytes, or a text of TLS 1.3, or many bytes. */
static size_t signer_take_data(struct fuzz *fuzz, uint8_t *dst)
{
	static const char context[] = "TLS 1.3, server CertificateVerify";
	const uint8_t *bytes;
	size_t len, want;

	switch (fuzz_byte(fuzz) & 3) {
	case 1:
		memset(dst, ' ', 64);
		memcpy(dst + 64, context, sizeof(context));
		memset(dst + 64 + sizeof(context), 7, 48);
		return 64 + sizeof(context) + 32;
	case 2:
		want = (size_t)fuzz_byte(fuzz) << 10;
		memset(dst, fuzz_byte(fuzz), want);
		return want;
	default:
		want = (size_t)fuzz_byte(fuzz) << 8;
		bytes = fuzz_bytes(fuzz, want | fuzz_byte(fuzz), &len);
		if (len)
			memcpy(dst, bytes, len);
		return len;
	}
}

static void signer_one(struct fuzz *fuzz)
{
	static uint8_t data[256 << 10];
	uint8_t op = fuzz_byte(fuzz);
	struct ktlsd_signer_head head = { .op = op & 15 };
	bool broker = op & 0x80;
	size_t len;

	head.seq = fuzz_byte(fuzz);
	head.handle = fuzz_byte(fuzz);
	head.uid = fuzz_byte(fuzz) % SIGNER_USERS;
	head.value = (uint32_t)fuzz_byte(fuzz) << 8;
	head.value |= fuzz_byte(fuzz);
	head.value2 = fuzz_byte(fuzz);
	head.deadline = ktlsd_clock_ms() + (fuzz_byte(fuzz) & 1 ? -1 : 60000);
	if (broker) {
		/* It would take our own standard output from us. */
		if (head.op == KTLSD_SIGNER_LOG)
			head.value = KTLSD_LOG_STDERR;
		if (head.op == KTLSD_SIGNER_LOG && head.value2 > KTLSD_LOG_ERROR)
			return;
		len = signer_take_paths(fuzz, (char *)data, 4096);
		signer_send(signer.control[0], &head, data, len);
		signer_wait_broker();
		return;
	}
	len = signer_take_data(fuzz, data);
	signer_send(signer.channel, &head, data, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz fuzz = { data, len };
	int i;

	fuzz_fixed_reset();
	signer_start();
	for (i = 0; i < SIGNER_MESSAGES && fuzz.len; i++)
		signer_one(&fuzz);
	signer_wait_channel();
	signer_stop();
	return 0;
}
