/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _KTLS_COMPAT_NET_IP_H
#define _KTLS_COMPAT_NET_IP_H

#include_next <net/ip.h>

/* The older form finds the end of the list by a sentinel, this one is given the
 * length and works with either kind of list.
 */
#ifndef snmp_get_cpu_field_batch_cnt
#define snmp_get_cpu_field_batch_cnt(buff, stats_list, cnt, mib_statistic)	\
do {										\
	int _i, _c;								\
										\
	for_each_possible_cpu(_c)						\
		for (_i = 0; _i < (cnt); _i++)					\
			(buff)[_i] +=						\
				snmp_get_cpu_field(mib_statistic, _c,		\
						   (stats_list)[_i].entry);	\
} while (0)
#endif

#endif /* _KTLS_COMPAT_NET_IP_H */
