/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose question to an OCSP responder makes room for another one, by the rule of fair.h, and whose
 * is asked next.
 *
 * ktls-fetch can do only so much at a time, and a responder may take its time. A uid has no more
 * questions under way than places are left; within it, a network no more than places are left for
 * the uid; the same goes for one host. So there is always a place for the next user. Users
 * with fewer questions under way come first, then whoever can wait least.
 *
 * All with the lock of the responders.
 */
#ifndef KTLSD_RESPONDER_ROOM_H
#define KTLSD_RESPONDER_ROOM_H

#include "responders.h"

/* All places are taken. Return: the entry that makes room for one of @user; NULL if he has to do
 * without. Handshakes may wait for it.
 */
struct ktlsd_responders_entry *ktlsd_responder_room_choose(struct ktlsd_responders *all,
							   uint64_t user);

/* The same for the handshakes that wait for one entry. */
struct ktlsd_responders_waiter *
ktlsd_responder_room_choose_waiter(struct ktlsd_responders_entry *entry, uint64_t user);

/* Return: the entry to be asked about now, whose @user is set to the one who has the turn; NULL if
 * there is none, or all have to wait.
 */
struct ktlsd_responders_entry *ktlsd_responder_room_next(struct ktlsd_responders *all);

#endif
