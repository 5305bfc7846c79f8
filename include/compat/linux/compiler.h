/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _KTLS_COMPAT_LINUX_COMPILER_H
#define _KTLS_COMPAT_LINUX_COMPILER_H

#include_next <linux/compiler.h>

/* A large array that is written before it is read, in a kernel that wipes the stack. */
#ifndef __uninitialized
#if __has_attribute(__uninitialized__)
#define __uninitialized	__attribute__((__uninitialized__))
#else
#define __uninitialized
#endif
#endif

#endif /* _KTLS_COMPAT_LINUX_COMPILER_H */
