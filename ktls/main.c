// SPDX-License-Identifier: GPL-2.0
/* Module load and unload, aliases. */

#include <linux/module.h>
#include <linux/rcupdate.h>
#include <net/genetlink.h>
#include <net/tcp.h>

#include "config.h"
#include "mib.h"
#include "suite.h"
#include "helper/netlink.h"
#include "helper/request.h"
#include "record/pages.h"
#include "record/rxbuf.h"
#include "socket/ctx.h"
#include "socket/dump.h"
#include "socket/places.h"
#include "socket/rest.h"
#include "socket/table.h"
#include "socket/ulp.h"
#include "socket/work.h"

static int __init ktls_init(void)
{
	int err;

	err = ktls_config_init();
	if (err)
		return err;

	err = ktls_table_init();
	if (err)
		goto err_config;

	err = ktls_ctx_init(&ktls_work_ops);
	if (err)
		goto err_table;

	err = ktls_pages_init();
	if (err)
		goto err_ctx;

	ktls_places_init();
	err = ktls_rest_init();
	if (err)
		goto err_pages;

	err = ktls_suite_init();
	if (err)
		goto err_rest;

	err = ktls_mib_init();
	if (err)
		goto err_rest;

	err = ktls_request_init();
	if (err)
		goto err_mib;

	err = ktls_netlink_init(ktls_dump_sockets);
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
err_rest:
	ktls_rest_exit();
err_pages:
	ktls_pages_exit();
err_ctx:
	ktls_ctx_exit();
err_table:
	ktls_table_exit();
err_config:
	ktls_config_exit();
	return err;
}

/* No socket is left: each holds a reference to the module. What may still run is the
 * end of a work item that dropped the last reference, an RCU callback (ktls_ctx_exit()
 * waits for them), and a task that was preempted in the last instructions of close().
 */
static void __exit ktls_exit(void)
{
	ktls_ulp_exit();
	ktls_rest_exit();
	ktls_ctx_drain();
	ktls_netlink_exit();
	ktls_request_exit();
	ktls_mib_exit();
	ktls_pages_exit();
	ktls_rxbuf_exit();
	ktls_ctx_exit();
	ktls_table_exit();
	ktls_config_exit();
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
