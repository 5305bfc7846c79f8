// SPDX-License-Identifier: GPL-2.0-or-later
/* Namespaces and TCP. See net.h. */
#include <ctype.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "harness.h"
#include "net.h"

void net_new(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd;

	OK(unshare(CLONE_NEWNET));
	fd = OK(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	OK(ioctl(fd, SIOCGIFFLAGS, &ifr));
	ifr.ifr_flags |= IFF_UP;
	OK(ioctl(fd, SIOCSIFFLAGS, &ifr));
	close(fd);
}

struct addr net_loopback(int family, uint16_t port)
{
	struct addr a = { 0 };

	if (family == AF_INET) {
		a.v4.sin_family = AF_INET;
		a.v4.sin_port = htons(port);
		a.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		a.len = sizeof(a.v4);
	} else {
		a.v6.sin6_family = AF_INET6;
		a.v6.sin6_port = htons(port);
		a.v6.sin6_addr = in6addr_loopback;
		a.len = sizeof(a.v6);
	}
	return a;
}

/* A filter that drops every packet: no ACK, no RST. */
void net_deaf(int fd)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { 1, &drop };

	OK(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
}

int net_socket(int family)
{
	return OK(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

int net_listen(int family, int backlog, struct addr *ret)
{
	struct addr a = net_loopback(family, 0);
	int fd = net_socket(family);

	OK(bind(fd, &a.sa, a.len));
	OK(listen(fd, backlog));
	OK(getsockname(fd, &a.sa, &a.len));
	*ret = a;
	return fd;
}

int net_accept(int fd)
{
	return OK(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
}

void net_need_refusal(int family)
{
#ifdef __s390x__
	struct addr a;
	int fd = net_socket(family);

	close(net_listen(family, 1, &a));
	net_nonblock(fd, true);
	if (connect(fd, &a.sa, a.len) && errno == EINPROGRESS && !net_poll(fd, POLLOUT, 1000))
		SKIP_TEST("TCP itself hears no RST here");
	close(fd);
#else
	(void)family;
#endif
}

int net_dial_from(const struct addr *to, unsigned int source)
{
	struct addr from = net_loopback(AF_INET, 0);
	int fd = net_socket(AF_INET);

	from.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + source);
	OK(bind(fd, &from.sa, from.len));
	OK(connect(fd, &to->sa, to->len));
	return fd;
}

void net_pair(int family, int ends[2])
{
	struct addr a;
	int l = net_listen(family, 1, &a);

	ends[0] = net_socket(family);
	OK(connect(ends[0], &a.sa, a.len));
	ends[1] = net_accept(l);
	close(l);
}

void net_nonblock(int fd, bool on)
{
	int flags = OK(fcntl(fd, F_GETFL));

	OK(fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
}

int net_so_error(int fd)
{
	socklen_t len = sizeof(int);
	int e = -1;

	OK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len));
	return e;
}

int net_poll(int fd, int events, int ms)
{
	struct pollfd p = { fd, events, 0 };

	OK(poll(&p, 1, ms > 0 ? ms * (int)harness_scale() : ms));
	return p.revents;
}

void net_rst(int fd)
{
	struct linger l = { 1, 0 };

	OK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	close(fd);
}

void net_write(int fd, const void *buf, size_t len)
{
	const char *p = buf;

	while (len) {
		ssize_t n = OK(send(fd, p, len, MSG_NOSIGNAL));

		p += n;
		len -= n;
	}
}

void net_read(int fd, void *buf, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, (char *)buf + got, len - got);

		if (n <= 0) {
			harness_fail(__FILE__, __LINE__, "read %zu of %zu bytes, then %s", got, len,
				     n ? strerrorname_np(errno) : "EOF");
			harness_end();
		}
		got += n;
	}
}

void net_pattern(void *buf, size_t len, uint64_t offset)
{
	unsigned char *p = buf;

	for (size_t i = 0; i < len; i++) {
		uint64_t x = (offset + i) * 0x9e3779b97f4a7c15ULL;

		p[i] = (x >> 56) | 1;
	}
}

int net_tcp_state(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	OK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	return info.tcpi_state;
}

void *net_bad_address(void)
{
	static void *volatile bad = (void *)8;

	return bad;
}

static bool same_name(const char *a, const char *b)
{
	for (;;) {
		while (*a == '_')
			a++;
		while (*b == '_')
			b++;
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		if (!*a)
			return true;
		a++;
		b++;
	}
}

uint64_t net_mib(const char *name)
{
	/* Not /proc/net: that is the namespace of the process' first thread. */
	FILE *f = fopen("/proc/thread-self/net/ktls_stat", "re");
	unsigned long long value;
	char line[200], key[100];

	if (!f) {
		harness_fail(__FILE__, __LINE__, "/proc/net/ktls_stat: %s", strerror(errno));
		harness_end();
	}
	while (fgets(line, sizeof(line), f)) {
		const char *k = key;

		if (sscanf(line, "%99s %llu", key, &value) != 2)
			continue;
		if (!strncasecmp(k, "ktls", 4))
			k += 4;
		if (same_name(k, name)) {
			fclose(f);
			return value;
		}
	}
	harness_fail(__FILE__, __LINE__, "no %s in /proc/net/ktls_stat", name);
	harness_end();
}

bool net_module_loaded(const char *module)
{
	char path[200];

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	return !access(path, F_OK);
}

int net_module_refs(const char *module)
{
	char path[200];
	int n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%d", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	return n;
}

void net_set_parameter(const char *name, int value)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/ktls/parameters/%s", name);
	f = fopen(path, "we");
	ASSERT_TRUE(f);
	fprintf(f, "%d", value);
	OK(fclose(f));
}

long net_crypto_refs(void)
{
	FILE *f = fopen("/proc/crypto", "re");
	char line[200];
	long refs = 0, n;

	ASSERT_TRUE(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "refcnt : %ld", &n) == 1)
			refs += n;
	fclose(f);
	ASSERT_GT(refs, 0);
	return refs;
}

unsigned long net_recv_queue(int fd)
{
	unsigned int port, state;
	unsigned long queued;
	struct addr a = { .len = sizeof(a) };
	char line[400];
	FILE *f;

	OK(getsockname(fd, &a.sa, &a.len));
	f = fopen(a.sa.sa_family == AF_INET6 ? "/proc/thread-self/net/tcp6" :
		  "/proc/thread-self/net/tcp", "re");
	ASSERT_TRUE(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*x:%lx",
			   &port, &state, &queued) == 3 && port == ntohs(a.v4.sin_port)) {
			fclose(f);
			return queued;
		}
	harness_fail(__FILE__, __LINE__, "port %u is not in /proc/net/tcp", ntohs(a.v4.sin_port));
	harness_end();
}

long net_available_kib(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[100];
	long kib = -1;

	ASSERT_TRUE(f);
	while (kib < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "MemAvailable: %ld", &kib);
	fclose(f);
	return kib;
}

const char *net_ss(const char *ulp)
{
	static char line[4096];
	FILE *f = popen("ss -tieH state established", "r");
	bool found = false;

	ASSERT_TRUE(f);
	while (!found && fgets(line, sizeof(line), f))
		found = strstr(line, ulp);
	pclose(f);
	ASSERT_TRUE(found);
	return line;
}
