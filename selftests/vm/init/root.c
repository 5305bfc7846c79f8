// SPDX-License-Identifier: GPL-2.0-or-later
/* The root file system: the host's files over 9p, read-only, with a tmpfs on top. */
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "init.h"

#define ROOT		"/root"

void must_mount(const char *src, const char *dir, const char *type,
		unsigned long flags, const char *opts)
{
	mkdir(dir, 0755);
	if (mount(src, dir, type, flags, opts)) {
		say("<2>ktls-vm: mount %s on %s\n", src, dir);
		die("mount");
	}
}

/* Not in every kernel. */
static void may_mount(const char *dir, const char *type)
{
	mkdir(dir, 0755);
	mount(type, dir, type, 0, NULL);
}

/* The runner put them there uncompressed, in the order of their needs. */
void load_modules(void)
{
	size_t len;
	char *list = slurp("/modules", &len), *path;

	for (path = strtok(list, "\n"); path; path = strtok(NULL, "\n")) {
		int fd = open(path, O_RDONLY);

		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)) {
			say("<2>ktls-vm: %s\n", path);
			die("finit_module");
		}
		close(fd);
	}
}

static void copy(const char *from, const char *to, mode_t mode)
{
	size_t len;
	char *data = slurp(from, &len);
	int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, mode);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		die(to);
	close(fd);
	free(data);
}

/* For the root's own init: this program as a service, for the command. In /run, where it
 * is not among the files of the root.
 */
static void plant_service(void)
{
	mkdir("run/ktls-vm", 0755);
	copy("/init", "run/ktls-vm/init", 0755);
	copy("/config", "run/ktls-vm/config", 0644);
	mkdir("run/systemd", 0755);
	mkdir("run/systemd/system", 0755);
	mkdir("run/systemd/system/multi-user.target.wants", 0755);
	if (!write_file("run/systemd/system/ktls-vm.service",
			"[Unit]\nDescription=What the host wants to be run\n"
			"[Service]\nExecStart=/run/ktls-vm/init\n"
			"StandardOutput=journal+console\nOOMScoreAdjust=-1000\n") ||
	    symlink("../ktls-vm.service",
		    "run/systemd/system/multi-user.target.wants/ktls-vm.service"))
		die("service");
}

/* What an init would do. */
static void make_rest(void)
{
	must_mount("devpts", "dev/pts", "devpts", 0, "ptmxmode=666");
	must_mount("tmpfs", "dev/shm", "tmpfs", 0, "mode=1777");
	if (!cfg.keep_tmp)
		must_mount("tmpfs", "tmp", "tmpfs", 0, "mode=1777");
	mkdir("run/lock", 01777);
	mkdir("run/user", 0755);
	may_mount("sys/kernel/debug", "debugfs");
	may_mount("sys/kernel/tracing", "tracefs");
	may_mount("sys/kernel/security", "securityfs");
	may_mount("sys/fs/cgroup", "cgroup2");
	may_mount("sys/fs/bpf", "bpf");
	if (symlink("/proc/self/fd", "dev/fd") || symlink("fd/0", "dev/stdin") ||
	    symlink("fd/1", "dev/stdout") || symlink("fd/2", "dev/stderr"))
		die("/dev/fd");
}

/* This machine, beside the root, and the current directory where it is on the machine. */
static void make_host(void)
{
	char from[4200], to[4200], *p;

	mkdir("run/host", 0755);
	if (mount("/host", "run/host", NULL, MS_BIND, NULL))
		die("host");
	snprintf(from, sizeof(from), "/host%s", cfg.cwd);
	snprintf(to, sizeof(to), "%s", cfg.cwd + 1);
	for (p = to; (p = strchr(p, '/')); *p++ = '/') {
		*p = 0;
		mkdir(to, 0755);
	}
	mkdir(to, 0755);
	if (mount(from, to, NULL, MS_BIND, NULL))
		die(cfg.cwd);
	plant_service();
}

void make_root(void)
{
	const char *host = cfg.boot ? "/host" : "/lower";
	char path[4200];

	/* cache=loose: nobody in here changes the machine's root, and nobody out
	 * there should while tests run. It gives a page cache and mmap, without
	 * which each exec would cross 9p page by page.
	 */
	must_mount("root", "/lower", "9p", MS_RDONLY,
		   "trans=virtio,version=9p2000.L,cache=loose,msize=512000,access=any");
	if (cfg.boot)
		must_mount("host", host, "9p", MS_RDONLY,
			   "trans=virtio,version=9p2000.L,cache=loose,msize=512000,access=any");
	must_mount("tmpfs", "/rw", "tmpfs", 0, "size=75%");
	mkdir("/rw/upper", 0755);
	mkdir("/rw/work", 0755);
	must_mount("overlay", ROOT, "overlay", 0,
		   "lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work");
	if (chdir(ROOT))
		die(ROOT);

	must_mount("proc", "proc", "proc", 0, NULL);
	must_mount("sysfs", "sys", "sysfs", 0, NULL);
	must_mount("devtmpfs", "dev", "devtmpfs", 0, NULL);
	must_mount("tmpfs", "run", "tmpfs", 0, "mode=755");
	if (cfg.boot)
		make_host();
	else
		make_rest();

	/* On 9p the modules are found where the cache is. A tmpfs on top, so that
	 * a test may install a module, run depmod and see it loaded on demand.
	 */
	if (cfg.moddir) {
		char opts[9000];

		mkdir("/rw/mupper", 0755);
		mkdir("/rw/mwork", 0755);
		mkdir("lib/modules", 0755);
		snprintf(path, sizeof(path), "lib/modules/%s", cfg.release);
		snprintf(opts, sizeof(opts),
			 "lowerdir=%s%s,upperdir=/rw/mupper,workdir=/rw/mwork", host, cfg.moddir);
		must_mount("overlay", path, "overlay", 0, opts);
	}
	if (cfg.modprobe) {
		mkdir("etc/modprobe.d", 0755);
		if (!write_file("etc/modprobe.d/ktls-vm.conf", cfg.modprobe))
			die("modprobe.d");
	}
	if (cfg.out)
		/* Uncached: what a test wrote is there even if the kernel dies next. */
		must_mount("out", "run/out", "9p", 0,
			   "trans=virtio,version=9p2000.L,cache=none,msize=512000,access=any");

	/* No name server: names fail at once instead of after ten seconds. */
	unlink("etc/resolv.conf");
	write_file("etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
	unlink("etc/hosts");
	write_file("etc/hosts", "127.0.0.1 localhost ktls-vm\n::1 localhost ip6-localhost\n");

	if (mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		die("switch root");
}
