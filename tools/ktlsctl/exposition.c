// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "exposition.h"

#define EXPOSITION_NAME	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_:"

/* Cuts the next word off. Return: it; "" at the end of the line. */
static char *exposition_word(char **at)
{
	char *word = *at;

	*at += strcspn(*at, " ");
	if (**at)
		*(*at)++ = '\0';
	return word;
}

/* Removes quotes and escapes of the value at @at. Return: what follows it, or NULL. */
static char *exposition_unquote(char *at, const char **ret_value)
{
	char *to;

	if (*at++ != '"')
		return NULL;
	*ret_value = at;
	for (to = at; *at && *at != '"'; at++) {
		if (*at == '\\') {
			at++;
			if (*at != '\\' && *at != '"' && *at != 'n')
				return NULL;
			*to++ = *at == 'n' ? '\n' : *at;
		} else {
			*to++ = *at;
		}
	}
	if (*at != '"')
		return NULL;
	*to = '\0';
	return at + 1;
}

/* Reads labels up to the closing brace. Return: what follows it, or NULL. */
static char *exposition_labels(char *at, struct ktlsctl_sample *sample)
{
	struct ktlsctl_pair *pair;
	size_t len;

	sample->label_count = 0;
	while (*at != '}') {
		len = strspn(at, EXPOSITION_NAME);
		if (!len || at[len] != '=' || sample->label_count == KTLSCTL_LABELS_MAX)
			return NULL;
		pair = &sample->labels[sample->label_count++];
		pair->name = at;
		at[len] = '\0';
		at = exposition_unquote(at + len + 1, &pair->value);
		if (!at)
			return NULL;
		if (*at == ',')
			at++;
		else if (*at != '}')
			return NULL;
	}
	return at + 1;
}

/* Adds a part of a histogram. Return: 1 if it is complete, 0 if not, or -EINVAL. */
static int exposition_add_part(struct ktlsctl_sample *sample, const char *part,
			       const char *value)
{
	const struct ktlsctl_pair *bound;

	if (!strcmp(part, "_count")) {
		sample->value = value;
		return sample->bucket_count && sample->sum ? 1 : -EINVAL;
	}
	if (!strcmp(part, "_sum")) {
		sample->sum = value;
		return 0;
	}
	if (strcmp(part, "_bucket") || !sample->label_count ||
	    sample->bucket_count == KTLSCTL_BUCKETS_MAX)
		return -EINVAL;
	bound = &sample->labels[--sample->label_count];
	if (strcmp(bound->name, "le"))
		return -EINVAL;
	sample->buckets[sample->bucket_count].name = bound->value;
	sample->buckets[sample->bucket_count++].value = value;
	return 0;
}

/* Reads "name{labels} value". Return: 1 if @sample is complete, 0 if not, or -EINVAL. */
static int exposition_sample(char *line, const char *family, bool is_histogram,
			     struct ktlsctl_sample *sample)
{
	size_t len = strspn(line, EXPOSITION_NAME), family_len = strlen(family);
	char *at = line + len, end = *at;

	*at++ = '\0';
	sample->label_count = 0;
	if (end == '{') {
		at = exposition_labels(at, sample);
		if (!at || *at++ != ' ')
			return -EINVAL;
	} else if (end != ' ') {
		return -EINVAL;
	}
	if (!family_len || strncmp(line, family, family_len) || !*at || strchr(at, ' '))
		return -EINVAL;
	if (is_histogram)
		return exposition_add_part(sample, line + family_len, at);
	sample->value = at;
	return line[family_len] ? -EINVAL : 1;
}

int ktlsctl_exposition_read(char *text, const struct ktlsctl_exposition *exposition)
{
	const char *family = "", *help = "", *type = "";
	struct ktlsctl_sample sample = { 0 };
	char *line, *next, *at;
	int ret;

	for (line = text; *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		if (!strncmp(line, "# HELP ", 7)) {
			at = line + 7;
			family = exposition_word(&at);
			help = at;
		} else if (!strncmp(line, "# TYPE ", 7)) {
			at = line + 7;
			if (strcmp(exposition_word(&at), family))
				return -EINVAL;
			type = at;
			exposition->family(exposition->arg, family, type, help);
		} else if (*line && *line != '#') {
			ret = exposition_sample(line, family, !strcmp(type, "histogram"), &sample);
			if (ret < 0)
				return ret;
			if (!ret)
				continue;
			exposition->sample(exposition->arg, family, &sample);
			memset(&sample, 0, sizeof(sample));
		}
	}
	return 0;
}
