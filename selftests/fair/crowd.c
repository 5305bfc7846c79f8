// SPDX-License-Identifier: GPL-2.0-or-later
/* Ten thousand mostly idle connections and 500 silent clients on one listener: an honest client
 * connects in its normal time, and the memory comes back. Part of check-full.
 *
 * KTLS_CROWD is another number of connections. Their clients have a key (KTLS_PSK), because
 * signatures would take most of the time, and OpenSSL, which costs neither the module nor ktlsd
 * anything; the honest client has no key.
 */
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/resource.h>

#include "lib/honest.h"

enum {
	CROWD		= 10000,
	CROWD_MAX	= 50000,
	SILENT		= 500,
	OPENERS		= 4,		/* threads that connect */
	BUSY		= 50,		/* one in so many connections is used meanwhile */
	HONEST		= 100,		/* handshakes of the honest client, at most */
	DEADLINE_MS	= 60000,	/* of the silent clients */
	LATER_MS	= 60000,
};

struct usage {
	long	kernel, ktlsd;		/* KiB */
};

struct opener {
	pthread_t		thread;
	const struct addr	*addr;
	int			*fd, n;
	SSL			**ssl;		/* of those that are used */
};

FIXTURE(crowd)
{
	struct proc	d;
	struct honest	h;
	struct job	accepting;
	int		crowd, listener;
	atomic_int	accepted;
	SSL		*ssl[CROWD_MAX];
	int		client[CROWD_MAX], server[CROWD_MAX + HONEST], silent[SILENT];
};

/* --- memory --- */

/* Of the kernel, without files: an idle socket has nothing but slabs. */
static struct usage usage_read(const char *when)
{
	static const char *const kinds[] = { "Slab:", "KernelStack:", "PageTables:", "Percpu:" };
	struct usage u = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		u.kernel += proc_kib("/proc/meminfo", kinds[i]);
	u.ktlsd = real_kib("status", "RssAnon:");
	ASSERT_GT(u.ktlsd, 0);
	harness_note("%s: kernel %ld KiB, ktlsd %ld KiB", when, u.kernel, u.ktlsd);
	return u;
}

/* --- connections --- */

static void *accept_all(void *arg)
{
	struct crowd_self *self = arg;
	int fd;

	while ((fd = accept(self->listener, NULL, NULL)) >= 0) {
		ASSERT_LT(self->accepted, (int)ARRAY_SIZE(self->server));
		self->server[self->accepted++] = fd;
	}
	return NULL;
}

static const uint8_t key[32] = { 0x47, 0x11 };

static int use_key(SSL *ssl, const EVP_MD *md, const uint8_t **id, size_t *len, SSL_SESSION **ret)
{
	static const uint8_t suite[] = { 0x13, 0x01 };
	SSL_SESSION *session = SSL_SESSION_new();

	(void)md;
	if (!session || !SSL_SESSION_set1_master_key(session, key, sizeof(key)) ||
	    !SSL_SESSION_set_cipher(session, SSL_CIPHER_find(ssl, suite)) ||
	    !SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION))
		return 0;
	*id = (const uint8_t *)"crowd";
	*len = 5;
	*ret = session;
	return 1;
}

static void *open_some(void *arg)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct opener *o = arg;

	ASSERT_TRUE(ctx);
	SSL_CTX_set_psk_use_session_callback(ctx, use_key);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	for (int i = 0; i < o->n; i++) {
		o->fd[i] = net_socket(AF_INET);
		OK(connect(o->fd[i], &o->addr->sa, o->addr->len));
		o->ssl[i] = SSL_new(ctx);
		if (!SSL_set_fd(o->ssl[i], o->fd[i]) || SSL_connect(o->ssl[i]) != 1)
			harness_fail(__FILE__, __LINE__, "connection %d has no handshake", i);
		ASSERT_TRUE(SSL_session_reused(o->ssl[i]));
		if (i % BUSY) {
			SSL_free(o->ssl[i]);
			o->ssl[i] = NULL;
		}
	}
	SSL_CTX_free(ctx);
	return NULL;
}

static void crowd_open(struct crowd_self *self)
{
	struct opener openers[OPENERS];
	int each = self->crowd / OPENERS;
	double begin = harness_now();

	for (int i = 0; i < OPENERS; i++) {
		openers[i] = (struct opener){ .addr = &self->h.addr, .n = each,
					      .fd = self->client + i * each,
					      .ssl = self->ssl + i * each };
		ASSERT_EQ(0, pthread_create(&openers[i].thread, NULL, open_some, openers + i));
	}
	for (int i = 0; i < OPENERS; i++)
		pthread_join(openers[i].thread, NULL);
	EVENTUALLY(self->accepted >= self->crowd, 10000);
	harness_note("%d connections after %.0f s", self->crowd, harness_now() - begin);
}

/* Half of them say nothing, and half begin a ClientHello of 512 bytes. */
static void silent_open(struct crowd_self *self)
{
	const uint8_t half[256] = { 0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3 };

	for (int i = 0; i < SILENT; i++) {
		self->silent[i] = net_socket(AF_INET);
		OK(connect(self->silent[i], &self->h.addr.sa, self->h.addr.len));
		if (i % 2)
			net_write(self->silent[i], half, sizeof(half));
	}
}

static int silent_left(const struct crowd_self *self)
{
	int n = 0;
	char byte;

	for (int i = 0; i < SILENT; i++)
		n += recv(self->silent[i], &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 &&
		     errno == EAGAIN;
	return n;
}

/* Some of the connections are used: a byte to whoever is the other end. */
static void crowd_use(struct crowd_self *self)
{
	struct pollfd at[CROWD_MAX + HONEST];
	int used = 0, ready = 0;
	char byte;

	for (int i = 0; i < self->crowd; i++)
		if (self->ssl[i]) {
			ASSERT_EQ(1, SSL_write(self->ssl[i], "x", 1));
			used++;
		}
	while (ready < used) {
		for (int i = 0; i < self->accepted; i++)
			at[i] = (struct pollfd){ .fd = self->server[i], .events = POLLIN };
		ASSERT_GT(OK(poll(at, self->accepted, 10000)), 0);
		for (int i = 0; i < self->accepted; i++)
			ready += (at[i].revents & POLLIN) &&
				 recv(self->server[i], &byte, 1, MSG_DONTWAIT) == 1;
	}
}

static void close_all(struct crowd_self *self)
{
	for (int i = 0; i < SILENT; i++)
		close(self->silent[i]);
	for (int i = 0; i < self->crowd; i++) {
		SSL_free(self->ssl[i]);
		close(self->client[i]);
	}
	for (int i = 0; i < self->accepted; i++)
		close(self->server[i]);
}

static void set_key(int fd)
{
	struct ktls_psk psk = { .identity_len = 5, .key_len = sizeof(key) };

	memcpy(psk.identity, "crowd", 5);
	memcpy(psk.key, key, sizeof(key));
	OK(setsockopt(fd, SOL_TLS, KTLS_PSK, &psk, sizeof(psk)));
}

static void listener_open(struct crowd_self *self)
{
	struct addr a = net_loopback(AF_INET, 0);

	self->listener = sock_new(AF_INET);
	OK(bind(self->listener, &a.sa, a.len));
	OK(sock_set_str(self->listener, KTLS_IDENTITY, "ecdsa"));
	set_key(self->listener);
	OK(sock_set_u32(self->listener, KTLS_TIMEOUT, DEADLINE_MS));
	OK(listen(self->listener, 1024));
	OK(getsockname(self->listener, &a.sa, &a.len));
	self->h.addr = a;
}

FIXTURE_SETUP(crowd)
{
	const char *number = getenv("KTLS_CROWD");
	struct rlimit files = { 3 * CROWD_MAX, 3 * CROWD_MAX };

	self->crowd = number ? atoi(number) : CROWD;
	ASSERT_GE(self->crowd, OPENERS);
	ASSERT_LE(self->crowd, CROWD_MAX);
	self->crowd -= self->crowd % OPENERS;
	OK(setrlimit(RLIMIT_NOFILE, &files));
	net_new();
	real_start(&self->d);
	honest_start(&self->h, 0);
	/* Instructions are not counted here, which would take hours: what else the machine does
	 * is in the times.
	 */
	self->h.times = 4;
	listener_open(self);
	job_run(&self->accepting, accept_all, self);
}
FIXTURE_TEARDOWN(crowd)
{
	(void)self;
}

/* What was in use at its peak is given back, but for a part in 20 and a megabyte. */
static void expect_back(const char *what, long before, long during, long after)
{
	long limit = before + labs(during - before) / 20 + 1024;

	if (after > limit)
		harness_fail(__FILE__, __LINE__, "%s: %ld KiB before, %ld during, %ld after", what,
			     before, during, after);
}

TEST_F_TIMEOUT(crowd, ten_thousand_idle_connections_and_silent_clients, 600)
{
	struct usage before, during, after;

	honest_expect(&self->h, "before");
	before = usage_read("before");
	crowd_open(self);
	during = usage_read("with the connections");
	harness_note("a connection: %.1f KiB of the kernel, its client's TCP socket among it",
		     (double)(during.kernel - before.kernel) / self->crowd);
	silent_open(self);
	crowd_use(self);
	honest_expect(&self->h, "beside all of them");
	EXPECT_EQ(SILENT, silent_left(self));
	usage_read("with the silent clients");
	/* An idle connection is nothing to ktlsd. */
	expect_back("ktlsd", before.ktlsd, before.ktlsd, during.ktlsd);

	close_all(self);
	honest_expect(&self->h, "right after");
	harness_nap(LATER_MS);
	honest_expect(&self->h, "a minute later");
	after = usage_read("a minute later");
	expect_back("kernel", before.kernel, during.kernel, after.kernel);
	expect_back("ktlsd", before.ktlsd, before.ktlsd, after.ktlsd);
}

TEST_HARNESS_MAIN
