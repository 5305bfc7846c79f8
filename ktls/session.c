// SPDX-License-Identifier: GPL-2.0
/* What a handshake has established: it is wiped when it goes. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "session.h"

/**
 * ktls_session_wipe - free what a session owns
 * @session: all zeros afterwards
 *
 * Context: the lock of the struct that embeds the session is held.
 */
void ktls_session_wipe(struct ktls_session *session)
{
	kvfree(session->peer_certs);
	kvfree(session->chain_certs);
	kvfree(session->peer);
	kfree_sensitive(session->details);
	memzero_explicit(session, sizeof(*session));
}

/**
 * ktls_session_take_certs - what is kept of a handshake that failed
 * @to: gets the peer's certificates, the protocol, and the name the peer asked for
 * @from: loses them; its exporter is wiped
 *
 * Context: the locks of those who have the sessions.
 */
void ktls_session_take_certs(struct ktls_session *to, struct ktls_session *from)
{
	/* The handshake has failed: nothing can be exported. */
	if (from->details)
		memzero_explicit(from->details->data + from->details->alpn_len,
				 from->details->exporter_len);
	swap(to->details, from->details);
	swap(to->peer_certs, from->peer_certs);
	swap(to->chain_certs, from->chain_certs);
}
