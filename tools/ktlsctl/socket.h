/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A socket, as the module reports it, and how it is printed. */
#ifndef KTLSCTL_SOCKET_H
#define KTLSCTL_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <netinet/in.h>

#include "lib/message.h"

enum {
	KTLSCTL_NAME_MAX	= 256,	/* bytes, with a NUL */
	KTLSCTL_ADDRESS_MAX	= 80,
};

/**
 * struct ktlsctl_socket - a socket
 * @info: what KTLS_INFO tells; zeros where the kernel is older
 * @uid: of its owner
 * @inode: as in /proc/PID/fd; 0: no program has it open
 * @local: address; sin6_family 0: none
 * @peer: likewise
 * @age: seconds in its state
 * @tx_idle: ms since TCP sent data; -1: it is not connected
 * @rx_idle: ms since TCP received data; likewise
 * @server_name: of the server, or ""
 * @identity: the program's, or ""
 * @peer_name: who the peer was verified to be, or ""
 * @alpn: protocol, or ""
 * @reason: why it failed, or ""
 * @external: its keys are from elsewhere
 *
 * Bytes of texts that are not printable are replaced with '?'.
 */
struct ktlsctl_socket {
	struct ktls_info	info;
	uint32_t		uid;
	uint64_t		inode;
	struct sockaddr_in6	local;
	struct sockaddr_in6	peer;
	uint32_t		age;
	int64_t			tx_idle;
	int64_t			rx_idle;
	char			server_name[KTLSCTL_NAME_MAX];
	char			identity[KTLSCTL_NAME_MAX];
	char			peer_name[KTLSCTL_NAME_MAX];
	char			alpn[KTLSCTL_NAME_MAX];
	char			reason[KTLSCTL_NAME_MAX];
	bool			external;
};

/* Return: 0, or -EBADMSG if the message is not one about a socket. */
int ktlsctl_socket_read(const struct ktlsd_event *event, struct ktlsctl_socket *ret_socket);

/* "192.0.2.1:443", "[2001:db8::1]:443", "-". @address: sockaddr_in or sockaddr_in6. */
const char *ktlsctl_socket_address(const struct sockaddr_in6 *address, char *text,
				   size_t size);

/* "59s", "59m", "23h", "4d": a rounded time. */
const char *ktlsctl_socket_time(uint64_t seconds, char *text, size_t size);

/* The name that matters: who the peer is; else whom one wants to reach, or is. "-": none. */
const char *ktlsctl_socket_name(const struct ktlsctl_socket *socket);

/* What is remarkable, separated by commas: verified, resumed, ...; "-": nothing. */
const char *ktlsctl_socket_flags(const struct ktlsctl_socket *socket, char *text, size_t size);

/* Prints the titles of the columns, and a socket in a line, with @colour for the state. */
void ktlsctl_socket_print_titles(FILE *out);
void ktlsctl_socket_print(FILE *out, const struct ktlsctl_socket *socket, bool colour);
void ktlsctl_socket_print_json(FILE *out, const struct ktlsctl_socket *socket);

#endif
