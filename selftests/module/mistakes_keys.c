// SPDX-License-Identifier: GPL-2.0-or-later
/* The mistakes that others made, see mistakes.c, where external keys show them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_alg.h>
#include <sched.h>

#include "lib/keys.h"

enum { LATE_BYTES = 300000, LATE_PAIRS = 4 };

static uint8_t big[1 << 19], back[LATE_PAIRS][1 << 19];

static void bind_aead(const char *name)
{
	struct {
		struct sockaddr_alg sa;
		char more[40];		/* addresses may be longer than struct sockaddr_alg */
	} a = { .sa = { .salg_family = AF_ALG, .salg_type = "aead" } };
	int fd = OK(socket(AF_ALG, SOCK_SEQPACKET, 0));

	snprintf((char *)&a + offsetof(struct sockaddr_alg, salg_name),
		 sizeof(a) - offsetof(struct sockaddr_alg, salg_name), "%s", name);
	/* 7.3 makes the instance of pcrypt, and says that it exists. */
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)))
		ASSERT_EQ(EEXIST, errno);
	close(fd);
}

/* Which driver this kernel takes for ccm(aes): that of the highest priority. */
static void ccm_driver(char driver[128])
{
	FILE *f = fopen("/proc/crypto", "re");
	char line[256], name[128] = "", now[128] = "";
	int priority, best = -1;

	ASSERT_TRUE(f);
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "name : %127s", name);
		sscanf(line, "driver : %127s", now);
		if (sscanf(line, "priority : %d", &priority) == 1 && priority > best &&
		    !strcmp(name, "ccm(aes)")) {
			best = priority;
			strcpy(driver, now);
		}
	}
	fclose(f);
	ASSERT_GE(best, 0);
}

/* Since 7.3 AF_ALG has only the algorithms of a list unless the administrator wants all. */
static void allow_all_of_af_alg(void)
{
	const char *path = "/proc/sys/crypto/af_alg_restrict";
	int fd;

	if (access(path, F_OK))
		return;
	fd = OK(open(path, O_WRONLY | O_CLOEXEC));
	ASSERT_EQ(1, write(fd, "0", 1));
	close(fd);
}

/* From here on this kernel's CCM completes later, on another processor: pcrypt says
 * EINPROGRESS to each request. No cipher that other tests use is touched. pcrypt takes
 * the locks of its queues within each other; lockdep, which nobody told that this is
 * meant, reports it and says nothing more until the next boot.
 */
static void make_ccm_late(void)
{
	char driver[128] = "", late[140];

	if (!access("/proc/lockdep_stats", F_OK))
		SKIP_TEST("lockdep and pcrypt do not go together");
	bind_aead("ccm(aes)");		/* loads af_alg */
	allow_all_of_af_alg();
	ccm_driver(driver);
	if (!strncmp(driver, "pcrypt(", 7))
		return;
	snprintf(late, sizeof(late), "pcrypt(%s)", driver);
	bind_aead(late);
	ccm_driver(driver);
	ASSERT_EQ(0, strcmp(driver, late));
}

/* Two sockets that speak AES-128-CCM with each other. */
static void ccm_pair(int ends[2])
{
	struct tls12_crypto_info_aes_ccm_128 key = {
		.info = { TLS_1_3_VERSION, TLS_CIPHER_AES_CCM_128 },
		.key = "0123456789abcde", .iv = "iviviv", .salt = "sal",
	};

	net_pair(AF_INET, ends);
	for (int i = 0; i < 2; i++) {
		OK(sock_attach(ends[i]));
		OK(setsockopt(ends[i], SOL_TLS, TLS_TX, &key, sizeof(key)));
		OK(setsockopt(ends[i], SOL_TLS, TLS_RX, &key, sizeof(key)));
	}
}

/* CVE-2024-26584, 26800: a cipher that says "later", and under load "busy". */
TEST(late_cipher_under_load)
{
	struct transfer w[LATE_PAIRS], r[LATE_PAIRS];
	int ends[LATE_PAIRS][2];

	net_new();
	make_ccm_late();
	net_pattern(big, LATE_BYTES, 1);
	for (int i = 0; i < LATE_PAIRS; i++) {
		ccm_pair(ends[i]);
		transfer_read(&r[i], ends[i][1], back[i], LATE_BYTES);
		transfer_write(&w[i], ends[i][0], big, LATE_BYTES);
	}
	for (int i = 0; i < LATE_PAIRS; i++) {
		transfer_wait(&w[i], 20000);
		transfer_wait(&r[i], 20000);
		EXPECT_MEMEQ(big, back[i], LATE_BYTES);
		close(ends[i][0]);
		close(ends[i][1]);
	}
}

struct spin {
	struct job	job;
	int		fd;
	bool		sends;
	_Atomic bool	stop;
};

static void *spin_thread(void *arg)
{
	static _Thread_local uint8_t room[20000];
	struct spin *s = arg;

	while (!s->stop)
		if ((s->sends ? send(s->fd, big, 20000, MSG_DONTWAIT | MSG_NOSIGNAL) :
				recv(s->fd, room, sizeof(room), MSG_DONTWAIT)) < 0)
			sched_yield();
	return NULL;
}

/* CVE-2024-26583: it completes while the socket is closed. */
TEST(late_cipher_against_close)
{
	net_new();
	make_ccm_late();
	for (int i = 0; i < 10; i++) {
		struct spin s[2];
		int ends[2];

		ccm_pair(ends);
		for (int k = 0; k < 2; k++) {
			s[k].fd = OK(dup(ends[k]));
			s[k].sends = !k;
			s[k].stop = false;
			job_run(&s[k].job, spin_thread, &s[k]);
		}
		harness_nap(i);
		shutdown(ends[0], i % 2 ? SHUT_RDWR : SHUT_WR);
		for (int k = 0; k < 2; k++)
			close(ends[k]);
		/* the last reference goes with a record on its way */
		for (int k = 0; k < 2; k++)
			close(s[k].fd);
		for (int k = 0; k < 2; k++) {
			s[k].stop = true;
			job_wait(&s[k].job, 5000);
		}
	}
}

KEYS_FIXTURE(tls13)
FIXTURE_VARIANT_ADD(tls13, aes128) { S13_AES128, AF_INET };

/* CVE-2026-74611: a record that was opened straight into the reader's memory, and
 * then proved to be padded, or no data: the second try began behind it.
 */
TEST_F(tls13, iov_iter_not_reverted_before_a_retry)
{
	static uint8_t first[6000], second[12000], third[20000];
	struct tls_record records[] = {
		{ .type = CT_DATA, .len = 8000, .pad = 5000 },
		{ .type = CT_HANDSHAKE, .len = 8000 },
		{ .type = CT_ALERT, .len = 16384 },
		{ .type = CT_DATA, .len = 16000, .pad = 100 },
	};
	static uint8_t all[6000 + 12000];
	uint8_t type;

	keys_both(&self->k);
	for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
		char room[CMSG_SPACE(1)];
		struct iovec iov[] = {
			{ first, sizeof(first) }, { second, sizeof(second) },
			{ third, sizeof(third) },
		};
		struct msghdr msg = {
			.msg_iov = iov, .msg_iovlen = 3,
			.msg_control = room, .msg_controllen = sizeof(room),
		};
		size_t len = records[i].len;

		net_pattern(big, len, i);
		big[0] = 4;	/* no KeyUpdate */
		records[i].data = big;
		peer_send_record(&self->k.peer, &records[i]);
		memset(third, 0x5a, sizeof(third));
		ASSERT_EQ(len, recvmsg(self->k.fd, &msg, 0));
		type = *CMSG_DATA(CMSG_FIRSTHDR(&msg));
		EXPECT_EQ(records[i].type, type);
		memcpy(all, first, sizeof(first));
		memcpy(all + sizeof(first), second, sizeof(second));
		EXPECT_MEMEQ(big, all, len);
		for (size_t k = 0; k < sizeof(third); k++)
			ASSERT_EQ(0x5a, third[k]);
	}
}
