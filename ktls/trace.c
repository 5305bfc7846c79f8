// SPDX-License-Identifier: GPL-2.0
/* The bodies of the tracepoints in include/trace/events/ktls.h. */
#include <linux/cred.h>

#define CREATE_TRACE_POINTS
#include <trace/events/ktls.h>
