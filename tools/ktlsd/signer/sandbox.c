// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/log.h"
#include "signer/sandbox.h"

enum {
	SANDBOX_SIOC	= 0x8900,	/* ioctl() of sockets: SIOCSIFFLAGS and so on */
};

/**
 * sandbox - what this process has given up
 * @landlock: ABI of Landlock, 0 if the kernel does not have it
 * @seccomp: system calls are filtered
 */
static struct {
	int	landlock;
	bool	seccomp;
} sandbox;

/* Neither process needs these, whatever OpenSSL and the C library do. */
static const char *const sandbox_forbidden[] = {
	"execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev",
	"process_madvise", "pidfd_getfd", "kcmp", "open_by_handle_at", "name_to_handle_at",
	"bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter",
	"io_uring_register", "keyctl", "add_key", "request_key", "init_module",
	"finit_module", "delete_module", "kexec_load", "kexec_file_load", "mount", "umount2",
	"open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr",
	"pivot_root", "chroot", "setns", "unshare", "swapon", "swapoff", "reboot",
	"personality", "acct", "quotactl", "setuid", "setgid", "setreuid", "setregid",
	"setresuid", "setresgid", "setgroups",
};

static bool sandbox_forbid(scmp_filter_ctx filter, const char *name)
{
	int number = seccomp_syscall_resolve_name(name);

	/* A system call that this architecture does not have. */
	if (number == __NR_SCMP_ERROR || number < 0)
		return true;
	return !seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
}

/* New namespaces: in one for users a process has all capabilities, and so reaches more of the kernel.
 * The flags of clone3() are in memory, where a filter cannot look: the C library uses clone()
 * if there is none.
 */
static bool sandbox_forbid_namespaces(scmp_filter_ctx filter)
{
	static const scmp_datum_t flags[] = {
		CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER,
		CLONE_NEWPID, CLONE_NEWNET,
	};
	bool good = !seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	size_t i;

	for (i = 0; good && i < sizeof(flags) / sizeof(*flags); i++)
		good = !seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
					 SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
	return good;
}

/* @last: the last address family that socket() may have, besides AF_UNIX */
static bool sandbox_forbid_families(scmp_filter_ctx filter, int last)
{
	bool good = !seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
				      SCMP_A0(SCMP_CMP_GT, (scmp_datum_t)last, 0));
	int family;

	for (family = AF_UNSPEC; good && family < last; family++) {
		if (family != AF_UNIX)
			good = !seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT),
						 SCMP_SYS(socket), 1,
						 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family, 0));
	}
	return good;
}

/* Who has CAP_NET_ADMIN for the module could else change routes, interfaces and packet filters.
 * Arguments of system calls are wider than int, whose upper half the kernel does not look at.
 */
static bool sandbox_leave_network(scmp_filter_ctx filter, int last_family)
{
	return (last_family < AF_NETLINK ||
		!seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPROTONOSUPPORT), SCMP_SYS(socket), 2,
				  SCMP_A0(SCMP_CMP_EQ, AF_NETLINK, 0),
				  SCMP_A2(SCMP_CMP_NE, NETLINK_GENERIC, 0))) &&
	       !seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
				 SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffff00, SANDBOX_SIOC));
}

/* @last_family: AF_UNIX or AF_NETLINK, see above */
static void sandbox_filter(int last_family)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	bool good = filter;
	size_t i;

	for (i = 0; good && i < sizeof(sandbox_forbidden) / sizeof(*sandbox_forbidden); i++)
		good = sandbox_forbid(filter, sandbox_forbidden[i]);
	good = good && sandbox_forbid_namespaces(filter) &&
	       sandbox_forbid_families(filter, last_family) &&
	       sandbox_leave_network(filter, last_family);
	sandbox.seccomp = good && !seccomp_load(filter);
	if (!sandbox.seccomp)
		ktlsd_log(KTLSD_LOG_WARNING, "System calls cannot be restricted: the kernel has no seccomp filters.");
	seccomp_release(filter);
}

/* Drops all capabilities. */
static void sandbox_drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &head, none))
		ktlsd_log(KTLSD_LOG_WARNING, "The signer cannot drop its capabilities: %s.",
			  strerror(errno));
}

/* --- Landlock --- */

/* What the headers of Linux 6.1 do not have. */
enum {
	SANDBOX_TRUNCATE	= 1 << 14,	/* ABI 3: LANDLOCK_ACCESS_FS_TRUNCATE */
	SANDBOX_IOCTL_DEV	= 1 << 15,	/* ABI 5: LANDLOCK_ACCESS_FS_IOCTL_DEV */
	SANDBOX_BIND_TCP	= 1 << 0,	/* ABI 4: LANDLOCK_ACCESS_NET_BIND_TCP */
	SANDBOX_CONNECT_TCP	= 1 << 1,	/* ABI 4: LANDLOCK_ACCESS_NET_CONNECT_TCP */
	SANDBOX_SCOPE_ABSTRACT	= 1 << 0,	/* ABI 6: LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET */
};

/**
 * struct sandbox_rules - landlock_ruleset_attr of ABI 6
 * @fs: of files, what is forbidden where no rule allows it
 * @net: of TCP, what is forbidden
 * @scoped: whom this process cannot reach outside of its sandbox
 *
 * An older kernel accepts it if what it does not know is 0.
 */
struct sandbox_rules {
	uint64_t	fs;
	uint64_t	net;
	uint64_t	scoped;
};

/* Sockets are made and files are removed anywhere: metrics_socket can change with each reload. */
#define SANDBOX_CHANGES (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)
#define SANDBOX_HANDLED (LANDLOCK_ACCESS_FS_READ_FILE | SANDBOX_CHANGES | \
			 LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
			 LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | \
			 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM)

/* What the C library and OpenSSL read while ktlsd runs: modules, names of users, the zone. */
static const char *const sandbox_readable[] = {
	"/usr", "/lib", "/lib64", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf",
	"/etc/localtime", "/etc/ld.so.cache", "/etc/ssl/openssl.cnf", "/etc/crypto-policies",
	"/dev/null", "/dev/random", "/dev/urandom",
};

/* What ktlsd reads for ktlsctl. */
static const char *const sandbox_proc[] = { "/proc/self/statm", "/proc/self/net" };

/* Return: an open descriptor of @path, or -1. */
static int sandbox_allow(int rules, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access };

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd >= 0)
		syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	return rule.parent_fd;
}

static void sandbox_allow_reading(int rules, const char *path)
{
	int fd = sandbox_allow(rules, path, LANDLOCK_ACCESS_FS_READ_FILE);

	if (fd >= 0)
		close(fd);
}

/* In @path files are made, written and replaced. */
static void sandbox_allow_changes(int rules, const char *path)
{
	uint64_t access = LANDLOCK_ACCESS_FS_READ_FILE | SANDBOX_CHANGES;
	int fd;

	if (sandbox.landlock >= 3)
		access |= SANDBOX_TRUNCATE;
	fd = sandbox_allow(rules, path, access);
	if (fd >= 0)
		close(fd);
}

/* Directories of the service manager: "/run/ktlsd:/run/other". */
static void sandbox_allow_directories(int rules, const char *variable)
{
	const char *value = getenv(variable);
	char *copy = value ? strdup(value) : NULL, *rest = copy, *path;

	while (rest && (path = strsep(&rest, ":")))
		sandbox_allow_changes(rules, path);
	free(copy);
}

static int sandbox_make_rules(void)
{
	const char *notify = getenv("NOTIFY_SOCKET");
	struct sandbox_rules attr = { .fs = SANDBOX_HANDLED };

	if (sandbox.landlock >= 3)
		attr.fs |= SANDBOX_TRUNCATE;
	if (sandbox.landlock >= 4)
		attr.net = SANDBOX_BIND_TCP | SANDBOX_CONNECT_TCP;
	if (sandbox.landlock >= 5)
		attr.fs |= SANDBOX_IOCTL_DEV;
	if (sandbox.landlock >= 6 && (!notify || notify[0] != '@'))
		attr.scoped = SANDBOX_SCOPE_ABSTRACT;
	return (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
}

static void sandbox_fill_rules(int rules, const char *directory)
{
	size_t i;

	for (i = 0; i < sizeof(sandbox_readable) / sizeof(*sandbox_readable); i++)
		sandbox_allow_reading(rules, sandbox_readable[i]);
	/* A rule is for an inode. These stay open, so that the kernel keeps theirs in /proc. */
	for (i = 0; i < sizeof(sandbox_proc) / sizeof(*sandbox_proc); i++)
		sandbox_allow(rules, sandbox_proc[i], LANDLOCK_ACCESS_FS_READ_FILE);
	sandbox_allow_directories(rules, "RUNTIME_DIRECTORY");
	sandbox_allow_directories(rules, "STATE_DIRECTORY");
	sandbox_allow_directories(rules, "CACHE_DIRECTORY");
	if (directory)
		sandbox_allow_changes(rules, directory);
}

static void sandbox_restrict_files(const char *directory)
{
	int rules;

	sandbox.landlock = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
					LANDLOCK_CREATE_RULESET_VERSION);
	rules = sandbox.landlock > 0 ? sandbox_make_rules() : -1;
	if (rules >= 0)
		sandbox_fill_rules(rules, directory);
	if (rules < 0 || syscall(SYS_landlock_restrict_self, rules, 0)) {
		sandbox.landlock = 0;
		ktlsd_log(KTLSD_LOG_WARNING, "The kernel has no Landlock (%s): a worker that is taken over could read private key files.",
			  strerror(errno));
	}
	if (rules >= 0)
		close(rules);
}

void ktlsd_sandbox_signer(void)
{
	prctl(PR_SET_DUMPABLE, 0);
	sandbox_drop_capabilities();
	sandbox_filter(AF_UNIX);
}

void ktlsd_sandbox_server(const char *directory)
{
	prctl(PR_SET_DUMPABLE, 0);
	sandbox_restrict_files(directory);
	sandbox_filter(AF_NETLINK);
}

void ktlsd_sandbox_describe(char *ret_text, size_t size)
{
	char landlock[32] = "no Landlock";

	if (sandbox.landlock > 0)
		snprintf(landlock, sizeof(landlock), "Landlock ABI %d", sandbox.landlock);
	snprintf(ret_text, size, "%s, %s", landlock, sandbox.seccomp ? "seccomp" : "no seccomp");
}
