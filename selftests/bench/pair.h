/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two ends of a loopback connection that is protected in one of the ways that are compared. */
#ifndef _BENCH_PAIR_H
#define _BENCH_PAIR_H

#include <openssl/ssl.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* AEAD is the bare cipher, without a connection. */
enum kind { PLAIN, AEAD, MAINLINE, OPENSSL, KTLS, KINDS };

extern const char *const kind_names[];

/**
 * struct config - a version and a cipher
 * @version, @cipher: in the table
 * @tls_version, @tls_cipher: for TLS_TX and TLS_RX
 * @suite: OpenSSL's name
 * @alg: the crypto API's name, and the size of the key
 * @aad, @type: bytes of additional data a record, and of the inner content type
 * @info_len: of the structure for TLS_TX
 */
struct config {
	const char	*version, *cipher;
	uint16_t	tls_version, tls_cipher;
	const char	*suite, *alg;
	unsigned int	aad, type;
	size_t		info_len;
};

/* @ssl: NULL unless OpenSSL protects the connection, in this process. */
struct end { int fd; SSL *ssl; };
struct pair { struct end tx, rx; };

void pair_open(struct pair *p, const struct config *config, enum kind kind);
void pair_nodelay(struct pair *p);
void pair_close(struct pair *p);
void end_send(struct end *e, const void *from, size_t len);
void end_sendv(struct end *e, const struct iovec *iov, int n);
void end_sendfile(struct end *e, int file, size_t len);
size_t end_recv(struct end *e, void *to, size_t size);

#endif /* _BENCH_PAIR_H */
