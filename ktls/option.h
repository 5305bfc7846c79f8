/* SPDX-License-Identifier: GPL-2.0 */
/* The table of the options that make up a configuration: see option.c. */
#ifndef _KTLS_OPTION_H
#define _KTLS_OPTION_H

#include <linux/types.h>

struct ktls_config;

/* Rows of the table, at most. */
#define KTLS_OPTIONS_MAX	16

/* What a value looks like: bytes first, then what has a fixed size. */
enum ktls_option_form {
	KTLS_FORM_TEXT,		/* any string without a NUL */
	KTLS_FORM_HOST_NAME,	/* a string: a host name or an address */
	KTLS_FORM_NAMES,	/* a string: names with colons between them */
	KTLS_FORM_CIPHERS,	/* likewise: names of cipher suites */
	KTLS_FORM_PROTOCOLS,	/* protocols as RFC 7301 lists them */
	KTLS_FORM_PSK,		/* struct ktls_psk */
	KTLS_FORM_NUMBER,	/* int or __u32 */
	KTLS_FORM_SHORT,	/* __u16 */
	KTLS_FORM_VERSIONS,	/* struct ktls_versions */
};

enum ktls_option_flags {
	KTLS_OPTION_WRITE_ONLY	= 1 << 0,	/* getsockopt() does not return it */
	KTLS_OPTION_IDENTITY	= 1 << 1,	/* a credential that ktlsd has */
	KTLS_OPTION_OWN		= 1 << 2,	/* half of a credential of the program */
	KTLS_OPTION_PART	= 1 << 3,	/* the helper fetches it with CONFIG */
	KTLS_OPTION_CHECKED	= 1 << 4,	/* fixed size: the helper may refuse it */
};

/**
 * struct ktls_option - a row of the table
 * @name: the number of the option
 * @form: enum ktls_option_form
 * @flags: enum ktls_option_flags
 * @attr: enum ktls_attr in START and CHECK, of a range that of the lower end, which
 *	that of the upper end follows; 0: not sent. With KTLS_OPTION_PART: enum
 *	ktls_config_attr
 * @offset: fixed size: where it is in struct ktls_config
 * @min: of a number
 * @max: of a number; of bytes: how many
 * @limit: the module parameter that is @max, or NULL
 * @initial: of a number: the default
 */
struct ktls_option {
	u16			name;
	u8			form;
	u8			flags;
	u16			attr;
	u16			offset;
	u32			min;
	u32			max;
	const unsigned int	*limit;
	u32			initial;
};

extern const struct ktls_option ktls_options[];
extern const unsigned int ktls_options_count;

#define ktls_for_each_option(option)	\
	for ((option) = ktls_options; (option) < ktls_options + ktls_options_count; (option)++)

/**
 * ktls_option_is_string - may a final NUL be counted when the option is set?
 * @option: the row
 *
 * Return: whether it may.
 */
static inline bool ktls_option_is_string(const struct ktls_option *option)
{
	return option->form <= KTLS_FORM_CIPHERS;
}

/**
 * ktls_option_is_bytes - is the value a struct ktls_blob?
 * @option: the row
 *
 * Return: whether it is.
 */
static inline bool ktls_option_is_bytes(const struct ktls_option *option)
{
	return option->form <= KTLS_FORM_PSK;
}

const struct ktls_option *ktls_option_find(int name);
size_t ktls_option_size(const struct ktls_option *option);
const void *ktls_option_value(const struct ktls_option *option,
			      const struct ktls_config *config);
int ktls_option_apply(const struct ktls_option *option, struct ktls_config *config,
		      const void *value);
void ktls_option_set_defaults(struct ktls_config *config);

#endif /* _KTLS_OPTION_H */
