// SPDX-License-Identifier: GPL-2.0-or-later
/* A reader inside the kernel, through read_sock(): KCM, which reads messages of ten bytes here,
 * the first time in softirq.
 */
#include <linux/kcm.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "lib/keys.h"

static uint8_t big[1 << 16], back[1 << 17];

static void expect_messages(int kcm, size_t at, size_t end)
{
	for (; at < end; at += 10) {
		ASSERT_EQ(POLLIN, net_poll(kcm, POLLIN, 5000));
		ASSERT_EQ(10, recv(kcm, back, 100, 0));
		EXPECT_MEMEQ(big + at, back, 10);
	}
}

TEST_F(keys, kcm)
{
	/* record sizes: one message, two halves, none, many */
	static const size_t sizes[] = { 10, 5, 5, 0, 1000, 16380, 0, 0, 20 };
	struct peer *p = &self->k.peer;
	size_t at = 0, seen = 0;
	int kcm;

	keys_both(&self->k);
	net_pattern(big, sizeof(big), 1);
	kcm = kcm_over(self->k.fd);
	if (kcm < 0)
		SKIP_TEST("the kernel has no AF_KCM");
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		peer_send_data(p, big + at, sizes[i]);
		at += sizes[i];
		expect_messages(kcm, seen, at / 10 * 10);
		seen = at / 10 * 10;
	}
	/* messages sent through KCM become records */
	ASSERT_EQ(100, send(kcm, big, 100, 0));
	peer_recv_data(p, back, 100);
	EXPECT_MEMEQ(big, back, 100);
	OK(ioctl(kcm, SIOCKCMUNATTACH, &(struct kcm_unattach){ .fd = self->k.fd }));
	peer_send_data(p, "mine", 4);
	net_read(self->k.fd, back, 4);
	EXPECT_MEMEQ("mine", back, 4);
	close(kcm);
}
