// SPDX-License-Identifier: GPL-2.0-or-later
/* Two ends that send, read and replace their keys, all at the same time. */
#include <errno.h>
#include <stdlib.h>

#include "lib/sock.h"

FIXTURE(load)
{
	struct env e;
	int ends[2];
};

FIXTURE_VARIANT(load)
{
	uint16_t suite;
	const char *netem;
};

FIXTURE_VARIANT_ADD(load, aes128) { S13_AES128, NULL };
FIXTURE_VARIANT_ADD(load, chacha_loss) { S13_CHACHA, "delay 1ms loss 1%" };

FIXTURE_SETUP(load)
{
	char command[128];

	env_start(&self->e, variant->suite);
	if (variant->netem) {
		snprintf(command, sizeof(command), "tc qdisc add dev lo root netem %s",
			 variant->netem);
		ASSERT_EQ(0, system(command));
	}
	net_set_parameter("key_records", 100);
	sock_pair(&self->e, AF_INET, self->ends);
	net_set_parameter("key_records", 0);
}

FIXTURE_TEARDOWN(load)
{
	close(self->ends[0]);
	close(self->ends[1]);
}

/* One direction of one socket: a pseudorandom stream of @len bytes. */
struct stream {
	struct job	job;
	int		fd;
	size_t		len;
	unsigned int	seed;
};

static uint8_t stream_byte(const struct stream *s, size_t at)
{
	return (at >> 16) * 31 + (at & 0xff) + s->seed;
}

/* What the module says of a call that failed. */
static void stream_must(const struct stream *s, bool ok, const char *call, size_t at)
{
	int err = errno;

	if (ok)
		return;
	harness_note("%s: errno %d at %zu of %zu: %s", call, err, at, s->len, sock_error(s->fd));
	ASSERT_TRUE(ok);
}

static void *stream_write(void *arg)
{
	struct stream *s = arg;
	uint8_t *buf = malloc(40000);
	size_t n;

	for (size_t at = 0; at < s->len; at += n) {
		n = 1 + (at * 7 + s->seed) % 40000;
		if (n > s->len - at)
			n = s->len - at;
		for (size_t i = 0; i < n; i++)
			buf[i] = stream_byte(s, at + i);
		stream_must(s, send(s->fd, buf, n, MSG_NOSIGNAL) == (ssize_t)n, "send", at);
		if (at % 5 == 0)
			stream_must(s, !sock_set_int(s->fd, KTLS_KEY_UPDATE, at % 2),
				    "KTLS_KEY_UPDATE", at);
	}
	free(buf);
	return NULL;
}

static void *stream_read(void *arg)
{
	struct stream *s = arg;
	uint8_t *buf = malloc(65536);
	ssize_t n;

	for (size_t at = 0; at < s->len; at += n) {
		n = recv(s->fd, buf, 65536, 0);
		stream_must(s, n > 0, "recv", at);
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != stream_byte(s, at + i))
				ASSERT_EQ(stream_byte(s, at + i), buf[i]);
	}
	free(buf);
	return NULL;
}

/* Both ends send, read, ask for new keys, and replace theirs every 100 records.
 * KTLS_TEST_BYTES: so many each way.
 */
TEST_F_TIMEOUT(load, both_ends_at_once, 900)
{
	const char *bytes = getenv("KTLS_TEST_BYTES");
	const size_t len = bytes ? strtoull(bytes, NULL, 0) : (variant->netem ? 4 : 16) << 20;
	struct stream s[4];

	for (int i = 0; i < 4; i++) {
		s[i] = (struct stream){ .fd = self->ends[i % 2], .len = len };
		s[i].seed = i < 2 ? i : !(i % 2);
		job_run(&s[i].job, i < 2 ? stream_write : stream_read, &s[i]);
	}
	for (int i = 0; i < 4; i++)
		job_wait(&s[i].job, 880000);
	for (int i = 0; i < 2; i++) {
		struct ktls_info info = sock_info(self->ends[i]);

		EXPECT_EQ(len, info.rx_bytes);
		EXPECT_GE(info.tx_key_updates, len / 16384 / 100);
		harness_note("%zu bytes, %llu records, %u and %u key updates", len,
			     (unsigned long long)info.tx_records, info.tx_key_updates,
			     info.rx_key_updates);
	}
}
