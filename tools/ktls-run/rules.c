// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ktls-run/rules.h"

static const uint8_t rules_mapped[12] = { [10] = 0xff, [11] = 0xff };

/* Return: whether @text is a number of at most @max; no sign, no blanks. */
static bool rules_parse_number(const char *text, unsigned long max, unsigned long *ret)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*ret = strtoul(text, &end, 10);
	return !*end && *ret <= max;
}

static const char *rules_parse_ports(struct ktls_run_rule *rule, char *text)
{
	char *dash = strchr(text, '-');
	unsigned long first, last;

	if (!strcmp(text, "any")) {
		rule->first = 1;
		rule->last = UINT16_MAX;
		return NULL;
	}
	if (dash)
		*dash = '\0';
	if (!rules_parse_number(text, UINT16_MAX, &first) ||
	    !rules_parse_number(dash ? dash + 1 : text, UINT16_MAX, &last) || !first || last < first)
		return "no port: use PORT, FIRST-LAST or any, of 1 to 65535";
	rule->first = (uint16_t)first;
	rule->last = (uint16_t)last;
	return NULL;
}

static const char *rules_parse_address(struct ktls_run_rule *rule, char *text)
{
	char *slash = strchr(text, '/');
	unsigned long bits;
	bool v4;

	if (slash)
		*slash = '\0';
	memcpy(rule->address, rules_mapped, sizeof(rules_mapped));
	v4 = inet_pton(AF_INET, text, rule->address + sizeof(rules_mapped)) == 1;
	if (!v4 && inet_pton(AF_INET6, text, rule->address) != 1)
		return "no address: use a numeric one, an IPv6 address in brackets";
	bits = v4 ? 32 : 128;
	if (slash && !rules_parse_number(slash + 1, bits, &bits))
		return "no network: use ADDRESS/BITS";
	rule->bits = (unsigned int)bits + (v4 ? 96 : 0);
	rule->any_address = false;
	return NULL;
}

const char *ktls_run_rules_add(struct ktls_run_rules *rules, enum ktls_run_role role,
			       const char *text, const struct ktls_run_settings *settings)
{
	struct ktls_run_rule *rule = &rules->rule[rules->count];
	char copy[128], *ports = copy, *address = NULL, *colon;
	const char *fault = NULL;

	if (rules->count == KTLS_RUN_RULES_MAX)
		return "too many rules: at most 64";
	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return "too long";
	*rule = (struct ktls_run_rule){ .role = role, .any_address = true, .settings = *settings };
	colon = strrchr(copy, ':');
	if (colon) {
		*colon = '\0';
		ports = colon + 1;
		address = copy;
		if (*address == '[' && colon > copy && colon[-1] == ']') {
			colon[-1] = '\0';
			address++;
		} else if (strchr(address, ':')) {
			return "no address: use a numeric one, an IPv6 address in brackets";
		}
	}
	fault = rules_parse_ports(rule, ports);
	if (!fault && address)
		fault = rules_parse_address(rule, address);
	if (!fault)
		rules->count++;
	return fault;
}

/* Return: whether it is an address of the Internet. */
static bool rules_unpack(const struct sockaddr *address, socklen_t len, uint8_t ret[16],
			 uint16_t *ret_port)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;

	if (len >= sizeof(*v4) && address->sa_family == AF_INET) {
		memcpy(ret, rules_mapped, sizeof(rules_mapped));
		memcpy(ret + sizeof(rules_mapped), &v4->sin_addr, sizeof(v4->sin_addr));
		*ret_port = ntohs(v4->sin_port);
		return true;
	}
	/* The kernel takes an address without a scope, as of RFC 2133, too. */
	if (len >= offsetof(struct sockaddr_in6, sin6_scope_id) &&
	    address->sa_family == AF_INET6) {
		memcpy(ret, &v6->sin6_addr, sizeof(v6->sin6_addr));
		*ret_port = ntohs(v6->sin6_port);
		return true;
	}
	return false;
}

static bool rules_is_wildcard(const uint8_t address[16])
{
	static const uint8_t zeros[16];

	return !memcmp(address, zeros, 16) ||
	       (!memcmp(address, rules_mapped, sizeof(rules_mapped)) &&
		!memcmp(address + sizeof(rules_mapped), zeros, 4));
}

/* To connect to the wildcard address means to connect to this machine. */
static void rules_to_loopback(uint8_t address[16])
{
	if (!memcmp(address, rules_mapped, sizeof(rules_mapped)))
		memcpy(address + sizeof(rules_mapped), (uint8_t[]){ 127, 0, 0, 1 }, 4);
	else
		address[15] = 1;
}

static bool rules_matches(const struct ktls_run_rule *rule, const uint8_t address[16],
			  bool wildcard)
{
	unsigned int bytes = rule->bits / 8, bits = rule->bits % 8;

	if (rule->any_address)
		return true;
	/* What listens at all addresses listens at this one. */
	if (wildcard)
		return !rule->settings.plain;
	return !memcmp(rule->address, address, bytes) &&
	       (!bits || (rule->address[bytes] ^ address[bytes]) >> (8 - bits) == 0);
}

const struct ktls_run_rule *ktls_run_rules_find(const struct ktls_run_rules *rules,
						enum ktls_run_role role,
						const struct sockaddr *address, socklen_t len)
{
	const struct ktls_run_rule *rule;
	bool wildcard = false;
	uint8_t bytes[16];
	uint16_t port;

	if (!rules_unpack(address, len, bytes, &port))
		return NULL;
	if (rules_is_wildcard(bytes)) {
		if (role == KTLS_RUN_CONNECT)
			rules_to_loopback(bytes);
		else
			wildcard = true;
	}
	for (rule = rules->rule; rule < rules->rule + rules->count; rule++)
		if (rule->role == role && port >= rule->first && port <= rule->last &&
		    rules_matches(rule, bytes, wildcard))
			return rule;
	return NULL;
}

void ktls_run_rules_print(char text[static KTLS_RUN_ADDRESS_TEXT],
			  const struct sockaddr *address, socklen_t len)
{
	char host[INET6_ADDRSTRLEN] = "?";
	uint8_t bytes[16];
	uint16_t port;

	if (!rules_unpack(address, len, bytes, &port)) {
		snprintf(text, KTLS_RUN_ADDRESS_TEXT, "an address of another family");
	} else if (!memcmp(bytes, rules_mapped, sizeof(rules_mapped))) {
		inet_ntop(AF_INET, bytes + sizeof(rules_mapped), host, sizeof(host));
		snprintf(text, KTLS_RUN_ADDRESS_TEXT, "%s:%u", host, port);
	} else {
		inet_ntop(AF_INET6, bytes, host, sizeof(host));
		snprintf(text, KTLS_RUN_ADDRESS_TEXT, "[%s]:%u", host, port);
	}
}
