# SPDX-License-Identifier: GPL-2.0
#
# What is known of the operations of a socket, for a kernel that nobody has seen: one that
# has another operation may let data past the record layer, one whose operation has another
# type needs an adaptor, and one without a cipher has none. Each ends the build here, with
# what and where; KTLS_UNKNOWN_KERNEL=y goes on without. Included by probe.mk.

ktls-unknown :=
# $(call ktls-unknown-in,FILE,TEXT,WHERE): for the list
ktls-unknown-in = include/$(1): $(2): see $(3);

# All operations of struct $(2) in $(1) are among $(3); else $(4) needs them
ktls-ops = $(shell sed -n '/^struct $(2) {/,/^}/p' $(ktls-kernel)/$(1) | \
	grep -oE '\(\*[a-z_0-9]+\)' | tr -d '(*)')
ktls-know-ops = $(foreach op,$(filter-out $(3),$(call ktls-ops,$(1),$(2))), \
	$(call ktls-unknown-in,$(1),struct $(2) has an operation '$(op)' that is not known,$(4)))

# The operation $(3) of struct $(2), if it is there, matches $(4), dots for parentheses
ktls-know-type = $(if $(shell sed -n '/^struct $(2) {/,/^}/p' $(ktls-kernel)/$(1) | \
	sed -n '/[*]$(3). *./,/;/p' | tr -s '\n\t ' ' ' | grep -vE '$(4)'),$(call \
	ktls-unknown-in,$(1),struct $(2): '$(3)' has a type that is not known,include/compat/proto.h))

# The kernel is configured with CONFIG_$(1)
ktls-need = $(if $(CONFIG_$(1)),,$(call ktls-unknown-in,config/auto.conf,CONFIG_$(1) is not set,Kbuild))

ktls-unknown += $(call ktls-know-ops,net/sock.h,proto,accept backlog_rcv bind bind_add \
	bpf_bypass_getsockopt close compat_ioctl connect destroy diag_destroy disconnect \
	enter_memory_pressure forward_alloc_get get_port getsockopt hash init ioctl keepalive \
	leave_memory_pressure pre_connect psock_update_sk_prot put_port recvmsg rehash release_cb \
	sendmsg sendpage setsockopt shutdown sock_is_readable splice_eof stream_memory_free \
	unhash,ktls/socket/ops.c)
ktls-unknown += $(call ktls-know-ops,linux/net.h,proto_ops,accept bind compat_ioctl connect \
	getname getsockopt getsockopt_iter gettstamp ioctl listen mmap peek_len poll read_skb \
	read_sock recvmsg release sendmsg sendmsg_locked sendpage sendpage_locked set_peek_off \
	set_rcvbuf set_rcvlowat setsockopt show_fdinfo shutdown socketpair splice_eof \
	splice_read,ktls/socket/ops.c)
ktls-unknown += $(call ktls-know-ops,net/tcp.h,tcp_ulp_ops,clone get_info get_info_size init \
	release update write_space,ktls/socket/ulp.c)

ktls-unknown += $(call ktls-know-type,net/sock.h,proto,accept,accept..struct sock \*sk. (struct proto_accept_arg \*arg|int flags. int \*err. bool kern).;)
ktls-unknown += $(call ktls-know-type,net/sock.h,proto,ioctl,struct sock \*sk. int cmd. (int \*karg|unsigned long arg))
ktls-unknown += $(call ktls-know-type,net/sock.h,proto,recvmsg,struct msghdr \*msg. size_t len. int flags(. int \*addr_len)?.;)
ktls-unknown += $(call ktls-know-type,net/sock.h,proto,connect,struct sockaddr(_unsized)? \*uaddr. int addr_len.;)
ktls-unknown += $(call ktls-know-type,linux/net.h,proto_ops,accept,newsock. (struct proto_accept_arg \*arg|int flags. bool kern).;)
ktls-unknown += $(call ktls-know-type,linux/net.h,proto_ops,connect,struct sockaddr(_unsized)? \*vaddr)
ktls-unknown += $(call ktls-know-type,net/tcp.h,tcp_ulp_ops,get_info,get_info..struct sock \*sk. struct sk_buff \*skb(. bool net_admin)?.;)

# Without these the module does not link, or has no cipher.
ktls-unknown += $(foreach option,INET KEYS CRYPTO_AES CRYPTO_GCM CRYPTO_HMAC CRYPTO_SHA256 \
	CRYPTO_SHA512,$(call ktls-need,$(option)))

ifneq ($(strip $(ktls-unknown)),)
ifneq ($(KTLS_UNKNOWN_KERNEL),y)
$(error ktls: this kernel is not one that the module knows: $(strip $(ktls-unknown)))
endif
endif
