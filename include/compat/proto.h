/* SPDX-License-Identifier: GPL-2.0 */
/* The callbacks of struct proto, struct proto_ops and struct tcp_ulp_ops whose
 * types differ between kernels.
 *
 * The module writes each callback with the type it has in 7.3. At file scope,
 *
 *	KTLS_ADAPT_<OP>(fn);
 *
 * makes an adaptor where this kernel wants another type and nothing elsewhere;
 * KTLS_<OP>(fn) is then what goes into the table, as an assignment or as an
 * initializer. ktls_base_<op>() calls the saved callback of the kernel.
 *
 * An operation that newer kernels do not have cannot be assigned by name, so
 * the sendpage family has KTLS_SET_<OP>(table, fn) instead.
 */
#ifndef _KTLS_COMPAT_PROTO_H
#define _KTLS_COMPAT_PROTO_H

#include <linux/build_bug.h>
#include <linux/bvec.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <net/sock.h>
#include <net/tcp.h>

/* Both swallow the semicolon. Where there is nothing to adapt, fn must still have
 * been declared, as it must where an adaptor calls it.
 */
#define KTLS_NOT_ADAPTED(fn)	static_assert(sizeof(typeof(fn) *))
#define KTLS_ADAPTED		static_assert(true)

/* proto.accept: struct sock *fn(struct sock *, struct proto_accept_arg *) */
#ifdef KTLS_HAVE_PROTO_ACCEPT_ARG
#define KTLS_ADAPT_PROTO_ACCEPT(fn)	KTLS_NOT_ADAPTED(fn)
#define KTLS_PROTO_ACCEPT(fn)		(fn)
#else
#define KTLS_PROTO_ACCEPT(fn)		fn##_compat_accept
#define KTLS_ADAPT_PROTO_ACCEPT(fn)					\
static struct sock *fn##_compat_accept(struct sock *sk, int flags,	\
				       int *err, bool kern)		\
{									\
	struct proto_accept_arg arg = { .flags = flags, .kern = kern };	\
	struct sock *newsk = fn(sk, &arg);				\
									\
	*err = arg.err;							\
	return newsk;							\
}									\
KTLS_ADAPTED
#endif

/* proto.ioctl: int fn(struct sock *, int cmd, int *karg)
 *
 * The older type has the user's pointer and stores the answer itself. The
 * adaptor keeps that pointer beside the integer it lends to fn, so that
 * ktls_base_ioctl() can pass it on: karg there must be the pointer fn got. After
 * success *karg is the base's answer, on every kernel, and what fn leaves in it
 * is what the program sees.
 */
#ifdef KTLS_HAVE_IOCTL_KARG
#define KTLS_ADAPT_PROTO_IOCTL(fn)	KTLS_NOT_ADAPTED(fn)
#define KTLS_PROTO_IOCTL(fn)		(fn)
#else
struct ktls_ioctl_arg {
	int karg;
	unsigned long user;
};

#define KTLS_PROTO_IOCTL(fn)		fn##_compat_ioctl
#define KTLS_ADAPT_PROTO_IOCTL(fn)					\
static int fn##_compat_ioctl(struct sock *sk, int cmd,			\
			     unsigned long user)			\
{									\
	struct ktls_ioctl_arg arg = { .user = user };			\
	int err = fn(sk, cmd, &arg.karg);				\
									\
	return err ?: put_user(arg.karg, (int __user *)user);		\
}									\
KTLS_ADAPTED
#endif

static inline int
ktls_base_ioctl(const struct proto *base, struct sock *sk, int cmd, int *karg)
{
#ifdef KTLS_HAVE_IOCTL_KARG
	return base->ioctl(sk, cmd, karg);
#else
	struct ktls_ioctl_arg *arg = container_of(karg, struct ktls_ioctl_arg,
						  karg);
	int err = base->ioctl(sk, cmd, arg->user);

	return err ?: get_user(*karg, (int __user *)arg->user);
#endif
}

/* proto.recvmsg: int fn(struct sock *, struct msghdr *, size_t, int flags)
 *
 * TCP never set the length of an address, and its callers start it at 0.
 */
#ifndef KTLS_HAVE_RECVMSG_ADDR_LEN
#define KTLS_ADAPT_PROTO_RECVMSG(fn)	KTLS_NOT_ADAPTED(fn)
#define KTLS_PROTO_RECVMSG(fn)		(fn)
#else
#define KTLS_PROTO_RECVMSG(fn)		fn##_compat_recvmsg
#define KTLS_ADAPT_PROTO_RECVMSG(fn)					\
static int fn##_compat_recvmsg(struct sock *sk, struct msghdr *msg,	\
			       size_t len, int flags, int *addr_len)	\
{									\
	return fn(sk, msg, len, flags);					\
}									\
KTLS_ADAPTED
#endif

static inline int
ktls_base_recvmsg(const struct proto *base, struct sock *sk,
		  struct msghdr *msg, size_t len, int flags)
{
#ifndef KTLS_HAVE_RECVMSG_ADDR_LEN
	return base->recvmsg(sk, msg, len, flags);
#else
	int addr_len = 0;

	return base->recvmsg(sk, msg, len, flags, &addr_len);
#endif
}

/* tcp_ulp_ops.get_info: int fn(struct sock *, struct sk_buff *, bool net_admin)
 * tcp_ulp_ops.get_info_size: size_t fn(const struct sock *, bool net_admin)
 *
 * A kernel that does not say who asks gets what anybody may see, and both
 * callbacks agree about it, because the size must match.
 */
#ifdef KTLS_HAVE_ULP_INFO_NET_ADMIN
#define KTLS_ADAPT_ULP_GET_INFO(fn)		KTLS_NOT_ADAPTED(fn)
#define KTLS_ULP_GET_INFO(fn)			(fn)
#define KTLS_ADAPT_ULP_GET_INFO_SIZE(fn)	KTLS_NOT_ADAPTED(fn)
#define KTLS_ULP_GET_INFO_SIZE(fn)		(fn)
#else
#define KTLS_ULP_GET_INFO(fn)			fn##_compat_get_info
#define KTLS_ADAPT_ULP_GET_INFO(fn)					\
static int fn##_compat_get_info(struct sock *sk, struct sk_buff *skb)	\
{									\
	return fn(sk, skb, false);					\
}									\
KTLS_ADAPTED

#define KTLS_ULP_GET_INFO_SIZE(fn)		fn##_compat_get_info_size
#define KTLS_ADAPT_ULP_GET_INFO_SIZE(fn)				\
static size_t fn##_compat_get_info_size(const struct sock *sk)		\
{									\
	return fn(sk, false);						\
}									\
KTLS_ADAPTED
#endif

/* sendpage: since 6.5 there is only sendmsg with MSG_SPLICE_PAGES, and the module
 * implements just that. Where the kernel still calls sendpage, these wrap the
 * page into such a message for
 *	proto.sendmsg: int fn(struct sock *, struct msghdr *, size_t)
 *	proto_ops.sendmsg: int fn(struct socket *, struct msghdr *, size_t)
 *	proto_ops.sendmsg_locked: int fn(struct sock *, struct msghdr *, size_t)
 * All three must be overridden: a sendpage left to TCP sends plaintext.
 */
#ifdef KTLS_HAVE_PROTO_SENDPAGE
/* Every internal flag goes, because the one that replaces them is added, and
 * because sendmsg(2) does not strip them all on these kernels.
 */
static inline void ktls_sendpage_msg(struct msghdr *msg, struct bio_vec *bv,
				     struct page *page, int offset,
				     size_t size, int flags)
{
	msg->msg_flags = flags & ~(MSG_SENDPAGE_NOPOLICY | MSG_SENDPAGE_NOTLAST |
				   MSG_SENDPAGE_DECRYPTED | MSG_NO_SHARED_FRAGS);
	msg->msg_flags |= MSG_SPLICE_PAGES;
	if (flags & MSG_SENDPAGE_NOTLAST)
		msg->msg_flags |= MSG_MORE;
	bvec_set_page(bv, page, size, offset);
	iov_iter_bvec(&msg->msg_iter, ITER_SOURCE, bv, 1, size);
}

#define KTLS_ADAPT_PROTO_SENDPAGE(fn)					\
static int fn##_compat_sendpage(struct sock *self,			\
			      struct page *page, int offset,		\
			      size_t size, int flags)			\
{									\
	struct msghdr msg = {};						\
	struct bio_vec bv;						\
									\
	ktls_sendpage_msg(&msg, &bv, page, offset, size, flags);	\
	return fn(self, &msg, size);					\
}									\
KTLS_ADAPTED

#define KTLS_SET_PROTO_SENDPAGE(prot, fn)				\
	((prot)->sendpage = fn##_compat_sendpage)
#else
#define KTLS_ADAPT_PROTO_SENDPAGE(fn)		KTLS_NOT_ADAPTED(fn)
#define KTLS_SET_PROTO_SENDPAGE(prot, fn)	((void)(prot), (void)(fn))
#endif

#ifdef KTLS_HAVE_OPS_SENDPAGE
#define KTLS_ADAPT_OPS_SENDPAGE(fn)					\
static ssize_t fn##_compat_sendpage(struct socket *self,		\
			      struct page *page, int offset,		\
			      size_t size, int flags)			\
{									\
	struct msghdr msg = {};						\
	struct bio_vec bv;						\
									\
	ktls_sendpage_msg(&msg, &bv, page, offset, size, flags);	\
	return fn(self, &msg, size);					\
}									\
KTLS_ADAPTED

#define KTLS_SET_OPS_SENDPAGE(ops, fn)					\
	((ops)->sendpage = fn##_compat_sendpage)
#else
#define KTLS_ADAPT_OPS_SENDPAGE(fn)		KTLS_NOT_ADAPTED(fn)
#define KTLS_SET_OPS_SENDPAGE(ops, fn)		((void)(ops), (void)(fn))
#endif

#ifdef KTLS_HAVE_OPS_SENDPAGE_LOCKED
#define KTLS_ADAPT_OPS_SENDPAGE_LOCKED(fn)				\
static int fn##_compat_sendpage_locked(struct sock *self,		\
			      struct page *page, int offset,		\
			      size_t size, int flags)			\
{									\
	struct msghdr msg = {};						\
	struct bio_vec bv;						\
									\
	ktls_sendpage_msg(&msg, &bv, page, offset, size, flags);	\
	return fn(self, &msg, size);					\
}									\
KTLS_ADAPTED

#define KTLS_SET_OPS_SENDPAGE_LOCKED(ops, fn)				\
	((ops)->sendpage_locked = fn##_compat_sendpage_locked)
#else
#define KTLS_ADAPT_OPS_SENDPAGE_LOCKED(fn)	KTLS_NOT_ADAPTED(fn)
#define KTLS_SET_OPS_SENDPAGE_LOCKED(ops, fn)	((void)(ops), (void)(fn))
#endif

#endif /* _KTLS_COMPAT_PROTO_H */
