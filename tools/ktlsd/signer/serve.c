// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/clock.h"
#include "config/private_key.h"
#include "config/roles.h"
#include "config/stored_key.h"
#include "errors.h"
#include "memory.h"
#include "signer/keys.h"
#include "signer/permit.h"
#include "signer/premaster.h"
#include "signer/protocol.h"
#include "signer/queue.h"
#include "signer/serve.h"
#include "signer/text.h"

enum {
	SERVE_BURST	= 256,	/* requests received between two signatures */
};

/**
 * struct serve - the threads for one worker
 * @fd: socket to it
 * @relay: the thread that receives
 * @quick: what waits for it
 * @slow: what waits for the other one
 * @slow_thread: that one
 * @memory: of a burst of requests, to be given back
 * @message: room for one
 */
struct serve {
	int				fd;
	struct ktlsd_relay		relay;
	struct ktlsd_signer_queue	quick;
	struct ktlsd_signer_queue	slow;
	pthread_t			slow_thread;
	struct ktlsd_memory		memory;
	uint8_t				message[KTLSD_SIGNER_MESSAGE_MAX];
};

static void serve_answer(struct serve *serve, const struct ktlsd_signer_head *head,
			 const void *data, size_t len)
{
	struct iovec parts[] = {
		{ .iov_base = (void *)head, .iov_len = sizeof(*head) },
		{ .iov_base = (void *)data, .iov_len = len },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	/* If that fails, the worker has gone: the next receive says so. */
	while (sendmsg(serve->fd, &message, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static void serve_refuse(struct serve *serve, struct ktlsd_signer_head head, int error,
			 const char *reason)
{
	head.error = error;
	serve_answer(serve, &head, reason, strlen(reason));
}

/* --- what is done with keys --- */

/* Return: NULL, or why @key is not used. @fault: room for the sentence */
static const char *serve_check_key(const EVP_PKEY *key, const struct ktlsd_signer_rights *rights,
				   struct ktlsd_fault *fault)
{
	if (!key && !*rights->identity)
		return "The signer does not have this private key any more.";
	if (!key)
		ktlsd_errors_set(fault, -EKEYREJECTED,
			"The private key of the identity '%s' was not found in its token when ktlsd was reloaded: reload again when the token is back.",
			rights->identity);
	else if (ktlsd_stored_key_is_refused(key))
		ktlsd_errors_set(fault, -EKEYREJECTED,
			"The token of the identity '%s' refused its PIN: it is not used before ktlsd is reloaded, as a token counts wrong PINs.",
			rights->identity);
	else
		return NULL;
	return fault->reason;
}

/* An operation has failed. Return: the sentence, which may be in @fault */
static const char *serve_explain(const EVP_PKEY *key, const struct ktlsd_signer_rights *rights,
				 const char *reason, struct ktlsd_fault *fault)
{
	if (!ktlsd_stored_key_is_stored(key))
		return reason;
	ktlsd_errors_set(fault, -EKEYREJECTED,
		"The token of the identity '%s' could not use the private key: %s. When the token works, reload ktlsd.",
		rights->identity, ktlsd_stored_key_fail(key));
	return fault->reason;
}

/* Return: NULL, or why a key for @roles does not do what only @role does. */
static const char *serve_check_role(unsigned int roles, unsigned int role)
{
	if (roles & role)
		return NULL;
	return role == KTLSD_ROLES_SERVER ?
	       "The signer refused: this key is not for servers. See role in ktlsd.conf(5)." :
	       "The signer refused: this key is not for clients. See role in ktlsd.conf(5).";
}

/* Return: NULL, or why @key does not sign with what @head says. */
static const char *serve_set_up(EVP_MD_CTX *ctx, const struct ktlsd_signer_head *head,
				EVP_PKEY *key)
{
	const EVP_MD *hash = NULL;
	EVP_PKEY_CTX *pkey_ctx;
	char properties[KTLSD_SIGNER_PROPERTIES_MAX];

	switch (head->value) {
	case NID_undef:
		break;
	case NID_sha256:
	case NID_sha384:
	case NID_sha512:
		hash = EVP_get_digestbynid((int)head->value);
		break;
	default:
		return "The signer does not use this hash.";
	}
	ktlsd_signer_keys_properties(key, properties);
	if (EVP_DigestSignInit_ex(ctx, &pkey_ctx, hash ? EVP_MD_get0_name(hash) : NULL,
				  ktlsd_stored_key_library(key), properties, key, NULL) != 1)
		return "The private key cannot sign with this hash.";
	if (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "RSA-PSS"))
		return NULL;
	if (!hash)
		return "An RSA key signs only with a hash.";
	if (head->value2 && (EVP_PKEY_CTX_set_rsa_padding(pkey_ctx, RSA_PKCS1_PSS_PADDING) != 1 ||
			     EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey_ctx,
							      RSA_PSS_SALTLEN_DIGEST) != 1))
		return "The RSA key does not allow PSS.";
	return NULL;
}

/* Return: NULL, or why there is no signature. @fault: room for the sentence */
static const char *serve_make_signature(const struct ktlsd_signer_request *request, EVP_PKEY *key,
					const struct ktlsd_signer_rights *rights,
					uint8_t *signature, size_t *len, struct ktlsd_fault *fault)
{
	unsigned int role = ktlsd_text_role(request->data, request->len);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const char *reason = NULL;

	if (!role)
		reason = "The signer refused to sign: the text is none of a TLS handshake.";
	else if (!ctx)
		reason = "The signer is out of memory.";
	if (!reason)
		reason = serve_check_role(rights->roles, role);
	if (!reason) {
		reason = serve_set_up(ctx, &request->head, key);
		if (!reason &&
		    EVP_DigestSign(ctx, signature, len, request->data, request->len) != 1)
			reason = "OpenSSL could not sign with the private key.";
		if (reason)
			reason = serve_explain(key, rights, reason, fault);
	}
	EVP_MD_CTX_free(ctx);
	return reason;
}

static void serve_sign(struct serve *serve, const struct ktlsd_signer_request *request)
{
	struct ktlsd_signer_head head = request->head;
	uint8_t signature[KTLSD_SIGNER_REPLY_MAX];
	struct ktlsd_signer_rights rights;
	size_t len = sizeof(signature);
	struct ktlsd_fault fault;
	const char *reason;
	EVP_PKEY *key;

	key = ktlsd_signer_keys_get(head.handle, &rights);
	reason = serve_check_key(key, &rights, &fault);
	if (!reason)
		reason = serve_make_signature(request, key, &rights, signature, &len, &fault);
	ERR_clear_error();
	/* Whoever does not take his answer would keep a token from being renewed. */
	EVP_PKEY_free(key);
	if (reason)
		serve_refuse(serve, head, -EKEYREJECTED, reason);
	else
		serve_answer(serve, &head, signature, len);
}

static void serve_decrypt(struct serve *serve, const struct ktlsd_signer_request *request)
{
	const struct ktlsd_signer_head *head = &request->head;
	uint8_t premaster[KTLSD_PREMASTER_LEN];
	struct ktlsd_signer_rights rights;
	struct ktlsd_fault fault;
	const char *reason;
	EVP_PKEY *key;

	key = ktlsd_signer_keys_get(head->handle, &rights);
	reason = serve_check_key(key, &rights, &fault);
	if (!reason)
		reason = serve_check_role(rights.roles, KTLSD_ROLES_SERVER);
	if (!reason && !ktlsd_permit_decrypt())
		reason = "The signer refused to decrypt: no policy in ktlsd.conf has rsa_key_transport = yes.";
	if (!reason && !rights.decrypts)
		reason = "The signer refused to decrypt: this key is not for RSA key transport. See rsa_key_transport in ktlsd.conf(5).";
	if (!reason) {
		reason = ktlsd_premaster_decrypt(key, head->value, request->data, request->len,
						 premaster);
		if (reason)
			reason = serve_explain(key, &rights, reason, &fault);
	}
	ERR_clear_error();
	EVP_PKEY_free(key);	/* before the answer, as above */
	if (reason)
		serve_refuse(serve, *head, -EKEYREJECTED, reason);
	else
		serve_answer(serve, head, premaster, sizeof(premaster));
	OPENSSL_cleanse(premaster, sizeof(premaster));
}

static void serve_import(struct serve *serve, const struct ktlsd_signer_request *request)
{
	struct ktlsd_signer_head head = request->head;
	const struct ktlsd_signer_rights rights = {
		.roles = head.value, .decrypts = head.value2,
	};
	struct ktlsd_fault fault = { 0 };
	uint8_t *public = NULL;
	EVP_PKEY *key;
	int err, len;

	if (head.value != KTLSD_ROLES_SERVER && head.value != KTLSD_ROLES_CLIENT) {
		serve_refuse(serve, head, -EINVAL, "The key has no role.");
		return;
	}
	err = ktlsd_private_key_parse(request->data, request->len, &key, &fault);
	if (err) {
		serve_refuse(serve, head, err, fault.reason);
		return;
	}
	len = i2d_PUBKEY(key, &public);
	err = len > 0 && len <= KTLSD_SIGNER_REPLY_MAX ?
	      ktlsd_signer_keys_add(key, &rights, NULL, &head.handle) : -ENOMEM;
	if (err)
		serve_refuse(serve, head, err, "the signer has too many private keys");
	else
		serve_answer(serve, &head, public, (size_t)len);
	OPENSSL_free(public);
	EVP_PKEY_free(key);
	ERR_clear_error();
}

/* --- the queues --- */

/* Nobody knows what it takes to read a program's key, before it was read. */
static struct ktlsd_signer_queue *serve_choose(struct serve *serve,
					       const struct ktlsd_signer_head *head)
{
	return head->op == KTLSD_SIGNER_IMPORT || ktlsd_signer_keys_is_slow(head->handle) ?
	       &serve->slow : &serve->quick;
}

static void serve_enqueue(struct serve *serve, const struct ktlsd_signer_head *head,
			  const uint8_t *data, size_t len)
{
	struct ktlsd_signer_queue *queue = serve_choose(serve, head);
	struct ktlsd_signer_request *victim;
	int err;

	while ((err = ktlsd_signer_queue_add(queue, head, data, len, &victim)) == -EAGAIN) {
		serve_refuse(serve, victim->head, -ENOBUFS,
			     "Too many signatures were asked for at the same time, most of them by this user: try again later.");
		ktlsd_signer_request_free(victim);
	}
	if (err)
		serve_refuse(serve, *head, err,
			     "Too many signatures were asked for at the same time: try again later.");
}

/* Return: false if nothing more is there; *@ret_end is set if the worker has gone. */
static bool serve_receive(struct serve *serve, bool *ret_end)
{
	struct ktlsd_signer_head head;
	ssize_t len;

	/* The length of the message, even if it does not fit. */
	len = recv(serve->fd, serve->message, sizeof(serve->message), MSG_DONTWAIT | MSG_TRUNC);
	*ret_end = !len || (len < 0 && errno != EAGAIN && errno != EINTR);
	if (len <= 0)
		return false;
	if (len < (ssize_t)sizeof(head))
		return true;
	memcpy(&head, serve->message, sizeof(head));
	if (head.op == KTLSD_SIGNER_CANCEL) {
		ktlsd_signer_queue_cancel(&serve->quick, head.seq);
		ktlsd_signer_queue_cancel(&serve->slow, head.seq);
	} else if (len > (ssize_t)sizeof(serve->message)) {
		serve_refuse(serve, head, -EMSGSIZE, "The text to be signed is too long.");
	} else if (head.op == KTLSD_SIGNER_SIGN || head.op == KTLSD_SIGNER_IMPORT ||
		   head.op == KTLSD_SIGNER_DECRYPT) {
		serve_enqueue(serve, &head, serve->message + sizeof(head),
			      (size_t)len - sizeof(head));
	}
	if (head.op == KTLSD_SIGNER_IMPORT)
		explicit_bzero(serve->message, (size_t)len < sizeof(serve->message) ?
				(size_t)len : sizeof(serve->message));
	return true;
}

/* Does one request of @queue. @wait: for there to be one. Return: false if there is none */
static bool serve_work(struct serve *serve, struct ktlsd_signer_queue *queue, bool wait)
{
	struct ktlsd_signer_request *request = ktlsd_signer_queue_take(queue, wait);
	int64_t start = ktlsd_clock_cpu_us();

	if (!request)
		return false;
	/* After the deadline nobody waits for the answer. */
	if (request->head.deadline > ktlsd_clock_ms()) {
		if (request->head.op == KTLSD_SIGNER_SIGN)
			serve_sign(serve, request);
		else if (request->head.op == KTLSD_SIGNER_DECRYPT)
			serve_decrypt(serve, request);
		else
			serve_import(serve, request);
	}
	ktlsd_signer_request_free(request);
	ktlsd_signer_queue_charge(queue, ktlsd_clock_cpu_us() - start);
	return true;
}

/* --- the threads --- */

static void *serve_slow(void *arg)
{
	struct serve *serve = arg;

	while (serve_work(serve, &serve->slow, true))
		;
	return NULL;
}

static void serve_free(struct serve *serve)
{
	ktlsd_signer_queue_free(&serve->quick);
	ktlsd_signer_queue_free(&serve->slow);
	free(serve);
}

/* Timeout for poll(), ms; -1 for none. */
static int serve_timeout(struct serve *serve)
{
	bool quick = ktlsd_signer_queue_pending(&serve->quick);
	int wait = ktlsd_memory_step(&serve->memory, ktlsd_clock_ms(),
				     !quick && !ktlsd_signer_queue_pending(&serve->slow));

	return quick ? 0 : wait;
}

static void serve_run(void *arg)
{
	struct serve *serve = arg;
	struct pollfd fd = { .fd = serve->fd, .events = POLLIN };
	bool end = false;
	int i, wait;

	while (!end) {
		if (ktlsd_memory_pass(&serve->memory, &serve->relay))
			return;
		wait = serve_timeout(serve);
		if (wait)
			poll(&fd, 1, wait);
		for (i = 0; i < SERVE_BURST && serve_receive(serve, &end); i++)
			;
		if (i)
			ktlsd_memory_note_work(&serve->memory, ktlsd_clock_ms());
		if (!end)
			serve_work(serve, &serve->quick, false);
	}
	ktlsd_signer_queue_close(&serve->slow);
	pthread_join(serve->slow_thread, NULL);
	serve_free(serve);
	/* Nobody joins this thread. Who sees the socket closed knows that all memory is free. */
	pthread_detach(pthread_self());
	OPENSSL_thread_stop();
	close(fd.fd);
}

static int serve_start_threads(struct serve *serve)
{
	int err;

	err = -pthread_create(&serve->slow_thread, NULL, serve_slow, serve);
	if (err)
		return err;
	err = ktlsd_relay_start(&serve->relay, serve_run, serve);
	if (err) {
		ktlsd_signer_queue_close(&serve->slow);
		pthread_join(serve->slow_thread, NULL);
	}
	return err;
}

int ktlsd_signer_serve_start(int fd)
{
	struct serve *serve = calloc(1, sizeof(*serve));
	int err;

	if (!serve) {
		close(fd);
		return -ENOMEM;
	}
	serve->fd = fd;
	ktlsd_signer_queue_init(&serve->quick);
	ktlsd_signer_queue_init(&serve->slow);
	err = serve_start_threads(serve);
	if (err) {
		serve_free(serve);
		close(fd);
	}
	return err;
}
