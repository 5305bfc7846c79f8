/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ktlsd answers as lines, each a word and its value. */
#ifndef KTLSCTL_LINES_H
#define KTLSCTL_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Cuts the next line off the text at *@at; an empty line has the word "". Return: false at the
 * end of the text.
 */
bool ktlsctl_lines_next(char **at, const char **ret_word, const char **ret_value);

/* Removes " @tail" from the end of @value. Return: whether it was there. */
bool ktlsctl_lines_cut(char *value, const char *tail);

/**
 * struct ktlsctl_members - the members of a JSON object that is being printed
 * @out: where to
 * @indent: before each
 * @count: how many there are
 */
struct ktlsctl_members {
	FILE		*out;
	const char	*indent;
	unsigned int	count;
};

/* Prints the name of the next member; the value has to follow. */
void ktlsctl_members_name(struct ktlsctl_members *members, const char *name);
void ktlsctl_members_string(struct ktlsctl_members *members, const char *name,
			    const char *value);
void ktlsctl_members_bool(struct ktlsctl_members *members, const char *name, bool value);
/* @value: digits; null is printed for anything else. */
void ktlsctl_members_number(struct ktlsctl_members *members, const char *name,
			    const char *value);

#endif
