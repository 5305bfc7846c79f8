/* SPDX-License-Identifier: GPL-2.0 */
/* Requests as ports see them. */
#ifndef _KTLS_HELPER_TURN_H
#define _KTLS_HELPER_TURN_H

#include <linux/list.h>
#include <linux/skbuff.h>
#include <linux/types.h>

#include "helper/queue.h"

struct ktls_net;
struct ktls_outgoing;
struct ktls_port;

/* Where a request is, and who is to send next. */
enum ktls_phase {
	KTLS_PHASE_WAITING,	/* in the queue, for a port with credit */
	KTLS_PHASE_STALLED,	/* has a batch that waits for credit of its port */
	KTLS_PHASE_HELPER,	/* the helper has a batch to answer */
	KTLS_PHASE_KERNEL,	/* the helper has answered and wants more */
	KTLS_PHASE_ENDED,	/* on no list */
};

/**
 * struct ktls_turn - a request as ports see it; all under ktls_net.lock
 *
 * @phase: where it is
 * @entry: in the queue
 * @port: the port it was given to, or NULL; a reference is owned. Constant once the
 *	request has ended
 * @node: on the port's requests
 * @stall_node: on the port's stalled
 * @held: the batch that waits for credit
 * @cost: credit of its port that it uses up
 */
struct ktls_turn {
	enum ktls_phase		phase;
	struct ktls_queue_entry	entry;
	struct ktls_port	*port;
	struct list_head	node;
	struct list_head	stall_node;
	struct sk_buff_head	held;
	unsigned int		cost;
};

void ktls_turn_init(struct ktls_turn *turn);
void ktls_turn_free(struct ktls_turn *turn);
int ktls_turn_wait(struct ktls_net *kn, struct ktls_turn *turn);
struct ktls_turn *ktls_turn_next_waiting(struct ktls_net *kn);
struct ktls_turn *ktls_turn_next(struct ktls_port *port, struct sk_buff_head *messages);
void ktls_turn_leave(struct ktls_net *kn, struct ktls_turn *turn);
int ktls_turn_stall(struct ktls_net *kn, struct ktls_turn *turn, struct sk_buff_head *messages,
		    struct ktls_port **ret_port);
int ktls_turn_over(struct ktls_net *kn, struct ktls_turn *turn);
void ktls_turn_end(struct ktls_net *kn, struct ktls_turn *turn, struct ktls_outgoing *out,
		   bool cancel, bool vain);
void ktls_turn_success(struct ktls_net *kn, struct ktls_turn *turn);

#endif /* _KTLS_HELPER_TURN_H */
