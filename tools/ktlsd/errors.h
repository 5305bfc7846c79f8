/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why something failed: an errno, a reason in words, and perhaps an alert. Any thread. */
#ifndef KTLSD_ERRORS_H
#define KTLSD_ERRORS_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "lib/message.h"

enum {
	KTLSD_ALERT_NONE	= -1,
};

/**
 * struct ktlsd_fault - why something failed
 * @error: negative errno, 0 while nothing failed
 * @alert: description of the alert sent or received, or KTLSD_ALERT_NONE
 * @alert_received: it came from the peer
 * @reason: a sentence for KTLS_ERROR and the log: printable ASCII, no secret
 */
struct ktlsd_fault {
	int	error;
	int	alert;
	bool	alert_received;
	char	reason[KTLS_GENL_REASON_MAX + 1];
};

/**
 * struct ktlsd_verdict - why a certificate was refused
 * @error: X509_V_ERR_* or KTLSD_PUBLIC_KEY_*, X509_V_OK if it was not refused
 * @depth: position in the chain, 0 is the peer's own
 * @cert: a reference to the refused certificate, or NULL
 */
struct ktlsd_verdict {
	int	error;
	int	depth;
	X509	*cert;
};

/* Sets @fault; @error is a negative errno. Return: @error. */
int ktlsd_errors_set(struct ktlsd_fault *fault, int error,
		     const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Return: the alert's name in RFC 8446, or "unknown". */
const char *ktlsd_errors_alert_name(int alert);

/* Return: the reason of the first OpenSSL error queued, or "unknown reason". */
const char *ktlsd_errors_openssl_reason(void);

/* Prints the common name, else the whole name, in printable ASCII. */
void ktlsd_errors_print_name(char *dst, size_t size, const X509_NAME *name);

/* Prints which certificate of the peer's chain a reason is about: the beginning of a
 * sentence. @whose: name of the server, or NULL if the peer is a client.
 */
void ktlsd_errors_subject(char *dst, size_t size, int depth, const char *whose);

/**
 * ktlsd_errors_from_verdict - the peer's certificate was refused
 * @fault: set, except the alert
 * @verdict: what X509_verify_cert() found
 * @whose: name of the server, or NULL if the peer is a client
 *
 * Return: -EKEYREJECTED
 */
int ktlsd_errors_from_verdict(struct ktlsd_fault *fault,
			      const struct ktlsd_verdict *verdict,
			      const char *whose);

/**
 * ktlsd_errors_from_ssl - SSL_do_handshake() failed for another reason
 * @fault: set; has the alert that was sent or received
 * @is_server: our role
 *
 * Takes the reason from OpenSSL's error queue of this thread and empties it.
 *
 * Return: the negative errno
 */
int ktlsd_errors_from_ssl(struct ktlsd_fault *fault, bool is_server);

#endif
