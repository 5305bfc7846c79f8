/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of ktlsd.conf and their values. Main thread only. */
#ifndef KTLSD_SETTINGS_H
#define KTLSD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

struct ktlsd_parse;

enum {
	KTLSD_SETTINGS_MAX	= 96,	/* keys of all sections */
};

enum ktlsd_section {
	KTLSD_SECTION_OUTSIDE,		/* before the first section */
	KTLSD_SECTION_UNKNOWN,		/* in a section that was refused */
	KTLSD_SECTION_DAEMON,
	KTLSD_SECTION_IDENTITY,
	KTLSD_SECTION_POLICY,
};

/**
 * struct ktlsd_setting - a key of ktlsd.conf
 * @name: before the "="
 * @section: which has it
 * @set: parses the value and sets the member, *@target; reports errors
 * @offset: of the member, in struct ktlsd_config, ktlsd_identity or ktlsd_policy
 * @min: lowest value
 * @max: highest value
 * @is_list: the value can continue in indented lines
 * @place: of the struct ktlsd_config_place in struct ktlsd_config that says where it is; or 0
 * @size: of an array element: the key can be numbered, "name.2" and so on; else 0
 */
struct ktlsd_setting {
	const char		*name;
	enum ktlsd_section	section;
	void			(*set)(struct ktlsd_parse *parse, unsigned int line,
				       const struct ktlsd_setting *setting,
				       void *target, const char *value);
	size_t			offset;
	unsigned int		min;
	unsigned int		max;
	bool			is_list;
	size_t			place;
	size_t			size;
};

/**
 * ktlsd_settings_find - find a key
 * @section: which has it
 * @name: perhaps with a number
 * @ret_index: identifies it, below KTLSD_SETTINGS_MAX
 * @ret_number: 0, or the number minus one
 *
 * Return: the key, or NULL if the section does not have it
 */
const struct ktlsd_setting *ktlsd_settings_find(enum ktlsd_section section, const char *name,
						size_t *ret_index, unsigned int *ret_number);

/**
 * ktlsd_settings_set - parse a value
 * @parse: with the section; its configuration is changed, and errors are reported to it
 * @line: of the key
 * @setting: from ktlsd_settings_find()
 * @number: likewise
 * @value: without blanks at either end
 */
void ktlsd_settings_set(struct ktlsd_parse *parse, unsigned int line,
			const struct ktlsd_setting *setting, unsigned int number,
			const char *value);

#endif
