// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "names.h"
#include "socket.h"

enum {
	SOCKET_NUMBER_MAX	= 16,
};

static int socket_read_text(const struct ktlsd_event *event, uint16_t attr, char *text)
{
	int len = ktlsd_message_string(event, attr, text, KTLSCTL_NAME_MAX);

	/* They come from peers, and go to a terminal. */
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
			*text = '?';
	}
	return len;
}

/* A protocol may have any bytes, NUL too. */
static void socket_read_alpn(const struct ktlsd_event *event, char *text)
{
	size_t len, i;
	const unsigned char *bytes = ktlsd_message_bytes(event, KTLS_A_ALPN, &len);

	for (i = 0; i < len && i < KTLSCTL_NAME_MAX - 1; i++)
		text[i] = bytes[i] < 0x21 || bytes[i] > 0x7e ? '?' : (char)bytes[i];
	text[i] = '\0';
}

static int socket_read_address(const struct ktlsd_event *event, uint16_t attr,
			       struct sockaddr_in6 *address)
{
	size_t len;
	const void *bytes = ktlsd_message_bytes(event, attr, &len);

	if (!len)
		return 0;
	if (len != sizeof(struct sockaddr_in) && len != sizeof(*address))
		return -EBADMSG;
	memcpy(address, bytes, len);
	return address->sin6_family == (len == sizeof(*address) ? AF_INET6 : AF_INET) ?
	       0 : -EBADMSG;
}

int ktlsctl_socket_read(const struct ktlsd_event *event, struct ktlsctl_socket *ret_socket)
{
	struct ktlsctl_socket *s = ret_socket;
	const void *info;
	size_t len;

	memset(s, 0, sizeof(*s));
	info = ktlsd_message_bytes(event, KTLS_A_INFO, &len);
	if (event->cmd != KTLS_CMD_SOCKETS || !info)
		return -EBADMSG;
	memcpy(&s->info, info, len < sizeof(s->info) ? len : sizeof(s->info));
	s->uid = ktlsd_message_u32(event, KTLS_A_UID, UINT32_MAX);
	s->inode = ktlsd_message_u64(event, KTLS_A_INODE, 0);
	s->age = ktlsd_message_u32(event, KTLS_A_AGE, 0);
	s->tx_idle = event->attr[KTLS_A_TX_IDLE] ?
		     (int64_t)ktlsd_message_u32(event, KTLS_A_TX_IDLE, 0) : -1;
	s->rx_idle = event->attr[KTLS_A_RX_IDLE] ?
		     (int64_t)ktlsd_message_u32(event, KTLS_A_RX_IDLE, 0) : -1;
	s->external = event->attr[KTLS_A_EXTERNAL];
	socket_read_alpn(event, s->alpn);
	if (socket_read_address(event, KTLS_A_LOCAL_ADDR, &s->local) ||
	    socket_read_address(event, KTLS_A_PEER_ADDR, &s->peer) ||
	    socket_read_text(event, KTLS_A_SERVER_NAME, s->server_name) < 0 ||
	    socket_read_text(event, KTLS_A_IDENTITY, s->identity) < 0 ||
	    socket_read_text(event, KTLS_A_PEER_NAME, s->peer_name) < 0 ||
	    socket_read_text(event, KTLS_A_REASON, s->reason) < 0)
		return -EBADMSG;
	return 0;
}

const char *ktlsctl_socket_address(const struct sockaddr_in6 *address, char *text, size_t size)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	char host[INET6_ADDRSTRLEN], scope[IF_NAMESIZE + 1] = "";

	if (address->sin6_family == AF_INET &&
	    inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host))) {
		snprintf(text, size, "%s:%u", host, ntohs(in->sin_port));
	} else if (address->sin6_family == AF_INET6 &&
		   inet_ntop(AF_INET6, &address->sin6_addr, host, sizeof(host))) {
		if (address->sin6_scope_id) {
			scope[0] = '%';
			if (!if_indextoname(address->sin6_scope_id, scope + 1))
				snprintf(scope + 1, sizeof(scope) - 1, "%u",
					 address->sin6_scope_id);
		}
		snprintf(text, size, "[%s%s]:%u", host, scope, ntohs(address->sin6_port));
	} else {
		snprintf(text, size, "-");
	}
	return text;
}

const char *ktlsctl_socket_time(uint64_t seconds, char *text, size_t size)
{
	if (seconds < 60)
		snprintf(text, size, "%" PRIu64 "s", seconds);
	else if (seconds < 3600)
		snprintf(text, size, "%" PRIu64 "m", seconds / 60);
	else if (seconds < 86400)
		snprintf(text, size, "%" PRIu64 "h", seconds / 3600);
	else
		snprintf(text, size, "%" PRIu64 "d", seconds / 86400);
	return text;
}

const char *ktlsctl_socket_name(const struct ktlsctl_socket *socket)
{
	if (socket->peer_name[0])
		return socket->peer_name;
	if (socket->server_name[0])
		return socket->server_name;
	return socket->identity[0] ? socket->identity : "-";
}

static void socket_add_flag(char *text, size_t size, bool set, const char *flag)
{
	size_t len = strlen(text);

	if (set)
		snprintf(text + len, size - len, "%s%s", len ? "," : "", flag);
}

const char *ktlsctl_socket_flags(const struct ktlsctl_socket *socket, char *text, size_t size)
{
	uint32_t flags = socket->info.flags;

	text[0] = '\0';
	socket_add_flag(text, size, flags & KTLS_INFO_VERIFIED, "verified");
	socket_add_flag(text, size, flags & KTLS_INFO_RESUMED, "resumed");
	socket_add_flag(text, size, socket->external, "external");
	socket_add_flag(text, size, flags & KTLS_INFO_CLOSE_SENT, "close-sent");
	socket_add_flag(text, size, flags & KTLS_INFO_CLOSE_RCVD, "close-rcvd");
	socket_add_flag(text, size, !socket->inode, "no-file");
	return text[0] ? text : "-";
}

/* The order of the columns is an interface: new ones go to the end. */
void ktlsctl_socket_print_titles(FILE *out)
{
	fprintf(out, "%-10s %-6s %-3s %-28s %-14s %-22s %-22s %-20s %5s %4s %10s %10s %s\n",
		"STATE", "ROLE", "TLS", "SUITE", "GROUP", "LOCAL", "PEER", "NAME", "UID", "AGE",
		"SENT", "RECEIVED", "FLAGS");
}

static const char *socket_colour(const struct ktlsctl_socket *socket)
{
	switch (socket->info.state) {
	case KTLS_STATE_OPEN:
		return "\033[32m";
	case KTLS_STATE_FAILED:
		return "\033[31m";
	case KTLS_STATE_HANDSHAKE:
	case KTLS_STATE_CONNECTING:
		return "\033[33m";
	default:
		return "";
	}
}

void ktlsctl_socket_print(FILE *out, const struct ktlsctl_socket *socket, bool colour)
{
	char suite[SOCKET_NUMBER_MAX], group[SOCKET_NUMBER_MAX], age[SOCKET_NUMBER_MAX];
	char local[KTLSCTL_ADDRESS_MAX], peer[KTLSCTL_ADDRESS_MAX], flags[80];
	const struct ktls_info *info = &socket->info;
	const char *on = colour ? socket_colour(socket) : "";

	fprintf(out, "%s%-10s%s %-6s %-3s %-28s %-14s %-22s %-22s %-20s %5u %4s %10" PRIu64
		" %10" PRIu64 " %s", on, ktlsctl_names_state(info->state), on[0] ? "\033[0m" : "",
		ktlsctl_names_role(info->role), ktlsctl_names_version(info->version),
		ktlsctl_names_suite(info->suite, suite, sizeof(suite)),
		ktlsctl_names_group(info->group, group, sizeof(group)),
		ktlsctl_socket_address(&socket->local, local, sizeof(local)),
		ktlsctl_socket_address(&socket->peer, peer, sizeof(peer)),
		ktlsctl_socket_name(socket), socket->uid,
		ktlsctl_socket_time(socket->age, age, sizeof(age)),
		(uint64_t)info->tx_bytes, (uint64_t)info->rx_bytes,
		ktlsctl_socket_flags(socket, flags, sizeof(flags)));
	if (socket->reason[0])
		fprintf(out, " \"%s\"", socket->reason);
	fputc('\n', out);
}

static void socket_print_text(FILE *out, const char *key, const char *text)
{
	fprintf(out, ", \"%s\": ", key);
	if (text[0] && strcmp(text, "-"))
		ktlsctl_json_string(out, text);
	else
		fprintf(out, "null");
}

static void socket_print_number(FILE *out, const char *key, int64_t number)
{
	if (number < 0)
		fprintf(out, ", \"%s\": null", key);
	else
		fprintf(out, ", \"%s\": %" PRId64, key, number);
}

static void socket_print_bool(FILE *out, const char *key, bool value)
{
	fprintf(out, ", \"%s\": %s", key, value ? "true" : "false");
}

static void socket_print_counters(FILE *out, const struct ktlsctl_socket *s)
{
	const struct ktls_info *info = &s->info;

	socket_print_number(out, "uid", s->uid);
	socket_print_number(out, "inode", s->inode ? (int64_t)s->inode : -1);
	socket_print_number(out, "age_seconds", s->age);
	socket_print_number(out, "tx_idle_ms", s->tx_idle);
	socket_print_number(out, "rx_idle_ms", s->rx_idle);
	socket_print_number(out, "handshake_ms", info->handshake_ms);
	socket_print_number(out, "tx_bytes", (int64_t)info->tx_bytes);
	socket_print_number(out, "rx_bytes", (int64_t)info->rx_bytes);
	socket_print_number(out, "tx_records", (int64_t)info->tx_records);
	socket_print_number(out, "rx_records", (int64_t)info->rx_records);
	socket_print_number(out, "tx_key_updates", info->tx_key_updates);
	socket_print_number(out, "rx_key_updates", info->rx_key_updates);
}

void ktlsctl_socket_print_json(FILE *out, const struct ktlsctl_socket *s)
{
	const struct ktls_info *info = &s->info;
	char number[SOCKET_NUMBER_MAX], address[KTLSCTL_ADDRESS_MAX];

	fprintf(out, "{\"state\": \"%s\"", ktlsctl_names_state(info->state));
	socket_print_text(out, "role", ktlsctl_names_role(info->role));
	socket_print_text(out, "version", ktlsctl_names_version(info->version));
	socket_print_text(out, "suite", ktlsctl_names_suite(info->suite, number, sizeof(number)));
	socket_print_text(out, "group", ktlsctl_names_group(info->group, number, sizeof(number)));
	socket_print_text(out, "signature",
			  ktlsctl_names_signature(info->sigalg, number, sizeof(number)));
	socket_print_text(out, "local", ktlsctl_socket_address(&s->local, address,
							       sizeof(address)));
	socket_print_text(out, "peer", ktlsctl_socket_address(&s->peer, address,
							      sizeof(address)));
	socket_print_text(out, "server_name", s->server_name);
	socket_print_text(out, "identity", s->identity);
	socket_print_text(out, "peer_name", s->peer_name);
	socket_print_text(out, "alpn", s->alpn);
	socket_print_text(out, "reason", s->reason);
	socket_print_text(out, "revocation", ktlsctl_names_revocation(info->revocation));
	socket_print_text(out, "alert_sent",
			  ktlsctl_names_alert(info->alert_sent, number, sizeof(number)));
	socket_print_text(out, "alert_received",
			  ktlsctl_names_alert(info->alert_rcvd, number, sizeof(number)));
	socket_print_bool(out, "verified", info->flags & KTLS_INFO_VERIFIED);
	socket_print_bool(out, "resumed", info->flags & KTLS_INFO_RESUMED);
	socket_print_bool(out, "close_sent", info->flags & KTLS_INFO_CLOSE_SENT);
	socket_print_bool(out, "close_received", info->flags & KTLS_INFO_CLOSE_RCVD);
	socket_print_bool(out, "external", s->external);
	socket_print_counters(out, s);
	fputc('}', out);
}
