// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "lib/log.h"
#include "config/credentials.h"
#include "config/file.h"
#include "config/passphrase.h"
#include "config/stored_key.h"
#include "signer/broker.h"
#include "signer/keys.h"
#include "signer/permit.h"
#include "signer/premaster.h"
#include "signer/protocol.h"
#include "signer/serve.h"

/* --- messages --- */

static void broker_answer(int control, const struct ktlsd_signer_head *head,
			  const void *data, size_t len)
{
	struct iovec parts[] = {
		{ .iov_base = (void *)head, .iov_len = sizeof(*head) },
		{ .iov_base = (void *)data, .iov_len = len },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	while (sendmsg(control, &message, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static void broker_fail(int control, struct ktlsd_signer_head head,
			const struct ktlsd_fault *fault)
{
	head.error = fault->error;
	broker_answer(control, &head, fault->reason, strlen(fault->reason));
}

/* --- files --- */

/* Removes each block of PEM that begins as a private key. */
static void broker_hide_pem(struct ktlsd_buffer *file)
{
	static const char word[] = "PRIVATE KEY-----", end[] = "-----END";
	char *text = (char *)file->data, *key, *begin, *stop, *limit;

	while ((key = memmem(text, file->len, word, sizeof(word) - 1))) {
		limit = text + file->len;
		for (begin = key; begin > text && begin[-1] != '\n'; begin--)
			;
		stop = memmem(key, (size_t)(limit - key), end, sizeof(end) - 1);
		stop = stop ? memchr(stop, '\n', (size_t)(limit - stop)) : NULL;
		stop = stop ? stop + 1 : limit;
		memmove(begin, stop, (size_t)(limit - stop));
		file->len -= (size_t)(stop - begin);
		explicit_bzero(text + file->len, (size_t)(stop - begin));
	}
}

/* Return: whether it is a private key, or a container with one, in DER. */
static bool broker_is_der_key(const struct ktlsd_buffer *file)
{
	const unsigned char *at = file->data;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, (long)file->len);
	X509_SIG *encrypted;
	PKCS12 *pkcs12;

	at = file->data;
	pkcs12 = d2i_PKCS12(NULL, &at, (long)file->len);
	at = file->data;
	encrypted = d2i_X509_SIG(NULL, &at, (long)file->len);
	EVP_PKEY_free(key);
	PKCS12_free(pkcs12);
	X509_SIG_free(encrypted);
	ERR_clear_error();
	return key || pkcs12 || encrypted;
}

int ktlsd_broker_hide_keys(struct ktlsd_buffer *file)
{
	if (!file->len)
		return 0;
	broker_hide_pem(file);
	return file->len && file->data[0] == (V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED) &&
	       broker_is_der_key(file) ? -EACCES : 0;
}

/* The serving process reads what ktlsd.conf names, as it is now. */
static int broker_check_path(const char *path, struct ktlsd_fault *fault)
{
	int err = ktlsd_permit_may_read(path) ? 0 : ktlsd_permit_refresh(fault);

	if (!err && ktlsd_permit_is_passphrase(path))
		return ktlsd_errors_set(fault, -EACCES,
			"%s holds a passphrase: only the signer process of ktlsd may read it", path);
	if (!err && !ktlsd_permit_may_read(path))
		return ktlsd_errors_set(fault, -EACCES,
			"%s is not named in ktlsd.conf: if the file was changed just now, reload again",
			path);
	return err;
}

static void broker_read(int control, struct ktlsd_signer_head head, const char *path)
{
	struct ktlsd_buffer file = { 0 };
	struct ktlsd_fault fault = { 0 };
	size_t at = 0, part;
	mode_t mode = 0;
	int err;

	err = broker_check_path(path, &fault);
	if (!err)
		err = ktlsd_file_read(path, head.value, &file, &mode, &fault);
	if (!err && ktlsd_broker_hide_keys(&file))
		err = ktlsd_errors_set(&fault, -EACCES,
			"%s holds a private key: only the signer process of ktlsd may read it", path);
	head.value = mode;
	if (err) {
		broker_fail(control, head, &fault);
	} else {
		do {
			part = file.len - at < KTLSD_SIGNER_PIECE ? file.len - at :
								    KTLSD_SIGNER_PIECE;
			broker_answer(control, &head, part ? file.data + at : NULL, part);
			at += part;
		} while (part);
	}
	ktlsd_buffer_free(&file);
}

/* --- keys --- */

static void broker_send_certificate(int control, const struct ktlsd_signer_head *head, X509 *cert)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);

	if (len > 0)
		broker_answer(control, head, der, (size_t)len);
	OPENSSL_free(der);
}

/* Return: the string behind @text, NULL if it is empty or not there. */
static char *broker_next(char **text, char *end)
{
	char *next = *text + strlen(*text) + 1;

	*text = next < end ? next : end;
	return **text ? *text : NULL;
}

/* Return: 0 and a handle for the key, or a negative errno. */
static int broker_add(const struct ktlsd_identity_files *files,
		      const struct ktlsd_credential *credential, uint64_t *ret_handle,
		      struct ktlsd_fault *fault)
{
	const struct ktlsd_signer_rights rights = ktlsd_permit_rights(files, credential->leaf);
	int err;

	if (rights.decrypts && EVP_PKEY_is_a(credential->key, "RSA") &&
	    !ktlsd_premaster_is_usable(credential->key, X509_get0_pubkey(credential->leaf)))
		return ktlsd_errors_set(fault, -EINVAL,
			"%s: the token of its private key does not decrypt as rsa_key_transport = yes needs it, with RSA without padding: use another key, or remove that line",
			files->certificate);
	err = ktlsd_signer_keys_add(credential->key, &rights,
				    ktlsd_stored_key_is_stored(credential->key) ?
				    files->private_key : NULL, ret_handle);
	return err ? ktlsd_errors_set(fault, err, "the signer has too many private keys") : 0;
}

/* Looks up a key in a token again. If that fails, its handles stay without it. */
static void broker_restore(const struct ktlsd_identity_files *files)
{
	struct ktlsd_buffer passphrase = { 0 };
	struct ktlsd_fault fault;
	EVP_PKEY *key = NULL;

	if (!files->private_key || !ktlsd_signer_keys_is_dropped(files->private_key))
		return;
	if (!files->passphrase || !ktlsd_passphrase_read(files->passphrase, &passphrase, &fault))
		ktlsd_stored_key_load(files->private_key, (const char *)passphrase.data, &key,
				      &fault);
	if (key)
		ktlsd_signer_keys_restore(key, files->private_key);
	EVP_PKEY_free(key);
	ktlsd_buffer_free(&passphrase);
}

/* A PKCS #11 library cannot be there twice: with it go all keys in tokens, until they are looked
 * up again. Handshakes of just then fail.
 */
static void broker_renew_tokens(void)
{
	ktlsd_signer_keys_drop_stored();
	ktlsd_stored_key_renew();
	ktlsd_permit_for_each(broker_restore);
}

static int broker_refresh(struct ktlsd_fault *fault)
{
	int err = ktlsd_permit_refresh(fault);

	if (!err && ktlsd_stored_key_is_stale())
		broker_renew_tokens();
	return err;
}

static int broker_open(const struct ktlsd_identity_files *files,
		       struct ktlsd_credential *credential, struct ktlsd_fault *fault)
{
	int err;

	/* Before anything is opened: a token would count a wrong PIN. */
	if (!ktlsd_permit_has(files))
		return ktlsd_errors_set(fault, -EACCES,
			"%s: no identity in ktlsd.conf has it with this key: if the file was changed just now, reload again",
			files->certificate);
	err = ktlsd_credentials_load(files->certificate, files->private_key, files->passphrase,
				     credential, fault);
	/* The token may be back, but needs a new start. */
	if (!err || err == -EKEYREJECTED || !ktlsd_stored_key_is_stale())
		return err;
	broker_renew_tokens();
	return ktlsd_credentials_load(files->certificate, files->private_key, files->passphrase,
				      credential, fault);
}

/* @paths: three, and a NUL at @end */
static void broker_load(int control, struct ktlsd_signer_head head, char *paths, char *end)
{
	char *at = paths, *key = broker_next(&at, end), *passphrase = broker_next(&at, end);
	const struct ktlsd_identity_files files = {
		.certificate = paths, .private_key = key, .passphrase = passphrase,
	};
	struct ktlsd_credential credential = { 0 };
	struct ktlsd_fault fault = { 0 };
	int i, err;

	broker_refresh(&fault);
	err = broker_open(&files, &credential, &fault);
	if (!err)
		err = broker_add(&files, &credential, &head.handle, &fault);
	if (err) {
		fault.error = err;
		broker_fail(control, head, &fault);
	} else {
		broker_send_certificate(control, &head, credential.leaf);
		for (i = 0; i < sk_X509_num(credential.chain); i++)
			broker_send_certificate(control, &head,
						sk_X509_value(credential.chain, i));
		broker_answer(control, &head, NULL, 0);
	}
	ktlsd_credentials_free(&credential);
}

/* --- the loop --- */

/* Return: the descriptor that came with a message, or -1. There is room for two, by alignment: a
 * message with more than one has none.
 */
static int broker_take_fd(struct msghdr *message)
{
	int fds[CMSG_SPACE(sizeof(int)) / sizeof(int)];
	struct cmsghdr *control = CMSG_FIRSTHDR(message);
	size_t count, i;

	if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
		return -1;
	count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(control), count * sizeof(int));
	if (count == 1)
		return fds[0];
	for (i = 0; i < count; i++)
		close(fds[i]);
	return -1;
}

/* In the background nobody may wait for our stdio to be closed. */
static void broker_log(const struct ktlsd_signer_head *head)
{
	int null;

	ktlsd_log_open("ktlsd", head->value, head->value2);
	if (head->value != KTLSD_LOG_SYSLOG)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close(null);
}

/* @data: @len bytes, and a NUL after them */
static void broker_handle(int control, const struct ktlsd_signer_head *head, char *data,
			  size_t len, int fd)
{
	struct ktlsd_signer_head answer = *head;
	struct ktlsd_fault fault;

	switch (head->op) {
	case KTLSD_SIGNER_READ:
		ktlsd_permit_note_read(data);
		broker_read(control, answer, data);
		break;
	case KTLSD_SIGNER_LOAD:
		broker_load(control, answer, data, data + len);
		break;
	case KTLSD_SIGNER_CHANNEL:
		answer.error = fd < 0 ? -EBADF : ktlsd_signer_serve_start(fd);
		broker_answer(control, &answer, NULL, 0);
		return;
	case KTLSD_SIGNER_CONFIG:
		if (broker_refresh(&fault))
			broker_fail(control, answer, &fault);
		else
			broker_answer(control, &answer, NULL, 0);
		break;
	case KTLSD_SIGNER_LOG:
		broker_log(head);
		break;
	}
	if (fd >= 0)
		close(fd);
}

/* Return: false if the serving process has gone. */
static bool broker_receive(int control)
{
	char ancillary[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	static char data[KTLSD_SIGNER_PIECE + 1];
	struct ktlsd_signer_head head;
	struct iovec parts[] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_base = data, .iov_len = sizeof(data) - 1 },
	};
	struct msghdr message = {
		.msg_iov = parts, .msg_iovlen = 2,
		.msg_control = ancillary, .msg_controllen = sizeof(ancillary),
	};
	ssize_t len = recvmsg(control, &message, MSG_CMSG_CLOEXEC);

	if (len < 0 && errno == EINTR)
		return true;
	if (len < (ssize_t)sizeof(head))
		return false;
	len -= (ssize_t)sizeof(head);
	data[len] = '\0';
	broker_handle(control, &head, data, (size_t)len, broker_take_fd(&message));
	return true;
}

static void broker_receive_releases(int releases)
{
	struct ktlsd_signer_head head;

	while (recv(releases, &head, sizeof(head), MSG_DONTWAIT) == sizeof(head)) {
		if (head.op == KTLSD_SIGNER_RELEASE)
			ktlsd_signer_keys_release(head.handle);
		else if (send(releases, &head, sizeof(head), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			return;
	}
}

void ktlsd_broker_run(int control, int releases)
{
	struct pollfd fds[] = {
		{ .fd = control, .events = POLLIN },
		{ .fd = releases, .events = POLLIN },
	};

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[1].revents & POLLIN)
			broker_receive_releases(releases);
		if (fds[0].revents && !broker_receive(control))
			return;
	}
}
