// SPDX-License-Identifier: GPL-2.0-or-later
/* The benchmark, inside the VM: how much processor time a call costs, with plain
 * TCP, mainline's tls, this module, and for the bare ciphers.
 *
 * Under instruction counting a nanosecond of processor time is an instruction.
 * One loopback connection has a sender (the main thread) and a receiver thread;
 * what both cost is counted, the softirqs among it, and what kernel threads did
 * meanwhile. Rounds of the kinds are interleaved. Prints a line for each round,
 * for "report" to make a table of.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define KIB		1024UL
#define MIB		(1024 * KIB)
#define RECORD		(16 * KIB)
#define TASKS_MAX	4096

enum kind { PLAIN, AEAD, MAINLINE, KTLS, KINDS };

static const char *const kind_names[] = { "plain", "aead", "mainline", "ktls" };
static const char *const kind_ulps[] = { NULL, NULL, "tls", "ktls" };

struct config {
	const char	*version, *cipher;
	uint16_t	tls_version, tls_cipher;
	const char	*alg;
	unsigned int	aad, type;	/* bytes of associated data, of the type byte */
	size_t		info_len;
};

#define GCM_INFO	sizeof(struct tls12_crypto_info_aes_gcm_128)
#define CHACHA_INFO	sizeof(struct tls12_crypto_info_chacha20_poly1305)

static const struct config configs[] = {
	{ "1.3", "AES-128-GCM", TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_128,
	  "gcm(aes) 16", 5, 1, GCM_INFO },
	{ "1.3", "ChaCha20-Poly1305", TLS_1_3_VERSION, TLS_CIPHER_CHACHA20_POLY1305,
	  "rfc7539(chacha20,poly1305) 32", 5, 1, CHACHA_INFO },
	{ "1.2", "AES-128-GCM", TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_128,
	  "gcm(aes) 16", 13, 0, GCM_INFO },
	{ "1.2", "ChaCha20-Poly1305", TLS_1_2_VERSION, TLS_CIPHER_CHACHA20_POLY1305,
	  "rfc7539(chacha20,poly1305) 32", 13, 0, CHACHA_INFO },
};

/* What is measured is @calls calls that move @size bytes, in system calls of @chunk
 * bytes, to a receiver with a buffer of @buf bytes.
 */
struct row {
	const char	*name;
	size_t		size, chunk, buf;
	unsigned int	calls;
	bool		file, quick;
};

static const struct row rows[] = {
	{ "send 64 B",		64,	  64,	    64 * KIB, 10000, false, true },
	{ "send 1 KiB",		1 * KIB,  1 * KIB,  64 * KIB, 5000, false, true },
	{ "send 4 KiB",		4 * KIB,  4 * KIB,  64 * KIB, 2000, false, false },
	{ "send 16 KiB",	16 * KIB, 16 * KIB, 64 * KIB,  700, false, true },
	{ "send 64 KiB",	64 * KIB, 64 * KIB, 64 * KIB,  170, false, false },
	{ "receive in 4 KiB",	64 * KIB, RECORD,    4 * KIB,  170, false, false },
	{ "receive in 64 KiB",	64 * KIB, RECORD,   64 * KIB,  170, false, true },
	{ "receive in 1 MiB",	64 * KIB, RECORD,    1 * MIB,  170, false, false },
	{ "sendfile 1 MiB",	1 * MIB,  1 * MIB,  64 * KIB,   11, true,  true },
};

static uint8_t data[MIB];
static int file;

/* --- processor time --- */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* The text of /proc/PID/NAME, or an empty one if the task is gone. */
static void proc_read(const char *pid, const char *name, char *to, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, to, size - 1);
	to[n < 0 ? 0 : n] = '\0';
	if (fd >= 0)
		close(fd);
}

/* Kernel threads are the children of kthreadd. */
static bool proc_is_kthread(const char *pid)
{
	char text[256], *at;

	proc_read(pid, "stat", text, sizeof(text));
	at = strrchr(text, ')');
	return at && strlen(at) > 4 && atoi(at + 4) == 2;
}

struct task { int pid; uint64_t ns; };
struct tasks { unsigned int n; struct task at[TASKS_MAX]; };

static void kthreads_read(struct tasks *t)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	char text[128];

	if (!dir)
		err(1, "/proc");
	t->n = 0;
	while ((e = readdir(dir)) && t->n < TASKS_MAX) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9' || !proc_is_kthread(e->d_name))
			continue;
		proc_read(e->d_name, "schedstat", text, sizeof(text));
		t->at[t->n].pid = atoi(e->d_name);
		t->at[t->n++].ns = strtoull(text, NULL, 10);
	}
	closedir(dir);
}

static uint64_t kthreads_since(const struct tasks *then)
{
	static struct tasks now;
	uint64_t ns = 0;

	kthreads_read(&now);
	for (unsigned int i = 0; i < now.n; i++) {
		ns += now.at[i].ns;
		for (unsigned int k = 0; k < then->n; k++)
			if (then->at[k].pid == now.at[i].pid)
				ns -= then->at[k].ns;
	}
	return ns;
}

/* --- a connection --- */

struct conn {
	int			tx, rx;
	pthread_t		thread;
	pthread_barrier_t	begin, end;
	const struct row	*row;
	size_t			total;		/* bytes of the round; 0: the end */
	bool			check;		/* the bytes are looked at */
	uint64_t		rx_ns;		/* what the receiver thread took */
};

static void recv_round(struct conn *c, uint8_t *buf)
{
	size_t got = 0, at;
	ssize_t n;

	while (got < c->total) {
		n = recv(c->rx, buf, c->row->buf, 0);
		if (n <= 0)
			err(1, "recv, with %zu of %zu bytes", got, c->total);
		for (ssize_t i = 0; c->check && i < n; i++) {
			at = (got + i) % c->row->chunk;
			if (buf[i] != data[at])
				errx(1, "%s: wrong byte at %zu", c->row->name, got + i);
		}
		got += n;
	}
	if (got > c->total)
		errx(1, "%s: %zu bytes too many", c->row->name, got - c->total);
}

static void *receiver(void *arg)
{
	struct conn *c = arg;
	uint8_t *buf = aligned_alloc(4096, c->row->buf);
	uint64_t ns;

	if (!buf)
		err(1, "memory");
	memset(buf, 0, c->row->buf);
	for (;;) {
		pthread_barrier_wait(&c->begin);
		if (!c->total)
			break;
		ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		recv_round(c, buf);
		c->rx_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - ns;
		pthread_barrier_wait(&c->end);
	}
	free(buf);
	return NULL;
}

static void send_chunk(int fd, const struct row *row)
{
	off_t off = 0;
	ssize_t n;

	for (size_t done = 0; done < row->chunk; done += n) {
		n = row->file ? sendfile(fd, file, &off, row->chunk - done) :
				send(fd, data + done, row->chunk - done, 0);
		if (n <= 0)
			err(1, "%s", row->name);
	}
}

static void tls_set(int fd, const struct config *config, const char *ulp)
{
	union {
		struct tls_crypto_info	head;
		uint8_t			bytes[128];
	} info;

	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, ulp, strlen(ulp)))
		err(1, "TCP_ULP %s", ulp);
	memset(&info, 0x5a, sizeof(info));
	info.head.version = config->tls_version;
	info.head.cipher_type = config->tls_cipher;
	/* The sequence number is last, and far from its end. */
	memset(info.bytes + config->info_len - 8, 0, 8);
	if (setsockopt(fd, SOL_TLS, TLS_TX, &info, config->info_len))
		err(1, "%s: TLS_TX", ulp);
	if (setsockopt(fd, SOL_TLS, TLS_RX, &info, config->info_len))
		err(1, "%s: TLS_RX", ulp);
}

static void conn_open(struct conn *c, const struct config *config, const struct row *row,
		      const char *ulp)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->tx = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || c->tx < 0 || bind(listener, (void *)&sin, sizeof(sin)) ||
	    listen(listener, 1) || getsockname(listener, (void *)&sin, &len) ||
	    connect(c->tx, (void *)&sin, sizeof(sin)))
		err(1, "a connection");
	c->rx = accept(listener, NULL, NULL);
	if (c->rx < 0)
		err(1, "accept");
	close(listener);
	if (ulp) {
		tls_set(c->tx, config, ulp);
		tls_set(c->rx, config, ulp);
	}
	c->row = row;
	pthread_barrier_init(&c->begin, NULL, 2);
	pthread_barrier_init(&c->end, NULL, 2);
	if (pthread_create(&c->thread, NULL, receiver, c))
		errx(1, "no thread");
}

static void conn_round(struct conn *c, unsigned int calls, bool check)
{
	unsigned int chunks = calls * (c->row->size / c->row->chunk);

	c->total = (size_t)calls * c->row->size;
	c->check = check;
	pthread_barrier_wait(&c->begin);
	while (chunks--)
		send_chunk(c->tx, c->row);
	pthread_barrier_wait(&c->end);
}

static void conn_close(struct conn *c)
{
	c->total = 0;
	pthread_barrier_wait(&c->begin);
	pthread_join(c->thread, NULL);
	close(c->tx);
	close(c->rx);
}

/* --- the bare ciphers --- */

static int aead_open(const struct config *config, const struct row *row)
{
	size_t record = row->chunk < RECORD ? row->chunk : RECORD;
	char line[128];
	int fd = open("/proc/ktls_aead", O_WRONLY | O_CLOEXEC);
	int n = snprintf(line, sizeof(line), "%s %u %zu", config->alg, config->aad,
			 record + config->type);

	if (fd < 0 || write(fd, line, n) != n)
		err(1, "/proc/ktls_aead: %s", line);
	return fd;
}

static void aead_round(int fd, const struct row *row, unsigned int calls)
{
	size_t record = row->chunk < RECORD ? row->chunk : RECORD;
	char line[32];
	int n = snprintf(line, sizeof(line), "%zu", calls * (row->size / record));

	if (write(fd, line, n) != n)
		err(1, "/proc/ktls_aead");
}

/* --- measuring --- */

/* Plain TCP varies most, and costs least; the ciphers not at all. */
static unsigned int calls_of(const struct row *row, enum kind kind)
{
	return kind == PLAIN ? row->calls * 4 : kind == AEAD ? row->calls / 4 + 1 : row->calls;
}

static void measure_round(const struct config *config, enum kind kind, struct conn *conn,
			  const struct row *row, int aead)
{
	const unsigned int calls = calls_of(row, kind);
	static struct tasks before;
	uint64_t ns, tx;

	kthreads_read(&before);
	tx = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	if (kind == AEAD)
		aead_round(aead, row, calls);
	else
		conn_round(conn, calls, false);
	ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - ns;
	tx = clock_ns(CLOCK_THREAD_CPUTIME_ID) - tx;
	printf("%s\t%s\t%s\t%s\t%u\t%lu\t%lu\t%lu\t%lu\n", config->version, config->cipher,
	       row->name, kind_names[kind], calls, ns, tx, conn->rx_ns, kthreads_since(&before));
}

static void measure(const struct config *config, const struct row *row, unsigned int rounds)
{
	struct conn conns[KINDS] = {};
	int aead = aead_open(config, row);

	for (int k = 0; k < KINDS; k++) {
		if (k == AEAD)
			continue;
		conn_open(&conns[k], config, row, kind_ulps[k]);
		conn_round(&conns[k], row->calls / 8 + 1, true);
		conn_round(&conns[k], row->calls / 4, false);
	}
	for (unsigned int r = 0; r < rounds; r++)
		for (int k = 0; k < KINDS; k++)
			measure_round(config, k, &conns[k], row, aead);
	for (int k = 0; k < KINDS; k++)
		if (k != AEAD)
			conn_close(&conns[k]);
	close(aead);
}

/* --- allocations --- */

#define TRACING		"/sys/kernel/tracing/events/kmem/"
#define HISTOGRAM	"hist:keys=stacktrace:size=8192"

static const char *const alloc_events[] = {
	"kmalloc", "kmalloc_node", "kmem_cache_alloc", "kmem_cache_alloc_node", "mm_page_alloc",
};

/* @row, of which only the number of calls is another: 10 000 records. */
static const struct { int row; unsigned int calls, records; } alloc_cases[] = {
	{ 1, 10000, 10000 }, { 3, 10000, 10000 }, { 8, 157, 157 * 64 },
};

/* Kernels differ in which of these events there are. */
static void trace_all(const char *text)
{
	char path[128];
	int fd;

	for (size_t i = 0; i < sizeof(alloc_events) / sizeof(alloc_events[0]); i++) {
		snprintf(path, sizeof(path), TRACING "%s/trigger", alloc_events[i]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT && strstr(alloc_events[i], "_node"))
			continue;
		if (fd < 0 || write(fd, text, strlen(text)) < 0)
			err(1, "%s: %s", path, text);
		close(fd);
	}
}

static void trace_print(void)
{
	char path[128], line[512];
	FILE *f;

	for (size_t i = 0; i < sizeof(alloc_events) / sizeof(alloc_events[0]); i++) {
		snprintf(path, sizeof(path), TRACING "%s/hist", alloc_events[i]);
		f = fopen(path, "r");
		if (!f)
			continue;
		printf("event %s\n", alloc_events[i]);
		while (fgets(line, sizeof(line), f))
			fputs(line, stdout);
		fclose(f);
	}
}

/* What the whole machine allocates, and where, while a connection carries records. */
static void allocations(const struct config *config)
{
	const struct row *row;
	struct conn c;

	for (size_t i = 0; i < sizeof(alloc_cases) / sizeof(alloc_cases[0]); i++) {
		memset(&c, 0, sizeof(c));
		row = &rows[alloc_cases[i].row];
		conn_open(&c, config, row, "ktls");
		conn_round(&c, row->calls, true);
		trace_all(HISTOGRAM);
		conn_round(&c, alloc_cases[i].calls, false);
		trace_all(HISTOGRAM ":pause");
		printf("case TLS %s, %s, %s, %u records\n", config->version, config->cipher,
		       row->name, alloc_cases[i].records);
		trace_print();
		trace_all("!" HISTOGRAM);
		conn_close(&c);
	}
}

/* --- a profile --- */

/* One row by one kind, for a profiler: the table of what the whole costs does not say where. */
static void profile(const char *kind_name, const char *row_name, unsigned int calls)
{
	const struct row *row = rows;
	unsigned int kind = 0;
	struct conn c = {};

	while (kind < KINDS && strcmp(kind_names[kind], kind_name))
		kind++;
	while (row < rows + sizeof(rows) / sizeof(rows[0]) && strcmp(row->name, row_name))
		row++;
	if (kind == KINDS || kind == AEAD || row == rows + sizeof(rows) / sizeof(rows[0]))
		errx(2, "no row %s, or no kind %s", row_name, kind_name);
	conn_open(&c, &configs[0], row, kind_ulps[kind]);
	conn_round(&c, calls, false);
	conn_close(&c);
}

/* --- what to do --- */

static void prepare(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* The pattern has no small period, so that a misplaced piece is noticed. */
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = i % 251;
	file = memfd_create("bench", MFD_CLOEXEC);
	if (file < 0 || write(file, data, sizeof(data)) != sizeof(data))
		err(1, "memfd");
}

int main(int argc, char **argv)
{
	const size_t n_configs = sizeof(configs) / sizeof(configs[0]);
	unsigned int rounds = argc > 1 ? atoi(argv[1]) : 0;
	bool quick = argc > 2 && !strcmp(argv[2], "quick");

	prepare();
	if (argc == 2 && !strcmp(argv[1], "allocations")) {
		allocations(&configs[0]);
		allocations(&configs[n_configs - 1]);
		return 0;
	}
	if (argc == 5 && !strcmp(argv[1], "profile") && atoi(argv[4]) > 0) {
		profile(argv[2], argv[3], atoi(argv[4]));
		return 0;
	}
	if (!rounds || argc > 3 || (argc == 3 && !quick))
		errx(2, "usage: bench allocations | bench profile KIND ROW CALLS | "
		     "bench ROUNDS [quick]");
	for (size_t c = 0; c < (quick ? 1 : n_configs); c++)
		for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
			if (!quick || rows[r].quick)
				measure(&configs[c], &rows[r], rounds);
	return 0;
}
