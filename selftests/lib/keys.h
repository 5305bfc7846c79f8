/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fixture of the tests of external keys: a connected ktls socket
 * without keys, and a scripted peer that has them. There is no helper.
 */
#ifndef _SELFTESTS_KEYS_H
#define _SELFTESTS_KEYS_H

#include <linux/bpf.h>
#include <linux/kcm.h>
#include <linux/tls.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "sock.h"

/* Newer than the headers of the tests' machine. */
#ifndef TLS_TX_MAX_PAYLOAD_LEN
#define TLS_TX_MAX_PAYLOAD_LEN	5
#endif

/* A struct tls12_crypto_info_*: type and version, iv, key, salt, rec_seq. */
struct info {
	uint8_t	bytes[256];
	size_t	len;
};

struct keys {
	struct hs	hs;
	int		fd;
	struct peer	peer;
};

static inline bool is_tls13(const struct peer *p)
{
	return p->hs->suite->version == KTLS_TLS_1_3;
}

static inline uint64_t be64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static inline void put_be64(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = v;
}

static inline void keys_open(struct keys *k, uint16_t suite, int family)
{
	int ends[2];

	net_new();
	hs_init(&k->hs, suite);
	net_pair(family, ends);
	k->fd = ends[0];
	OK(sock_attach(k->fd));
	peer_init(&k->peer, ends[1], true, &k->hs);
}

static inline void keys_close(struct keys *k)
{
	if (k->fd >= 0)
		close(k->fd);
	peer_free(&k->peer);
}

/* The keys of the peer for that direction. */
static inline struct info keys_info(const struct keys *k, int opt)
{
	const struct tls_dir *d = opt == TLS_TX ? &k->peer.rx : &k->peer.tx;
	bool chacha = !strcmp(d->suite->aead, "ChaCha20-Poly1305");
	struct tls_crypto_info ci = {
		.version = d->suite->version,
		.cipher_type = chacha ? TLS_CIPHER_CHACHA20_POLY1305 : d->suite->key == 16 ?
			       TLS_CIPHER_AES_GCM_128 : TLS_CIPHER_AES_GCM_256,
	};
	size_t salt = chacha ? 0 : 4;
	struct info i = { .len = 0 };
	uint8_t *p = i.bytes;

	memcpy(p, &ci, sizeof(ci));
	p += sizeof(ci);
	memcpy(p, d->iv + salt, 12 - salt);
	if (d->suite->explicit)
		put_be64(p, 0xfedcba9876543210ULL);
	p += 12 - salt;
	memcpy(p, d->key, d->suite->key);
	p += d->suite->key;
	memcpy(p, d->iv, salt);
	p += salt;
	put_be64(p, d->seq);
	i.len = p + 8 - i.bytes;
	return i;
}

static inline int keys_set_on(const struct keys *k, int fd, int opt)
{
	struct info i = keys_info(k, opt);

	return setsockopt(fd, SOL_TLS, opt, i.bytes, i.len);
}

static inline int keys_set(const struct keys *k, int opt)
{
	return keys_set_on(k, k->fd, opt);
}

static inline void keys_both(const struct keys *k)
{
	OK(keys_set(k, TLS_TX));
	OK(keys_set(k, TLS_RX));
}

/* recvmsg() with room for the type, which goes to *type; 0: there was none. */
static inline ssize_t recv_typed(int fd, void *buf, size_t len, int flags, uint8_t *type)
{
	char room[CMSG_SPACE(1)];
	struct iovec iov = { buf, len };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	ssize_t n = recvmsg(fd, &msg, flags);
	struct cmsghdr *cmsg = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);

	*type = 0;
	if (cmsg) {
		ASSERT_EQ(SOL_TLS, cmsg->cmsg_level);
		ASSERT_EQ(TLS_GET_RECORD_TYPE, cmsg->cmsg_type);
		ASSERT_EQ(CMSG_LEN(1), cmsg->cmsg_len);
		*type = *CMSG_DATA(cmsg);
	}
	return n;
}

/* sendmsg() with a cmsg of the level SOL_TLS. */
static inline ssize_t send_cmsg(int fd, const void *buf, size_t len, int flags, int cmsg_type,
			 uint8_t type, size_t cmsg_len)
{
	char room[CMSG_SPACE(1)] = { 0 };
	struct iovec iov = { (void *)buf, len };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_TLS;
	cmsg->cmsg_type = cmsg_type;
	cmsg->cmsg_len = cmsg_len;
	*CMSG_DATA(cmsg) = type;
	return sendmsg(fd, &msg, flags);
}

static inline ssize_t send_typed(int fd, const void *buf, size_t len, int flags, uint8_t type)
{
	return send_cmsg(fd, buf, len, flags, TLS_SET_RECORD_TYPE, type, CMSG_LEN(1));
}

/* A KCM socket over @fd, messages of ten bytes; -1 if the kernel has none. */
static inline int kcm_over(int fd)
{
	const struct bpf_insn ten[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 10 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insns = (uintptr_t)ten, .insn_cnt = 2,
		.license = (uintptr_t)"GPL",
	};
	struct kcm_attach attach = { .fd = fd };
	int kcm = socket(AF_KCM, SOCK_DGRAM, KCMPROTO_CONNECTED);

	if (kcm < 0) {
		EXPECT_EQ(EAFNOSUPPORT, errno);
		return -1;
	}
	attach.bpf_fd = OK(syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
	OK(ioctl(kcm, SIOCKCMATTACH, &attach));
	close(attach.bpf_fd);
	return kcm;
}

#define KEYS_FIXTURE(f)							\
	FIXTURE(f) { struct keys k; };					\
	FIXTURE_VARIANT(f) { uint16_t suite; int family; };		\
	FIXTURE_SETUP(f) { keys_open(&self->k, variant->suite, variant->family); } \
	FIXTURE_TEARDOWN(f) { keys_close(&self->k); }

KEYS_FIXTURE(keys)
FIXTURE_VARIANT_ADD(keys, tls13_aes128) { S13_AES128, AF_INET };
FIXTURE_VARIANT_ADD(keys, tls13_aes256) { S13_AES256, AF_INET6 };
FIXTURE_VARIANT_ADD(keys, tls13_chacha) { S13_CHACHA, AF_INET };
FIXTURE_VARIANT_ADD(keys, tls12_aes128) { S12_AES128, AF_INET6 };
FIXTURE_VARIANT_ADD(keys, tls12_aes256) { S12_AES256, AF_INET };
FIXTURE_VARIANT_ADD(keys, tls12_chacha) { S12_CHACHA, AF_INET6 };

#endif /* _SELFTESTS_KEYS_H */
