/* SPDX-License-Identifier: GPL-2.0 */
/* lock_sock() that does not wait: no kernel has it. */
#ifndef _KTLS_COMPAT_SOCK_TRYLOCK_H
#define _KTLS_COMPAT_SOCK_TRYLOCK_H

#include <linux/bitops.h>
#include <linux/lockdep.h>
#include <net/sock.h>

/**
 * ktls_sock_trylock - lock_sock(), unless somebody has the lock
 * @sk: the socket
 * @bit: what to set if somebody has it
 * @flags: where
 *
 * lock_sock_fast() waits as lock_sock() does, only without marking the socket as
 * owned; and with bh_lock_sock() and sock_owned_by_user() the caller would have to do
 * all its work with softirqs off. Neither lets a work leave a note for the owner of the
 * lock: @bit is set under the socket's spinlock, which release_sock() takes before it
 * calls release_cb, so that the owner cannot miss it.
 *
 * Context: process, lock not held.
 * Return: whether the caller has the lock now, to be given up with release_sock().
 */
static inline bool ktls_sock_trylock(struct sock *sk, unsigned int bit, unsigned long *flags)
{
	bool locked;

	spin_lock_bh(&sk->sk_lock.slock);
	locked = !sk->sk_lock.owned;
	if (locked)
		sk->sk_lock.owned = 1;
	else
		set_bit(bit, flags);
	spin_unlock_bh(&sk->sk_lock.slock);
	if (locked)
		mutex_acquire(&sk->sk_lock.dep_map, 0, 1, _RET_IP_);
	return locked;
}

#endif /* _KTLS_COMPAT_SOCK_TRYLOCK_H */
