/* SPDX-License-Identifier: GPL-2.0 */
/* Handing sealed records to TCP without copying them. */
#ifndef _KTLS_COMPAT_TCP_FRAGS_H
#define _KTLS_COMPAT_TCP_FRAGS_H

#include <linux/bvec.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <net/sock.h>
#include <net/tcp.h>

#ifdef KTLS_HAVE_DO_TCP_SENDPAGES
/* TCP ignores MSG_SPLICE_PAGES on these kernels, even where it is defined, and
 * would copy. One call a fragment, pushed with the last one; where memory ends
 * earlier do_tcp_sendpages() pushes by itself before it gives up.
 */
static inline int ktls_tcp_give_frags(struct sock *sk, const struct bio_vec *bv,
				      unsigned int n, size_t bytes, int flags)
{
	size_t sent = 0, len;
	ssize_t ret = 0;
	int more;

	for (; n && sent < bytes; n--, bv++) {
		len = min_t(size_t, bv->bv_len, bytes - sent);
		if (!len)
			continue;
		more = sent + len < bytes ? MSG_SENDPAGE_NOTLAST : 0;
		ret = do_tcp_sendpages(sk, bv->bv_page, bv->bv_offset, len,
				       flags | more);
		if (ret > 0)
			sent += ret;
		if (ret != (ssize_t)len)
			break;
	}
	return sent ?: ret;
}
#else
static inline int ktls_tcp_give_frags(struct sock *sk, const struct bio_vec *bv,
				      unsigned int n, size_t bytes, int flags)
{
	struct msghdr msg = { .msg_flags = flags | MSG_SPLICE_PAGES };

	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, bv, n, bytes);
	return tcp_sendmsg_locked(sk, &msg, bytes);
}
#endif

/**
 * ktls_tcp_send_frags - append page fragments to TCP's send queue
 * @sk: the socket
 * @bv: the fragments; one may span several pages if they are one compound page
 * @n: how many
 * @bytes: the sum of their lengths, more than 0
 * @flags: MSG_MORE or 0, everything else is masked off
 *
 * TCP refers to the pages until the bytes in them are acknowledged: it takes
 * references of its own, for exactly the bytes it took, and coalesces a fragment
 * that continues the one before under the reference it already has. The
 * references of the caller are neither used up nor needed any longer for those
 * bytes. So, in every case and on every kernel: the caller keeps the references
 * it has, may drop those of fragments that were taken whole, keeps those of the
 * one that was cut short and of all behind it, and calls again with what is left.
 *
 * Bytes that were taken must never be written again, because a retransmission
 * reads them, and over loopback the receiver may be reading them. Other bytes of
 * the same page may be. The flags tell TCP that nobody else writes to the fragments
 * (MSG_NO_SHARED_FRAGS), which spares a copy where checksums are made in
 * software. No page may come from the slab allocator.
 *
 * A short or refused send for want of space has set SOCK_NOSPACE, so that
 * sk_write_space is called when there is some again. Refused for want of memory
 * with nothing in flight, sk_write_space is called before this returns: it must
 * not call here, only note the event or queue work.
 *
 * While it waits for space, even without waiting, TCP dereferences sk_socket and
 * sk_wq. A socket that lost or does not have them yet must be grafted onto one of
 * sock_create_lite() first.
 *
 * Context: process context, socket lock held. Does not sleep for space; may
 * allocate with sk->sk_allocation and, on some kernels, process the backlog:
 * what the caller knew about the receive queue may be outdated afterwards.
 * Return: how many bytes TCP took, at least 1 and maybe less than @bytes, or a
 * negative errno if it took none: -EAGAIN for want of space or memory, or of a
 * struct socket, which accept() is about to give it; -EPIPE if nobody will, and
 * after the sending side was shut down; or the socket's error. That one is taken out
 * of sk_err: who cannot return it to the program has to put it back. Never raises
 * SIGPIPE.
 */
static inline int ktls_tcp_send_frags(struct sock *sk, const struct bio_vec *bv,
				      unsigned int n, size_t bytes, int flags)
{
	sock_owned_by_me(sk);

	if (unlikely(!sk->sk_socket))
		return sock_flag(sk, SOCK_DEAD) ? -EPIPE : -EAGAIN;

	flags &= MSG_MORE;
	flags |= MSG_DONTWAIT | MSG_NOSIGNAL | MSG_NO_SHARED_FRAGS;
	return ktls_tcp_give_frags(sk, bv, n, bytes, flags);
}

#endif /* _KTLS_COMPAT_TCP_FRAGS_H */
