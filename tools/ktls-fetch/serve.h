/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of ktlsd, each in a thread of its own; bounded in all and for each host. */
#ifndef KTLS_FETCH_SERVE_H
#define KTLS_FETCH_SERVE_H

enum {
	KTLS_FETCH_THREADS	= 32,	/* fetches at the same time */
	KTLS_FETCH_PER_HOST	= 4,	/* of them from one host */
	KTLS_FETCH_CRLS		= 2,	/* of them CRLs, for which memory is needed */
	KTLS_FETCH_CLIENTS	= 40,	/* connections, with those that a fetch still holds */
};

/* Serves the listening socket @fd for ever. Return: a negative errno if that fails. */
int ktls_fetch_serve(int fd);

#endif
