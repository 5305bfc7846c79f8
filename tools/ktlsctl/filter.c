// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "filter.h"
#include "names.h"

/**
 * struct filter_key - what a condition can be about
 * @name: of it, with '='
 * @matches: does the socket have this value?
 */
struct filter_key {
	const char	*name;
	bool		(*matches)(const struct ktlsctl_socket *socket, const char *value);
};

static bool filter_state(const struct ktlsctl_socket *socket, const char *value)
{
	return !strcasecmp(value, ktlsctl_names_state(socket->info.state));
}

static bool filter_role(const struct ktlsctl_socket *socket, const char *value)
{
	return !strcasecmp(value, ktlsctl_names_role(socket->info.role));
}

static bool filter_version(const struct ktlsctl_socket *socket, const char *value)
{
	return !strcmp(value, ktlsctl_names_version(socket->info.version));
}

/* A number, or the name of a user. */
static bool filter_uid(const struct ktlsctl_socket *socket, const char *value)
{
	const struct passwd *user;
	char *end;
	unsigned long uid = strtoul(value, &end, 10);

	if (end != value && !*end)
		return socket->uid == uid;
	user = getpwnam(value);
	return user && socket->uid == user->pw_uid;
}

/* Both kinds of sockaddr have their port in the same place. */
static bool filter_port(const struct ktlsctl_socket *socket, const char *value)
{
	unsigned long port = strtoul(value, NULL, 10);

	return (socket->local.sin6_family && ntohs(socket->local.sin6_port) == port) ||
	       (socket->peer.sin6_family && ntohs(socket->peer.sin6_port) == port);
}

/* With or without a port; an IPv6 address with or without brackets. */
static bool filter_has_address(const struct sockaddr_in6 *address, const char *value)
{
	char text[KTLSCTL_ADDRESS_MAX], *host = text, *port;

	ktlsctl_socket_address(address, text, sizeof(text));
	if (!strcmp(text, value))
		return true;
	port = strrchr(text, ':');
	if (!port)
		return false;
	*port = '\0';
	if (!strcmp(text, value))
		return true;
	if (*host == '[') {
		host++;
		port[-1] = '\0';
	}
	return !strcmp(host, value);
}

static bool filter_local(const struct ktlsctl_socket *socket, const char *value)
{
	return filter_has_address(&socket->local, value);
}

static bool filter_peer(const struct ktlsctl_socket *socket, const char *value)
{
	return filter_has_address(&socket->peer, value);
}

static bool filter_name(const struct ktlsctl_socket *socket, const char *value)
{
	return !strcasecmp(value, socket->peer_name) || !strcasecmp(value, socket->server_name);
}

static bool filter_identity(const struct ktlsctl_socket *socket, const char *value)
{
	return !strcmp(value, socket->identity);
}

static bool filter_verified(const struct ktlsctl_socket *socket, const char *value)
{
	return !strcmp(value, "yes") == !!(socket->info.flags & KTLS_INFO_VERIFIED);
}

static const struct filter_key filter_keys[] = {
	{ "state=", filter_state },
	{ "role=", filter_role },
	{ "version=", filter_version },
	{ "uid=", filter_uid },
	{ "port=", filter_port },
	{ "local=", filter_local },
	{ "peer=", filter_peer },
	{ "name=", filter_name },
	{ "identity=", filter_identity },
	{ "verified=", filter_verified },
	{ NULL, NULL },
};

static const struct filter_key *filter_find(const char *condition)
{
	const struct filter_key *key;

	for (key = filter_keys; key->name; key++) {
		if (!strncmp(condition, key->name, strlen(key->name)))
			return key;
	}
	return NULL;
}

static bool filter_is_number(const char *value, unsigned long max)
{
	char *end;
	unsigned long number = strtoul(value, &end, 10);

	return end != value && !*end && number <= max;
}

static bool filter_is_state(const char *value)
{
	uint8_t state;

	for (state = KTLS_STATE_NEW; state <= KTLS_STATE_CLOSED; state++) {
		if (!strcasecmp(value, ktlsctl_names_state(state)))
			return true;
	}
	return false;
}

/* A value that no socket can have is a mistake, and an empty answer would hide it. */
static const char *filter_objection(const char *key, const char *value)
{
	if (!*value)
		return "it has no value";
	if (!strcmp(key, "state=") && !filter_is_state(value))
		return "there is no such state";
	if (!strcmp(key, "role=") && strcasecmp(value, "client") && strcasecmp(value, "server"))
		return "a role is client or server";
	if (!strcmp(key, "version=") && strcmp(value, "1.2") && strcmp(value, "1.3"))
		return "a version is 1.2 or 1.3";
	if (!strcmp(key, "verified=") && strcmp(value, "yes") && strcmp(value, "no"))
		return "it is yes or no";
	if (!strcmp(key, "port=") && !filter_is_number(value, 65535))
		return "a port is a number up to 65535";
	if (!strcmp(key, "uid=") && !filter_is_number(value, UINT32_MAX) && !getpwnam(value))
		return "there is no such user";
	return NULL;
}

const char *ktlsctl_filter_add(struct ktlsctl_filter *filter, const char *condition)
{
	const struct filter_key *key = filter_find(condition);
	const char *objection;

	if (!key)
		return "it is not state=, role=, version=, uid=, port=, local=, peer=, name=, identity= or verified=";
	if (filter->count == KTLSCTL_FILTERS_MAX)
		return "there are too many";
	objection = filter_objection(key->name, condition + strlen(key->name));
	if (!objection)
		filter->conditions[filter->count++] = condition;
	return objection;
}

bool ktlsctl_filter_matches(const struct ktlsctl_filter *filter,
			    const struct ktlsctl_socket *socket)
{
	const struct filter_key *key;
	unsigned int i;

	for (i = 0; i < filter->count; i++) {
		key = filter_find(filter->conditions[i]);
		if (!key->matches(socket, filter->conditions[i] + strlen(key->name)))
			return false;
	}
	return true;
}
