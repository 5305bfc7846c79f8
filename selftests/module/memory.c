// SPDX-License-Identifier: GPL-2.0-or-later
/* What an idle socket takes of the kernel's memory, beyond what one of TCP takes.
 *
 * KTLS_MEMORY_SOCKETS says how many are made; with more, the figures are more exact. Each
 * line has bytes for a socket: in slabs, in all (MemFree), charged to the program's memory
 * cgroup, and what the program and ktlsd have themselves. selftests/bench/memory makes a table
 * of them.
 */
#include <linux/tls.h>

#include "lib/cgroup.h"
#include "lib/keys.h"
#include "module/memory.h"

enum {
	SOCKETS		= 2000,		/* of a test; what processors charge ahead is less */
	ENDS		= 400,		/* of its connections */
	/* Limits of what a socket takes beyond TCP's, bytes. That with keys is with ChaCha20:
	 * other ciphers have objects of the crypto API, which charges them to nobody, and of
	 * which each implementation has its own size. They need at most 1680; 500 more fail.
	 */
	NO_KEYS_MAX	= 512,
	KEYS_MAX	= 1950,
	/* Of one that has been idle for so long that it has given its ciphers back: any cipher. */
	RESTS_MAX	= 2100,
};

/* --- what is measured --- */

static uint16_t suite;

/* Which one it has, for the table. */
static struct cost measure(const char *what, void (*make)(void))
{
	static char name[100];
	bool has = strncmp(what, "socket,", 7) && !strstr(what, "TCP");

	snprintf(name, sizeof(name), "%s%s", what,
		 !has ? "" : suite == S13_CHACHA ? ", ChaCha20" : ", AES-128");
	return memory_measure(name, make, memory_drop);
}

static void make_tcp(void)
{
	for (unsigned int i = 0; i < memory_sockets; i++)
		memory_fds[i] = net_socket(AF_INET);
}

static void make_ktls(void)
{
	for (unsigned int i = 0; i < memory_sockets; i++)
		memory_fds[i] = sock_new(AF_INET);
}

static void make_pairs(void)
{
	for (unsigned int i = 0; i < memory_sockets; i += 2)
		net_pair(AF_INET, memory_fds + i);
}

/* The same keys both ways: what one end seals is what the other opens. */
static void key(int fd, const char *ulp)
{
	struct tls12_crypto_info_aes_gcm_128 aes = {
		.info = { TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_128 },
	};
	struct tls12_crypto_info_chacha20_poly1305 chacha = {
		.info = { TLS_1_3_VERSION, TLS_CIPHER_CHACHA20_POLY1305 },
	};
	const socklen_t len = suite == S13_CHACHA ? sizeof(chacha) : sizeof(aes);
	const void *info = suite == S13_CHACHA ? (void *)&chacha : (void *)&aes;

	OK(setsockopt(fd, IPPROTO_TCP, TCP_ULP, ulp, strlen(ulp)));
	OK(setsockopt(fd, SOL_TLS, TLS_TX, info, len));
	OK(setsockopt(fd, SOL_TLS, TLS_RX, info, len));
}

static void make_mainline(void)
{
	make_pairs();
	for (unsigned int i = 0; i < memory_sockets; i++)
		key(memory_fds[i], "tls");
}

static void make_keyed(void)
{
	make_pairs();
	for (unsigned int i = 0; i < memory_sockets; i++)
		key(memory_fds[i], "ktls");
}

static void make_handshakes(void)
{
	struct addr a;
	struct job j;
	int l = sock_listen(AF_INET, 4, &a);

	for (unsigned int i = 0; i < memory_sockets; i += 2) {
		memory_fds[i] = sock_new(AF_INET);
		OK(sock_set_str(memory_fds[i], KTLS_SERVER_NAME, "server.test"));
		job_connect(&j, memory_fds[i], &a);
		memory_fds[i + 1] = net_accept(l);
		job_wait(&j, 10000);
		OK(j.ret);
	}
	close(l);
}

static void make_pairs_traffic(void)
{
	make_pairs();
	memory_traffic();
}

static void make_mainline_traffic(void)
{
	make_mainline();
	memory_traffic();
}

static void make_keyed_traffic(void)
{
	make_keyed();
	memory_traffic();
}

static void make_handshakes_traffic(void)
{
	make_handshakes();
	memory_traffic();
}

static long refs_before;

/* Waits until all of them have given their ciphers back. */
static void wait_for_rest(void)
{
	EVENTUALLY(net_crypto_refs() <= refs_before, 60000);
}

static void make_keyed_resting(void)
{
	refs_before = net_crypto_refs();
	make_keyed_traffic();
	wait_for_rest();
}

static void make_handshakes_resting(void)
{
	refs_before = net_crypto_refs();
	make_handshakes_traffic();
	wait_for_rest();
}

/* --- the tests --- */

/* A helper, a cgroup, and what is made once and for each of a kind. */
static void start(struct env *e, uint16_t with, unsigned int usual)
{
	memory_start(usual);
	suite = with;
	env_start(e, with);
	cgroup_enter();
	memory_warm(ENDS, make_handshakes_traffic, memory_drop);
}

FIXTURE(memory) { struct env e; };
FIXTURE_VARIANT(memory) { uint16_t suite; };
FIXTURE_VARIANT_ADD(memory, chacha) { S13_CHACHA };
FIXTURE_VARIANT_ADD(memory, aes128) { S13_AES128 };

FIXTURE_SETUP(memory)
{
	if (variant->suite != S13_CHACHA && !getenv("KTLS_MEMORY_SOCKETS"))
		harness_skip("it has no limit: bench/memory shows it");
	start(&self->e, variant->suite, ENDS);
}

FIXTURE_TEARDOWN(memory)
{
	(void)self;
	cgroup_leave();
}

/* What is in slabs beyond TCP's. */
static void expect_small(const struct cost *tcp, const struct cost *ktls)
{
	if (suite == S13_CHACHA)
		EXPECT_LE(ktls->slab - tcp->slab, KEYS_MAX);
}

TEST_F_TIMEOUT(memory, a_connection_with_keys, 300)
{
	struct cost tcp, ktls;

	(void)self;
	tcp = measure("connection, TCP", make_pairs);
	if (net_module_loaded("tls"))
		measure("connection, mainline", make_mainline);
	ktls = measure("connection, ktls, external keys", make_keyed);
	expect_small(&tcp, &ktls);
	ktls = measure("connection, ktls, handshake", make_handshakes);
	expect_small(&tcp, &ktls);
}

TEST_F_TIMEOUT(memory, a_connection_after_traffic, 300)
{
	struct cost tcp, ktls;

	(void)self;
	tcp = measure("after traffic, TCP", make_pairs_traffic);
	if (net_module_loaded("tls"))
		measure("after traffic, mainline", make_mainline_traffic);
	ktls = measure("after traffic, ktls, external keys", make_keyed_traffic);
	expect_small(&tcp, &ktls);
	ktls = measure("after traffic, ktls, handshake", make_handshakes_traffic);
	expect_small(&tcp, &ktls);
}

/* With two looks a second apart, in place of 30. */
TEST_TIMEOUT(a_connection_that_rests, 300)
{
	struct cost tcp, ktls;
	struct env e;

	net_set_parameter("cipher_idle_s", 1);
	start(&e, S13_AES128, ENDS);
	tcp = measure("after traffic, TCP", make_pairs_traffic);
	ktls = measure("after traffic, ktls, external keys, at rest", make_keyed_resting);
	EXPECT_LE(ktls.slab - tcp.slab, RESTS_MAX);
	ktls = measure("after traffic, ktls, handshake, at rest", make_handshakes_resting);
	EXPECT_LE(ktls.slab - tcp.slab, RESTS_MAX);
	cgroup_leave();
	net_set_parameter("cipher_idle_s", 30);
}

TEST_TIMEOUT(a_socket_without_keys, 300)
{
	struct cost tcp, ktls;
	struct env e;

	start(&e, S13_AES128, SOCKETS);
	tcp = measure("socket, TCP", make_tcp);
	ktls = measure("socket, ktls", make_ktls);
	EXPECT_LE(ktls.slab - tcp.slab, NO_KEYS_MAX);
	/* Processors keep what they have charged in advance: this is a rough figure. */
	EXPECT_GE(ktls.charged - tcp.charged, (ktls.slab - tcp.slab) / 2);
	cgroup_leave();
}

TEST_HARNESS_MAIN
