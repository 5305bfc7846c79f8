/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose CRL makes room for another one, and whose is fetched next. Each CRL belongs to a user whose
 * handshakes use it; if several do, to the one who has fewer. The rule is that of fair.h. One CRL is
 * fetched at a time, and users take turns.
 *
 * All with the lock of the errands.
 */
#ifndef KTLSD_CRL_ROOM_H
#define KTLSD_CRL_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crl_points.h"

/* Takes over from handshakes who has used which CRL, and when. */
void ktlsd_crl_room_reckon(struct ktlsd_crl_points *points);

/**
 * ktlsd_crl_room_choose - who makes room
 * @points: all
 * @user: for whom
 * @bytes: how many are needed; 0: a place is
 * @except: stays, or NULL
 *
 * Return: the one to be removed, which is not being fetched; NULL if @user has to do without
 */
struct ktlsd_crl_points_item *ktlsd_crl_room_choose(struct ktlsd_crl_points *points, uint64_t user,
						    size_t bytes,
						    const struct ktlsd_crl_points_item *except);

/* Return: the one that is due, of the user whose last turn was longest ago; NULL for none. */
struct ktlsd_crl_points_item *ktlsd_crl_room_next(struct ktlsd_crl_points *points, int64_t now);

#endif
