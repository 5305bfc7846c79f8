/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text of ktlsd.conf, for the tests of its sections. */
#ifndef KTLSD_TEST_CONF_H
#define KTLSD_TEST_CONF_H

#include <stddef.h>

#include "config/config.h"

/**
 * struct test_conf_fault - text that is refused
 * @text: of ktlsd.conf
 * @line: that the reason names
 * @word: a part of the reason
 */
struct test_conf_fault {
	const char	*text;
	unsigned int	line;
	const char	*word;
};

/* Writes @text to a file and parses it. Return: as ktlsd_parse_config(). */
int test_conf_try(const char *path, const char *text, struct ktlsd_config **ret_config,
		  struct ktlsd_fault *fault);

/* Asserts that each is refused, with the file, its line and the word. */
void test_conf_refuse(const char *path, const struct test_conf_fault *table, size_t count);

#endif
