// SPDX-License-Identifier: GPL-2.0-or-later
/* What an idle connection takes with handshakes of the real ktlsd, and with OpenSSL in the program,
 * and whether ktlsd gives back what a burst of handshakes took.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>

#include "lib/cgroup.h"
#include "lib/interop.h"
#include "module/memory.h"

enum {
	SOCKETS		= 400,
	AT_ONCE		= 1000,		/* handshakes: a listener may have 1024 of them */
	WARM		= 16,		/* sockets of the connections before the first measurement */
	HOUR_MS		= 3600000,	/* KTLS_TIMEOUT: the machine may be busy */
	LATER_MS	= 60000,
	/* Per cent of ktlsd at its start that it may have then. 110 is the goal, and 107 to 108 what it
	 * has: the first handshakes take that for good. With the burst it has 245.
	 */
	BACK		= 120,
};

/* --- with ktlsd --- */

static struct addr addr;
static int listener;

static int patient_socket(void)
{
	int fd = sock_new(AF_INET);

	OK(sock_set_u32(fd, KTLS_TIMEOUT, HOUR_MS));
	return fd;
}

static void listen_start(void)
{
	addr = net_loopback(AF_INET, 0);
	listener = patient_socket();
	OK(bind(listener, &addr.sa, addr.len));
	OK(sock_set_str(listener, KTLS_IDENTITY, "ecdsa"));
	OK(listen(listener, AT_ONCE));
	OK(getsockname(listener, &addr.sa, &addr.len));
}

static uint16_t port_of(int fd, int (*name)(int, struct sockaddr *, socklen_t *))
{
	struct addr a = { .len = sizeof(a.v6) };

	OK(name(fd, &a.sa, &a.len));
	return ntohs(a.v4.sin_port);
}

/* Begins one at ends[0]; Return: the client's port. */
static uint16_t begin(int *ends)
{
	ends[0] = patient_socket();
	OK(sock_set_str(ends[0], KTLS_SERVER_NAME, "server.test"));
	net_nonblock(ends[0], true);
	MUST_FAIL(EINPROGRESS, connect(ends[0], &addr.sa, addr.len));
	return port_of(ends[0], getsockname);
}

static void finish(int *ends)
{
	ASSERT_EQ(POLLOUT, net_poll(ends[0], POLLOUT, 60000));
	ASSERT_EQ(0, net_so_error(ends[0]));
	net_nonblock(ends[0], false);
}

/* So many connections, all of their handshakes at once. */
static void burst(int *ends, unsigned int connections)
{
	static unsigned int client[65536];	/* by its port */
	unsigned int i;
	int fd;

	for (i = 0; i < connections; i++)
		client[begin(ends + 2 * i)] = i;
	for (i = 0; i < connections; i++)
		finish(ends + 2 * i);
	for (i = 0; i < connections; i++) {
		fd = net_accept(listener);
		ends[2 * client[port_of(fd, getpeername)] + 1] = fd;
	}
}

static void make_ktlsd(void)
{
	unsigned int n;

	listen_start();
	for (unsigned int i = 0; i < memory_sockets; i += 2 * n) {
		n = (memory_sockets - i) / 2;
		n = n > AT_ONCE ? AT_ONCE : n;
		burst(memory_fds + i, n);
	}
	close(listener);
	memory_traffic();
}

/* What ktlsd and its signer have, KiB. Return: RSS. */
static long show_ktlsd(const char *when)
{
	long rss = real_kib("status", "VmRSS:");

	harness_note("ktlsd %s:\t%ld\t%ld\t%ld\t%ld", when, rss, real_kib("status", "RssAnon:"),
		     real_kib("smaps_rollup", "Pss:"), real_kib("status", "VmHWM:"));
	return rss;
}

static bool is_shown(void)
{
	return getenv("KTLS_MEMORY_SOCKETS");
}

/* What ktlsd has then is of the burst; a minute later of the connections. */
static void make_ktlsd_shown(void)
{
	make_ktlsd();
	show_ktlsd("just after the handshakes");
	if (!is_shown())
		return;
	harness_nap(LATER_MS);
	show_ktlsd("60 s later, with the connections");
}

/* Waits for the whole minute if that is to be shown, else no longer than it takes. Return:
 * whether ktlsd is back.
 */
static bool wait_back(long start)
{
	double begin = harness_now();
	bool ret;

	do {
		harness_nap(100);
		ret = real_kib("status", "VmRSS:") * 100 <= start * BACK;
	} while ((is_shown() || !ret) && harness_now() < begin + LATER_MS / 1e3);
	harness_note("%.0f s after the connections", harness_now() - begin);
	return ret;
}

TEST_TIMEOUT(ktlsd_gives_back_what_a_burst_took, 900)
{
	struct proc d;
	long start;

	memory_start(SOCKETS);
	net_new();
	net_set_parameter("max_timeout_ms", HOUR_MS);
	real_start_configured(&d, "max_sessions = 4096\n", "");
	start = show_ktlsd("at its start");
	cgroup_enter();
	memory_warm(WARM, make_ktlsd, memory_drop);
	show_ktlsd("after some handshakes");
	if (is_shown()) {
		memory_measure("after traffic, ktls, ktlsd", make_ktlsd_shown, memory_drop);
	} else {
		make_ktlsd_shown();
		memory_drop();
	}
	show_ktlsd("when they are just closed");
	EXPECT_TRUE(wait_back(start) || is_shown());
	show_ktlsd("60 s later, or less in check");
	net_set_parameter("max_timeout_ms", 60000);
	cgroup_leave();
	real_stop(&d);
}

/* --- with OpenSSL --- */

static SSL_CTX *contexts[2];
static SSL **ssls;

static void check(bool ok)
{
	if (ok)
		return;
	ERR_print_errors_fp(stderr);
	harness_fail(__FILE__, __LINE__, "OpenSSL");
	harness_end();
}

static void contexts_make(long mode)
{
	SSL_CTX *server = SSL_CTX_new(TLS_server_method());
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());

	check(server && client &&
	      SSL_CTX_use_certificate_chain_file(server, real_pki("ecdsa.pem")) == 1 &&
	      SSL_CTX_use_PrivateKey_file(server, real_pki("ecdsa.key"), SSL_FILETYPE_PEM) == 1 &&
	      SSL_CTX_load_verify_locations(client, real_pki("ca.pem"), NULL) == 1);
	SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(server, mode);
	SSL_CTX_set_mode(client, mode);
	contexts[0] = client;
	contexts[1] = server;
}

static void shake_hands(SSL *client, SSL *server)
{
	for (int i = 0; SSL_in_init(client) || SSL_in_init(server); i++) {
		ASSERT_LT(i, 100);
		SSL_do_handshake(client);
		SSL_do_handshake(server);
	}
	ASSERT_EQ(TLS1_3_VERSION, SSL_version(client));
}

/* From one end to the other, and all that came before it. */
static void say(SSL *from, SSL *to, const void *data, int len)
{
	static uint8_t back[16384];
	int got = 0, n;

	ASSERT_EQ(len, SSL_write(from, data, len));
	while (got < len) {
		n = SSL_read(to, back + got, len - got);
		check(n > 0);
		got += n;
	}
	ASSERT_MEMEQ(data, back, len);
}

static void pair_make(unsigned int at, const uint8_t *data, int len)
{
	net_pair(AF_INET, memory_fds + at);
	for (int k = 0; k < 2; k++) {
		ssls[at + k] = SSL_new(contexts[k]);
		check(ssls[at + k] && SSL_set_fd(ssls[at + k], memory_fds[at + k]));
		net_nonblock(memory_fds[at + k], true);
	}
	SSL_set_connect_state(ssls[at]);
	SSL_set_accept_state(ssls[at + 1]);
	check(SSL_set_tlsext_host_name(ssls[at], "server.test") &&
	      SSL_set1_host(ssls[at], "server.test"));
	shake_hands(ssls[at], ssls[at + 1]);
	for (int k = 0; k < 2; k++)
		net_nonblock(memory_fds[at + k], false);
	for (int k = 0; k < 2; k++) {
		say(ssls[at + k], ssls[at + !k], data, len);
		say(ssls[at + k], ssls[at + !k], data, 100);
	}
}

static void make_openssl(void)
{
	static uint8_t data[16384];

	net_pattern(data, sizeof(data), 3);
	for (unsigned int i = 0; i < memory_sockets; i += 2)
		pair_make(i, data, sizeof(data));
}

static void drop_openssl(void)
{
	for (unsigned int i = 0; i < memory_sockets; i++)
		SSL_free(ssls[i]);
	memory_drop();
}

FIXTURE(openssl) { char nothing; };
FIXTURE_VARIANT(openssl) { const char *name; long mode; };
FIXTURE_VARIANT_ADD(openssl, usual) { "after traffic, OpenSSL", 0 };
FIXTURE_VARIANT_ADD(openssl, releases) {
	"after traffic, OpenSSL, RELEASE_BUFFERS", SSL_MODE_RELEASE_BUFFERS
};
FIXTURE_SETUP(openssl)
{
	(void)self;
	if (!is_shown())
		harness_skip("it has no limit: bench/memory shows it");
}
FIXTURE_TEARDOWN(openssl) { (void)self; }

TEST_F_TIMEOUT(openssl, an_idle_connection, 900)
{
	(void)self;
	memory_start(SOCKETS);
	net_new();
	cgroup_enter();
	contexts_make(variant->mode);
	ssls = calloc(memory_sockets, sizeof(*ssls));
	ASSERT_TRUE(ssls);
	memset(ssls, 0xff, memory_sockets * sizeof(*ssls));
	memory_warm(WARM, make_openssl, drop_openssl);
	memory_measure(variant->name, make_openssl, drop_openssl);
	cgroup_leave();
}
