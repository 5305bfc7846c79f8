// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/text.h"
#include "failure.h"

/* Whom the request is about, for the text: identity and peer, as far as they are known. */
static void failure_describe(const struct ktlsd_request *request, char *text, size_t size)
{
	const char *identity = request->identity;
	const char *name = request->name.text;
	bool both = request->peer[0] && name[0];

	snprintf(text, size, "%s%s%s%s%s%s%s", identity[0] ? " as " : "", identity,
		 request->peer[0] || name[0] ? " with " : "", request->peer,
		 both ? " (" : "", name, both ? ")" : "");
}

/* Errors that the administrator can fix, not the peer. */
static bool failure_is_local(int error)
{
	return error == -ENOKEY || error == -EACCES || error == -ENOMEM || error == -ENOBUFS;
}

void ktlsd_failure_log(struct ktlsd_log_limit *limit, const struct ktlsd_request *request,
		       const struct ktlsd_fault *fault)
{
	char about[KTLSD_PEER_TEXT_MAX + KTLSD_NAME_MAX + KTLSD_IDENTITY_MAX + 32];
	char identity[4 * KTLSD_IDENTITY_MAX + 1], uid[16];
	const char *alert = fault->alert == KTLSD_ALERT_NONE ? "" :
			    ktlsd_errors_alert_name(fault->alert);
	const char *error = strerrorname_np(-fault->error);
	const struct ktlsd_field fields[] = {
		{ "MESSAGE_ID", KTLSD_FAILURE_MESSAGE_ID },
		{ "KTLS_ROLE", request->is_server ? "server" : "client" },
		{ "KTLS_PEER", request->peer },
		{ "KTLS_NAME", request->name.text },
		{ "KTLS_UID", uid },
		{ "KTLS_IDENTITY", identity },
		{ "KTLS_ERRNO", error ? error : "" },
		{ "KTLS_ALERT", alert },
		{ "KTLS_ALERT_FROM", !alert[0] ? "" : fault->alert_received ? "peer" : "ktlsd" },
		{ "KTLS_REASON", fault->reason },
	};

	snprintf(uid, sizeof(uid), "%u", request->caller.uid);
	ktlsd_text_escape(identity, sizeof(identity), request->identity,
			  strlen(request->identity));
	failure_describe(request, about, sizeof(about));
	ktlsd_log_limited_fields(limit, request->culprit,
				 failure_is_local(fault->error) ? KTLSD_LOG_WARNING :
				 KTLSD_LOG_INFO,
				 fields, sizeof(fields) / sizeof(*fields),
				 "%s %" PRIu64 " of %s (pid %u, uid %s)%s: %s: %s%s%s%s",
				 request->check ? "Check" : request->is_server ?
				 "Server handshake" : "Client handshake",
				 request->id, request->caller.comm, request->caller.pid, uid,
				 about, strerror(-fault->error), fault->reason,
				 alert[0] ? " [alert " : "", alert, alert[0] ? "]" : "");
}
