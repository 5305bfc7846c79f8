/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sysfs says of the module. */
#ifndef KTLSCTL_MODULE_H
#define KTLSCTL_MODULE_H

#include <stdbool.h>
#include <stddef.h>

bool ktlsctl_module_is_loaded(void);

/* Return: the attribute @name of the module, in @line; NULL if there is none, or it is empty. */
const char *ktlsctl_module_read(const char *name, char *line, size_t size);

/* Calls @each with every parameter, in the order of their names. */
void ktlsctl_module_parameters(void (*each)(void *arg, const char *name, const char *value),
			       void *arg);

/* Says why the module is not loaded, and what to do. */
void ktlsctl_module_missing(char *ret_text, size_t size);

#endif
