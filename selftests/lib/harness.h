/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small kselftest harness: fixtures, variants, TAP 13, a time limit per test.
 *
 * The macros are those of the kernel's kselftest_harness.h, so that whoever
 * knows that one knows this one; the header itself is not used because no
 * Debian package has it but the whole kernel source, and because we want more
 * of it: a test that hangs shows where in the kernel it hangs, and its process
 * group dies with it.
 *
 * Each test runs in a process of its own, in a process group of its own.
 * Assertions work in any function and any thread: ASSERT_* and OK() end the
 * process, EXPECT_* only mark it as failed.
 */
#ifndef _SELFTESTS_HARNESS_H
#define _SELFTESTS_HARNESS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define KSFT_PASS	0
#define KSFT_FAIL	1
#define KSFT_SKIP	4

struct harness_variant {
	const char			*name;
	const void			*data;
	struct harness_variant		*next;
};

struct harness_fixture {
	const char			*name;
	size_t				size;
	void				(*setup)(void *self, const void *variant);
	void				(*teardown)(void *self, const void *variant);
	struct harness_variant		*variants;
};

struct harness_test {
	const char			*name;
	struct harness_fixture		*fixture;
	void				(*fn)(void *self, const void *variant);
	unsigned int			seconds;
	struct harness_test		*next;
};

void harness_add_test(struct harness_test *test);
void harness_add_variant(struct harness_fixture *fixture, struct harness_variant *variant);
int harness_main(int argc, char **argv);

void harness_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
_Noreturn void harness_end(void);
_Noreturn void harness_skip(const char *why);
void harness_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool harness_failed(void);
/* Where in the kernel this process's threads are, as diagnostics. */
void harness_stacks(void);

/* Called once in a process whose test has failed, to print more about it. */
extern void (*harness_explain)(void);

/* KTLS_TEST_SCALE: the factor for each time limit. */
unsigned int harness_scale(void);
/* KTLS_TEST_BRIEF, but not "variants": fewer rounds of what is repeated, on a kernel that finds
 * leaks itself.
 */
bool harness_brief(void);
double harness_now(void);
void harness_nap(unsigned int ms);
/* The effective uid of the calling thread only: seteuid() sets that of all, and a server in
 * another thread may be opening a file of root's.
 */
void harness_seteuid(uid_t uid);

#define HARNESS_SECONDS		30

#define FIXTURE(f)								\
	struct f##_variant;							\
	struct f##_self;							\
	static struct harness_fixture f##_fixture;				\
	struct f##_self

#define FIXTURE_VARIANT(f)	struct f##_variant

#define FIXTURE_VARIANT_ADD(f, v)						\
	static const struct f##_variant f##_##v##_data;				\
	static struct harness_variant f##_##v##_variant = {			\
		.name = #v, .data = &f##_##v##_data,				\
	};									\
	static void __attribute__((constructor)) f##_##v##_add(void)		\
	{									\
		harness_add_variant(&f##_fixture, &f##_##v##_variant);		\
	}									\
	static const struct f##_variant f##_##v##_data =

#define FIXTURE_SETUP(f)							\
	static void f##_setup(struct f##_self *, const struct f##_variant *);	\
	static void f##_setup_(void *s, const void *v) { f##_setup(s, v); }	\
	static void f##_teardown_(void *s, const void *v);			\
	static struct harness_fixture f##_fixture = {				\
		.name = #f, .size = sizeof(struct f##_self),			\
		.setup = f##_setup_, .teardown = f##_teardown_,			\
	};									\
	static void f##_setup(struct f##_self *self __attribute__((unused)),	\
			      const struct f##_variant *variant __attribute__((unused)))

#define FIXTURE_TEARDOWN(f)							\
	static void f##_teardown(struct f##_self *, const struct f##_variant *);\
	static void f##_teardown_(void *s, const void *v) { f##_teardown(s, v); }\
	static void f##_teardown(struct f##_self *self __attribute__((unused)),	\
				 const struct f##_variant *variant __attribute__((unused)))

#define TEST_F_TIMEOUT(f, t, s)							\
	static void f##_##t(struct f##_self *, const struct f##_variant *);	\
	static void f##_##t##_(void *s_, const void *v) { f##_##t(s_, v); }	\
	static struct harness_test f##_##t##_test = {				\
		.name = #t, .fixture = &f##_fixture, .fn = f##_##t##_,		\
		.seconds = (s),							\
	};									\
	static void __attribute__((constructor)) f##_##t##_add(void)		\
	{									\
		harness_add_test(&f##_##t##_test);				\
	}									\
	static void f##_##t(struct f##_self *self __attribute__((unused)),	\
			    const struct f##_variant *variant __attribute__((unused)))

#define TEST_F(f, t)		TEST_F_TIMEOUT(f, t, HARNESS_SECONDS)

#define TEST_TIMEOUT(t, s)							\
	static void t(void);							\
	static void t##_(void *s_, const void *v) { (void)s_; (void)v; t(); }	\
	static struct harness_test t##_test = {					\
		.name = #t, .fn = t##_, .seconds = (s),				\
	};									\
	static void __attribute__((constructor)) t##_add(void)			\
	{									\
		harness_add_test(&t##_test);					\
	}									\
	static void t(void)

#define TEST(t)			TEST_TIMEOUT(t, HARNESS_SECONDS)

#define TEST_HARNESS_MAIN							\
	int main(int argc, char **argv) { return harness_main(argc, argv); }

#define SKIP_TEST(why)		harness_skip(why)

/* (expected, seen): both are evaluated once, as long long. */
#define HARNESS_CMP(e, s, op, fatal) do {					\
	long long e_ = (long long)(e), s_ = (long long)(s);			\
	if (!(e_ op s_)) {							\
		harness_fail(__FILE__, __LINE__,				\
			     "expected %s (%lld) %s %s (%lld)",			\
			     #e, e_, #op, #s, s_);				\
		if (fatal)							\
			harness_end();						\
	}									\
} while (0)

#define ASSERT_EQ(e, s)		HARNESS_CMP(e, s, ==, true)
#define ASSERT_NE(e, s)		HARNESS_CMP(e, s, !=, true)
#define ASSERT_LT(e, s)		HARNESS_CMP(e, s, <, true)
#define ASSERT_LE(e, s)		HARNESS_CMP(e, s, <=, true)
#define ASSERT_GT(e, s)		HARNESS_CMP(e, s, >, true)
#define ASSERT_GE(e, s)		HARNESS_CMP(e, s, >=, true)
#define ASSERT_TRUE(s)		HARNESS_CMP(0, !!(s), !=, true)
#define ASSERT_FALSE(s)		HARNESS_CMP(0, !!(s), ==, true)
#define EXPECT_EQ(e, s)		HARNESS_CMP(e, s, ==, false)
#define EXPECT_NE(e, s)		HARNESS_CMP(e, s, !=, false)
#define EXPECT_LT(e, s)		HARNESS_CMP(e, s, <, false)
#define EXPECT_LE(e, s)		HARNESS_CMP(e, s, <=, false)
#define EXPECT_GT(e, s)		HARNESS_CMP(e, s, >, false)
#define EXPECT_GE(e, s)		HARNESS_CMP(e, s, >=, false)
#define EXPECT_TRUE(s)		HARNESS_CMP(0, !!(s), !=, false)
#define EXPECT_FALSE(s)		HARNESS_CMP(0, !!(s), ==, false)

void harness_streq(const char *file, int line, const char *what,
		   const char *expected, const char *seen, bool fatal);
#define ASSERT_STREQ(e, s)	harness_streq(__FILE__, __LINE__, #s, e, s, true)
#define EXPECT_STREQ(e, s)	harness_streq(__FILE__, __LINE__, #s, e, s, false)

/* Equal bytes; on failure tells the first that differs. */
void harness_memeq(const char *file, int line, const char *what,
		   const void *expected, const void *seen, size_t len, bool fatal);
#define ASSERT_MEMEQ(e, s, n)	harness_memeq(__FILE__, __LINE__, #s, e, s, n, true)
#define EXPECT_MEMEQ(e, s, n)	harness_memeq(__FILE__, __LINE__, #s, e, s, n, false)

/* OK(call): the call does not fail; its value. */
long long harness_ok(const char *file, int line, const char *what, long long ret);
#define OK(call) ({								\
	errno = 0;								\
	harness_ok(__FILE__, __LINE__, #call, (long long)(call));		\
})

/* FAILS(E, call): the call returns -1 and that errno. */
void harness_errno(const char *file, int line, const char *what, int expected,
		   long long ret, int seen, bool fatal);
#define FAILS(e, call) do {							\
	long long ret_;								\
										\
	errno = 0;								\
	ret_ = (long long)(call);						\
	harness_errno(__FILE__, __LINE__, #call, e, ret_, errno, false);	\
} while (0)
#define MUST_FAIL(e, call) do {							\
	long long ret_;								\
										\
	errno = 0;								\
	ret_ = (long long)(call);						\
	harness_errno(__FILE__, __LINE__, #call, e, ret_, errno, true);		\
} while (0)

/* Two errnos, for values: SO_ERROR and the like. */
#define EXPECT_ERRNO(e, s)							\
	harness_errno(__FILE__, __LINE__, #s, e, -1, s, false)

/* Poll for a condition, with a bound that scales with the machine. */
#define EVENTUALLY(cond, ms) do {						\
	double end_ = harness_now() + (ms) / 1e3 * harness_scale();		\
										\
	while (!(cond)) {							\
		if (harness_now() > end_) {					\
			harness_fail(__FILE__, __LINE__,			\
				     "not within %u ms: %s",			\
				     (unsigned int)(ms) * harness_scale(), #cond);\
			harness_end();						\
		}								\
		harness_nap(2);							\
	}									\
} while (0)

#endif /* _SELFTESTS_HARNESS_H */
