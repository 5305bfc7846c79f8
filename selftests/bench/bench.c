// SPDX-License-Identifier: GPL-2.0-or-later
/* The benchmark, inside the VM: how much processor time a call costs, with plain
 * TCP, mainline's tls, OpenSSL in the program, this module, and for the bare ciphers.
 *
 * Under instruction counting a nanosecond of processor time is an instruction.
 * One loopback connection has a sender (the main thread) and a receiver thread, or one
 * thread has both ends, of one connection or of many; what both ends cost is counted, the
 * softirqs among it, and what kernel threads did meanwhile. Rounds of the kinds are
 * interleaved. Prints a line for each round, for "report" to make a table of.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tls.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "pair.h"
#include "tasks.h"

#define KIB		1024UL
#define MIB		(1024 * KIB)
#define RECORD		(16 * KIB)
#define PIECES		64
#define MANY		1000		/* connections that take turns */

#define GCM_INFO	sizeof(struct tls12_crypto_info_aes_gcm_128)
#define GCM256_INFO	sizeof(struct tls12_crypto_info_aes_gcm_256)
#define CHACHA_INFO	sizeof(struct tls12_crypto_info_chacha20_poly1305)
#define CHACHA_ALG	"rfc7539(chacha20,poly1305) 32"

static const struct config configs[] = {
	{ "1.3", "AES-128-GCM", TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_128,
	  "TLS_AES_128_GCM_SHA256", "gcm(aes) 16", 5, 1, GCM_INFO },
	{ "1.3", "AES-256-GCM", TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_256,
	  "TLS_AES_256_GCM_SHA384", "gcm(aes) 32", 5, 1, GCM256_INFO },
	{ "1.3", "ChaCha20-Poly1305", TLS_1_3_VERSION, TLS_CIPHER_CHACHA20_POLY1305,
	  "TLS_CHACHA20_POLY1305_SHA256", CHACHA_ALG, 5, 1, CHACHA_INFO },
	{ "1.2", "AES-128-GCM", TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_128,
	  "ECDHE-ECDSA-AES128-GCM-SHA256", "gcm(aes) 16", 13, 0, GCM_INFO },
	{ "1.2", "AES-256-GCM", TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_256,
	  "ECDHE-ECDSA-AES256-GCM-SHA384", "gcm(aes) 32", 13, 0, GCM256_INFO },
	{ "1.2", "ChaCha20-Poly1305", TLS_1_2_VERSION, TLS_CIPHER_CHACHA20_POLY1305,
	  "ECDHE-ECDSA-CHACHA20-POLY1305", CHACHA_ALG, 13, 0, CHACHA_INFO },
};

/* How a call moves its bytes. Those before ALONE have a thread that receives. */
enum way {
	SEND, SENDFILE,
	ALONE,
	REQUEST = ALONE,	/* one end sends, the other answers with as much */
	SENDV,			/* of many pieces; in steps, too */
	STEPS,			/* what is sent is received before the next call */
	TURNS,			/* the same, on one connection after the other */
};

/* What a run has. What one has, those before it have, too. */
enum extent {
	WHOLE,
	QUICK,		/* one version and cipher, fewer rows */
	GUARD,		/* the same, only what the ratios in guard.json are made of */
};

/* What is measured is @calls calls that move @size bytes, in system calls of @chunk
 * bytes, to a receiver with a buffer of @buf bytes. @extent is the smallest that has it.
 */
struct row {
	const char	*name;
	size_t		size, chunk, buf;
	unsigned int	calls;
	enum way	way;
	enum extent	extent;
};

static const struct row rows[] = {
	{ "send 64 B",		64,	  64,	    64 * KIB, 10000, SEND, QUICK },
	{ "send 1 KiB",		1 * KIB,  1 * KIB,  64 * KIB, 5000, SEND, QUICK },
	{ "send 4 KiB",		4 * KIB,  4 * KIB,  64 * KIB, 2000, SEND, WHOLE },
	{ "send 16 KiB",	16 * KIB, 16 * KIB, 64 * KIB,  700, SEND, GUARD },
	{ "send 64 KiB",	64 * KIB, 64 * KIB, 64 * KIB,  170, SEND, WHOLE },
	{ "writev 64 x 64 B",	4 * KIB,  4 * KIB,  64 * KIB, 2000, SENDV, WHOLE },
	{ "receive in 4 KiB",	64 * KIB, RECORD,    4 * KIB,  170, SEND, WHOLE },
	{ "receive in 64 KiB",	64 * KIB, RECORD,   64 * KIB,  170, SEND, QUICK },
	{ "receive in 1 MiB",	64 * KIB, RECORD,    1 * MIB,  170, SEND, WHOLE },
	{ "sendfile 1 MiB",	1 * MIB,  1 * MIB,  64 * KIB,   11, SENDFILE, QUICK },
	{ "request 100 B",	100,	  100,	     4 * KIB, 3000, REQUEST, GUARD },
	{ "request 4 KiB",	4 * KIB,  4 * KIB,   4 * KIB, 1000, REQUEST, WHOLE },
	{ "64 B in steps",	64,	  64,	    64 * KIB, 5000, STEPS, GUARD },
	{ "1 KiB in steps",	1 * KIB,  1 * KIB,  64 * KIB, 3000, STEPS, GUARD },
	{ "16 KiB, read in 4",	16 * KIB, 16 * KIB,  4 * KIB,  700, STEPS, WHOLE },
	{ "64 x 64 B in a step", 4 * KIB, 64,	    64 * KIB,  200, STEPS, GUARD },
	{ "1 KiB, 1000 conns",	1 * KIB,  1 * KIB,  64 * KIB, 4000, TURNS, WHOLE },
};

static uint8_t data[MIB];
static int file;

/* --- a connection, or many --- */

static uint64_t thread_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

struct run {
	const struct row	*row;
	struct pair		*pairs;
	unsigned int		n_pairs;
	uint8_t			*buf;
	pthread_t		thread;
	pthread_barrier_t	begin, end;
	size_t			total;		/* bytes of the round; 0: the end */
	bool			check;		/* the bytes are looked at */
	uint64_t		rx_ns;		/* what the receiver thread took */
};

static void check(const struct run *r, size_t at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (r->buf[i] != data[(at + i) % r->row->chunk])
			errx(1, "%s: wrong byte at %zu", r->row->name, at + i);
}

static void receive(struct run *r, struct end *from, size_t total)
{
	size_t got, n;

	for (got = 0; got < total; got += n) {
		n = end_recv(from, r->buf, r->row->buf);
		if (r->check)
			check(r, got, n);
	}
	if (got > total)
		errx(1, "%s: %zu bytes too many", r->row->name, got - total);
}

static void *receiver(void *arg)
{
	struct run *r = arg;
	uint64_t ns;

	for (;;) {
		pthread_barrier_wait(&r->begin);
		if (!r->total)
			return NULL;
		ns = thread_ns();
		receive(r, &r->pairs->rx, r->total);
		r->rx_ns = thread_ns() - ns;
		pthread_barrier_wait(&r->end);
	}
}

static void run_open(struct run *r, const struct config *config, const struct row *row,
		     enum kind kind)
{
	memset(r, 0, sizeof(*r));
	r->row = row;
	r->n_pairs = row->way == TURNS ? MANY : 1;
	r->pairs = calloc(r->n_pairs, sizeof(*r->pairs));
	r->buf = aligned_alloc(4096, row->buf);
	if (!r->pairs || !r->buf)
		err(1, "memory");
	memset(r->buf, 0, row->buf);
	for (unsigned int i = 0; i < r->n_pairs; i++) {
		pair_open(&r->pairs[i], config, kind);
		if (row->way >= ALONE)
			pair_nodelay(&r->pairs[i]);
	}
	if (row->way >= ALONE)
		return;
	pthread_barrier_init(&r->begin, NULL, 2);
	pthread_barrier_init(&r->end, NULL, 2);
	if (pthread_create(&r->thread, NULL, receiver, r))
		errx(1, "no thread");
}

static void run_close(struct run *r)
{
	if (r->row->way < ALONE) {
		r->total = 0;
		pthread_barrier_wait(&r->begin);
		pthread_join(r->thread, NULL);
	}
	for (unsigned int i = 0; i < r->n_pairs; i++)
		pair_close(&r->pairs[i]);
	free(r->pairs);
	free(r->buf);
}

static void send_chunk(struct end *to, const struct row *row)
{
	struct iovec iov[PIECES];

	if (row->way == SENDFILE) {
		end_sendfile(to, file, row->chunk);
	} else if (row->way == SENDV) {
		for (int i = 0; i < PIECES; i++)
			iov[i] = (struct iovec){ data + i * (row->chunk / PIECES),
						 row->chunk / PIECES };
		end_sendv(to, iov, PIECES);
	} else {
		end_send(to, data, row->chunk);
	}
}

static void send_size(struct end *to, const struct row *row)
{
	for (size_t done = 0; done < row->size; done += row->chunk)
		send_chunk(to, row);
}

/* One thread has both ends. What is sent is there at once: that is how loopback is. */
static void run_alone(struct run *r, unsigned int calls)
{
	for (unsigned int i = 0; i < calls; i++) {
		struct pair *p = &r->pairs[i % r->n_pairs];

		send_size(&p->tx, r->row);
		receive(r, &p->rx, r->row->size);
		if (r->row->way == REQUEST) {
			send_size(&p->rx, r->row);
			receive(r, &p->tx, r->row->size);
		}
	}
}

static void run_round(struct run *r, unsigned int calls, bool checks)
{
	r->check = checks;
	if (r->row->way >= ALONE) {
		run_alone(r, calls);
		return;
	}
	r->total = (size_t)calls * r->row->size;
	pthread_barrier_wait(&r->begin);
	while (calls--)
		send_size(&r->pairs->tx, r->row);
	pthread_barrier_wait(&r->end);
}

/* --- the bare ciphers --- */

static size_t record_of(const struct row *row)
{
	return row->chunk < RECORD ? row->chunk : RECORD;
}

static int aead_open(const struct config *config, const struct row *row)
{
	char line[128];
	int fd = open("/proc/ktls_aead", O_WRONLY | O_CLOEXEC);
	int n = snprintf(line, sizeof(line), "%s %u %zu", config->alg, config->aad,
			 record_of(row) + config->type);

	if (fd < 0 || write(fd, line, n) != n)
		err(1, "/proc/ktls_aead: %s", line);
	return fd;
}

static void aead_round(int fd, const struct row *row, unsigned int calls)
{
	size_t records = row->size / record_of(row) * (row->way == REQUEST ? 2 : 1);
	char line[32];
	int n = snprintf(line, sizeof(line), "%zu", calls * records);

	if (write(fd, line, n) != n)
		err(1, "/proc/ktls_aead");
}

/* --- measuring --- */

/* Those that a ratio needs; without the bare ciphers no module has to be built. */
static bool has_kind(enum extent extent, enum kind kind)
{
	return extent != GUARD || kind == MAINLINE || kind == OPENSSL || kind == KTLS;
}

/* Plain TCP varies most, and costs least; the ciphers not at all. */
static unsigned int calls_of(const struct row *row, enum kind kind)
{
	return kind == PLAIN ? row->calls * 4 : kind == AEAD ? row->calls / 4 + 1 : row->calls;
}

static void measure_round(const struct config *config, enum kind kind, struct run *run,
			  const struct row *row, int aead)
{
	const unsigned int calls = calls_of(row, kind);
	static struct tasks before;
	uint64_t ns, tx;

	tasks_read(&before);
	tx = thread_ns();
	ns = tasks_own_ns();
	if (kind == AEAD)
		aead_round(aead, row, calls);
	else
		run_round(run, calls, false);
	ns = tasks_own_ns() - ns;
	tx = thread_ns() - tx;
	printf("%s\t%s\t%s\t%s\t%u\t%lu\t%lu\t%lu\t%lu\n", config->version, config->cipher,
	       row->name, kind_names[kind], calls, ns, tx, run->rx_ns, tasks_since(&before, NULL));
}

static void measure(const struct config *config, const struct row *row, unsigned int rounds,
		    enum extent extent)
{
	struct run runs[KINDS] = {};
	int aead = has_kind(extent, AEAD) ? aead_open(config, row) : -1;

	for (int k = 0; k < KINDS; k++) {
		if (k == AEAD || !has_kind(extent, k))
			continue;
		run_open(&runs[k], config, row, k);
		run_round(&runs[k], row->calls / 8 + 1, true);
		run_round(&runs[k], row->calls / 4, false);
	}
	for (unsigned int r = 0; r < rounds; r++)
		for (int k = 0; k < KINDS; k++)
			if (has_kind(extent, k))
				measure_round(config, k, &runs[k], row, aead);
	for (int k = 0; k < KINDS; k++)
		if (k != AEAD && has_kind(extent, k))
			run_close(&runs[k]);
	if (aead >= 0)
		close(aead);
}

/* --- allocations --- */

#define TRACING		"/sys/kernel/tracing/events/kmem/"
#define HISTOGRAM	"hist:keys=stacktrace:size=8192"

static const char *const alloc_events[] = {
	"kmalloc", "kmalloc_node", "kmem_cache_alloc", "kmem_cache_alloc_node", "mm_page_alloc",
};

/* The row, of which only the number of calls is another: 10 000 records. */
static const struct { const char *row; unsigned int calls, records; } alloc_cases[] = {
	{ "send 1 KiB", 10000, 10000 }, { "send 16 KiB", 10000, 10000 },
	{ "sendfile 1 MiB", 157, 157 * 64 },
};

static const struct row *row_find(const char *name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	errx(2, "no row %s", name);
}

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
	struct run r;

	for (size_t i = 0; i < sizeof(alloc_cases) / sizeof(alloc_cases[0]); i++) {
		row = row_find(alloc_cases[i].row);
		run_open(&r, config, row, KTLS);
		run_round(&r, row->calls, true);
		trace_all(HISTOGRAM);
		run_round(&r, alloc_cases[i].calls, false);
		trace_all(HISTOGRAM ":pause");
		printf("case TLS %s, %s, %s, %u records\n", config->version, config->cipher,
		       row->name, alloc_cases[i].records);
		trace_print();
		trace_all("!" HISTOGRAM);
		run_close(&r);
	}
}

/* --- what to do --- */

static void prepare(void)
{
	struct rlimit files = { 8 * MANY + 100, 8 * MANY + 100 };

	if (setrlimit(RLIMIT_NOFILE, &files))
		err(1, "RLIMIT_NOFILE");
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* The pattern has no small period, so that a misplaced piece is noticed. */
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = i % 251;
	file = memfd_create("bench", MFD_CLOEXEC);
	if (file < 0 || write(file, data, sizeof(data)) != sizeof(data))
		err(1, "memfd");
}

/* @only: its version and cipher, or NULL for what the extent has. */
static bool has_config(enum extent extent, const struct config *config, const char *only)
{
	char name[64];

	if (!only)
		return extent == WHOLE || config == configs;
	snprintf(name, sizeof(name), "%s:%s", config->version, config->cipher);
	return !strcmp(only, name);
}

/* For who shows the progress. */
static unsigned int rounds_in_all(enum extent extent, unsigned int rounds, const char *only)
{
	unsigned int n_configs = 0, n_rows = 0, n_kinds = 0;

	for (size_t c = 0; c < sizeof(configs) / sizeof(configs[0]); c++)
		n_configs += has_config(extent, &configs[c], only);
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
		n_rows += rows[r].extent >= extent;
	for (int k = 0; k < KINDS; k++)
		n_kinds += has_kind(extent, k);
	return n_configs * n_rows * n_kinds * rounds;
}

/* One row by one kind, for a profiler: the table of what the whole costs does not say where. */
static void profile(const char *kind_name, const char *row_name, unsigned int calls,
		    const char *only)
{
	unsigned int kind = 0, c = 0;
	struct run r;

	while (kind < KINDS && strcmp(kind_names[kind], kind_name))
		kind++;
	if (kind == KINDS || kind == AEAD)
		errx(2, "no kind %s", kind_name);
	while (c < sizeof(configs) / sizeof(configs[0]) && !has_config(QUICK, &configs[c], only))
		c++;
	if (c == sizeof(configs) / sizeof(configs[0]))
		errx(2, "no version and cipher %s", only);
	run_open(&r, &configs[c], row_find(row_name), kind);
	run_round(&r, calls, false);
	run_close(&r);
}

static void measure_all(enum extent extent, unsigned int rounds, const char *only)
{
	unsigned int all = rounds_in_all(extent, rounds, only);

	if (!all)
		errx(2, "no version and cipher %s", only);
	printf("# %u rounds\n", all);
	for (size_t c = 0; c < sizeof(configs) / sizeof(configs[0]); c++)
		for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
			if (has_config(extent, &configs[c], only) && rows[r].extent >= extent)
				measure(&configs[c], &rows[r], rounds, extent);
}

static enum extent extent_of(const char *name)
{
	if (!strcmp(name, "whole"))
		return WHOLE;
	if (!strcmp(name, "quick"))
		return QUICK;
	if (!strcmp(name, "guard"))
		return GUARD;
	errx(2, "no extent %s", name);
}

int main(int argc, char **argv)
{
	prepare();
	if (argc == 2 && !strcmp(argv[1], "allocations")) {
		allocations(&configs[0]);
		allocations(&configs[sizeof(configs) / sizeof(configs[0]) - 1]);
	} else if ((argc == 5 || argc == 6) && !strcmp(argv[1], "profile") && atoi(argv[4]) > 0) {
		profile(argv[2], argv[3], atoi(argv[4]), argv[5]);
	} else if ((argc == 3 || argc == 4) && atoi(argv[2]) > 0) {
		measure_all(extent_of(argv[1]), atoi(argv[2]), argv[3]);
	} else {
		errx(2, "usage: bench allocations | bench profile KIND ROW CALLS [VERSION:CIPHER] | "
		     "bench whole|quick|guard ROUNDS [VERSION:CIPHER]");
	}
	return 0;
}
