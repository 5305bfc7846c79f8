/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes room in the memory of quota.h. A user at his limit makes room himself; when all
 * users together are at theirs, the one who has most does, if he has more than the one who
 * asks. First go what is only cached and handshakes that only wait for tickets, then sessions
 * in the order of shares.h. Belongs to the thread of the worker.
 */
#ifndef KTLSD_ROOM_H
#define KTLSD_ROOM_H

#include <stdbool.h>

#include "quota.h"
#include "request.h"

struct ktlsd_sessions;

/**
 * ktlsd_room_make - free something after ktlsd_quota_take() has failed
 * @sessions: of the worker
 * @request: for whom; its own session is not ended
 * @err: -EDQUOT or -ENOBUFS: what failed
 *
 * Return: true: try again; false: nothing is left that has to make room, or @err is another
 */
bool ktlsd_room_make(struct ktlsd_sessions *sessions, const struct ktlsd_request *request,
		     int err);

/**
 * ktlsd_room_take - take memory, for which others make room if need be
 * @sessions: of the worker
 * @request: for whom
 * @hold: gets it
 * @bytes: how much
 * @fault: on error
 *
 * Return: 0, -ENOBUFS or -ENOMEM
 */
int ktlsd_room_take(struct ktlsd_sessions *sessions, const struct ktlsd_request *request,
		    struct ktlsd_quota_hold *hold, size_t bytes, struct ktlsd_fault *fault);

/* The words for an error of ktlsd_quota_take(). Return: -ENOBUFS or -ENOMEM */
int ktlsd_room_explain(struct ktlsd_fault *fault, int err);

#endif
