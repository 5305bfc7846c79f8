// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/words.h"

#define WORDS_SEPARATORS	" \t\r,"

static int words_add(struct ktlsd_words *words, const char *text, size_t len)
{
	char **items;

	items = reallocarray(words->items, words->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	words->items = items;
	items[words->count] = strndup(text, len);
	if (!items[words->count])
		return -ENOMEM;
	words->count++;
	return 0;
}

int ktlsd_words_add(struct ktlsd_words *words, const char *word, size_t max)
{
	return words->count < max ? words_add(words, word, strlen(word)) : -E2BIG;
}

int ktlsd_words_split(struct ktlsd_words *words, const char *text, size_t max)
{
	size_t len;
	int err = 0;

	for (text += strspn(text, WORDS_SEPARATORS); !err && *text;
	     text += len, text += strspn(text, WORDS_SEPARATORS)) {
		len = strcspn(text, WORDS_SEPARATORS);
		err = words->count < max ? words_add(words, text, len) : -E2BIG;
	}
	return err;
}

void ktlsd_words_free(struct ktlsd_words *words)
{
	while (words->count)
		free(words->items[--words->count]);
	free(words->items);
	words->items = NULL;
}
