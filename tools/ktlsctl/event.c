// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "event.h"
#include "json.h"
#include "socket.h"

/* What a change of the state says; "" is any state. The first that fits. */
static const struct {
	const char	*from;
	const char	*to;
	const char	*kind;
	const char	*what;
} event_states[] = {
	{ "HANDSHAKE", "OPEN", "handshake", "complete" },
	{ "HANDSHAKE", "FAILED", "handshake", "failed" },
	{ "HANDSHAKE", "CLOSED", "handshake", "closed" },
	{ "", "HANDSHAKE", "handshake", "begun" },
	{ "", "OPEN", "connection", "open" },
	{ "OPEN", "FAILED", "connection", "failed" },
	{ "OPEN", "CLOSED", "connection", "closed" },
	{ "CONNECTING", "FAILED", "connection", "failed" },
};

/* "FROM -> TO". */
static bool event_parse_state(char *text, struct ktlsctl_event *event)
{
	char *to = strstr(text, " -> ");
	size_t i;

	if (!to)
		return false;
	*to = '\0';
	to += 4;
	for (i = 0; i < sizeof(event_states) / sizeof(*event_states); i++) {
		if ((*event_states[i].from && strcmp(text, event_states[i].from) != 0) ||
		    strcmp(to, event_states[i].to) != 0)
			continue;
		event->kind = event_states[i].kind;
		event->what = event_states[i].what;
		return true;
	}
	return false;
}

/* "sent NAME", or "received". */
static void event_parse_way(char *text, struct ktlsctl_event *event)
{
	char *detail = text + strcspn(text, " ");

	if (*detail)
		*detail++ = '\0';
	event->what = text;
	event->detail = detail;
}

/* The kernel gives IPv4 as ::ffff:a.b.c.d. */
static bool event_parse_address(const char *host, unsigned int port, struct sockaddr_in6 *address)
{
	struct sockaddr_in *in = (struct sockaddr_in *)address;
	struct in6_addr bytes;

	if (inet_pton(AF_INET6, host, &bytes) != 1 || port > UINT16_MAX)
		return false;
	address->sin6_family = IN6_IS_ADDR_V4MAPPED(&bytes) ? AF_INET : AF_INET6;
	address->sin6_port = htons((uint16_t)port);
	if (address->sin6_family == AF_INET)
		memcpy(&in->sin_addr, bytes.s6_addr + 12, sizeof(in->sin_addr));
	else
		address->sin6_addr = bytes;
	return true;
}

/* Return: what follows "sk=... netns=N sport=N dport=N saddr=A daddr=A ", or NULL. */
static char *event_parse_socket(char *text, struct ktlsctl_event *event)
{
	char local[INET6_ADDRSTRLEN], peer[INET6_ADDRSTRLEN];
	unsigned int sport, dport;
	int used = 0;

	if (sscanf(text, "sk=%*s netns=%" SCNu32 " sport=%u dport=%u saddr=%45s daddr=%45s%n",
		   &event->netns, &sport, &dport, local, peer, &used) != 5 ||
	    text[used] != ' ' || !event_parse_address(local, sport, &event->local) ||
	    !event_parse_address(peer, dport, &event->peer))
		return NULL;
	return text + used + 1;
}

/* "CPU:1 [LOST 12 EVENTS]": they came faster than they were read. */
static bool event_parse_lost(char *line, struct ktlsctl_event *event)
{
	char *number = strstr(line, "[LOST ");

	if (strncmp(line, "CPU:", 4) != 0 || !number)
		return false;
	number += 6;
	number[strcspn(number, " ]")] = '\0';
	event->kind = "lost";
	event->what = number;
	return true;
}

bool ktlsctl_event_parse(char *line, struct ktlsctl_event *event)
{
	char *text;

	*event = (struct ktlsctl_event) { .what = "", .detail = "" };
	line[strcspn(line, "\n")] = '\0';
	line += strspn(line, " ");
	if (event_parse_lost(line, event))
		return true;
	text = strstr(line, ": ");
	if (!text)
		return false;
	*text = '\0';
	text = event_parse_socket(text + 2, event);
	if (!text)
		return false;
	if (!strcmp(line, "ktls_state"))
		return event_parse_state(text, event);
	if (!strcmp(line, "ktls_reason")) {
		event->kind = "failure";
		event->what = text;
		return true;
	}
	event->kind = !strcmp(line, "ktls_alert") ? "alert" :
		      !strcmp(line, "ktls_key_update") ? "key-update" : NULL;
	event_parse_way(text, event);
	return event->kind != NULL;
}

/* Prints without what could move the cursor. */
static void event_print_text(FILE *out, const char *text)
{
	for (; *text; text++)
		fputc(*text < ' ' || *text > '~' ? '?' : *text, out);
}

static void event_print_json(FILE *out, const struct ktlsctl_event *event, const char *date)
{
	char local[KTLSCTL_ADDRESS_MAX], peer[KTLSCTL_ADDRESS_MAX];

	/* One line: programs read lines. */
	fputs("{\"time\": ", out);
	ktlsctl_json_string(out, date);
	fputs(", \"event\": ", out);
	ktlsctl_json_string(out, event->kind);
	fputs(", \"what\": ", out);
	ktlsctl_json_string(out, event->what);
	fputs(", \"detail\": ", out);
	ktlsctl_json_string(out, event->detail);
	if (strcmp(event->kind, "lost") != 0) {
		fprintf(out, ", \"netns\": %" PRIu32 ", \"local_port\": %u, \"remote_port\": %u"
			", \"local\": ", event->netns, ntohs(event->local.sin6_port),
			ntohs(event->peer.sin6_port));
		ktlsctl_json_string(out, ktlsctl_socket_address(&event->local, local,
								sizeof(local)));
		fputs(", \"peer\": ", out);
		ktlsctl_json_string(out, ktlsctl_socket_address(&event->peer, peer, sizeof(peer)));
	}
	fputs("}\n", out);
}

/* The order of the columns is an interface; the last has the rest of the line. */
void ktlsctl_event_print_titles(FILE *out)
{
	fprintf(out, "%-24s %-10s %-22s %-22s %s\n", "TIME", "EVENT", "LOCAL", "PEER", "WHAT");
}

void ktlsctl_event_print(FILE *out, const struct ktlsctl_event *event,
			 const struct timespec *when, bool json)
{
	char local[KTLSCTL_ADDRESS_MAX], peer[KTLSCTL_ADDRESS_MAX];
	char date[64] = "", seconds[48];
	struct tm tm;

	if (gmtime_r(&when->tv_sec, &tm) && strftime(seconds, sizeof(seconds), "%FT%T", &tm))
		snprintf(date, sizeof(date), "%s.%03ldZ", seconds, when->tv_nsec / 1000000);
	if (json) {
		event_print_json(out, event, date);
		return;
	}
	/* A lost event has no addresses: "-". */
	fprintf(out, "%s %-10s %-22s %-22s ", date, event->kind,
		ktlsctl_socket_address(&event->local, local, sizeof(local)),
		ktlsctl_socket_address(&event->peer, peer, sizeof(peer)));
	event_print_text(out, event->what);
	if (*event->detail)
		fputc(' ', out);
	event_print_text(out, event->detail);
	fputc('\n', out);
}
