// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "room.h"
#include "sessions.h"

/**
 * struct room_choice - the user who makes room
 * @quota: where memory is counted
 * @uid: the user
 * @bytes: what he has; at first, what the one who asks has
 */
struct room_choice {
	struct ktlsd_quota	*quota;
	uint32_t		uid;
	size_t			bytes;
};

static void room_consider(struct room_choice *choice, uint32_t uid)
{
	size_t bytes;

	if (uid == choice->uid)
		return;
	bytes = ktlsd_quota_used(choice->quota, uid);
	if (bytes > choice->bytes) {
		choice->uid = uid;
		choice->bytes = bytes;
	}
}

/* Return: who has most of those who have anything in this worker. */
static uint32_t room_largest(const struct ktlsd_sessions *sessions, uint32_t asks)
{
	struct room_choice choice = { .quota = sessions->quota, .uid = asks };
	const struct ktlsd_ticket_waiter *waiter;
	const struct ktlsd_context *context;
	const struct ktlsd_anchors *anchors;
	const struct ktlsd_share *share;

	choice.bytes = ktlsd_quota_used(sessions->quota, asks);
	TAILQ_FOREACH(share, &sessions->shares.uids, sibling)
		room_consider(&choice, share->uid);
	for (waiter = sessions->ticket_waiters.oldest; waiter; waiter = waiter->newer)
		room_consider(&choice, waiter->hold.uid);
	for (context = sessions->contexts.first; context; context = context->next)
		room_consider(&choice, context->hold.uid);
	for (anchors = sessions->contexts.anchors.newest; anchors; anchors = anchors->older)
		room_consider(&choice, anchors->uid);
	return choice.uid;
}

bool ktlsd_room_make(struct ktlsd_sessions *sessions, const struct ktlsd_request *request,
		     int err)
{
	uint32_t asks = request->caller.uid, uid = asks;

	if (err != -EDQUOT && err != -ENOBUFS)
		return false;
	if (err == -ENOBUFS)
		uid = room_largest(sessions, asks);
	if (ktlsd_ticket_waiters_reclaim(&sessions->ticket_waiters, uid) ||
	    ktlsd_context_reclaim(&sessions->contexts, uid) ||
	    ktlsd_anchors_reclaim(&sessions->contexts.anchors, uid))
		return true;
	return ktlsd_sessions_evict(sessions,
				    ktlsd_shares_victim_of(&sessions->shares, uid, asks,
							   &request->source),
				    "max_memory is reached, and this user has the most memory");
}

int ktlsd_room_explain(struct ktlsd_fault *fault, int err)
{
	switch (err) {
	case -EDQUOT:
		return ktlsd_errors_set(fault, -ENOBUFS,
			"The handshakes of this user take half of ktlsd's memory for them: try again later, or raise max_memory in ktlsd.conf.");
	case -ENOBUFS:
		return ktlsd_errors_set(fault, -ENOBUFS,
			"The handshakes of all users take all of ktlsd's memory for them: try again later, or raise max_memory in ktlsd.conf.");
	default:
		return ktlsd_errors_set(fault, -ENOMEM, "ktlsd is out of memory.");
	}
}

int ktlsd_room_take(struct ktlsd_sessions *sessions, const struct ktlsd_request *request,
		    struct ktlsd_quota_hold *hold, size_t bytes, struct ktlsd_fault *fault)
{
	int err;

	hold->quota = sessions->quota;
	hold->uid = request->caller.uid;
	do {
		err = ktlsd_quota_take(hold, bytes);
	} while (err && ktlsd_room_make(sessions, request, err));
	return err ? ktlsd_room_explain(fault, err) : 0;
}
