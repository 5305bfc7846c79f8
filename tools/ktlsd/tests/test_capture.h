/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a test writes to stderr, where the log goes. Not for two at a time. */
#ifndef KTLSD_TEST_CAPTURE_H
#define KTLSD_TEST_CAPTURE_H

/* Redirects stderr to a file. */
void test_capture_begin(void);

/* Restores stderr. Return: what was written, until the next capture. */
char *test_capture_end(void);

#endif /* KTLSD_TEST_CAPTURE_H */
