// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdbool.h>
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

/* @only_unix: no socket() of another family. */
static void sandbox_filter(bool only_unix)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	bool good = filter;
	size_t i;

	for (i = 0; good && i < sizeof(sandbox_forbidden) / sizeof(*sandbox_forbidden); i++)
		good = sandbox_forbid(filter, sandbox_forbidden[i]);
	if (good && only_unix)
		good = !seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
					 SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
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

/* What the C library and OpenSSL read while ktlsd runs: modules, names of users, the zone. */
static const char *const sandbox_readable[] = {
	"/usr", "/lib", "/lib64", "/proc", "/sys", "/dev", "/etc/passwd", "/etc/group",
	"/etc/nsswitch.conf", "/etc/localtime", "/etc/ld.so.cache", "/etc/ssl/openssl.cnf",
	"/etc/crypto-policies",
};

static void sandbox_allow_reading(int rules, const char *path)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
	};

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return;
	syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
}

/* Directories of the service manager: "/run/ktlsd:/run/other". */
static void sandbox_allow_directories(int rules, const char *variable)
{
	const char *value = getenv(variable);
	char *copy = value ? strdup(value) : NULL, *rest = copy, *path;

	while (rest && (path = strsep(&rest, ":")))
		sandbox_allow_reading(rules, path);
	free(copy);
}

static void sandbox_restrict_files(const char *directory)
{
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE,
	};
	int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	size_t i;

	if (rules >= 0) {
		for (i = 0; i < sizeof(sandbox_readable) / sizeof(*sandbox_readable); i++)
			sandbox_allow_reading(rules, sandbox_readable[i]);
		sandbox_allow_directories(rules, "RUNTIME_DIRECTORY");
		sandbox_allow_directories(rules, "STATE_DIRECTORY");
		sandbox_allow_directories(rules, "CACHE_DIRECTORY");
		if (directory)
			sandbox_allow_reading(rules, directory);
	}
	if (rules >= 0 && !syscall(SYS_landlock_restrict_self, rules, 0))
		sandbox.landlock = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
						LANDLOCK_CREATE_RULESET_VERSION);
	else
		ktlsd_log(KTLSD_LOG_WARNING, "The kernel has no Landlock (%s): a worker that is taken over could read private key files.",
			  strerror(errno));
	if (rules >= 0)
		close(rules);
}

void ktlsd_sandbox_signer(void)
{
	prctl(PR_SET_DUMPABLE, 0);
	sandbox_drop_capabilities();
	sandbox_filter(true);
}

void ktlsd_sandbox_server(const char *directory)
{
	prctl(PR_SET_DUMPABLE, 0);
	sandbox_restrict_files(directory);
	sandbox_filter(false);
}

void ktlsd_sandbox_describe(char *ret_text, size_t size)
{
	char landlock[32] = "no Landlock";

	if (sandbox.landlock > 0)
		snprintf(landlock, sizeof(landlock), "Landlock ABI %d", sandbox.landlock);
	snprintf(ret_text, size, "%s, %s", landlock, sandbox.seccomp ? "seccomp" : "no seccomp");
}
