// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/genl.h"
#include "reply.h"
#include "request.h"
#include "test_pki.h"

static uint32_t message_room[2048];

static void message_round_trip(void **state)
{
	struct ktlsd_message message;
	struct ktlsd_event event;
	const void *bytes;
	char text[8];
	size_t len;

	(void)state;
	ktlsd_message_begin(&message, message_room, sizeof(message_room), 33,
			    KTLS_CMD_DONE, 5);
	ktlsd_message_put_u64(&message, KTLS_A_ID, 1ull << 40);
	ktlsd_message_put_u32(&message, KTLS_A_ERRNO, 7);
	ktlsd_message_put_u16(&message, KTLS_A_SUITE, 0x1301);
	ktlsd_message_put_flag(&message, KTLS_A_VERIFIED);
	ktlsd_message_put_string(&message, KTLS_A_PEER_NAME, "abc");
	assert_false(message.overflow);
	assert_int_equal(ktlsd_message_parse(message.nlh, &event), 0);
	assert_int_equal(event.cmd, KTLS_CMD_DONE);
	assert_int_equal(event.seq, 5);
	assert_true(ktlsd_message_u64(&event, KTLS_A_ID, 0) == 1ull << 40);
	assert_int_equal(ktlsd_message_u32(&event, KTLS_A_ERRNO, 0), 7);
	assert_int_equal(ktlsd_message_u16(&event, KTLS_A_SUITE, 0), 0x1301);
	assert_int_equal(ktlsd_message_u32(&event, KTLS_A_UID, 99), 99);
	assert_non_null(event.attr[KTLS_A_VERIFIED]);
	assert_int_equal(ktlsd_message_string(&event, KTLS_A_PEER_NAME, text, 8), 3);
	assert_string_equal(text, "abc");
	assert_int_equal(ktlsd_message_string(&event, KTLS_A_PEER_NAME, text, 3), -EMSGSIZE);
	bytes = ktlsd_message_bytes(&event, KTLS_A_RECORDS, &len);
	assert_null(bytes);
	assert_int_equal(len, 0);
}

static void message_strings(void **state)
{
	struct ktlsd_message message;
	struct ktlsd_event event;
	char text[8];

	(void)state;
	ktlsd_message_begin(&message, message_room, sizeof(message_room), 33, 1, 1);
	ktlsd_message_put(&message, KTLS_A_IDENTITY, "web", 4);
	ktlsd_message_put(&message, KTLS_A_COMM, "a\0b", 3);
	assert_int_equal(ktlsd_message_parse(message.nlh, &event), 0);
	assert_int_equal(ktlsd_message_string(&event, KTLS_A_IDENTITY, text, 8), 3);
	assert_int_equal(ktlsd_message_string(&event, KTLS_A_COMM, text, 8), -EINVAL);
}

/* What is between attributes comes from nowhere else. */
static void message_padding(void **state)
{
	const uint8_t *bytes = (const uint8_t *)message_room;
	struct ktlsd_message message;
	size_t len, at, i;

	(void)state;
	for (len = 0; len <= 4; len++) {
		memset(message_room, 0xa5, sizeof(message_room));
		ktlsd_message_begin(&message, message_room, sizeof(message_room), 33, 1, 1);
		at = message.nlh->nlmsg_len + MNL_ATTR_HDRLEN + len;
		ktlsd_message_put(&message, KTLS_A_IDENTITY, "webs", len);
		assert_true(message.nlh->nlmsg_len >= at && message.nlh->nlmsg_len < at + 4);
		for (i = at; i < message.nlh->nlmsg_len; i++)
			assert_int_equal(bytes[i], 0);
		assert_int_equal(bytes[i], 0xa5);
	}
}

/* Attributes of every size are accepted or refused, and never read beyond their end. */
static void message_wrong_sizes(void **state)
{
	struct ktlsd_message message;
	struct ktlsd_request request;
	struct ktlsd_event event;
	struct ktlsd_fault fault;
	uint8_t junk[600];
	uint16_t attr;
	size_t len;

	(void)state;
	memset(junk, 0xa5, sizeof(junk));
	for (attr = 1; attr <= KTLS_A_MAX + 3; attr++) {
		for (len = 0; len < sizeof(junk); len += len < 70 ? 1 : 97) {
			ktlsd_message_begin(&message, message_room,
					    sizeof(message_room), 33,
					    KTLS_CMD_START, 1);
			ktlsd_message_put(&message, attr, junk, len);
			if (!ktlsd_message_parse(message.nlh, &event))
				ktlsd_request_parse(&event, &request, &fault);
		}
	}
}

static void message_overflow_is_noticed(void **state)
{
	struct ktlsd_message message;

	(void)state;
	ktlsd_message_begin(&message, message_room, 64, 33, 1, 1);
	ktlsd_message_put(&message, KTLS_A_RECORDS, message_room, 64);
	assert_true(message.overflow);
	ktlsd_message_begin(&message, message_room, sizeof(message_room), 33, 1, 1);
	ktlsd_message_put(&message, KTLS_A_RECORDS, message_room, 70000);
	assert_true(message.overflow);
}

static void message_credit(void **state)
{
	(void)state;
	assert_int_equal(ktlsd_genl_credit(0), 1);
	assert_int_equal(ktlsd_genl_credit(425984), 5);
	assert_int_equal(ktlsd_genl_credit(8 << 20), 105);
	assert_int_equal(ktlsd_genl_credit((size_t)1 << 30), 1024);
}

/* Records that do not fit into one message are divided between records. */
static void message_cut(void **state)
{
	static uint8_t records[100000];
	size_t at = 0, part;

	(void)state;
	while (at + 5 + 10000 <= sizeof(records)) {
		records[at] = 22;
		records[at + 3] = 10000 >> 8;
		records[at + 4] = 10000 & 0xff;
		at += 5 + 10000;
	}
	assert_int_equal(ktlsd_reply_cut(records, 20010), 20010);
	part = ktlsd_reply_cut(records, at);
	assert_int_equal(part, 3 * 10005);
	assert_int_equal(ktlsd_reply_cut(records + part, 10005), 10005);
	assert_int_equal(ktlsd_reply_cut(records, KTLS_GENL_DATA_MAX), KTLS_GENL_DATA_MAX);
}

/* Notifications of nlctrl, and acknowledgements with and without text. */
static void message_news(void **state)
{
	struct ktlsd_message message;
	const uint16_t family = 40;
	uint8_t cmd;

	(void)state;
	ktlsd_message_begin(&message, message_room, sizeof(message_room),
			    GENL_ID_CTRL, CTRL_CMD_DELFAMILY, 0);
	assert_false(ktlsd_genl_is_family_event(message.nlh, "ktls", &cmd));
	ktlsd_message_put(&message, CTRL_ATTR_FAMILY_NAME, "ktls", 5);
	ktlsd_message_put_u16(&message, CTRL_ATTR_FAMILY_ID, family);
	assert_true(ktlsd_genl_is_family_event(message.nlh, "ktls", &cmd));
	assert_int_equal(cmd, CTRL_CMD_DELFAMILY);
	assert_false(ktlsd_genl_is_family_event(message.nlh, "ktl", &cmd));
	message.nlh->nlmsg_type = GENL_ID_CTRL + 1;
	assert_false(ktlsd_genl_is_family_event(message.nlh, "ktls", &cmd));
}

static void message_acknowledgement(void **state)
{
	struct nlmsghdr *nlh = (void *)message_room;
	struct nlmsgerr *error;
	const char *text;

	(void)state;
	nlh = mnl_nlmsg_put_header(message_room);
	nlh->nlmsg_type = NLMSG_ERROR;
	assert_int_equal(ktlsd_genl_error(nlh, &text), -EBADMSG);
	error = mnl_nlmsg_put_extra_header(nlh, sizeof(*error));
	error->error = -EPERM;
	assert_int_equal(ktlsd_genl_error(nlh, &text), -EPERM);
	assert_string_equal(text, "");
	nlh->nlmsg_flags = NLM_F_CAPPED | NLM_F_ACK_TLVS;
	mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, "not you");
	assert_int_equal(ktlsd_genl_error(nlh, &text), -EPERM);
	assert_string_equal(text, "not you");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_round_trip),
		cmocka_unit_test(message_strings),
		cmocka_unit_test(message_padding),
		cmocka_unit_test(message_wrong_sizes),
		cmocka_unit_test(message_overflow_is_noticed),
		cmocka_unit_test(message_credit),
		cmocka_unit_test(message_cut),
		cmocka_unit_test(message_news),
		cmocka_unit_test(message_acknowledgement),
	};

	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
