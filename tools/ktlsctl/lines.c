// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "json.h"
#include "lines.h"

bool ktlsctl_lines_next(char **at, const char **ret_word, const char **ret_value)
{
	char *line = *at, *end = line + strcspn(line, "\n"), *blank;

	if (!*line)
		return false;
	*at = *end ? end + 1 : end;
	*end = '\0';
	blank = line + strcspn(line, " ");
	*ret_value = *blank ? blank + 1 : blank;
	*blank = '\0';
	*ret_word = line;
	return true;
}

bool ktlsctl_lines_cut(char *value, const char *tail)
{
	size_t len = strlen(value), tail_len = strlen(tail);

	if (len <= tail_len || value[len - tail_len - 1] != ' ' ||
	    strcmp(value + len - tail_len, tail))
		return false;
	value[len - tail_len - 1] = '\0';
	return true;
}

void ktlsctl_members_name(struct ktlsctl_members *members, const char *name)
{
	fprintf(members->out, "%s\n%s", members->count++ ? "," : "", members->indent);
	ktlsctl_json_string(members->out, name);
	fputs(": ", members->out);
}

void ktlsctl_members_string(struct ktlsctl_members *members, const char *name,
			    const char *value)
{
	ktlsctl_members_name(members, name);
	ktlsctl_json_string(members->out, value);
}

void ktlsctl_members_bool(struct ktlsctl_members *members, const char *name, bool value)
{
	ktlsctl_members_name(members, name);
	fputs(value ? "true" : "false", members->out);
}

void ktlsctl_members_number(struct ktlsctl_members *members, const char *name,
			    const char *value)
{
	ktlsctl_members_name(members, name);
	fputs(*value && !value[strspn(value, "0123456789")] ? value : "null", members->out);
}
