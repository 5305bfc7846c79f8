/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _KTLS_COMPAT_LINUX_MODULE_H
#define _KTLS_COMPAT_LINUX_MODULE_H

#include_next <linux/module.h>

/* A namespace is imported by its name as a string, as in 7.3. The bare word that
 * older kernels want ends up as the same string in .modinfo.
 */
#ifndef KTLS_HAVE_IMPORT_NS_STRING
#undef MODULE_IMPORT_NS
#define MODULE_IMPORT_NS(ns)	MODULE_INFO(import_ns, ns)
#endif

#endif /* _KTLS_COMPAT_LINUX_MODULE_H */
