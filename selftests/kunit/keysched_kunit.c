// SPDX-License-Identifier: GPL-2.0
/* The part of TLS 1.3's key schedule that is in the module, RFC 8446 7.1 to 7.5. */

#include "suite.h"
#include "wire.h"
#include "record/keysched.h"

#include "common.h"
#include "keysched_kunit.h"

static void keysched_label_desc(const struct keysched_label *param, char *desc)
{
	strscpy(desc, param->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(keysched_label, keysched_labels, keysched_label_desc);

static void keysched_expand_label_test(struct kunit *test)
{
	const struct keysched_label *param = test->param_value;
	u8 secret[64], context[64], want[80], out[96];
	size_t secret_len, context_len, len;

	secret_len = ktls_kunit_unhex(test, param->secret, secret, sizeof(secret));
	context_len = ktls_kunit_unhex(test, param->context, context, sizeof(context));
	len = ktls_kunit_unhex(test, param->out, want, sizeof(want));
	memset(out, 0xa5, sizeof(out));

	KUNIT_ASSERT_EQ(test, ktls_keysched_expand_label(param->hash, secret, secret_len,
							 param->label, context, context_len,
							 out, len), 0);

	KUNIT_EXPECT_MEMEQ(test, out, want, len);
	KUNIT_EXPECT_EQ_MSG(test, out[len], 0xa5, "wrote beyond the end");
}

static void keysched_keys_desc(const struct keysched_keys *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "key and iv under %s", param->desc);
}

KUNIT_ARRAY_PARAM(keysched_keys, keysched_keys, keysched_keys_desc);

static void keysched_traffic_test(struct kunit *test)
{
	const struct keysched_keys *param = test->param_value;
	const struct ktls_suite *suite = ktls_suite_by_id(param->suite);
	u8 key[KTLS_KEY_MAX + 1], iv[KTLS_NONCE_SIZE + 1];
	u8 want_key[KTLS_KEY_MAX], want_iv[KTLS_NONCE_SIZE];
	u8 secret[KTLS_SECRET_MAX];

	KUNIT_ASSERT_NOT_NULL(test, suite);
	KUNIT_ASSERT_EQ(test, ktls_kunit_unhex(test, param->secret, secret, sizeof(secret)),
			suite->hash_size);
	KUNIT_ASSERT_EQ(test, ktls_kunit_unhex(test, param->key, want_key, sizeof(want_key)),
			suite->cipher->key_size);
	KUNIT_ASSERT_EQ(test, ktls_kunit_unhex(test, param->iv, want_iv, sizeof(want_iv)),
			KTLS_NONCE_SIZE);
	memset(key, 0xa5, sizeof(key));
	memset(iv, 0xa5, sizeof(iv));

	KUNIT_ASSERT_EQ(test, ktls_keysched_traffic(suite, secret, key, iv), 0);

	KUNIT_EXPECT_MEMEQ(test, key, want_key, suite->cipher->key_size);
	KUNIT_EXPECT_MEMEQ(test, iv, want_iv, KTLS_NONCE_SIZE);
	KUNIT_EXPECT_EQ(test, key[suite->cipher->key_size], 0xa5);
	KUNIT_EXPECT_EQ(test, iv[KTLS_NONCE_SIZE], 0xa5);
}

/* The largest output of HKDF is 255 blocks, because its counter is a byte (RFC 5869 2.3). */
static void keysched_longest_test(struct kunit *test)
{
	const struct keysched_keys *last = &keysched_keys[ARRAY_SIZE(keysched_keys) - 1];
	const size_t len = 255 * 32;
	u8 secret[32], want[32];
	u8 *out;

	out = kunit_kzalloc(test, len + 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, out);
	ktls_kunit_unhex(test, last->secret, secret, sizeof(secret));
	ktls_kunit_unhex(test, keysched_last_block, want, sizeof(want));

	KUNIT_ASSERT_EQ(test, ktls_keysched_expand_label("sha256", secret, sizeof(secret),
							 "exporter", NULL, 0, out, len), 0);

	KUNIT_EXPECT_MEMEQ(test, out + len - sizeof(want), want, sizeof(want));
	KUNIT_EXPECT_EQ(test, ktls_keysched_expand_label("sha256", secret, sizeof(secret),
							 "exporter", NULL, 0, out, len + 1),
			-EINVAL);
}

#define LABEL_50 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwx"

static const struct keysched_refused {
	const char	*desc;
	const char	*hash;
	const char	*label;
	size_t		context_len;
	size_t		out_len;
	int		err;
} keysched_refusals[] = {
	{ "nothing wanted", "sha256", "key", 0, 0, -EINVAL },
	{ "a label of 250 bytes", "sha256", LABEL_50 LABEL_50 LABEL_50 LABEL_50 LABEL_50, 0, 32,
	  -EINVAL },
	{ "a context of 65 bytes", "sha256", "key", 65, 32, -EINVAL },
	{ "a hash of 64 bytes", "sha512", "key", 0, 32, -EINVAL },
	{ "a hash that does not exist", "sha257", "key", 0, 32, -ENOENT },
};

static void keysched_refused_desc(const struct keysched_refused *param, char *desc)
{
	strscpy(desc, param->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(keysched_refused, keysched_refusals, keysched_refused_desc);

static void keysched_refused_test(struct kunit *test)
{
	const struct keysched_refused *param = test->param_value;
	u8 secret[32] = {}, context[65] = {}, out[32], untouched[32];
	int err;

	memset(out, 0xa5, sizeof(out));
	memset(untouched, 0xa5, sizeof(untouched));

	err = ktls_keysched_expand_label(param->hash, secret, sizeof(secret), param->label,
					 context, param->context_len, out, param->out_len);

	KUNIT_EXPECT_EQ(test, err, param->err);
	KUNIT_EXPECT_MEMEQ(test, out, untouched, sizeof(out));
}

static struct kunit_case keysched_cases[] = {
	KUNIT_CASE_PARAM(keysched_expand_label_test, keysched_label_gen_params),
	KUNIT_CASE_PARAM(keysched_traffic_test, keysched_keys_gen_params),
	KUNIT_CASE(keysched_longest_test),
	KUNIT_CASE_PARAM(keysched_refused_test, keysched_refused_gen_params),
	{}
};

static struct kunit_suite keysched_suite = {
	.name		= "ktls_keysched",
	.test_cases	= keysched_cases,
};

kunit_test_suite(keysched_suite);
