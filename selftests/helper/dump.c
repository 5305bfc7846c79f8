// SPDX-License-Identifier: GPL-2.0-or-later
/* SOCKETS and STATS, which ktlsctl asks for. */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/dump.h"
#include "lib/sock.h"

enum {
	NOBODY	= 65534,
	MANY	= 700,		/* sockets, more than a message has room for */
};

/* --- what a dump has --- */

static uint64_t inode_of(int fd)
{
	struct stat st;

	OK(fstat(fd, &st));
	return st.st_ino;
}

/* The socket with that inode, once; NULL if it is not there. */
static const struct fake_msg *dump_find(const struct dump *d, uint64_t inode)
{
	const struct fake_msg *found = NULL;

	for (int i = 0; i < d->n; i++) {
		if (fake_u64(d->msg[i], KTLS_A_INODE) != inode)
			continue;
		EXPECT_FALSE(found);
		found = d->msg[i];
	}
	return found;
}

static struct ktls_info info_of(const struct fake_msg *m)
{
	struct ktls_info info;

	ASSERT_EQ(sizeof(info), fake_len(m, KTLS_A_INFO));
	memcpy(&info, fake_data_of(m, KTLS_A_INFO), sizeof(info));
	return info;
}

static bool text_is(const struct fake_msg *m, int attr, const char *text)
{
	return fake_len(m, attr) == strlen(text) &&
	       !memcmp(fake_data_of(m, attr), text, strlen(text));
}

static bool address_is(const struct fake_msg *m, int attr, const struct addr *a)
{
	return fake_len(m, attr) == a->len && !memcmp(fake_data_of(m, attr), &a->sa, a->len);
}

FIXTURE(dump) {
	struct env	e;
	struct dump	d;
};

FIXTURE_SETUP(dump)
{
	env_start(&self->e, S13_AES128);
	dump_open(&self->d);
}

FIXTURE_TEARDOWN(dump)
{
	dump_close(&self->d);
}

/* --- SOCKETS --- */

TEST_F(dump, none)
{
	EXPECT_EQ(0, dump_all(&self->d, KTLS_CMD_SOCKETS));
	EXPECT_EQ(0, self->d.n);
}

static void expect_addresses(const struct fake_msg *m, int fd)
{
	struct addr a = { .len = sizeof(a.v6) };

	OK(getsockname(fd, &a.sa, &a.len));
	EXPECT_TRUE(address_is(m, KTLS_A_LOCAL_ADDR, &a));
	a.len = sizeof(a.v6);
	OK(getpeername(fd, &a.sa, &a.len));
	EXPECT_TRUE(address_is(m, KTLS_A_PEER_ADDR, &a));
}

static void connection(struct dump *d, struct env *e, int family)
{
	struct ktls_info info, got;
	const struct fake_msg *m;
	struct conn c;

	conn_open(&c, e, ROLE_CLIENT, family);
	conn_expect_works(c.fd, &c.peer);
	ASSERT_EQ(0, dump_all(d, KTLS_CMD_SOCKETS));
	ASSERT_EQ(1, d->n);
	m = dump_find(d, inode_of(c.fd));
	ASSERT_TRUE(m);
	EXPECT_EQ(KTLS_CMD_SOCKETS, m->cmd);
	info = sock_info(c.fd);
	got = info_of(m);
	EXPECT_MEMEQ(&info, &got, sizeof(info));
	EXPECT_EQ(KTLS_STATE_OPEN, got.state);
	EXPECT_GT(got.tx_bytes, 0);
	EXPECT_EQ(getuid(), fake_u32(m, KTLS_A_UID));
	expect_addresses(m, c.fd);
	EXPECT_TRUE(text_is(m, KTLS_A_PEER_NAME, sock_get_str(c.fd, KTLS_PEER_NAME)));
	EXPECT_GT(fake_len(m, KTLS_A_PEER_NAME), 0);
	EXPECT_LT(fake_u32(m, KTLS_A_AGE), 60);
	EXPECT_TRUE(m->tb[KTLS_A_TX_IDLE] && m->tb[KTLS_A_RX_IDLE]);
	EXPECT_FALSE(m->tb[KTLS_A_EXTERNAL]);
	EXPECT_FALSE(m->tb[KTLS_A_REASON]);
	conn_close(&c);
}

TEST_F(dump, connection_4)
{
	connection(&self->d, &self->e, AF_INET);
}

TEST_F(dump, connection_6)
{
	connection(&self->d, &self->e, AF_INET6);
}

TEST_F(dump, listener_and_its_connection)
{
	const struct fake_msg *l, *s;
	struct dump d;
	struct addr a;
	struct job j;
	int fd, client, server, shown;

	fd = sock_new(AF_INET);
	sock_set_str(fd, KTLS_IDENTITY, "dump");
	a = net_loopback(AF_INET, 0);
	OK(bind(fd, &a.sa, a.len));
	OK(listen(fd, 8));
	OK(getsockname(fd, &a.sa, &a.len));
	client = sock_new(AF_INET);
	sock_set_str(client, KTLS_SERVER_NAME, "server.test");
	job_connect(&j, client, &a);
	server = net_accept(fd);
	job_wait(&j, 5000);
	OK(j.ret);

	ASSERT_EQ(0, dump_all(&self->d, KTLS_CMD_SOCKETS));
	shown = self->d.n;
	EXPECT_EQ(3, shown);
	l = dump_find(&self->d, inode_of(fd));
	s = dump_find(&self->d, inode_of(server));
	ASSERT_TRUE(l && s);
	EXPECT_EQ(KTLS_STATE_LISTENING, info_of(l).state);
	EXPECT_FALSE(l->tb[KTLS_A_PEER_ADDR]);
	EXPECT_FALSE(l->tb[KTLS_A_TX_IDLE]);
	EXPECT_TRUE(text_is(l, KTLS_A_IDENTITY, "dump"));
	EXPECT_TRUE(text_is(s, KTLS_A_IDENTITY, "dump"));
	EXPECT_EQ(ROLE_SERVER, info_of(s).role);
	s = dump_find(&self->d, inode_of(client));
	ASSERT_TRUE(s);
	EXPECT_TRUE(text_is(s, KTLS_A_SERVER_NAME, "server.test"));

	/* gone with its last file */
	OK(close(fd));
	dump_open(&d);
	ASSERT_EQ(0, dump_all(&d, KTLS_CMD_SOCKETS));
	EXPECT_FALSE(dump_find(&d, inode_of(server)) == NULL);
	EXPECT_EQ(2, d.n);
	dump_close(&d);
}

static void refuse(struct fake *f, struct fake_msg *m)
{
	if (m->cmd == KTLS_CMD_START)
		fake_fail(f, m->id, EKEYREJECTED, 42, "the certificate is a joke");
	else
		fake_answer(f, m);
}

TEST(dump_says_why_one_failed)
{
	const struct fake_msg *m;
	struct addr a = net_loopback(AF_INET, 0);
	struct dump d;
	struct env e;
	int fd, plain;

	env_start_with(&e, S13_AES128, refuse, NULL);
	dump_open(&d);
	plain = net_listen(AF_INET, 1, &a);
	fd = sock_new(AF_INET);
	FAILS(EKEYREJECTED, connect(fd, &a.sa, a.len));
	ASSERT_EQ(0, dump_all(&d, KTLS_CMD_SOCKETS));
	m = dump_find(&d, inode_of(fd));
	ASSERT_TRUE(m);
	EXPECT_EQ(KTLS_STATE_FAILED, info_of(m).state);
	EXPECT_TRUE(text_is(m, KTLS_A_REASON, "the certificate is a joke"));
	OK(close(plain));
	dump_close(&d);
}

TEST_F(dump, other_namespaces_are_not_shown)
{
	struct conn c;
	struct dump d;
	int fd;

	conn_open(&c, &self->e, ROLE_SERVER, AF_INET);
	OK(unshare(CLONE_NEWNET));
	fd = sock_new(AF_INET);
	dump_open(&d);
	ASSERT_EQ(0, dump_all(&d, KTLS_CMD_SOCKETS));
	EXPECT_EQ(1, d.n);
	EXPECT_TRUE(dump_find(&d, inode_of(fd)));
	/* by the namespace of the netlink socket, not by that of the task */
	ASSERT_EQ(0, dump_all(&self->d, KTLS_CMD_SOCKETS));
	EXPECT_EQ(1, self->d.n);
	EXPECT_TRUE(dump_find(&self->d, inode_of(c.fd)));
	dump_close(&d);
	conn_close(&c);
}

static void become_nobody(void)
{
	OK(setresgid(NOBODY, NOBODY, NOBODY));
	OK(setresuid(NOBODY, NOBODY, NOBODY));
}

/* A child's verdict is that of the test. */
static void as_nobody(void (*fn)(void *arg), void *arg)
{
	pid_t pid = OK(fork());
	int status;

	if (!pid) {
		become_nobody();
		fn(arg);
		_exit(harness_failed());
	}
	OK(waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

static void sees_its_own(void *arg)
{
	int *others = arg, mine = sock_new(AF_INET);
	const struct fake_msg *m;
	struct dump d;

	dump_open(&d);
	ASSERT_EQ(0, dump_all(&d, KTLS_CMD_SOCKETS));
	EXPECT_EQ(1, d.n);
	m = dump_find(&d, inode_of(mine));
	ASSERT_TRUE(m);
	EXPECT_EQ(NOBODY, fake_u32(m, KTLS_A_UID));
	EXPECT_FALSE(dump_find(&d, inode_of(*others)));
	dump_close(&d);
}

TEST_F(dump, a_user_sees_his_own)
{
	struct conn c;

	conn_open(&c, &self->e, ROLE_CLIENT, AF_INET);
	as_nobody(sees_its_own, &c.fd);
	ASSERT_EQ(0, dump_all(&self->d, KTLS_CMD_SOCKETS));
	EXPECT_EQ(1, self->d.n);
	conn_close(&c);
}

/* A netlink socket that root has opened shows another user nothing. */
static void sees_nothing(void *arg)
{
	struct dump *d = arg;

	EXPECT_EQ(-EPERM, dump_all(d, KTLS_CMD_SOCKETS));
	EXPECT_EQ(0, d->n);
}

TEST_F(dump, the_netlink_socket_of_another)
{
	sock_new(AF_INET);
	as_nobody(sees_nothing, &self->d);
}

static void many_files(void)
{
	struct rlimit limit = { 16384, 16384 };

	OK(setrlimit(RLIMIT_NOFILE, &limit));
}

/* Over many calls each socket that stays is reported once, whatever comes and goes. */
TEST_F_TIMEOUT(dump, while_sockets_come_and_go, 60)
{
	static int stay[MANY], go[MANY];
	int ret, i, step = 0;

	many_files();
	for (i = 0; i < MANY; i++) {
		stay[i] = sock_new(AF_INET);
		go[i] = sock_new(AF_INET);
	}
	dump_send(&self->d, KTLS_CMD_SOCKETS, 0);
	while ((ret = dump_next(&self->d)) > 0) {
		for (i = 0; i < 20 && step < MANY; i++, step++) {
			OK(close(go[MANY - 1 - step]));
			go[MANY - 1 - step] = step % 2 ? sock_new(AF_INET) : -1;
		}
	}
	EXPECT_EQ(0, ret);
	EXPECT_GT(self->d.datagrams, 4);
	EXPECT_GT(step, 100);
	for (i = 0; i < MANY; i++)
		EXPECT_TRUE(dump_find(&self->d, inode_of(stay[i])));
}

/* A dump that nobody reads to its end holds nothing. */
TEST_F(dump, given_up)
{
	static int fds[MANY];
	int refs;

	many_files();
	refs = net_module_refs("ktls");
	for (int i = 0; i < MANY; i++)
		fds[i] = sock_new(AF_INET);
	dump_send(&self->d, KTLS_CMD_SOCKETS, 0);
	ASSERT_EQ(1, dump_next(&self->d));
	for (int i = 0; i < MANY; i++)
		OK(close(fds[i]));
	dump_close(&self->d);
	EVENTUALLY(net_module_refs("ktls") <= refs, 5000);
	dump_open(&self->d);
	ASSERT_EQ(0, dump_all(&self->d, KTLS_CMD_SOCKETS));
	EXPECT_EQ(0, self->d.n);
}

static void looks_at_many(void *arg)
{
	int mine = sock_new(AF_INET);
	struct dump d;

	(void)arg;
	dump_open(&d);
	ASSERT_EQ(0, dump_all(&d, KTLS_CMD_SOCKETS));
	EXPECT_EQ(1, d.n);
	EXPECT_TRUE(dump_find(&d, inode_of(mine)));
	EXPECT_GT(d.noops, 0);
	dump_close(&d);
}

/* A call ends although it has nothing to report, and the dump goes on. */
TEST_F_TIMEOUT(dump, a_call_is_bounded, 120)
{
	many_files();
	for (int i = 0; i < 4200; i++)
		sock_new(AF_INET);
	as_nobody(looks_at_many, NULL);
}

static void *faulting_send(void *arg)
{
	struct transfer *t = arg;

	send(t->fd, t->buf, 4096, 0);
	return NULL;
}

/* A program that holds a socket's lock delays nobody, and its socket is shown in full. */
TEST_F(dump, does_not_wait_for_a_lock)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_zeropage zero = { };
	const struct fake_msg *m;
	struct transfer t = { };
	struct conn c;
	double begin;
	int uffd;

	conn_open(&c, &self->e, ROLE_CLIENT, AF_INET);
	uffd = OK(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
	OK(ioctl(uffd, UFFDIO_API, &api));
	t.fd = c.fd;
	t.buf = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, t.buf);
	reg.range.start = (uintptr_t)t.buf;
	reg.range.len = 4096;
	OK(ioctl(uffd, UFFDIO_REGISTER, &reg));
	job_run(&t.job, faulting_send, &t);
	ASSERT_EQ(POLLIN, net_poll(uffd, POLLIN, 5000));

	begin = harness_now();
	ASSERT_EQ(0, dump_all(&self->d, KTLS_CMD_SOCKETS));
	EXPECT_LT(harness_now() - begin, 2.0 * harness_scale());
	EXPECT_FALSE(t.job.done);
	m = dump_find(&self->d, inode_of(c.fd));
	ASSERT_TRUE(m);
	EXPECT_TRUE(text_is(m, KTLS_A_PEER_NAME, "server.test"));

	zero.range = reg.range;
	OK(ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	job_wait(&t.job, 5000);
	conn_close(&c);
}

static void *dump_for_ever(void *arg)
{
	_Atomic bool *stop = arg;
	struct dump d;

	while (!*stop) {
		dump_open(&d);
		EXPECT_EQ(0, dump_all(&d, KTLS_CMD_SOCKETS));
		dump_close(&d);
	}
	return NULL;
}

/* What is freed while it is read: for the debug kernel. */
TEST_F_TIMEOUT(dump, of_sockets_that_connect_and_close, 60)
{
	_Atomic bool stop = false;
	struct job j = { };
	struct conn c;

	job_run(&j, dump_for_ever, &stop);
	for (int i = 0; i < (harness_brief() ? 30 : 150); i++) {
		conn_open(&c, &self->e, i % 2 ? ROLE_CLIENT : ROLE_SERVER, AF_INET);
		conn_close(&c);
	}
	stop = true;
	job_wait(&j, 10000);
}

TEST_F(dump, has_no_attributes)
{
	dump_send(&self->d, KTLS_CMD_SOCKETS, KTLS_A_UID);
	EXPECT_EQ(-EINVAL, dump_next(&self->d));
	dump_send(&self->d, KTLS_CMD_STATS, KTLS_A_VALUE);
	EXPECT_EQ(-EINVAL, dump_next(&self->d));
}

/* --- STATS --- */

static void stats(struct dump *d)
{
	char name[64];
	int i;

	ASSERT_EQ(0, dump_all(d, KTLS_CMD_STATS));
	ASSERT_GT(d->n, 20);
	for (i = 0; i < d->n; i++) {
		ASSERT_TRUE(d->msg[i]->tb[KTLS_A_COUNTER] && d->msg[i]->tb[KTLS_A_VALUE]);
		snprintf(name, sizeof(name), "%.*s", (int)fake_len(d->msg[i], KTLS_A_COUNTER),
			 fake_data_of(d->msg[i], KTLS_A_COUNTER));
		ASSERT_EQ(0, strncmp(name, "Ktls", 4));
		EXPECT_EQ(net_mib(name + 4), fake_u64(d->msg[i], KTLS_A_VALUE));
	}
}

TEST_F(dump, counters)
{
	FILE *file = fopen("/proc/thread-self/net/ktls_stat", "re");
	struct conn c;
	int lines = 0;

	ASSERT_TRUE(file);
	while (fscanf(file, "%*[^\n]\n") != EOF)
		lines++;
	fclose(file);
	conn_open(&c, &self->e, ROLE_CLIENT, AF_INET);
	conn_expect_works(c.fd, &c.peer);
	stats(&self->d);
	EXPECT_EQ(lines, self->d.n);
	EXPECT_EQ(1, net_mib("HandshakesDone"));
	conn_close(&c);
}

static void stats_of(void *arg)
{
	struct dump d;

	(void)arg;
	dump_open(&d);
	stats(&d);
	dump_close(&d);
}

TEST_F(dump, counters_for_everybody)
{
	as_nobody(stats_of, NULL);
}
