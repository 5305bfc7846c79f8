/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of words in ktlsd.conf. Main thread only. */
#ifndef KTLSD_WORDS_H
#define KTLSD_WORDS_H

#include <stddef.h>

/**
 * struct ktlsd_words - a list of words
 * @items: owned array of owned strings
 * @count: how many
 *
 * Zeroed to begin with.
 */
struct ktlsd_words {
	char	**items;
	size_t	count;
};

/**
 * ktlsd_words_split - add the words of a text
 * @words: added to; ktlsd_words_free() releases it, after an error too
 * @text: words separated by blanks or commas
 * @max: how many words the list can have
 *
 * Return: 0, -E2BIG or -ENOMEM
 */
int ktlsd_words_split(struct ktlsd_words *words, const char *text, size_t max);

/* Adds one word, as it is. Return: 0, -E2BIG or -ENOMEM */
int ktlsd_words_add(struct ktlsd_words *words, const char *word, size_t max);

void ktlsd_words_free(struct ktlsd_words *words);

#endif
