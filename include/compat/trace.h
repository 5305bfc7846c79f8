/* SPDX-License-Identifier: GPL-2.0 */
/* For TP_fast_assign: newer kernels know the source of a string from __string(). */
#ifndef _KTLS_COMPAT_TRACE_H
#define _KTLS_COMPAT_TRACE_H

#ifdef KTLS_HAVE_ASSIGN_STR_ONE
#define KTLS_ASSIGN_STR(dst, src)	({ (void)(src); __assign_str(dst); })
#else
#define KTLS_ASSIGN_STR(dst, src)	__assign_str(dst, src)
#endif

#endif /* _KTLS_COMPAT_TRACE_H */
