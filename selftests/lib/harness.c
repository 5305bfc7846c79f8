// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs the tests of a program, each in a process of its own, and prints TAP. */
#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "harness.h"

static struct harness_test *tests, **tests_tail = &tests;
static volatile int failed;		/* of this test's process */
static int kmsg = -1;

void harness_add_test(struct harness_test *test)
{
	*tests_tail = test;
	tests_tail = &test->next;
}

void harness_add_variant(struct harness_fixture *fixture, struct harness_variant *variant)
{
	struct harness_variant **p = &fixture->variants;

	while (*p)
		p = &(*p)->next;
	*p = variant;
}

/* --- what a test calls --- */

/* One write a line: processes and threads of a test print at the same time. */
static void say(const char *fmt, va_list ap)
{
	char line[1024] = "# ";
	size_t n;

	vsnprintf(line + 2, sizeof(line) - 3, fmt, ap);
	n = strlen(line);
	line[n++] = '\n';
	if (write(STDOUT_FILENO, line, n) < 0)
		return;
}

void harness_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void harness_fail(const char *file, int line, const char *fmt, ...)
{
	const char *base = strrchr(file, '/');
	char text[768];
	va_list ap;

	failed = 1;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	harness_note("%s:%d: %s", base ? base + 1 : file, line, text);
}

void (*harness_explain)(void);

static void explain(void)
{
	static atomic_flag once = ATOMIC_FLAG_INIT;

	if (harness_explain && !atomic_flag_test_and_set(&once))
		harness_explain();
}

void harness_end(void)
{
	failed = 1;
	explain();
	_exit(KSFT_FAIL);
}

void harness_skip(const char *why)
{
	harness_note("skipped: %s", why);
	_exit(failed ? KSFT_FAIL : KSFT_SKIP);
}

bool harness_failed(void)
{
	return failed;
}

unsigned int harness_scale(void)
{
	static unsigned int scale;

	if (!scale) {
		const char *text = getenv("KTLS_TEST_SCALE");

		scale = text ? atoi(text) : 1;
		if (!scale)
			scale = 1;
	}
	return scale;
}

bool harness_brief(void)
{
	const char *brief = getenv("KTLS_TEST_BRIEF");

	return brief && strcmp(brief, "variants");
}

double harness_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

void harness_nap(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

void harness_seteuid(uid_t uid)
{
	OK(syscall(SYS_setresuid, -1, uid, -1));
}

void harness_streq(const char *file, int line, const char *what,
		   const char *expected, const char *seen, bool fatal)
{
	if (!strcmp(expected, seen))
		return;
	harness_fail(file, line, "expected %s == \"%s\", it is \"%s\"", what, expected, seen);
	if (fatal)
		harness_end();
}

void harness_memeq(const char *file, int line, const char *what,
		   const void *expected, const void *seen, size_t len, bool fatal)
{
	const unsigned char *e = expected, *s = seen;
	size_t i;

	for (i = 0; i < len && e[i] == s[i]; i++)
		;
	if (i == len)
		return;
	harness_fail(file, line, "%s: byte %zu of %zu is %02x, not %02x", what, i, len, s[i], e[i]);
	if (fatal)
		harness_end();
}

static const char *errno_name(int e)
{
	const char *name = strerrorname_np(e);

	return name ? name : "?";
}

long long harness_ok(const char *file, int line, const char *what, long long ret)
{
	if (ret >= 0)
		return ret;
	harness_fail(file, line, "%s: %lld, %s", what, ret, errno_name(errno));
	harness_end();
}

void harness_errno(const char *file, int line, const char *what, int expected,
		   long long ret, int seen, bool fatal)
{
	if (ret == -1 && seen == expected)
		return;
	if (ret != -1)
		harness_fail(file, line, "expected %s to fail with %s, it returned %lld",
			     what, errno_name(expected), ret);
	else
		harness_fail(file, line, "expected %s: %s, it is %s", what,
			     errno_name(expected), seen ? errno_name(seen) : "0");
	if (fatal)
		harness_end();
}

/* --- running --- */

static void run_child(const struct harness_test *test, const struct harness_variant *variant)
{
	const void *data = variant ? variant->data : NULL;
	void *self = NULL;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	if (test->fixture) {
		self = calloc(1, test->fixture->size + 1);
		if (!self)
			_exit(KSFT_FAIL);
		test->fixture->setup(self, data);
	}
	test->fn(self, data);
	if (test->fixture)
		test->fixture->teardown(self, data);
	if (failed)
		explain();
	_exit(failed ? KSFT_FAIL : KSFT_PASS);
}

/* Where in the kernel the threads of a process are: what a hang is about. */
static void show_stacks(pid_t pid)
{
	char path[300], line[200];
	struct dirent *de;
	DIR *dir;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (de = readdir(dir))) {
		int lines = 0;

		if (de->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/stack", pid, de->d_name);
		f = fopen(path, "r");
		harness_note("thread %s:", de->d_name);
		while (f && fgets(line, sizeof(line), f) && lines++ < 12) {
			line[strcspn(line, "\n")] = 0;
			harness_note("  %s", line);
		}
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
}

void harness_stacks(void)
{
	show_stacks(getpid());
}

/* Every process of a test's group, for the test may have forked. */
static void show_group(pid_t group)
{
	struct dirent *de;
	DIR *dir = opendir("/proc");

	while (dir && (de = readdir(dir))) {
		pid_t pid = atoi(de->d_name);

		if (pid > 0 && getpgid(pid) == group)
			show_stacks(pid);
	}
	if (dir)
		closedir(dir);
}

static bool wait_for(pid_t pid, int pidfd, int *status, unsigned int ms)
{
	struct pollfd p = { pidfd, POLLIN, 0 };
	double end = harness_now() + ms / 1e3;

	for (;;) {
		int left = (end - harness_now()) * 1e3;

		if (poll(&p, 1, left > 0 ? left : 0) > 0)
			return waitpid(pid, status, 0) == pid;
		if (left <= 0)
			return false;
	}
}

static int run_test(const struct harness_test *test, const struct harness_variant *variant)
{
	unsigned int seconds = test->seconds * harness_scale();
	int status = 0, pidfd;
	pid_t pid = fork();
	bool ended;

	if (pid < 0)
		return KSFT_FAIL;
	if (!pid)
		run_child(test, variant);
	setpgid(pid, pid);
	pidfd = syscall(SYS_pidfd_open, pid, 0);

	ended = wait_for(pid, pidfd, &status, seconds * 1000);
	if (!ended) {
		harness_note("timed out after %u s", seconds);
		show_group(pid);
	}
	kill(-pid, SIGKILL);
	if (!ended && !wait_for(pid, pidfd, &status, 10000))
		harness_note("it does not die of SIGKILL either");
	close(pidfd);
	if (!ended)
		return KSFT_FAIL;
	if (WIFSIGNALED(status)) {
		harness_note("killed by signal %d", WTERMSIG(status));
		return KSFT_FAIL;
	}
	return WEXITSTATUS(status);
}

static void full_name(char *name, size_t size, const struct harness_test *test,
		      const struct harness_variant *variant)
{
	if (variant)
		snprintf(name, size, "%s.%s.%s", test->fixture->name, variant->name, test->name);
	else if (test->fixture)
		snprintf(name, size, "%s.%s", test->fixture->name, test->name);
	else
		snprintf(name, size, "%s", test->name);
}

static int count[5], number;

/* A line in the kernel's log, so that its complaints have an owner. */
static void mark_log(const char *name)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "<6>selftest: %s\n", name);

	if (kmsg >= 0 && write(kmsg, line, n) < 0)
		return;
}

static void run_one(const struct harness_test *test, const struct harness_variant *variant)
{
	double start = harness_now();
	char name[200];
	int result;

	full_name(name, sizeof(name), test, variant);
	mark_log(name);
	result = run_test(test, variant);
	if (result != KSFT_PASS && result != KSFT_SKIP)
		result = KSFT_FAIL;
	count[result]++;
	printf("%sok %d %s%s # %.2f s\n", result == KSFT_FAIL ? "not " : "", ++number, name,
	       result == KSFT_SKIP ? " # SKIP" : "", harness_now() - start);
}

static bool wanted(const struct harness_test *test, const struct harness_variant *variant,
		   char **globs, int n)
{
	char name[200];

	if (!n)
		return true;
	full_name(name, sizeof(name), test, variant);
	for (int i = 0; i < n; i++)
		if (!fnmatch(globs[i], name, 0))
			return true;
	return false;
}

static int count_variants(const struct harness_test *test)
{
	int n = 0;

	for (struct harness_variant *v = test->fixture ? test->fixture->variants : NULL; v;
	     v = v->next)
		n++;
	return n;
}

/* KTLS_TEST_BRIEF: of each test one variant, and another for the next test, so that
 * each variant has its share.
 */
static bool is_left_out(const struct harness_test *test, int test_number, int variant_number)
{
	int n = count_variants(test);

	return n && getenv("KTLS_TEST_BRIEF") && variant_number != test_number % n;
}

static int for_each(char **globs, int n,
		    void (*fn)(const struct harness_test *, const struct harness_variant *))
{
	int seen = 0, test_number = 0;

	for (struct harness_test *t = tests; t; t = t->next, test_number++) {
		struct harness_variant *v = t->fixture ? t->fixture->variants : NULL;
		int variant_number = 0;

		do {
			if (!is_left_out(t, test_number, variant_number++) &&
			    wanted(t, v, globs, n)) {
				seen++;
				if (fn)
					fn(t, v);
			}
			v = v ? v->next : NULL;
		} while (v);
	}
	return seen;
}

static void print_one(const struct harness_test *test, const struct harness_variant *variant)
{
	char name[200];

	full_name(name, sizeof(name), test, variant);
	puts(name);
}

int harness_main(int argc, char **argv)
{
	int c, n;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((c = getopt(argc, argv, "lh")) != -1) {
		if (c == 'l') {
			for_each(argv + optind, argc - optind, print_one);
			return 0;
		}
		printf("usage: %s [-l] [PATTERN...]\n\n"
		       "Runs the tests whose names match a shell pattern, or all; -l lists them.\n"
		       "KTLS_TEST_SCALE: how much slower than a real machine this one may be.\n"
		       "KTLS_TEST_BRIEF: of each test only one variant, in turns, and, if it is\n"
		       "\tnot \"variants\", fewer rounds.\n",
		       program_invocation_short_name);
		return c == 'h' ? 0 : KSFT_FAIL;
	}
	/* Log lines are worth having, not worth failing for. */
	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	n = for_each(argv + optind, argc - optind, NULL);
	printf("TAP version 13\n1..%d\n", n);
	for_each(argv + optind, argc - optind, run_one);
	printf("# Totals: pass:%d fail:%d xfail:0 xpass:0 skip:%d error:0\n",
	       count[KSFT_PASS], count[KSFT_FAIL], count[KSFT_SKIP]);
	if (!n || count[KSFT_FAIL])
		return KSFT_FAIL;
	return count[KSFT_PASS] ? KSFT_PASS : KSFT_SKIP;
}
