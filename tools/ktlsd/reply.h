/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The attributes of DONE. Thread of the worker. */
#ifndef KTLSD_REPLY_H
#define KTLSD_REPLY_H

#include "tls/handshake.h"

/* Adds the keys, all that was negotiated, and in @messages how many tickets ktlsd waits for.
 * The caller wipes the message after sending it.
 */
void ktlsd_reply_success(struct ktlsd_message *message,
			 struct ktlsd_handshake *hs,
			 const struct ktlsd_result *result, unsigned int messages);

/* Adds errno, reason and alert. @hs is NULL if the request failed before its handshake. */
void ktlsd_reply_failure(struct ktlsd_message *message,
			 const struct ktlsd_handshake *hs,
			 const struct ktlsd_fault *fault);

/**
 * ktlsd_reply_cut - how many bytes of whole records fit into one message
 * @records: whole records
 * @len: bytes
 *
 * Return: at most KTLS_GENL_DATA_MAX; @len if all of it fits
 */
size_t ktlsd_reply_cut(const uint8_t *records, size_t len);

#endif
