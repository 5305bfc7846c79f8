// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <seccomp.h>

#include "ktls-run/filter.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV	(1UL << 5)
#endif

/* <linux/in.h>; the names are newer than some headers. */
enum {
	FILTER_IPPROTO_SMC	= 256,
	FILTER_IPPROTO_MPTCP	= 262,
	FILTER_AF_SMC		= 43,
};

/* Arguments of type int: the upper half of the register does not count. */
#define FILTER_INT(n, value)	SCMP_CMP64(n, SCMP_CMP_MASKED_EQ, UINT32_MAX, value)
#define FILTER_BIT(n, bit)	SCMP_CMP64(n, SCMP_CMP_MASKED_EQ, bit, bit)

/* Ways to a connection without connect() and listen(). Programs do without them: each of these
 * errors is what a kernel without the feature returns.
 */
static int filter_close_detours(scmp_filter_ctx filter, bool allow_io_uring)
{
	static const int rings[] = {
		SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
	};
	const struct {
		int			error, call;
		struct scmp_arg_cmp	arg;
	} detours[] = {
		{ EOPNOTSUPP, SCMP_SYS(sendto), FILTER_BIT(3, MSG_FASTOPEN) },
		{ EOPNOTSUPP, SCMP_SYS(sendmsg), FILTER_BIT(2, MSG_FASTOPEN) },
		{ EOPNOTSUPP, SCMP_SYS(sendmmsg), FILTER_BIT(3, MSG_FASTOPEN) },
		{ EPROTONOSUPPORT, SCMP_SYS(socket), FILTER_INT(2, FILTER_IPPROTO_MPTCP) },
		{ EPROTONOSUPPORT, SCMP_SYS(socket), FILTER_INT(2, FILTER_IPPROTO_SMC) },
		{ EAFNOSUPPORT, SCMP_SYS(socket), FILTER_INT(0, FILTER_AF_SMC) },
	};
	size_t i;
	int err = 0;

	for (i = 0; !err && !allow_io_uring && i < sizeof(rings) / sizeof(*rings); i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), rings[i], 0);
	for (i = 0; !err && i < sizeof(detours) / sizeof(*detours); i++)
		err = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO((uint32_t)detours[i].error),
					     detours[i].call, 1, &detours[i].arg);
	return err;
}

static int filter_begin(scmp_filter_ctx filter, bool allow_io_uring)
{
	int err = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));

	if (!err)
		err = filter_close_detours(filter, allow_io_uring);
	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_NOTIFY, SCMP_SYS(connect), 0);
	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_NOTIFY, SCMP_SYS(listen), 0);
	return err;
}

#ifdef __x86_64__
/* 32-bit calls are refused: those of socketcall() have their arguments in memory, where a filter
 * cannot see MSG_FASTOPEN. They are asked about so that ktls-run can say so.
 */
static int filter_add_32bit(scmp_filter_ctx filter, bool allow_io_uring)
{
	scmp_filter_ctx other = seccomp_init(SCMP_ACT_ALLOW);
	int err;

	if (!other)
		return -ENOMEM;
	err = seccomp_arch_remove(other, SCMP_ARCH_NATIVE);
	if (!err)
		err = seccomp_arch_add(other, SCMP_ARCH_X86);
	if (!err)
		err = seccomp_rule_add(other, SCMP_ACT_NOTIFY, SCMP_SYS(socketcall), 0);
	if (!err)
		err = filter_begin(other, allow_io_uring);
	if (!err)
		err = seccomp_merge(filter, other);
	if (err)
		seccomp_release(other);
	return err;
}
#else
static int filter_add_32bit(scmp_filter_ctx filter, bool allow_io_uring)
{
	(void)filter;
	(void)allow_io_uring;
	return 0;
}
#endif

/* seccomp_load() cannot set the last of these flags in Debian 12. */
static int filter_load(scmp_filter_ctx filter)
{
	int memory = memfd_create("filter", MFD_CLOEXEC), err;
	struct sock_fprog program = { 0 };
	struct stat status;

	if (memory < 0)
		return -errno;
	err = seccomp_export_bpf(filter, memory);
	if (err)
		goto close;
	if (fstat(memory, &status)) {
		err = -errno;
		goto close;
	}
	program.filter = malloc((size_t)status.st_size);
	program.len = (unsigned short)((size_t)status.st_size / sizeof(*program.filter));
	err = -EIO;
	if (program.filter &&
	    pread(memory, program.filter, (size_t)status.st_size, 0) == status.st_size) {
		err = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				   SECCOMP_FILTER_FLAG_NEW_LISTENER |
				   SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
		if (err < 0)
			err = -errno;
	}
	free(program.filter);
close:
	close(memory);
	return err;
}

int ktls_run_filter_install(bool allow_io_uring)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int err;

	if (!filter)
		return -ENOMEM;
	err = filter_begin(filter, allow_io_uring);
	if (!err)
		err = filter_add_32bit(filter, allow_io_uring);
	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err = -errno;
	if (!err)
		err = filter_load(filter);
	seccomp_release(filter);
	return err;
}
