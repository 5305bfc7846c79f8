// SPDX-License-Identifier: GPL-2.0-or-later
/* A packet capture of lo in this process, to prove what is not on the wire. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include "harness.h"
#include "net.h"

#define FRAME_MAX	(256 * 1024)

void capture_start(struct capture *c)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex("lo"),
	};
	int size = 256 << 20;

	memset(c, 0, sizeof(*c));
	c->fd = OK(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	OK(setsockopt(c->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));
	OK(bind(c->fd, (struct sockaddr *)&ll, sizeof(ll)));
}

unsigned int capture_count(struct capture *c, const void *marker, size_t len)
{
	struct tpacket_stats stats;
	socklen_t stats_len = sizeof(stats);
	char *frame = malloc(FRAME_MAX);
	unsigned int found = 0;
	ssize_t n;

	ASSERT_TRUE(frame);
	while ((n = recv(c->fd, frame, FRAME_MAX, MSG_TRUNC)) > 0) {
		char *p = frame, *end = frame + n;

		ASSERT_LE(n, FRAME_MAX);
		c->packets++;
		c->payload += n;
		while ((p = memmem(p, end - p, marker, len))) {
			found++;
			p += len;
		}
	}
	/* A capture that lost a packet proves nothing. */
	OK(getsockopt(c->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &stats_len));
	ASSERT_EQ(0, stats.tp_drops);
	close(c->fd);
	free(frame);
	return found;
}

void capture_fill(void *buf, size_t len)
{
	char *p = buf;

	for (size_t i = 0; i < len; i++)
		p[i] = MARKER[i % (sizeof(MARKER) - 1)];
}
