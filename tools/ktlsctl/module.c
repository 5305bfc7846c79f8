// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "module.h"

#define MODULE_PATH	"/sys/module/ktls"

bool ktlsctl_module_is_loaded(void)
{
	return !access(MODULE_PATH, F_OK);
}

const char *ktlsctl_module_read(const char *name, char *line, size_t size)
{
	char path[320];
	FILE *file;

	snprintf(path, sizeof(path), MODULE_PATH "/%s", name);
	file = fopen(path, "re");
	if (!file)
		return NULL;
	if (!fgets(line, (int)size, file))
		line[0] = '\0';
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	return line[0] ? line : NULL;
}

static int module_is_parameter(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

void ktlsctl_module_parameters(void (*each)(void *arg, const char *name, const char *value),
			       void *arg)
{
	char name[300], line[128];
	struct dirent **list;
	const char *value;
	int count, i;

	count = scandir(MODULE_PATH "/parameters", &list, module_is_parameter, alphasort);
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "parameters/%s", list[i]->d_name);
		value = ktlsctl_module_read(name, line, sizeof(line));
		if (value)
			each(arg, list[i]->d_name, value);
		free(list[i]);
	}
	if (count >= 0)
		free(list);
}

/* Return: whether depmod has found a module for the kernel that runs; false without its list. */
static bool module_is_installed(const char *release)
{
	char path[128], line[4096];
	bool found = false;
	const char *at;
	FILE *file;

	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", release);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, ":")] = '\0';
		at = strrchr(line, '/');
		at = at ? at + 1 : line;
		found = !strcmp(at, "ktls.ko") || !strncmp(at, "ktls.ko.", 8);
	}
	fclose(file);
	return found;
}

void ktlsctl_module_missing(char *ret_text, size_t size)
{
	struct utsname name;

	uname(&name);
	if (module_is_installed(name.release))
		snprintf(ret_text, size, "not loaded: run modprobe ktls; the kernel's log has why it fails");
	else
		snprintf(ret_text, size,
			 "not loaded: kernel %s has no module ktls; install its headers and run dkms autoinstall, or build it from source",
			 name.release);
}
