/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line in the log about a handshake or a CHECK that failed. The thread of a worker. */
#ifndef KTLSD_FAILURE_H
#define KTLSD_FAILURE_H

#include "lib/log.h"
#include "errors.h"
#include "request.h"

/* Identifies such lines in the journal. */
#define KTLSD_FAILURE_MESSAGE_ID	"b6b7462a1a554e3db6f6b09bb6059517"

/* Logs it, in the journal with a field for each fact. Lines of one peer, or for the clients of
 * one user, are limited by @limit.
 */
void ktlsd_failure_log(struct ktlsd_log_limit *limit, const struct ktlsd_request *request,
		       const struct ktlsd_fault *fault);

#endif
