// SPDX-License-Identifier: GPL-2.0
/* Module load and unload, parameters, aliases. */

#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>

#include <ktls/ktls.h>
#include <ktls/places.h>

struct workqueue_struct *ktls_wq;

unsigned int ktls_linger_ms = KTLS_LINGER_MS;
module_param_named(linger_ms, ktls_linger_ms, uint, 0644);
MODULE_PARM_DESC(linger_ms, "How long a closed socket is kept so that its data arrives, milliseconds (5000)");

unsigned int ktls_lingers_max = KTLS_LINGERS_MAX;
module_param_named(lingers_max, ktls_lingers_max, uint, 0644);
MODULE_PARM_DESC(lingers_max, "Closed sockets that are kept at a time; a fourth as many whose handshake failed (16384)");

unsigned int ktls_children_max = KTLS_CHILDREN_MAX;
module_param_named(children_max, ktls_children_max, uint, 0644);
MODULE_PARM_DESC(children_max, "Connections that shake hands before accept, in all (8192)");

unsigned int ktls_children_per_listener = KTLS_CHILDREN_PER_LISTENER;
module_param_named(children_per_listener, ktls_children_per_listener, uint, 0644);
MODULE_PARM_DESC(children_per_listener, "The same, of one listening socket (1024)");

unsigned int ktls_children_per_uid = KTLS_CHILDREN_PER_UID;
module_param_named(children_per_uid, ktls_children_per_uid, uint, 0644);
MODULE_PARM_DESC(children_per_uid, "The same, of all listening sockets of one user (4096)");

bool ktls_alias_tls;
module_param_named(alias_tls, ktls_alias_tls, bool, 0444);
MODULE_PARM_DESC(alias_tls, "Stand in for the kernel's own module tls: serve the ULP name tls, too (N)");

static int __init ktls_init(void)
{
	int err;

	/* Unbound, because a step seals and opens records and may sleep for
	 * memory. None of them waits for a program.
	 */
	ktls_wq = alloc_workqueue("ktls", WQ_UNBOUND | WQ_MEM_RECLAIM, WQ_MAX_ACTIVE);
	if (!ktls_wq)
		return -ENOMEM;

	ktls_pages_init(ktls_wq);
	ktls_places_init();
	err = ktls_suite_init();
	if (err)
		goto err_wq;

	err = ktls_mib_init();
	if (err)
		goto err_wq;

	err = ktls_request_init();
	if (err)
		goto err_mib;

	err = ktls_netlink_init();
	if (err)
		goto err_request;

	/* Last: from here on programs can reach us. */
	err = ktls_ulp_init();
	if (err)
		goto err_netlink;

	return 0;

err_netlink:
	ktls_netlink_exit();
err_request:
	ktls_request_exit();
err_mib:
	ktls_mib_exit();
err_wq:
	destroy_workqueue(ktls_wq);
	return err;
}

/* Nobody holds a socket of ours, or the module could not be removed. What may
 * still run is the tail of a work item that gave up the last reference, an RCU
 * callback, and a task that was preempted in the last instructions of close().
 */
static void __exit ktls_exit(void)
{
	ktls_ulp_exit();
	drain_workqueue(ktls_wq);
	ktls_netlink_exit();
	ktls_request_exit();
	ktls_mib_exit();
	ktls_pages_exit();
	destroy_workqueue(ktls_wq);
	rcu_barrier();
	synchronize_rcu_tasks();
}

module_init(ktls_init);
module_exit(ktls_exit);

MODULE_AUTHOR("The ktls developers");
MODULE_DESCRIPTION("TLS as a property of a TCP socket");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
MODULE_ALIAS_TCP_ULP("ktls");
MODULE_ALIAS_GENL_FAMILY("ktls");
MODULE_SOFTDEP("pre: gcm ghash-generic aesni_intel hmac sha256 sha512");
