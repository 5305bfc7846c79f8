/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One event of ktlsctl monitor: read from a line of tracefs, and printed. */
#ifndef KTLSCTL_EVENT_H
#define KTLSCTL_EVENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

/**
 * struct ktlsctl_event - what happened
 * @kind: "handshake", "connection", "alert", "key-update", "failure" or "lost"
 * @what: one word, or a sentence; in the line that was read
 * @detail: more, or ""
 * @netns: inode of the network namespace
 * @local: address and port; of "lost" none
 * @peer: address and port
 */
struct ktlsctl_event {
	const char		*kind;
	const char		*what;
	const char		*detail;
	uint32_t		netns;
	struct sockaddr_in6	local;
	struct sockaddr_in6	peer;
};

/* Reads "EVENT: ..." as include/trace/events/ktls.h prints it, without a context. @line: is
 * changed. Return: false if it is of no interest.
 */
bool ktlsctl_event_parse(char *line, struct ktlsctl_event *event);

void ktlsctl_event_print_titles(FILE *out);

/* A line in columns, or an object. */
void ktlsctl_event_print(FILE *out, const struct ktlsctl_event *event,
			 const struct timespec *when, bool json);

#endif
