// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/include.h"

/* Return: @pattern as an absolute path, or relative to where ktlsd runs if @from is. */
static char *include_resolve(const char *from, const char *pattern)
{
	const char *slash = strrchr(from, '/');
	char *path;

	if (pattern[0] == '/' || !slash)
		return strdup(pattern);
	if (asprintf(&path, "%.*s/%s", (int)(slash - from), from, pattern) < 0)
		return NULL;
	return path;
}

static int include_compare(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

static int include_take(const glob_t *found, struct ktlsd_words *ret_files)
{
	size_t i;

	ret_files->items = calloc(found->gl_pathc, sizeof(*ret_files->items));
	if (!ret_files->items)
		return -ENOMEM;
	for (i = 0; i < found->gl_pathc; i++) {
		ret_files->items[i] = strdup(found->gl_pathv[i]);
		if (!ret_files->items[i])
			return -ENOMEM;
		ret_files->count++;
	}
	/* glob() sorts by the locale. */
	qsort(ret_files->items, ret_files->count, sizeof(*ret_files->items), include_compare);
	return 0;
}

int ktlsd_include_find(const char *from, const char *pattern, struct ktlsd_words *ret_files,
		       struct ktlsd_fault *fault)
{
	char *path = include_resolve(from, pattern);
	glob_t found = { 0 };
	int ret, err = 0;

	memset(ret_files, 0, sizeof(*ret_files));
	if (!path)
		return ktlsd_errors_set(fault, -ENOMEM, "out of memory");
	ret = glob(path, GLOB_ERR, NULL, &found);
	if (ret == GLOB_NOMATCH && strpbrk(pattern, "*?["))
		err = 0;
	else if (ret == GLOB_NOMATCH)
		err = ktlsd_errors_set(fault, -EINVAL, "include: there is no file %s", path);
	else if (ret == GLOB_NOSPACE)
		err = ktlsd_errors_set(fault, -ENOMEM, "out of memory");
	else if (ret)
		err = ktlsd_errors_set(fault, -EINVAL,
			"include: the directory of %s cannot be read: %s", path, strerror(errno));
	else
		err = include_take(&found, ret_files);
	if (err == -ENOMEM)
		ktlsd_errors_set(fault, err, "out of memory");
	globfree(&found);
	free(path);
	return err;
}
