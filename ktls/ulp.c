// SPDX-License-Identifier: GPL-2.0
/*
 * Attach to a TCP socket, count references to the context, give the socket
 * back to TCP; and the two tables of operations that replace TCP's.
 *
 * Why a context can be freed safely: icsk_ulp_data is the only pointer to it
 * that is followed without a reference, by callbacks in softirq under RCU and
 * by operations that hold the socket's file open. ktls_ulp_give_back() runs
 * when the last file is gone, restores the callbacks, clears the pointer and
 * gives up its reference; the memory goes after a grace period. Works, timers
 * and requests own references and find KTLS_F_GONE set.
 */

#include <linux/module.h>
#include <linux/net.h>
#include <linux/poll.h>
#include <asm/ioctls.h>
#include <net/inet_common.h>
#include <net/transp_v6.h>

#include <compat/proto.h>
#include <ktls/ktls.h>
#include <trace/events/ktls.h>

enum { ULP_IPV4, ULP_IPV6, ULP_FAMILIES };

static struct ktls_base ulp_bases[ULP_FAMILIES];
static struct tcp_ulp_ops ulp_ops;

/**
 * ktls_ulp_base - TCP's own operations for a socket
 * @sk: any TCP socket
 *
 * Context: any.
 */
struct ktls_base *ktls_ulp_base(const struct sock *sk)
{
	return &ulp_bases[sk->sk_family == AF_INET6 ? ULP_IPV6 : ULP_IPV4];
}

/* References ------------------------------------------------------------ */

/**
 * ktls_ctx_hold - take a reference
 * @ctx: a context to which the caller has a reference, or that it found under
 *	RCU or the socket lock
 */
void ktls_ctx_hold(struct ktls_ctx *ctx)
{
	refcount_inc(&ctx->ref);
}

/**
 * ktls_ctx_put - give up a reference
 * @ctx: the context
 *
 * All that needs process context went in ktls_ulp_give_back(); what is left is
 * the memory and the reference to the sock.
 *
 * Context: any.
 */
void ktls_ctx_put(struct ktls_ctx *ctx)
{
	if (!refcount_dec_and_test(&ctx->ref))
		return;
	sock_put(ctx->sk);
	kfree_rcu(ctx, rcu);
}

/* lock_sock(), unless a program has the lock: it may hold it as long as it takes
 * to fault in its buffer, and enough such programs would keep every worker
 * thread waiting. Then ulp_release_cb() kicks the work.
 */
static bool ulp_trylock(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->sk;
	bool locked;

	spin_lock_bh(&sk->sk_lock.slock);
	locked = !sk->sk_lock.owned;
	if (locked)
		sk->sk_lock.owned = 1;
	else
		set_bit(KTLS_F_AGAIN, &ctx->flags);
	spin_unlock_bh(&sk->sk_lock.slock);
	if (locked)
		mutex_acquire(&sk->sk_lock.dep_map, 0, 1, _RET_IP_);
	return locked;
}

/* What the work does follows from the state alone, so that a kick can never be
 * for the wrong thing, only superfluous. Socket lock held. Returns whether the
 * context is to end.
 */
static bool ulp_step(struct ktls_ctx *ctx)
{
	if (test_bit(KTLS_F_DROP, &ctx->flags) && ktls_listener_child_drop(ctx))
		return true;

	switch (ctx->state) {
	case KTLS_STATE_CONNECTING:
		ktls_connect_step(ctx);
		break;
	case KTLS_STATE_HANDSHAKE:
		ktls_handshake_step(ctx);
		break;
	case KTLS_STATE_OPEN:
		if (test_bit(KTLS_F_FIN, &ctx->flags))
			ktls_close_fin(ctx);
		else
			ktls_tx_push(ctx);
		ktls_listener_child_step(ctx);
		break;
	case KTLS_STATE_FAILED:
		ktls_connect_drain(ctx);
		break;
	case KTLS_STATE_CLOSED:
		return ktls_close_step(ctx);
	}
	return false;
}

/* The one work of a context. */
static void ulp_work(struct work_struct *work)
{
	struct ktls_ctx *ctx = container_of(work, struct ktls_ctx, work);
	bool final;

	if (READ_ONCE(ctx->state) == KTLS_STATE_LISTENING) {
		ktls_listener_step(ctx);
	} else if (ulp_trylock(ctx)) {
		final = !test_bit(KTLS_F_GONE, &ctx->flags) && ulp_step(ctx);
		release_sock(ctx->sk);
		if (final)
			ktls_close_final(ctx);
	}
	ktls_ctx_put(ctx);
}

/**
 * ktls_ctx_kick - have the context's work run soon
 * @ctx: the context; the queued work owns a reference
 *
 * Context: any, under RCU or with a reference. A context that is about to be
 * freed has nothing left to do.
 */
void ktls_ctx_kick(struct ktls_ctx *ctx)
{
	if (!refcount_inc_not_zero(&ctx->ref))
		return;
	if (!queue_work(ktls_wq, &ctx->work))
		ktls_ctx_put(ctx);
}

static void ulp_timer(struct timer_list *timer)
{
	struct ktls_ctx *ctx = timer_container_of(ctx, timer, timer);

	/* Not if it was armed anew meanwhile: that deadline is still to come. */
	if (!timer_pending(timer))
		set_bit(KTLS_F_DEADLINE, &ctx->flags);
	ktls_ctx_kick(ctx);
	ktls_ctx_put(ctx);
}

/**
 * ktls_ctx_arm - bound the time a context stays in its state
 * @ctx: the context; the armed timer owns a reference
 * @ms: from now, milliseconds
 *
 * Context: socket lock held. Replaces an earlier deadline.
 */
void ktls_ctx_arm(struct ktls_ctx *ctx, unsigned int ms)
{
	sock_owned_by_me(ctx->sk);
	clear_bit(KTLS_F_DEADLINE, &ctx->flags);
	ktls_ctx_hold(ctx);
	if (mod_timer(&ctx->timer, jiffies + msecs_to_jiffies(ms)))
		ktls_ctx_put(ctx);
}

/**
 * ktls_ctx_disarm - the state has no deadline any more
 * @ctx: the context
 *
 * Context: socket lock held. A timer that fires just now is harmless: the work
 * looks at the state first, and the next ktls_ctx_arm() clears the flag.
 */
void ktls_ctx_disarm(struct ktls_ctx *ctx)
{
	sock_owned_by_me(ctx->sk);
	if (timer_delete(&ctx->timer))
		ktls_ctx_put(ctx);
	clear_bit(KTLS_F_DEADLINE, &ctx->flags);
}

/* Callbacks from TCP ------------------------------------------------------ */

/* Softirq, or process context with the socket lock held. Under RCU, because
 * the context may be given back at any moment.
 */
static void ulp_data_ready(struct sock *sk)
{
	struct ktls_ctx *ctx;
	u8 state;

	rcu_read_lock();
	ctx = ktls_ctx_get(sk);
	state = ctx ? smp_load_acquire(&ctx->state) : KTLS_STATE_CLOSED;
	if (!ctx || (state == KTLS_STATE_OPEN && ktls_rx_worth_waking(ctx)))
		ktls_ulp_base(sk)->data_ready(sk);
	else if (state != KTLS_STATE_OPEN && state != KTLS_STATE_NEW)
		ktls_ctx_kick(ctx);
	rcu_read_unlock();
}

/* As ulp_data_ready(). Records that TCP had no memory for are pushed by the
 * work; the program is woken only when there is room behind them.
 */
static void ulp_write_space(struct sock *sk)
{
	struct ktls_ctx *ctx;

	rcu_read_lock();
	ctx = ktls_ctx_get(sk);
	if (ctx && !ktls_tx_idle(ctx))
		ktls_ctx_kick(ctx);
	if (!ctx || smp_load_acquire(&ctx->state) != KTLS_STATE_HANDSHAKE)
		ktls_ulp_base(sk)->write_space(sk);
	rcu_read_unlock();
}

/* As ulp_data_ready(). TCP connected, was reset, or got a FIN. */
static void ulp_state_change(struct sock *sk)
{
	struct ktls_ctx *ctx;
	u8 state;

	rcu_read_lock();
	ctx = ktls_ctx_get(sk);
	state = ctx ? smp_load_acquire(&ctx->state) : KTLS_STATE_NEW;
	if (state != KTLS_STATE_NEW && state != KTLS_STATE_OPEN)
		ktls_ctx_kick(ctx);
	/* A program in connect() is woken by the work, when there is a result;
	 * the base's connect() waits for TCP and must be woken now.
	 */
	if (state != KTLS_STATE_HANDSHAKE)
		ktls_ulp_base(sk)->state_change(sk);
	rcu_read_unlock();
}

/* Attach ------------------------------------------------------------------ */

static struct ktls_ctx *ulp_ctx_new(struct sock *sk, struct ktls_config *config)
{
	struct ktls_ctx *ctx = kzalloc(sizeof(*ctx), GFP_KERNEL_ACCOUNT);

	if (!ctx)
		return NULL;

	refcount_set(&ctx->ref, 1);
	sock_hold(sk);
	ctx->sk = sk;
	ctx->base = ktls_ulp_base(sk);
	ctx->config = config;
	ctx->session.alert_sent = KTLS_ALERT_NONE;
	ctx->session.alert_rcvd = KTLS_ALERT_NONE;
	ctx->session.max_payload = KTLS_PAYLOAD_MAX;
	ctx->rcvlowat = READ_ONCE(sk->sk_rcvlowat);
	INIT_LIST_HEAD(&ctx->child_node);
	INIT_LIST_HEAD(&ctx->silent_node);
	INIT_WORK(&ctx->work, ulp_work);
	timer_setup(&ctx->timer, ulp_timer, 0);
	ktls_tx_init(ctx);
	ktls_framing_init(ctx);
	return ctx;
}

/* From here on every byte in or out passes through us.
 *
 * ORDER: the context, then the ULP, then the operations. Connections are cloned
 * from a listener without its lock: one that has our operations must have our
 * clone() called on it.
 */
static void ulp_take(struct sock *sk, struct ktls_ctx *ctx)
{
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, ctx);
	inet_csk(sk)->icsk_ulp_ops = &ulp_ops;
	WRITE_ONCE(sk->sk_rcvlowat, 1);

	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_data_ready = ulp_data_ready;
	sk->sk_write_space = ulp_write_space;
	sk->sk_state_change = ulp_state_change;
	write_unlock_bh(&sk->sk_callback_lock);

	/* Pairs with the loads of sk_prot in the socket calls and in cloning. */
	smp_wmb();
	WRITE_ONCE(sk->sk_prot, &ctx->base->tls_prot);
	if (sk->sk_socket)
		WRITE_ONCE(sk->sk_socket->ops, &ctx->base->tls_ops);
}

/* Only a socket that is TCP's alone: MPTCP subflows, sockmap's psock and
 * kernel users that replaced a callback are somebody else's.
 */
static bool ulp_is_plain(struct sock *sk, const struct ktls_base *base)
{
	return base->prot && READ_ONCE(sk->sk_prot) == base->prot && !sk->sk_user_data &&
	       sk->sk_data_ready == base->data_ready &&
	       sk->sk_write_space == base->write_space &&
	       sk->sk_state_change == base->state_change &&
	       (!sk->sk_socket || sk->sk_socket->ops == base->ops);
}

/* Whether a task sleeps inside TCP's own accept() or sendmsg(): it would go on
 * there in the clear when it wakes. Pollers sleep with other functions.
 */
static bool ulp_has_sleepers(struct sock *sk)
{
	struct wait_queue_head *wq = sk_sleep(sk);
	struct wait_queue_entry *entry;
	bool found = false;

	if (sk->sk_write_pending)
		return true;
	if (sk->sk_state != TCP_LISTEN)
		return false;
	spin_lock_irq(&wq->lock);
	list_for_each_entry(entry, &wq->head, entry)
		found |= entry->func == autoremove_wake_function;
	spin_unlock_irq(&wq->lock);
	return found;
}

/* tcp_ulp_ops.init: socket lock held, process context. The ULP core has taken
 * a module reference, which it keeps on success.
 */
static int ulp_init(struct sock *sk)
{
	struct ktls_config *config;
	struct ktls_ctx *ctx;
	int err;

	if (!ulp_is_plain(sk, ktls_ulp_base(sk)) || ulp_has_sleepers(sk))
		return -EBUSY;
	if (!((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN | TCPF_ESTABLISHED |
				     TCPF_CLOSE_WAIT)))
		return -ENOTCONN;
	if (tcp_sk(sk)->repair || inet_test_bit(DEFER_CONNECT, sk) ||
	    tcp_sk(sk)->fastopen_connect)
		return -EOPNOTSUPP;

	config = ktls_config_new();
	if (!config)
		return -ENOMEM;
	ctx = ulp_ctx_new(sk, config);
	if (!ctx) {
		ktls_config_put(config);
		return -ENOMEM;
	}

	if (sk->sk_state == TCP_LISTEN) {
		err = ktls_listener_begin(ctx);
		if (err)
			goto err_ctx;
	}
	ulp_take(sk, ctx);
	/* What TCP had queued before is ours as well. */
	if (sk->sk_state == TCP_LISTEN)
		ktls_ctx_kick(ctx);
	return 0;

err_ctx:
	ktls_config_put(config);
	ktls_ctx_put(ctx);
	return err;
}

/**
 * ktls_ulp_attach_child - make a connection that TCP accepted one of ours
 * @sk: the connection, as the base accept() returned it
 * @config: the listener's template, frozen; a reference is taken
 *
 * Takes the module reference that tcp_set_ulp() takes elsewhere: the listener
 * has one, so the module cannot go away meanwhile.
 *
 * Context: process, socket lock held.
 * Return: the context, owned by @sk, or NULL: no memory, or somebody else has
 * taken the connection on its way (a BPF program's sockmap).
 */
struct ktls_ctx *ktls_ulp_attach_child(struct sock *sk, struct ktls_config *config)
{
	struct ktls_ctx *ctx;

	sock_owned_by_me(sk);
	if (inet_csk(sk)->icsk_ulp_ops || !ulp_is_plain(sk, ktls_ulp_base(sk)))
		return NULL;
	ctx = ulp_ctx_new(sk, config);
	if (!ctx)
		return NULL;
	ktls_config_get(config);
	__module_get(THIS_MODULE);
	ulp_take(sk, ctx);
	return ctx;
}

/**
 * ktls_ulp_give_back - the socket is TCP's again
 * @ctx: the context; the reference of icsk_ulp_data is given up
 *
 * Wipes keys and queues, restores operations and callbacks, and returns the
 * module reference of the ULP: the caller must have one of its own until it
 * has left the module.
 *
 * Context: process, socket lock held; no program can reach the socket any more.
 */
void ktls_ulp_give_back(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->sk;

	sock_owned_by_me(sk);
	set_bit(KTLS_F_GONE, &ctx->flags);
	ktls_ctx_disarm(ctx);
	ktls_handshake_end(ctx);
	ktls_tx_free(ctx);
	ktls_rx_free(ctx);
	ktls_framing_free(ctx);
	ktls_dir_clear(&ctx->tx);
	ktls_dir_clear(&ctx->rx);
	kvfree(ctx->session.peer_certs);
	ctx->session.peer_certs = NULL;
	ktls_config_put(ctx->config);
	ctx->config = NULL;

	WRITE_ONCE(sk->sk_prot, ctx->base->prot);
	/* Pairs with smp_wmb() in ulp_take(), in reverse. */
	smp_wmb();
	if (sk->sk_socket)
		WRITE_ONCE(sk->sk_socket->ops, ctx->base->ops);
	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_data_ready = ctx->base->data_ready;
	sk->sk_write_space = ctx->base->write_space;
	sk->sk_state_change = ctx->base->state_change;
	write_unlock_bh(&sk->sk_callback_lock);

	inet_csk(sk)->icsk_ulp_ops = NULL;
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, NULL);
	module_put(THIS_MODULE);
	ktls_ctx_put(ctx);
}

/**
 * ktls_ulp_carry - put a socket structure of ours under a connection
 * @ctx: a connection that no file has
 *
 * TCP looks at sk_socket and sk_wq when it sends and waits; a connection
 * without them cannot send. The structure has our operations, because BPF can
 * call them, and the uid of the connection, because routing looks at it.
 *
 * Context: process, socket lock held.
 * Return: 0 or -ENOMEM.
 */
int ktls_ulp_carry(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->sk;
	int err;

	sock_owned_by_me(sk);
	err = sock_create_lite(sk->sk_family, SOCK_STREAM, IPPROTO_TCP, &ctx->carrier);
	if (err)
		return err;
	ctx->carrier->state = SS_CONNECTED;
	ctx->carrier->ops = &ctx->base->tls_ops;
	__module_get(ctx->carrier->ops->owner);
	SOCK_INODE(ctx->carrier)->i_uid = sk->sk_uid;
	sock_graft(sk, ctx->carrier);
	return 0;
}

/**
 * ktls_ulp_uncarry - take it away again
 * @ctx: the context
 *
 * Not with sock_orphan(): that would mark the sock dead.
 *
 * Context: process, socket lock held.
 */
void ktls_ulp_uncarry(struct ktls_ctx *ctx)
{
	struct socket *carrier = ctx->carrier;
	struct sock *sk = ctx->sk;

	sock_owned_by_me(sk);
	if (!carrier)
		return;

	write_lock_bh(&sk->sk_callback_lock);
	sk_set_socket(sk, NULL);
	RCU_INIT_POINTER(sk->sk_wq, NULL);
	carrier->sk = NULL;
	write_unlock_bh(&sk->sk_callback_lock);

	ctx->carrier = NULL;
	sock_release(carrier);
}

/* tcp_ulp_ops.clone: a connection of a listener is born. Softirq, under RCU,
 * the listener not locked. The child goes back to plain TCP at once; the
 * listener's work attaches it in process context. Until then nobody can get
 * at it, because only that work accepts from TCP's queue.
 */
static void ulp_clone(const struct request_sock *req, struct sock *newsk, const gfp_t priority)
{
	struct ktls_base *base = ktls_ulp_base(newsk);

	inet_csk(newsk)->icsk_ulp_ops = NULL;
	RCU_INIT_POINTER(inet_csk(newsk)->icsk_ulp_data, NULL);
	newsk->sk_prot_creator = base->prot;
	newsk->sk_data_ready = base->data_ready;
	newsk->sk_write_space = base->write_space;
	newsk->sk_state_change = base->state_change;
	WRITE_ONCE(newsk->sk_prot, base->prot);
}

/* Operations -------------------------------------------------------------- */

static int ulp_ioctl(struct sock *sk, int cmd, int *karg)
{
	switch (cmd) {
	case SIOCINQ:
		*karg = ktls_rx_inq(sk);
		return *karg < 0 ? *karg : 0;
	case SIOCATMARK:
		return -EOPNOTSUPP;
	default:
		return ktls_base_ioctl(ktls_ulp_base(sk)->prot, sk, cmd, karg);
	}
}

/* proto_ops.getname: while a handshake runs there is no peer yet. */
static int ulp_getname(struct socket *sock, struct sockaddr *uaddr, int peer)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sock->sk);
	u8 state = READ_ONCE(ctx->state);

	if (peer && !ctx->starttls &&
	    (state == KTLS_STATE_CONNECTING || state == KTLS_STATE_HANDSHAKE ||
	     (state == KTLS_STATE_FAILED && !ctx->session.version)))
		return -ENOTCONN;
	return ctx->base->ops->getname(sock, uaddr, peer);
}

/* proto_ops.poll: process context, lock not held. TCP's answer, less what it
 * cannot know: readable means that a recv would return.
 */
static __poll_t ulp_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	const __poll_t in = EPOLLIN | EPOLLRDNORM;
	struct ktls_ctx *ctx = ktls_ctx_get(sock->sk);
	__poll_t mask = ctx->base->ops->poll(file, sock, wait);

	switch (smp_load_acquire(&ctx->state)) {
	case KTLS_STATE_LISTENING:
		return ktls_listener_poll(ctx) | (mask & (EPOLLERR | EPOLLHUP));
	case KTLS_STATE_CONNECTING:
	case KTLS_STATE_HANDSHAKE:
		return 0;
	case KTLS_STATE_OPEN:
		mask &= ~(in | EPOLLPRI);
		if (ktls_rx_readable(ctx))
			mask |= in;
		return mask;
	case KTLS_STATE_FAILED:
		return mask | in | EPOLLHUP | EPOLLRDHUP | EPOLLOUT | EPOLLWRNORM;
	default:
		return mask & ~(in | EPOLLPRI);
	}
}

/* proto_ops.set_rcvlowat: socket lock held. TCP's own mark stays at 1: it would
 * hold back wake-ups by counting ciphertext, and only what lies in its queue.
 */
static int ulp_set_rcvlowat(struct sock *sk, int val)
{
	ktls_ctx_get(sk)->rcvlowat = val ? : 1;
	return 0;
}

/* proto.release_cb: the socket's spinlock held, softirqs off */
static void ulp_release_cb(struct sock *sk)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sk);

	ktls_ulp_base(sk)->prot->release_cb(sk);
	if (ctx && test_and_clear_bit(KTLS_F_AGAIN, &ctx->flags))
		ktls_ctx_kick(ctx);
}

/* proto_ops.read_skb: the raw bytes are nobody's business */
static int ulp_read_skb(struct sock *sk, skb_read_actor_t recv_actor)
{
	return -EOPNOTSUPP;
}

static int ulp_sendmsg_socket(struct socket *sock, struct msghdr *msg, size_t size)
{
	return ktls_tx_sendmsg(sock->sk, msg, size);
}

KTLS_ADAPT_PROTO_ACCEPT(ktls_listener_accept);
KTLS_ADAPT_PROTO_RECVMSG(ktls_rx_recvmsg);
KTLS_ADAPT_PROTO_IOCTL(ulp_ioctl);
KTLS_ADAPT_PROTO_SENDPAGE(ktls_tx_sendmsg);
KTLS_ADAPT_OPS_SENDPAGE(ulp_sendmsg_socket);
KTLS_ADAPT_OPS_SENDPAGE_LOCKED(ktls_tx_sendmsg_locked);

/* Every way to move bytes is replaced, also those that mainline's net/tls
 * leaves to TCP: each of them would be a way round the record layer.
 */
static void ulp_build(struct ktls_base *base)
{
	struct proto_ops *ops = &base->tls_ops;
	struct proto *prot = &base->tls_prot;

	*prot = *base->prot;
	prot->close = ktls_close;
	prot->disconnect = ktls_connect_disconnect;
	prot->setsockopt = ktls_sockopt_set;
	prot->getsockopt = ktls_sockopt_get;
	prot->accept = KTLS_PROTO_ACCEPT(ktls_listener_accept);
	prot->recvmsg = KTLS_PROTO_RECVMSG(ktls_rx_recvmsg);
	prot->sendmsg = ktls_tx_sendmsg;
	prot->splice_eof = ktls_tx_splice_eof;
	prot->ioctl = KTLS_PROTO_IOCTL(ulp_ioctl);
	prot->release_cb = ulp_release_cb;
	prot->psock_update_sk_prot = NULL;
	KTLS_SET_PROTO_SENDPAGE(prot, ktls_tx_sendmsg);

	*ops = *base->ops;
	ops->connect = ktls_connect;
	ops->listen = ktls_listener_listen;
	ops->getname = ulp_getname;
	ops->poll = ulp_poll;
	ops->shutdown = ktls_close_shutdown;
	ops->sendmsg = ulp_sendmsg_socket;
	ops->sendmsg_locked = ktls_tx_sendmsg_locked;
	ops->splice_read = ktls_rx_splice_read;
	ops->read_sock = ktls_rx_read_sock;
	ops->read_skb = ulp_read_skb;
	ops->peek_len = NULL;
	ops->set_peek_off = NULL;
	ops->set_rcvlowat = ulp_set_rcvlowat;
	ops->mmap = sock_no_mmap;
	KTLS_SET_OPS_SENDPAGE(ops, ulp_sendmsg_socket);
	KTLS_SET_OPS_SENDPAGE_LOCKED(ops, ktls_tx_sendmsg_locked);
}

/* A fresh kernel socket shows what TCP's operations and callbacks are: most of
 * them are exported by no kernel.
 */
static int __init ulp_learn(struct ktls_base *base, int family)
{
	struct socket *sock;
	int err;

	err = sock_create_kern(&init_net, family, SOCK_STREAM, IPPROTO_TCP, &sock);
	if (err)
		return err;

	base->prot = sock->sk->sk_prot;
	base->ops = sock->ops;
	base->data_ready = sock->sk->sk_data_ready;
	base->write_space = sock->sk->sk_write_space;
	base->state_change = sock->sk->sk_state_change;
	ulp_build(base);
	sock_release(sock);
	return 0;
}

/* tcp_ulp_ops.release: TCP destroys a socket that is still ours. close() has
 * always been there before and has given it back; nothing is left to do.
 */
static void ulp_release(struct sock *sk)
{
	WARN_ON_ONCE(rcu_access_pointer(inet_csk(sk)->icsk_ulp_data));
}

static struct tcp_ulp_ops ulp_ops = {
	.name		= "ktls",
	.owner		= THIS_MODULE,
	.init		= ulp_init,
	.clone		= ulp_clone,
	.release	= ulp_release,
};

/**
 * ktls_ulp_init - learn from TCP and register the ULP
 *
 * A machine without IPv6 has no IPv6 sockets to attach to, which is no error.
 *
 * Return: 0 or a negative errno.
 */
int __init ktls_ulp_init(void)
{
	int err;

	err = ulp_learn(&ulp_bases[ULP_IPV4], AF_INET);
	if (err)
		return err;
	err = ulp_learn(&ulp_bases[ULP_IPV6], AF_INET6);
	if (err && err != -EAFNOSUPPORT)
		return err;

	return tcp_register_ulp(&ulp_ops);
}

/** ktls_ulp_exit - unregister the ULP; no socket has it any more */
void ktls_ulp_exit(void)
{
	tcp_unregister_ulp(&ulp_ops);
}
