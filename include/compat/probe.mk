# SPDX-License-Identifier: GPL-2.0
#
# What the kernel being built against has, found by looking into its headers:
# stable trees backport interfaces, so its version does not tell.
#
# ktls-probes becomes a list of -DKTLS_HAVE_<what 7.3 has>. Where a macro in the
# header itself tells, the shadow header tests that and there is no probe here.

ktls-kernel := $(srctree)/include

ifeq ($(wildcard $(ktls-kernel)/net/sock.h),)
$(error ktls: no kernel headers in $(ktls-kernel))
endif

# Make counts parentheses, so an expression has a dot where the text has one.
#
# $(call ktls-probe,NAME,FILE,REGEX): REGEX matches a line of FILE.
ktls-probe = $(shell grep -qsE '$(3)' $(ktls-kernel)/$(2) && \
	echo -DKTLS_HAVE_$(1))

# $(call ktls-probe-op,NAME,FILE,STRUCT,OP,REGEX): the declaration of the
# callback OP in STRUCT, which may take several lines, matches REGEX.
ktls-probe-op = $(shell sed -n '/^struct $(3) {/,/^}/p' \
	$(ktls-kernel)/$(2) | sed -n '/[*]$(4). *./,/;/p' | \
	tr -s '\n\t ' ' ' | grep -qE '$(5)' && echo -DKTLS_HAVE_$(1))

ktls-probes :=
ktls-probes += $(call ktls-probe,PROTO_ACCEPT_ARG,net/sock.h,^struct proto_accept_arg )
ktls-probes += $(call ktls-probe-op,IOCTL_KARG,net/sock.h,proto,ioctl,int \*karg)
ktls-probes += $(call ktls-probe-op,RECVMSG_ADDR_LEN,net/sock.h,proto,recvmsg,int \*addr_len)
ktls-probes += $(call ktls-probe-op,SOCKADDR_UNSIZED,net/sock.h,proto,connect,sockaddr_unsized)
ktls-probes += $(call ktls-probe-op,PROTO_SENDPAGE,net/sock.h,proto,sendpage,struct page)
ktls-probes += $(call ktls-probe-op,OPS_SENDPAGE,linux/net.h,proto_ops,sendpage,struct page)
ktls-probes += $(call ktls-probe-op,OPS_SENDPAGE_LOCKED,linux/net.h,proto_ops,sendpage_locked,struct page)
ktls-probes += $(call ktls-probe,INIT_CSK_LOCKS,net/inet_connection_sock.h,inet_init_csk_locks.struct sock)
ktls-probes += $(call ktls-probe,DO_TCP_SENDPAGES,net/tcp.h, do_tcp_sendpages.)
ktls-probes += $(call ktls-probe-op,ULP_INFO_NET_ADMIN,net/tcp.h,tcp_ulp_ops,get_info,net_admin)
ktls-probes += $(call ktls-probe,CHACHA_STATE,crypto/chacha.h,^struct chacha_state )
ktls-probes += $(call ktls-probe,IMPORT_NS_STRING,linux/module.h,MODULE_INFO.import_ns. ns.)
ktls-probes += $(call ktls-probe,LINUX_UNALIGNED,linux/unaligned.h,put_unaligned)
ktls-probes += $(call ktls-probe,HRTIMER_SETUP,linux/hrtimer.h, hrtimer_setup.struct)
ktls-probes += $(call ktls-probe,ITER_EXTRACT,linux/uio.h, iov_iter_extract_pages.struct)
ktls-probes += $(call ktls-probe,SHRINKER_ALLOC,linux/shrinker.h,shrinker_alloc.unsigned int)
ktls-probes += $(call ktls-probe,KUNIT_ADD_ACTION,kunit/resource.h,^int kunit_add_action.struct)

include $(ktls-include)/compat/known.mk
