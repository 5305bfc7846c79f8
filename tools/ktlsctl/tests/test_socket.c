// SPDX-License-Identifier: GPL-2.0-or-later
/* Unit tests: a socket as the module reports it, and how it is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ktlsctl/json.h"
#include "ktlsctl/names.h"
#include "ktlsctl/socket.h"

static char buffer[8192] __attribute__((aligned(8)));
static struct ktlsd_message message;

static const struct ktls_info open_info = {
	.state		= KTLS_STATE_OPEN,
	.role		= KTLS_ROLE_CLIENT,
	.version	= 0x0304,
	.suite		= 0x1301,
	.group		= 0x001d,
	.sigalg		= 0x0403,
	.alert_sent	= 255,
	.alert_rcvd	= 255,
	.flags		= KTLS_INFO_VERIFIED | KTLS_INFO_RESUMED,
	.tx_bytes	= 5000000000ULL,
	.rx_bytes	= 17,
};

static void begin(const struct ktls_info *info, size_t len)
{
	ktlsd_message_begin(&message, buffer, sizeof(buffer), 30, KTLS_CMD_SOCKETS, 1);
	ktlsd_message_put(&message, KTLS_A_INFO, info, len);
}

static int read_socket(struct ktlsctl_socket *s)
{
	struct ktlsd_event event;

	assert_false(message.overflow);
	assert_int_equal(0, ktlsd_message_parse(message.nlh, &event));
	return ktlsctl_socket_read(&event, s);
}

static void put_addresses(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(40000) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(443) };

	inet_pton(AF_INET, "192.0.2.1", &in.sin_addr);
	inet_pton(AF_INET6, "2001:db8::1", &in6.sin6_addr);
	ktlsd_message_put(&message, KTLS_A_LOCAL_ADDR, &in, sizeof(in));
	ktlsd_message_put(&message, KTLS_A_PEER_ADDR, &in6, sizeof(in6));
}

static void complete(struct ktlsctl_socket *s)
{
	begin(&open_info, sizeof(open_info));
	put_addresses();
	ktlsd_message_put_u32(&message, KTLS_A_UID, 1000);
	ktlsd_message_put_u64(&message, KTLS_A_INODE, 4711);
	ktlsd_message_put_u32(&message, KTLS_A_AGE, 7300);
	ktlsd_message_put_u32(&message, KTLS_A_TX_IDLE, 5);
	ktlsd_message_put_u32(&message, KTLS_A_RX_IDLE, 0);
	ktlsd_message_put_string(&message, KTLS_A_PEER_NAME, "www.example.org");
	ktlsd_message_put_string(&message, KTLS_A_ALPN, "h2");
	assert_int_equal(0, read_socket(s));
}

/* Prints with @print. Return: text that the caller frees. */
static char *printed(const struct ktlsctl_socket *s, int how)
{
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	if (how == 2)
		ktlsctl_socket_print_json(out, s);
	else
		ktlsctl_socket_print(out, s, how == 1);
	fclose(out);
	return text;
}

static void test_read(void **state)
{
	struct ktlsctl_socket s;
	char text[KTLSCTL_ADDRESS_MAX];

	(void)state;
	complete(&s);
	assert_memory_equal(&open_info, &s.info, sizeof(s.info));
	assert_int_equal(1000, s.uid);
	assert_int_equal(4711, s.inode);
	assert_int_equal(5, s.tx_idle);
	assert_int_equal(0, s.rx_idle);
	assert_string_equal("192.0.2.1:40000", ktlsctl_socket_address(&s.local, text, sizeof(text)));
	assert_string_equal("[2001:db8::1]:443", ktlsctl_socket_address(&s.peer, text, sizeof(text)));
	assert_string_equal("www.example.org", ktlsctl_socket_name(&s));
	assert_string_equal("verified,resumed", ktlsctl_socket_flags(&s, text, sizeof(text)));
}

static void test_read_less(void **state)
{
	static const struct ktls_info info = { .state = KTLS_STATE_LISTENING };
	struct ktlsctl_socket s;
	char text[KTLSCTL_ADDRESS_MAX];

	(void)state;
	/* an older kernel, whose structure is shorter */
	begin(&info, offsetof(struct ktls_info, revocation));
	ktlsd_message_put_string(&message, KTLS_A_IDENTITY, "www");
	assert_int_equal(0, read_socket(&s));
	assert_int_equal(-1, s.tx_idle);
	assert_int_equal(0, s.info.revocation);
	assert_string_equal("-", ktlsctl_socket_address(&s.peer, text, sizeof(text)));
	assert_string_equal("www", ktlsctl_socket_name(&s));
	assert_string_equal("no-file", ktlsctl_socket_flags(&s, text, sizeof(text)));
}

static void test_read_wrong(void **state)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET };
	struct ktlsctl_socket s;

	(void)state;
	ktlsd_message_begin(&message, buffer, sizeof(buffer), 30, KTLS_CMD_SOCKETS, 1);
	assert_int_equal(-EBADMSG, read_socket(&s));
	begin(&open_info, sizeof(open_info));
	ktlsd_message_put(&message, KTLS_A_PEER_ADDR, &in6, sizeof(in6));
	assert_int_equal(-EBADMSG, read_socket(&s));
	begin(&open_info, sizeof(open_info));
	ktlsd_message_put(&message, KTLS_A_PEER_ADDR, &in6, 7);
	assert_int_equal(-EBADMSG, read_socket(&s));
	begin(&open_info, sizeof(open_info));
	ktlsd_message_put(&message, KTLS_A_PEER_NAME, "a\0b", 3);
	assert_int_equal(-EBADMSG, read_socket(&s));
}

/* Nothing that a peer chooses reaches the terminal as a control character. */
static void test_escapes(void **state)
{
	struct ktlsctl_socket s;
	char *text;

	(void)state;
	begin(&open_info, sizeof(open_info));
	ktlsd_message_put_string(&message, KTLS_A_SERVER_NAME, "a\033[31m\xc3\xa4");
	ktlsd_message_put(&message, KTLS_A_ALPN, "\0\n\x7fx", 4);
	assert_int_equal(0, read_socket(&s));
	assert_string_equal("a?[31m??", s.server_name);
	assert_string_equal("???x", s.alpn);
	text = printed(&s, 0);
	assert_null(strchr(text, '\033'));
	free(text);
}

static void test_columns(void **state)
{
	struct ktlsctl_socket s;
	char *text;

	(void)state;
	complete(&s);
	text = printed(&s, 0);
	assert_string_equal("open       client 1.3 TLS_AES_128_GCM_SHA256       x25519         192.0.2.1:40000        [2001:db8::1]:443      www.example.org       1000   2h 5000000000         17 verified,resumed\n",
			    text);
	free(text);
	text = printed(&s, 1);
	assert_memory_equal("\033[32mopen      \033[0m ", text, 20);
	free(text);
	strcpy(s.reason, "unknown CA");
	s.info.state = KTLS_STATE_FAILED;
	text = printed(&s, 0);
	assert_non_null(strstr(text, " verified,resumed \"unknown CA\"\n"));
	free(text);
}

static void test_json(void **state)
{
	struct ktlsctl_socket s;
	char *text;

	(void)state;
	complete(&s);
	strcpy(s.reason, "he said \"no\"");
	text = printed(&s, 2);
	assert_non_null(strstr(text, "{\"state\": \"open\", \"role\": \"client\", \"version\": \"1.3\""));
	assert_non_null(strstr(text, "\"reason\": \"he said \\\"no\\\"\""));
	assert_non_null(strstr(text, "\"server_name\": null"));
	assert_non_null(strstr(text, "\"alert_sent\": null"));
	assert_non_null(strstr(text, "\"tx_bytes\": 5000000000,"));
	assert_non_null(strstr(text, "\"verified\": true, \"resumed\": true"));
	free(text);
}

static void test_times(void **state)
{
	static const struct { uint64_t seconds; const char *text; } times[] = {
		{ 0, "0s" }, { 59, "59s" }, { 60, "1m" }, { 3599, "59m" }, { 3600, "1h" },
		{ 86399, "23h" }, { 86400, "1d" }, { 4294967295U, "49710d" },
	};
	char text[16];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(times) / sizeof(*times); i++)
		assert_string_equal(times[i].text,
				    ktlsctl_socket_time(times[i].seconds, text, sizeof(text)));
}

static void test_names(void **state)
{
	char text[16];

	(void)state;
	assert_string_equal("ECDHE-RSA-AES256-GCM-SHA384",
			    ktlsctl_names_suite(0xc030, text, sizeof(text)));
	assert_string_equal("-", ktlsctl_names_suite(0, text, sizeof(text)));
	assert_string_equal("0x4711", ktlsctl_names_group(0x4711, text, sizeof(text)));
	assert_string_equal("X25519MLKEM768", ktlsctl_names_group(0x11ec, text, sizeof(text)));
	assert_string_equal("ed25519", ktlsctl_names_signature(0x0807, text, sizeof(text)));
	assert_string_equal("?", ktlsctl_names_state(200));
	assert_string_equal("?", ktlsctl_names_role(3));
	assert_string_equal("unknown_ca", ktlsctl_names_alert(48, text, sizeof(text)));
	assert_string_equal("99", ktlsctl_names_alert(99, text, sizeof(text)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_less),
		cmocka_unit_test(test_read_wrong),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
