// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>

#include "lib/clock.h"
#include "config/credentials.h"
#include "config/file.h"
#include "config/private_key.h"
#include "signer/broker.h"
#include "signer/channel.h"
#include "signer/permit.h"
#include "signer/process.h"
#include "signer/protocol.h"
#include "signer/provider.h"
#include "signer/sandbox.h"
#include "tls/pause.h"

enum {
	PROCESS_ANSWER_S	= 30,	/* seconds to wait for an answer of the broker, which may
					 * have asked a token
					 */
	PROCESS_ALIVE_MS	= 3000,	/* the same for a ping, for which it asks nobody */
	PROCESS_SILENT_S	= 1,	/* the same, if it gave none to the last question */
	PROCESS_END_MS		= 5000,	/* for it to end by itself */
	PROCESS_END_STEP_MS	= 20,
};

/**
 * process - the signer, as the serving process knows it
 * @lock: one question at a time on @control
 * @pid: of the signer
 * @control: socket to its main thread, -1 for none
 * @releases: socket on which keys are given back
 * @seq: of the last question
 * @silent: there was no answer to it
 * @pinged: number of the last ping
 * @answered: number of the last one that was answered
 */
static struct {
	pthread_mutex_t	lock;
	pid_t		pid;
	int		control;
	int		releases;
	uint32_t	seq;
	bool		silent;
	uint32_t	pinged;
	uint32_t	answered;
} process = { .lock = PTHREAD_MUTEX_INITIALIZER, .control = -1, .releases = -1 };

/* --- questions to the broker --- */

/* Sends a message, with a descriptor unless @fd is -1. Return: 0 or a negative errno. */
static int process_send(int to, const struct ktlsd_signer_head *head, const void *data,
			size_t len, int fd)
{
	char ancillary[CMSG_SPACE(sizeof(fd))] __attribute__((aligned(8))) = { 0 };
	struct iovec parts[] = {
		{ .iov_base = (void *)head, .iov_len = sizeof(*head) },
		{ .iov_base = (void *)data, .iov_len = len },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	struct cmsghdr *control;

	if (fd >= 0) {
		message.msg_control = ancillary;
		message.msg_controllen = sizeof(ancillary);
		control = CMSG_FIRSTHDR(&message);
		control->cmsg_level = SOL_SOCKET;
		control->cmsg_type = SCM_RIGHTS;
		control->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(control), &fd, sizeof(fd));
	}
	return sendmsg(to, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Asks the broker. The caller holds the lock until it has the answers. */
static int process_ask(struct ktlsd_signer_head *head, const void *data, size_t len, int fd)
{
	head->seq = ++process.seq;
	return process_send(process.control, head, data, len, fd);
}

/* A reload asks many questions: only the first one waits for long. */
static void process_note_answer(bool silent)
{
	const struct timeval limit = { .tv_sec = silent ? PROCESS_SILENT_S : PROCESS_ANSWER_S };

	if (silent == process.silent)
		return;
	process.silent = silent;
	setsockopt(process.control, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

/* Of an answer that came too late: nobody knows the key. */
static void process_give_back(const struct ktlsd_signer_head *head)
{
	if (head->op == KTLSD_SIGNER_LOAD && !head->error)
		ktlsd_signer_release(head->handle);
}

/* Receives one answer; those to earlier questions, which came too late, are skipped.
 * Return: how many bytes follow its head, or a negative errno; then @fault says why.
 */
static ssize_t process_receive(struct ktlsd_signer_head *head, uint8_t *data, size_t size,
			       struct ktlsd_fault *fault)
{
	struct iovec parts[] = {
		{ .iov_base = head, .iov_len = sizeof(*head) },
		{ .iov_base = data, .iov_len = size },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t len;

	for (;;) {
		len = recvmsg(process.control, &message, 0);
		if (len >= (ssize_t)sizeof(*head) && head->seq != process.seq)
			process_give_back(head);
		else if (len >= 0 || errno != EINTR)
			break;
	}
	process_note_answer(len < 0 && errno == EAGAIN);
	if (len < (ssize_t)sizeof(*head))
		return ktlsd_errors_set(fault, -EPIPE,
					"the signer process of ktlsd does not answer");
	len -= (ssize_t)sizeof(*head);
	if (head->error)
		return ktlsd_errors_set(fault, head->error, "%.*s", (int)len,
					(const char *)data);
	return len;
}

/* ktlsd_file_read(), in the serving process. */
static int process_read_file(const char *path, size_t max, struct ktlsd_buffer *buffer,
			     mode_t *ret_mode, struct ktlsd_fault *fault)
{
	struct ktlsd_signer_head head = { .op = KTLSD_SIGNER_READ, .value = (uint32_t)max };
	uint8_t *piece = malloc(KTLSD_SIGNER_PIECE);
	ssize_t len = piece ? 1 : ktlsd_errors_set(fault, -ENOMEM, "out of memory");

	pthread_mutex_lock(&process.lock);
	if (piece && process_ask(&head, path, strlen(path), -1))
		len = ktlsd_errors_set(fault, -EPIPE,
				       "the signer process of ktlsd has ended");
	while (len > 0) {
		len = process_receive(&head, piece, KTLSD_SIGNER_PIECE, fault);
		if (len > 0 && ktlsd_buffer_append(buffer, piece, (size_t)len, max))
			len = ktlsd_errors_set(fault, -ENOMEM, "out of memory while reading %s",
					       path);
	}
	pthread_mutex_unlock(&process.lock);
	free(piece);
	if (!len && ret_mode)
		*ret_mode = head.value;
	return (int)len;
}

/* Receives the certificates that the broker has loaded. */
static int process_receive_chain(struct ktlsd_signer_head *head,
				 struct ktlsd_credential *credential, struct ktlsd_fault *fault)
{
	uint8_t *der = malloc(KTLSD_SIGNER_PIECE);
	const unsigned char *at;
	ssize_t len = 1;
	X509 *cert;

	credential->chain = sk_X509_new_null();
	if (!der || !credential->chain) {
		free(der);
		return ktlsd_errors_set(fault, -ENOMEM, "out of memory");
	}
	while (len > 0) {
		len = process_receive(head, der, KTLSD_SIGNER_PIECE, fault);
		at = der;
		if (len > 0)
			ktlsd_file_add_digest(der, (size_t)len);
		cert = len > 0 ? d2i_X509(NULL, &at, len) : NULL;
		if (len > 0 && !cert)
			len = ktlsd_errors_set(fault, -ENOMEM, "out of memory");
		else if (cert && !credential->leaf)
			credential->leaf = cert;
		else if (cert && !sk_X509_push(credential->chain, cert))
			X509_free(cert);
	}
	free(der);
	return (int)len;
}

/* The key with @head->handle that belongs to a certificate. */
static EVP_PKEY *process_new_key(const struct ktlsd_signer_head *head, X509 *leaf)
{
	uint8_t *public = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &public);
	EVP_PKEY *key = NULL;

	if (len > 0)
		key = ktlsd_provider_new_key(head->handle, public, (size_t)len);
	OPENSSL_free(public);
	return key;
}

/* @path: NULL for none */
static int process_put_path(struct ktlsd_buffer *paths, const char *path)
{
	const char *text = path ? path : "";

	return ktlsd_buffer_append(paths, text, strlen(text) + 1, KTLSD_SIGNER_PIECE);
}

/* ktlsd_credentials_load(), in the serving process. */
static int process_load_credential(const char *certificate, const char *key_path,
				   const char *passphrase_path,
				   struct ktlsd_credential *credential,
				   struct ktlsd_fault *fault)
{
	struct ktlsd_signer_head head = { .op = KTLSD_SIGNER_LOAD };
	struct ktlsd_buffer paths = { 0 };
	int err;

	memset(credential, 0, sizeof(*credential));
	err = process_put_path(&paths, certificate);
	if (!err)
		err = process_put_path(&paths, key_path);
	if (!err)
		err = process_put_path(&paths, passphrase_path);
	if (err) {
		ktlsd_buffer_free(&paths);
		return ktlsd_errors_set(fault, err, "%s: the paths are too long", certificate);
	}
	pthread_mutex_lock(&process.lock);
	err = process_ask(&head, paths.data, paths.len, -1);
	if (err)
		ktlsd_errors_set(fault, err, "the signer process of ktlsd has ended");
	else
		err = process_receive_chain(&head, credential, fault);
	pthread_mutex_unlock(&process.lock);
	ktlsd_buffer_free(&paths);
	if (!err && credential->leaf)
		credential->key = process_new_key(&head, credential->leaf);
	if (!err && !credential->key) {
		ktlsd_signer_release(head.handle);
		err = ktlsd_errors_set(fault, -EINVAL,
				       "%s: OpenSSL cannot use its public key", certificate);
	}
	if (err)
		ktlsd_credentials_free(credential);
	ERR_clear_error();
	return err;
}

/* ktlsd_private_key_parse(), in the serving process: for the keys of programs. */
static int process_import_key(const void *pem, size_t len, EVP_PKEY **ret_key,
			      struct ktlsd_fault *fault)
{
	const struct ktlsd_pause_owner *owner = ktlsd_pause_get_owner();
	struct ktlsd_signer_head head = {
		.op = KTLSD_SIGNER_IMPORT, .value = owner ? owner->role : 0,
		.value2 = owner && owner->rsa_transport,
	};
	uint8_t public[KTLSD_SIGNER_REPLY_MAX];
	size_t public_len;
	int err;

	err = ktlsd_signer_channel_call(&head, pem, len, public, &public_len, fault);
	if (err)
		return err;
	*ret_key = ktlsd_provider_new_key(head.handle, public, public_len);
	if (*ret_key)
		return 0;
	ktlsd_signer_release(head.handle);
	ERR_clear_error();
	return ktlsd_errors_set(fault, -EINVAL, "OpenSSL cannot use the public key");
}

int ktlsd_signer_open_channel(void)
{
	struct ktlsd_signer_head head = { .op = KTLSD_SIGNER_CHANNEL };
	struct ktlsd_fault fault;
	uint8_t data[256];
	int pair[2], err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	pthread_mutex_lock(&process.lock);
	err = process_ask(&head, NULL, 0, pair[1]);
	close(pair[1]);
	if (!err)
		err = (int)process_receive(&head, data, sizeof(data), &fault);
	pthread_mutex_unlock(&process.lock);
	if (!err)
		return pair[0];
	close(pair[0]);
	return err;
}

/* Tells the broker something that it does not answer. */
static void process_tell(const struct ktlsd_signer_head *head)
{
	if (process.control < 0)
		return;
	pthread_mutex_lock(&process.lock);
	process_send(process.control, head, NULL, 0, -1);
	pthread_mutex_unlock(&process.lock);
}

void ktlsd_signer_log(enum ktlsd_log_target target, enum ktlsd_log_level level)
{
	const struct ktlsd_signer_head head = {
		.op = KTLSD_SIGNER_LOG, .value = target, .value2 = level,
	};

	process_tell(&head);
}

int ktlsd_signer_configure(struct ktlsd_fault *fault)
{
	struct ktlsd_signer_head head = { .op = KTLSD_SIGNER_CONFIG };
	uint8_t data[KTLS_GENL_REASON_MAX + 1];
	int err;

	pthread_mutex_lock(&process.lock);
	err = process_ask(&head, NULL, 0, -1);
	if (err)
		ktlsd_errors_set(fault, err, "the signer process of ktlsd has ended");
	else
		err = (int)process_receive(&head, data, sizeof(data), fault);
	pthread_mutex_unlock(&process.lock);
	return err;
}

void ktlsd_signer_release(uint64_t handle)
{
	const struct ktlsd_signer_head head = { .op = KTLSD_SIGNER_RELEASE, .handle = handle };

	if (process.releases >= 0)
		process_send(process.releases, &head, NULL, 0, -1);
}

/* Return: whether the last ping was answered. */
static bool process_is_answered(void)
{
	struct ktlsd_signer_head head;

	while (recv(process.releases, &head, sizeof(head), MSG_DONTWAIT) == sizeof(head))
		process.answered = head.seq;
	return process.answered == process.pinged;
}

bool ktlsd_signer_is_alive(void)
{
	struct ktlsd_signer_head head;

	if (process.releases < 0)
		return true;
	if (!process_is_answered())
		return false;
	head = (struct ktlsd_signer_head) { .op = KTLSD_SIGNER_PING, .seq = process.pinged + 1 };
	if (send(process.releases, &head, sizeof(head), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		process.pinged++;
	return true;
}

bool ktlsd_signer_await(void)
{
	struct pollfd fd = { .fd = process.releases, .events = POLLIN };
	int64_t end = ktlsd_clock_ms() + PROCESS_ALIVE_MS, left = PROCESS_ALIVE_MS;

	if (process.releases < 0)
		return true;
	ktlsd_signer_is_alive();
	while (!process_is_answered() && !(fd.revents & POLLHUP)) {
		if (left <= 0)
			return false;
		poll(&fd, 1, (int)left);
		left = end - ktlsd_clock_ms();
	}
	return true;
}

int ktlsd_signer_fd(void)
{
	return process.control;
}

/* --- the process --- */

static void process_run_signer(const char *config_path, int control, int releases)
{
	sigset_t all;

	/* It ends when the serving process does, and not before. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_NAME, "ktlsd: signer");
	ktlsd_sandbox_signer();
	ktlsd_permit_init(config_path);
	ktlsd_broker_run(control, releases);
	_exit(0);
}

int ktlsd_signer_start(const char *config_path)
{
	const struct timeval limit = { .tv_sec = PROCESS_ANSWER_S };
	int control[2], releases[2], err;

	err = ktlsd_provider_init();
	if (err)
		return err;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control))
		return -errno;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, releases)) {
		err = -errno;
		close(control[0]);
		close(control[1]);
		return err;
	}
	process.pid = fork();
	if (!process.pid) {
		close(control[0]);
		close(releases[0]);
		process_run_signer(config_path, control[1], releases[1]);
	}
	err = process.pid < 0 ? -errno : 0;
	close(control[1]);
	close(releases[1]);
	process.control = control[0];
	process.releases = releases[0];
	if (err) {
		ktlsd_signer_stop();
		return err;
	}
	setsockopt(process.control, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	ktlsd_file_set_reader(process_read_file);
	ktlsd_credentials_set_loader(process_load_credential);
	ktlsd_private_key_set_importer(process_import_key);
	return 0;
}

/* It ends when its socket is closed; one that was stopped, or hangs in a token, does not. */
static void process_wait(void)
{
	int waited;

	for (waited = 0; waited < PROCESS_END_MS; waited += PROCESS_END_STEP_MS) {
		if (waitpid(process.pid, NULL, WNOHANG))
			return;
		poll(NULL, 0, PROCESS_END_STEP_MS);
	}
	kill(process.pid, SIGKILL);
	waitpid(process.pid, NULL, 0);
}

void ktlsd_signer_stop(void)
{
	if (process.control < 0)
		return;
	ktlsd_file_set_reader(NULL);
	ktlsd_credentials_set_loader(NULL);
	ktlsd_private_key_set_importer(NULL);
	close(process.control);
	close(process.releases);
	process.control = -1;
	process.releases = -1;
	if (process.pid > 0)
		process_wait();
	process.pid = 0;
}
