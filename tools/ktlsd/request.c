// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "request.h"

enum {
	REQUEST_ID_NOBODY		= 0xffffffff,	/* has no rights */
	REQUEST_PARTS_KNOWN		= (1 << (KTLS_CONFIG_MAX + 1)) - 1,
};

static int request_parse_caller(const struct ktlsd_event *event,
				struct ktlsd_caller *caller)
{
	const void *groups;
	size_t len;

	caller->uid = ktlsd_message_u32(event, KTLS_A_UID, REQUEST_ID_NOBODY);
	caller->gid = ktlsd_message_u32(event, KTLS_A_GID, REQUEST_ID_NOBODY);
	caller->in_container = event->attr[KTLS_A_FOREIGN];
	caller->pid = ktlsd_message_u32(event, KTLS_A_PID, 0);
	groups = ktlsd_message_bytes(event, KTLS_A_GROUPS, &len);
	if (len > sizeof(caller->groups) || len % sizeof(caller->groups[0]))
		return -EINVAL;
	if (len)
		memcpy(caller->groups, groups, len);
	caller->group_count = len / sizeof(caller->groups[0]);
	if (ktlsd_message_string(event, KTLS_A_COMM, caller->comm,
				 sizeof(caller->comm)) < 0)
		caller->comm[0] = '\0';
	return 0;
}

/* The peer's address; its length is 0 if there is none. */
static void request_parse_peer(const struct ktlsd_event *event,
			       struct ktlsd_request *request,
			       struct ktlsd_name *ret_address)
{
	struct sockaddr_storage addr = { 0 };
	const void *bytes;
	size_t len;

	bytes = ktlsd_message_bytes(event, KTLS_A_PEER_ADDR, &len);
	if (len > sizeof(addr))
		len = sizeof(addr);
	if (len)
		memcpy(&addr, bytes, len);
	/* The port is at the same offset in both families. */
	request->port = ntohs(((struct sockaddr_in *)&addr)->sin_port);
	memset(ret_address, 0, sizeof(*ret_address));
	if (ktlsd_names_from_address(&addr, len, ret_address))
		memset(ret_address, 0, sizeof(*ret_address));
	if (ret_address->address_len)
		snprintf(request->peer, sizeof(request->peer), "%.45s port %u",
			 ret_address->text, request->port);
}

/* A peer with IPv6 controls all addresses of a /64 network. */
static void request_parse_source(struct ktlsd_request *request,
				 const struct ktlsd_name *address)
{
	struct ktlsd_source *source = &request->source;
	char text[INET6_ADDRSTRLEN];
	uint8_t prefix[16] = { 0 };
	uint32_t ipv4;

	source->kind = request->check ? KTLSD_SOURCE_CHECK :
		       request->is_server ? KTLSD_SOURCE_PEER : KTLSD_SOURCE_CLIENT;
	snprintf(request->culprit, sizeof(request->culprit), "uid %u",
		 request->caller.uid);
	if (source->kind != KTLSD_SOURCE_PEER)
		return;
	if (address->address_len == sizeof(ipv4)) {
		memcpy(&ipv4, address->address, sizeof(ipv4));
		source->prefix = (uint64_t)0xffff << 32 | ipv4;
		snprintf(request->culprit, sizeof(request->culprit), "%.40s",
			 address->text);
	} else if (address->address_len) {
		memcpy(&source->prefix, address->address, sizeof(source->prefix));
		memcpy(prefix, address->address, sizeof(source->prefix));
		inet_ntop(AF_INET6, prefix, text, sizeof(text));
		snprintf(request->culprit, sizeof(request->culprit), "%s/64", text);
	}
}

/* @address: of the peer; without one its length is 0 */
static int request_parse_name(const struct ktlsd_event *event,
			      struct ktlsd_request *request,
			      const struct ktlsd_name *address,
			      struct ktlsd_fault *fault)
{
	char text[KTLSD_NAME_MAX + 1];
	int err;

	err = ktlsd_message_string(event, KTLS_A_SERVER_NAME, text, sizeof(text));
	if (err > 0) {
		err = ktlsd_names_parse(text, &request->name);
	} else if (!err) {
		request->name = *address;
		if (address->address_len || request->verify == KTLS_VERIFY_NONE)
			return 0;
		return ktlsd_errors_set(fault, -EINVAL,
			"There is neither a server name nor an address to verify: set KTLS_SERVER_NAME.");
	}
	if (err)
		return ktlsd_errors_set(fault, -EINVAL,
			"KTLS_SERVER_NAME is neither a host name nor an IP address.");
	return 0;
}

static int request_parse_alpn(const struct ktlsd_event *event,
			      struct ktlsd_request *request,
			      struct ktlsd_fault *fault)
{
	const uint8_t *list;
	size_t len, at;

	list = ktlsd_message_bytes(event, KTLS_A_ALPN, &len);
	for (at = 0; at < len; at += 1 + list[at]) {
		if (!list[at] || list[at] >= len - at)
			break;
	}
	if (len > sizeof(request->alpn) || at != len)
		return ktlsd_errors_set(fault, -EINVAL,
			"KTLS_ALPN is not a list of protocols, each preceded by its length in one byte.");
	if (len)
		memcpy(request->alpn, list, len);
	request->alpn_len = len;
	return 0;
}

static int request_parse_versions(const struct ktlsd_event *event,
				  struct ktlsd_request *request,
				  struct ktlsd_fault *fault)
{
	request->version_min = ktlsd_message_u16(event, KTLS_A_VERSION_MIN,
						 KTLS_TLS_1_2);
	request->version_max = ktlsd_message_u16(event, KTLS_A_VERSION_MAX,
						 KTLS_TLS_1_3);
	if (request->version_min < KTLS_TLS_1_2 ||
	    request->version_max > KTLS_TLS_1_3 ||
	    request->version_min > request->version_max)
		return ktlsd_errors_set(fault, -EINVAL,
			"KTLS_VERSIONS is not a range within TLS 1.2 and TLS 1.3.");
	return 0;
}

static int request_parse_verify(const struct ktlsd_event *event,
				struct ktlsd_request *request,
				struct ktlsd_fault *fault)
{
	request->verify = ktlsd_message_u32(event, KTLS_A_VERIFY,
					    request->is_server ?
					    KTLS_VERIFY_NONE :
					    KTLS_VERIFY_REQUIRED);
	request->verify_given = event->attr[KTLS_A_VERIFY];
	if (request->verify > KTLS_VERIFY_REQUIRED)
		return ktlsd_errors_set(fault, -EINVAL,
					"KTLS_VERIFY must be KTLS_VERIFY_NONE, KTLS_VERIFY_OPTIONAL or KTLS_VERIFY_REQUIRED.");
	if (!request->is_server && request->verify == KTLS_VERIFY_OPTIONAL)
		request->verify = KTLS_VERIFY_REQUIRED;
	return 0;
}

static int request_parse_credentials(const struct ktlsd_event *event,
				     struct ktlsd_request *request,
				     struct ktlsd_fault *fault)
{
	const uint32_t pair = 1u << KTLS_CONFIG_CERTIFICATE |
			      1u << KTLS_CONFIG_PRIVATE_KEY;
	uint32_t own;

	request->config_id = ktlsd_message_u64(event, KTLS_A_CONFIG, 0);
	request->parts = ktlsd_message_u32(event, KTLS_A_CONFIG_PARTS, 0);
	if (!request->config_id)
		request->parts = 0;
	if (request->parts & ~(uint32_t)REQUEST_PARTS_KNOWN)
		return ktlsd_errors_set(fault, -EINVAL,
			"The socket has options that this ktlsd does not know: it is older than the module ktls.");
	own = request->parts & pair;
	if (own && own != pair)
		return ktlsd_errors_set(fault, -EINVAL,
			"KTLS_CERTIFICATE and KTLS_PRIVATE_KEY must be set together.");
	if (own && request->identity[0])
		return ktlsd_errors_set(fault, -EINVAL,
			"KTLS_IDENTITY and KTLS_CERTIFICATE cannot be set together.");
	if (request->parts & 1u << KTLS_CONFIG_PSK && request->version_max < KTLS_TLS_1_3)
		return ktlsd_errors_set(fault, -EINVAL,
			"KTLS_PSK needs TLS 1.3, which KTLS_VERSIONS excludes.");
	if (!own && !request->identity[0] && request->is_server &&
	    !(request->parts & 1u << KTLS_CONFIG_PSK))
		return ktlsd_errors_set(fault, -ENOKEY,
			"A TLS server needs a certificate: set KTLS_IDENTITY, or KTLS_CERTIFICATE and KTLS_PRIVATE_KEY.");
	return 0;
}

/* The options whose values are names. */
static int request_parse_names(const struct ktlsd_event *event,
			       struct ktlsd_request *request,
			       struct ktlsd_fault *fault)
{
	if (ktlsd_message_string(event, KTLS_A_IDENTITY, request->identity,
				 sizeof(request->identity)) < 0)
		return ktlsd_errors_set(fault, -EINVAL,
			"KTLS_IDENTITY is not a name of at most %d bytes.",
			KTLSD_IDENTITY_MAX);
	if (ktlsd_message_string(event, KTLS_A_CIPHERS, request->ciphers,
				 sizeof(request->ciphers)) < 0)
		return ktlsd_errors_set(fault, -EINVAL,
			"KTLS_CIPHERS is not a list of at most %d bytes.",
			KTLSD_CIPHERS_MAX);
	if (ktlsd_message_string(event, KTLS_A_TLS_GROUPS, request->groups,
				 sizeof(request->groups)) < 0 ||
	    ktlsd_message_string(event, KTLS_A_SIGALGS, request->sigalgs,
				 sizeof(request->sigalgs)) < 0)
		return ktlsd_errors_set(fault, -EINVAL,
			"KTLS_GROUPS or KTLS_SIGALGS is not a list of at most %d bytes.",
			KTLSD_NAMES_MAX);
	return 0;
}

int ktlsd_request_parse(const struct ktlsd_event *event,
			struct ktlsd_request *ret_request,
			struct ktlsd_fault *fault)
{
	struct ktlsd_request *request = ret_request;
	struct ktlsd_name address;
	uint32_t role;
	int err;

	memset(request, 0, sizeof(*request));
	request->id = ktlsd_message_u64(event, KTLS_A_ID, 0);
	request->check = event->cmd == KTLS_CMD_CHECK;
	request->deadline = (int64_t)ktlsd_message_u64(event, KTLS_A_DEADLINE, 0);
	role = ktlsd_message_u32(event, KTLS_A_ROLE,
				 request->check ? KTLS_ROLE_SERVER : 0);
	request->is_server = role == KTLS_ROLE_SERVER;

	if ((role != KTLS_ROLE_CLIENT && role != KTLS_ROLE_SERVER) ||
	    request_parse_caller(event, &request->caller))
		return ktlsd_errors_set(fault, -EINVAL,
			"The kernel sent a request that ktlsd does not understand: do ktlsd and the module ktls have the same version?");
	request_parse_peer(event, request, &address);
	request_parse_source(request, &address);
	request->tickets = ktlsd_message_u32(event, KTLS_A_TICKETS, 0);
	if (request->tickets > KTLSD_TICKETS_MAX)
		request->tickets = KTLSD_TICKETS_MAX;

	err = request_parse_names(event, request, fault);
	if (!err)
		err = request_parse_verify(event, request, fault);
	if (!err && !request->is_server)
		err = request_parse_name(event, request, &address, fault);
	if (!err)
		err = request_parse_alpn(event, request, fault);
	if (!err)
		err = request_parse_versions(event, request, fault);
	if (!err)
		err = request_parse_credentials(event, request, fault);
	return err;
}
