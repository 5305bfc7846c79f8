/* SPDX-License-Identifier: GPL-2.0 */
/* Counters of a network namespace: /proc/net/ktls_stat, and STATS. */
#ifndef _KTLS_MIB_H
#define _KTLS_MIB_H

struct net;

/* mib.c has the name of each, and what it counts. */
enum ktls_mib {
	KTLS_MIB_UNSPEC,
	KTLS_MIB_HANDSHAKES_CLIENT,
	KTLS_MIB_HANDSHAKES_SERVER,
	KTLS_MIB_HANDSHAKES_DONE,
	KTLS_MIB_HANDSHAKES_FAILED,
	KTLS_MIB_HANDSHAKES_TIMEOUT,
	KTLS_MIB_HELPER_LOST,
	KTLS_MIB_CHILDREN_REFUSED,
	KTLS_MIB_CHILDREN_EVICTED,
	KTLS_MIB_TX_RECORDS,
	KTLS_MIB_RX_RECORDS,
	KTLS_MIB_TX_BYTES,
	KTLS_MIB_RX_BYTES,
	KTLS_MIB_RX_BAD,
	KTLS_MIB_RX_INVALID,
	KTLS_MIB_TRUNCATED,
	KTLS_MIB_ALERTS_SENT,
	KTLS_MIB_ALERTS_RCVD,
	KTLS_MIB_KEY_UPDATES_SENT,
	KTLS_MIB_KEY_UPDATES_RCVD,
	KTLS_MIB_TICKETS_PASSED,
	KTLS_MIB_TICKETS_DROPPED,
	KTLS_MIB_LINGERS,
	KTLS_MIB_LINGERS_EXPIRED,
	KTLS_MIB_HELPER_BAD,
	__KTLS_MIB_MAX
};

int ktls_mib_init(void);
void ktls_mib_exit(void);
const char *ktls_mib_name(enum ktls_mib which);
unsigned long ktls_mib_read(const struct net *net, enum ktls_mib which);
void ktls_mib_inc(const struct net *net, enum ktls_mib which);
void ktls_mib_add(const struct net *net, enum ktls_mib which, unsigned int n);
void ktls_mib_record(const struct net *net, enum ktls_mib records, enum ktls_mib bytes,
		     unsigned int n);

#endif /* _KTLS_MIB_H */
