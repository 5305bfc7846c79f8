/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The test is ktls-fetch, the thread of the errands, and the wall clock. */
#ifndef KTLSD_TEST_FETCHING_H
#define KTLSD_TEST_FETCHING_H

#include "errands.h"

/**
 * struct test_fetching - what a test works with
 * @errands: without a thread, with a false clock
 * @dir: for a store
 * @socket: path of ktls-fetch's socket, beside it
 * @listener: ktls-fetch's socket
 * @peer: accepted, -1 for none
 * @offset: of the false clock, seconds
 */
struct test_fetching {
	struct ktlsd_errands	errands;
	char			dir[40];
	char			socket[48];
	int			listener;
	int			peer;
	int64_t			offset;
};

extern struct test_fetching fetching;

/* For all tests of a program: the directory. */
void test_fetching_setup(void);
void test_fetching_teardown(void);

/* Removes all files in the directory. */
void test_fetching_forget(void);

/* ktlsd begins, and ends. */
void test_fetching_open(void);
void test_fetching_close(void);

/* ktls-fetch begins to listen. */
void test_fetching_listen(void);

/* Time by the false clock. */
int64_t test_fetching_now(void);

/* The thread looks at what is due. */
void test_fetching_step(void);

/* Receives a request with this URL. @body: of KTLS_FETCH_BODY_MAX bytes. Return: its id, 0 if
 * there is none.
 */
uint64_t test_fetching_receive(const char *url, uint8_t *body, size_t *ret_len);

/* Answers, in messages of @part bytes at most. */
void test_fetching_send(uint64_t id, int error, const void *data, size_t len, size_t part);

#endif
