/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network namespaces, TCP sockets, counters, capture: what is not TLS. */
#ifndef _SELFTESTS_NET_H
#define _SELFTESTS_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

struct addr {
	union {
		struct sockaddr		sa;
		struct sockaddr_in	v4;
		struct sockaddr_in6	v6;
	};
	socklen_t	len;
};

/* A new network namespace, with lo up. */
void net_new(void);

/* Loopback, port 0 */
struct addr net_loopback(int family, uint16_t port);
/* Makes a plain TCP socket or listener drop all packets, as a dead host. */
void net_deaf(int fd);

int net_socket(int family);
int net_listen(int family, int backlog, struct addr *ret);
int net_accept(int fd);
/* The test connects to a closed port. It is skipped on an s390x where TCP hears no RST: those of
 * IPv4 have a wrong checksum there in emulation (QEMU 7.2, /proc/net/snmp, InCsumErrors).
 */
void net_need_refusal(int family);
/* A plain connection from 127.0.0.1 + @source. */
int net_dial_from(const struct addr *to, unsigned int source);
/* A connected pair of plain TCP sockets: ends[0] connected, ends[1] accepted. */
void net_pair(int family, int ends[2]);

void net_nonblock(int fd, bool on);
int net_so_error(int fd);
/* poll() one socket: what is reported within @ms, 0 if nothing */
int net_poll(int fd, int events, int ms);
void net_rst(int fd);
void net_write(int fd, const void *buf, size_t len);
/* Reads exactly @len or fails the test. */
void net_read(int fd, void *buf, size_t len);
/* Bytes that are not zero and do not repeat with a small period. */
void net_pattern(void *buf, size_t len, uint64_t offset);
int net_tcp_state(int fd);
/* An address that is not mapped; the compiler does not know that. */
void *net_bad_address(void);

/* A counter of /proc/net/ktls_stat, by name in any case, underscores or none. */
uint64_t net_mib(const char *name);
/* What `ss -tie` prints about the one established socket with that ULP; overwritten by
 * the next call.
 */
const char *net_ss(const char *ulp);
int net_module_refs(const char *module);
/* A parameter of the module ktls. */
void net_set_parameter(const char *name, int value);
/* How often all ciphers and hashes of the kernel are in use (/proc/crypto). */
long net_crypto_refs(void);
/* Bytes in TCP's receive queue, the Recv-Q of ss. */
unsigned long net_recv_queue(int fd);
/* MemAvailable of /proc/meminfo. */
long net_available_kib(void);
bool net_module_loaded(const char *module);

/* A packet capture of lo, to look for a marker. */
struct capture {
	int		fd;
	uint64_t	packets, payload;
};

#define MARKER		"ktls-plaintext-marker-4711"

void capture_start(struct capture *c);
/* How often the marker passed since capture_start(); ends the capture. */
unsigned int capture_count(struct capture *c, const void *marker, size_t len);
/* @len bytes of nothing but markers */
void capture_fill(void *buf, size_t len);

#endif /* _SELFTESTS_NET_H */
