/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which sockets of the program are TLS, and how. Made at start, then constant: any thread. */
#ifndef KTLS_RUN_RULES_H
#define KTLS_RUN_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	KTLS_RUN_RULES_MAX	= 64,
	KTLS_RUN_ALPN_MAX	= 1024,	/* as KTLS_ALPN */
	KTLS_RUN_ADDRESS_TEXT	= 64,	/* bytes of "[ADDRESS]:PORT" */
};

enum ktls_run_role {
	KTLS_RUN_CONNECT,
	KTLS_RUN_LISTEN,
};

struct ktls_run_blob {
	char	*data;
	size_t	len;
};

/**
 * struct ktls_run_settings - the options of a socket
 * @plain: it stays TCP; nothing else counts
 * @identity: KTLS_IDENTITY, or NULL
 * @server_name: KTLS_SERVER_NAME, or NULL
 * @certificate: KTLS_CERTIFICATE, empty if unset
 * @key: KTLS_PRIVATE_KEY, likewise
 * @trust: KTLS_TRUST, likewise
 * @alpn: KTLS_ALPN
 * @alpn_len: 0 if unset
 * @verify: KTLS_VERIFY, -1 if unset
 * @allow_truncation: KTLS_EOF is 0
 */
struct ktls_run_settings {
	bool			plain;
	const char		*identity;
	const char		*server_name;
	struct ktls_run_blob	certificate;
	struct ktls_run_blob	key;
	struct ktls_run_blob	trust;
	uint8_t			alpn[KTLS_RUN_ALPN_MAX];
	size_t			alpn_len;
	int			verify;
	bool			allow_truncation;
};

/**
 * struct ktls_run_rule - sockets, and their options
 * @role: of the program
 * @any_address: @address and @bits do not count
 * @address: IPv6, or IPv4 as ::ffff:a.b.c.d
 * @bits: of @address that count
 * @first: port
 * @last: port
 * @settings: of these sockets
 */
struct ktls_run_rule {
	enum ktls_run_role		role;
	bool				any_address;
	uint8_t				address[16];
	unsigned int			bits;
	uint16_t			first;
	uint16_t			last;
	struct ktls_run_settings	settings;
};

struct ktls_run_rules {
	struct ktls_run_rule	rule[KTLS_RUN_RULES_MAX];
	size_t			count;
};

/* Adds a rule for @text: "PORT", "PORT-PORT", "any", each with "ADDRESS:", "NETWORK/BITS:",
 * "[ADDRESS]:" or "[NETWORK/BITS]:" before it. Return: NULL, or what is wrong.
 */
const char *ktls_run_rules_add(struct ktls_run_rules *rules, enum ktls_run_role role,
			       const char *text, const struct ktls_run_settings *settings);

/* The first rule for @address: where the program connects, or where it listens.
 * Return: NULL if there is none, and the socket stays TCP.
 */
const struct ktls_run_rule *ktls_run_rules_find(const struct ktls_run_rules *rules,
						enum ktls_run_role role,
						const struct sockaddr *address, socklen_t len);

/* "ADDRESS:PORT" for messages. */
void ktls_run_rules_print(char text[static KTLS_RUN_ADDRESS_TEXT],
			  const struct sockaddr *address, socklen_t len);

#endif
