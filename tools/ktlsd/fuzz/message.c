// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's messages: any attributes, in any order, about any request.
 *
 * The input is a list of messages: a command, an id, a number of attributes, and each of
 * these as its type, its length and that many bytes. A START gets what is needed to begin,
 * so that the rest is about requests that exist.
 */
#include <stdlib.h>

#include "fuzz.h"
#include "fuzz/fixed.h"
#include "fuzz/pki.h"
#include "lib/clock.h"
#include "tests/test_kernel.h"

enum {
	MESSAGE_MAX	= 24,		/* messages of an input */
	MESSAGE_ATTRS	= 12,
	MESSAGE_STEPS	= 200,		/* of work after each */
};

static struct ktlsd_config message_config;
static struct ktlsd_identity message_identity;
static uint32_t message_room[32768];

static int message_send(void *arg, const struct ktlsd_message *message)
{
	struct ktlsd_event event;

	(void)arg;
	/* What ktlsd sends the kernel can parse. */
	if (message->overflow || ktlsd_message_parse(message->nlh, &event))
		abort();
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct ktlsd_fault fault;

	(void)argc;
	(void)argv;
	fuzz_fixed_setup();
	ktlsd_log_open("fuzz", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	fuzz_pki_setup();
	message_config.refs = 1 << 30;		/* never freed */
	message_config.path = "ktlsd.conf";
	message_config.max_sessions = 10;
	message_config.ticket_lifetime = 7200;
	message_config.session_cache = 16;
	message_config.trust = X509_STORE_new();
	X509_STORE_add_cert(message_config.trust, pki.ca);
	message_config.identities = &message_identity;
	message_config.identity_count = 1;
	strcpy(message_identity.name, "www");
	ktlsd_acl_parse(&message_identity.acl, false, "*", &fault);
	message_identity.credentials[0].leaf = pki.ec;
	message_identity.credentials[0].key = pki.ec_key;
	message_identity.credential_count = 1;
	return 0;
}

static void message_put_basics(struct ktlsd_message *message, uint8_t role)
{
	ktlsd_message_put_u32(message, KTLS_A_ROLE, role & 1 ? KTLS_ROLE_SERVER : KTLS_ROLE_CLIENT);
	ktlsd_message_put_u64(message, KTLS_A_DEADLINE, (uint64_t)ktlsd_clock_ms() + 10000);
	ktlsd_message_put_u32(message, KTLS_A_UID, 1000);
	ktlsd_message_put_u32(message, KTLS_A_GID, 1000);
	ktlsd_message_put_u64(message, KTLS_A_CONFIG, role & 2 ? 7 : 0);
	ktlsd_message_put_u32(message, KTLS_A_CONFIG_PARTS, role & 2 ? role >> 4 : 0);
	if (role & 1)
		ktlsd_message_put_string(message, KTLS_A_IDENTITY, "www");
	else
		ktlsd_message_put_string(message, KTLS_A_SERVER_NAME, "server.test");
	ktlsd_message_put_u32(message, KTLS_A_TICKETS, role >> 2 & 3);
}

static void message_put_attrs(struct fuzz *fuzz, struct ktlsd_message *message)
{
	unsigned int i, count = fuzz_byte(fuzz) % MESSAGE_ATTRS;
	const uint8_t *value;
	size_t len, max;
	uint8_t type;

	for (i = 0; i < count; i++) {
		type = fuzz_byte(fuzz);
		max = fuzz_byte(fuzz);
		if (max >= 128)
			max = (max & 127) << 8 | fuzz_byte(fuzz);
		value = fuzz_bytes(fuzz, max, &len);
		ktlsd_message_put(message, type % (KTLS_A_MAX + 2), value, len);
	}
}

static void message_one(struct fuzz *fuzz, struct ktlsd_sessions *sessions)
{
	struct ktlsd_message message;
	struct ktlsd_event event;
	uint8_t cmd = fuzz_byte(fuzz) % (KTLS_CMD_MAX + 2), basics;
	int i;

	ktlsd_message_begin(&message, message_room, sizeof(message_room), 33, cmd, 1);
	ktlsd_message_put_u64(&message, KTLS_A_ID, fuzz_byte(fuzz) & 7);
	basics = fuzz_byte(fuzz);
	if (cmd == KTLS_CMD_START || cmd == KTLS_CMD_CHECK)
		message_put_basics(&message, basics);
	message_put_attrs(fuzz, &message);
	if (message.overflow || ktlsd_message_parse(message.nlh, &event))
		return;
	ktlsd_sessions_handle(sessions, &event);
	for (i = 0; i < MESSAGE_STEPS && ktlsd_sessions_work(sessions); i++)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz fuzz = { data, len };
	struct ktlsd_sessions sessions;
	int i;

	fuzz_fixed_reset();
	if (ktlsd_sessions_init(&sessions, &message_config, message_send, NULL))
		abort();
	sessions.family = 33;
	sessions.suites = ktlsd_suites_all();
	sessions.max = 10;
	for (i = 0; i < MESSAGE_MAX && fuzz.len; i++)
		message_one(&fuzz, &sessions);
	ktlsd_sessions_clear(&sessions);
	if (sessions.held || sessions.count)
		abort();
	ktlsd_sessions_free(&sessions);
	return 0;
}
