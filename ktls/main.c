// SPDX-License-Identifier: GPL-2.0
/* Module load and unload, aliases. */

#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>

#include <ktls/ktls.h>
#include <ktls/places.h>

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
