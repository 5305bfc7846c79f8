/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _KTLS_COMPAT_LINUX_STRING_H
#define _KTLS_COMPAT_LINUX_STRING_H

#include_next <linux/string.h>

/* Where strscpy() is a function it has no form with two arguments. */
#ifndef strscpy
#include <linux/kernel.h>

#define ktls_strscpy3(dst, src, size)	strscpy(dst, src, size)
#define ktls_strscpy2(dst, src)		\
	strscpy(dst, src, sizeof(dst) + __must_be_array(dst))
#define strscpy(...)			\
	CONCATENATE(ktls_strscpy, COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#endif

#endif /* _KTLS_COMPAT_LINUX_STRING_H */
