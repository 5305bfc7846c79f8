/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the text in which ktlsd reports its numbers: the exposition format of Prometheus,
 * version 0.0.4, each family with HELP and TYPE, and the parts of a histogram together.
 */
#ifndef KTLSCTL_EXPOSITION_H
#define KTLSCTL_EXPOSITION_H

#include <stdbool.h>

enum {
	KTLSCTL_LABELS_MAX	= 8,	/* of a sample */
	KTLSCTL_BUCKETS_MAX	= 64,	/* of a histogram */
};

/**
 * struct ktlsctl_pair - a label and its value, or an upper bound and its count
 * @name: label, or bound
 * @value: without escapes, or count
 */
struct ktlsctl_pair {
	const char	*name;
	const char	*value;
};

/**
 * struct ktlsctl_sample - a number, or a histogram
 * @labels: without that of the bound
 * @label_count: how many
 * @value: the number as it was written; of a histogram the count
 * @sum: of a histogram
 * @buckets: of a histogram; their counts include those of lower bounds
 * @bucket_count: 0 if it is none
 */
struct ktlsctl_sample {
	struct ktlsctl_pair	labels[KTLSCTL_LABELS_MAX];
	unsigned int		label_count;
	const char		*value;
	const char		*sum;
	struct ktlsctl_pair	buckets[KTLSCTL_BUCKETS_MAX];
	unsigned int		bucket_count;
};

/**
 * struct ktlsctl_exposition - what is done with it; all strings live as long as the text
 * @family: a family begins
 * @sample: a sample of that family
 * @arg: for both
 */
struct ktlsctl_exposition {
	void	(*family)(void *arg, const char *name, const char *type, const char *help);
	void	(*sample)(void *arg, const char *name, const struct ktlsctl_sample *sample);
	void	*arg;
};

/* @text: is changed. Return: 0, or -EINVAL at the first line that is not in the format. */
int ktlsctl_exposition_read(char *text, const struct ktlsctl_exposition *exposition);

#endif
