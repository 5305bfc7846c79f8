/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _KTLS_COMPAT_LINUX_UNALIGNED_H
#define _KTLS_COMPAT_LINUX_UNALIGNED_H

#ifdef KTLS_HAVE_LINUX_UNALIGNED
#include_next <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#endif /* _KTLS_COMPAT_LINUX_UNALIGNED_H */
