// SPDX-License-Identifier: GPL-2.0-or-later
/* PID 1 of the test VM, and the only program in its initramfs.
 *
 * It loads the few modules that lead to the machine's root file system, mounts
 * that read-only over 9p with a tmpfs on top, runs one command in it, and says
 * on a channel of its own how the command ended. Output and verdict do not go
 * over the console: a console line can be torn by a kernel message, and a test
 * could print something that looks like a verdict.
 *
 * With a root of its own ("run --root") it starts the init of that instead, and
 * runs once more, as a service there, to do the rest of the above.
 *
 * What goes wrong here ends in die(): no verdict, and so no pass.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_ARGS	4096
#define ROOT		"/root"

static int chld = -1, ctl = -1, out = -1, status = -1, kmsg = -1;

/* What the runner asks for; see write_config() in "run". */
static struct {
	char *argv[MAX_ARGS + 1], *envp[MAX_ARGS + 1];
	int argc, envc;
	char *cwd, *moddir, *release, *modprobe;
	bool out, keep_tmp, boot;
} cfg;

static void say(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(line))
		n = sizeof(line) - 1;
	if (write(kmsg >= 0 ? kmsg : STDERR_FILENO, line, n) < 0)
		return;
}

static void power_off(void)
{
	sync();
	if (cfg.boot && getpid() != 1) {
		execl("/bin/systemctl", "systemctl", "--no-block", "poweroff", NULL);
		say("<2>ktls-vm: no systemctl\n");
	}
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void die(const char *what)
{
	say("<2>ktls-vm: %s: %s\n", what, strerror(errno));
	power_off();
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void nap(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

static void must_mount(const char *src, const char *dir, const char *type,
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

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

static char *slurp(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY);
	size_t size = 0, room = 65536;
	char *buf = malloc(room);
	ssize_t n;

	if (fd < 0 || !buf)
		die(path);
	while ((n = read(fd, buf + size, room - size - 1)) > 0) {
		size += n;
		if (room - size < 4096) {
			buf = realloc(buf, room *= 2);
			if (!buf)
				die("memory");
		}
	}
	close(fd);
	buf[size] = 0;
	*len = size;
	return buf;
}

/* "key value", NUL-terminated, one after the other. */
static void read_config(const char *path)
{
	size_t len;
	char *p = slurp(path, &len), *end = p + len;

	for (; p < end; p += strlen(p) + 1) {
		char *val = strchr(p, ' ');

		if (!val)
			continue;
		*val++ = 0;
		if (!strcmp(p, "arg") && cfg.argc < MAX_ARGS)
			cfg.argv[cfg.argc++] = val;
		else if (!strcmp(p, "env") && cfg.envc < MAX_ARGS)
			cfg.envp[cfg.envc++] = val;
		else if (!strcmp(p, "cwd"))
			cfg.cwd = val;
		else if (!strcmp(p, "moddir"))
			cfg.moddir = val;
		else if (!strcmp(p, "release"))
			cfg.release = val;
		else if (!strcmp(p, "modprobe"))
			cfg.modprobe = val;
		else if (!strcmp(p, "out"))
			cfg.out = true;
		else if (!strcmp(p, "keep_tmp"))
			cfg.keep_tmp = true;
		else if (!strcmp(p, "boot"))
			cfg.boot = true;
		else
			die("config");
		p = val;
	}
	if (!cfg.argc || !cfg.cwd)
		die("config");
}

/* The runner put them there uncompressed, in the order of their needs. */
static void load_modules(void)
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

/* Ports show up when the host's side has been announced: wait for that. */
static int open_port(const char *want)
{
	double end = now() + 20;

	do {
		DIR *dir = opendir("/sys/class/virtio-ports");
		struct dirent *de;

		while (dir && (de = readdir(dir))) {
			char path[600], name[64] = "";
			int fd;

			snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", de->d_name);
			fd = open(path, O_RDONLY);
			if (fd < 0)
				continue;
			if (read(fd, name, sizeof(name) - 1) < 0)
				name[0] = 0;
			close(fd);
			name[strcspn(name, "\n")] = 0;
			if (strcmp(name, want))
				continue;
			snprintf(path, sizeof(path), "/dev/%s", de->d_name);
			fd = open(path, O_RDWR | O_CLOEXEC);
			if (fd >= 0) {
				closedir(dir);
				return fd;
			}
		}
		if (dir)
			closedir(dir);
		nap(20);
	} while (now() < end);
	die(want);
	return -1;
}

/* A port is writable when the host has taken what was written before. A write
 * returns earlier than that, so wait before and after it: else the last bytes
 * race with the power switch. And wait by asking: the host's taking of data
 * raises no interrupt, so neither poll() nor a blocking write() is woken by it.
 */
static void drain_port(int fd)
{
	struct pollfd p = { fd, POLLOUT, 0 };

	while (!poll(&p, 1, 0))
		nap(1);
}

static void write_port(int fd, const char *buf, size_t len)
{
	while (len) {
		ssize_t n;

		drain_port(fd);
		n = write(fd, buf, len);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			die("port");
		if (n > 0) {
			buf += n;
			len -= n;
		}
	}
	drain_port(fd);
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

static void make_root(void)
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

static void setup_net(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &ifr))
		die("lo");
	ifr.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		die("lo");
	close(fd);
	if (sethostname("ktls-vm", 7))
		die("hostname");
}

static pid_t start(int fd)
{
	struct rlimit nofile = { 1024, 1 << 20 };	/* as on a Debian system */
	pid_t pid = fork();
	sigset_t none;
	int null;

	if (pid)
		return pid;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setrlimit(RLIMIT_NOFILE, &nofile);
	null = open("/dev/null", O_RDONLY);
	if (null < 0 || dup2(null, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		_exit(126);
	close_range(3, ~0U, 0);
	if (chdir(cfg.cwd)) {
		dprintf(2, "ktls-vm: %s: %s\n", cfg.cwd, strerror(errno));
		_exit(126);
	}
	environ = cfg.envp;
	execvp(cfg.argv[0], cfg.argv);
	dprintf(2, "ktls-vm: %s: %s\n", cfg.argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* The host lost its patience: blocked tasks, all tasks, what the CPUs do. */
static void dump(void)
{
	char c;

	if (read(ctl, &c, 1) != 1)
		return;
	write_file("/proc/sysrq-trigger", "w");
	write_file("/proc/sysrq-trigger", "t");
	write_file("/proc/sysrq-trigger", "l");
	say("<2>ktls-vm: end of dump\n");
}

/* Wait for output to pass on, a death to see, a request to dump. False: nothing
 * came in time. The wait is not a poll with a period: in an icount VM that
 * would show in the figures.
 */
static bool relay(int fd, int timeout)
{
	struct pollfd p[3] = { { fd, POLLIN, 0 }, { ctl, POLLIN, 0 }, { chld, POLLIN, 0 } };
	struct signalfd_siginfo si;
	char buf[16384];
	ssize_t n;

	if (poll(p, 3, timeout) <= 0)
		return false;
	if (p[1].revents & POLLIN)
		dump();
	else if (p[1].revents)
		nap(10);	/* the host hung up: do not spin on it */
	if (p[2].revents & POLLIN && read(chld, &si, sizeof(si)) < 0 &&
	    errno != EAGAIN)
		die("signalfd");
	if (!(p[0].revents & POLLIN))
		return p[2].revents;
	n = read(fd, buf, sizeof(buf));
	if (n > 0)
		write_port(out, buf, n);
	return true;
}

/* Returns the exit status in the shell's manner. */
static int run(void)
{
	pid_t pid, dead;
	int fd[2], st = -1, s;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	chld = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (chld < 0 || pipe2(fd, O_CLOEXEC))
		die("pipe");
	pid = start(fd[1]);
	if (pid < 0)
		die("fork");
	while (st < 0) {
		relay(fd[0], -1);
		while ((dead = waitpid(-1, &s, WNOHANG)) > 0)
			if (dead == pid)
				st = WIFSIGNALED(s) ? 128 + WTERMSIG(s) : WEXITSTATUS(s);
	}

	if (cfg.boot)
		return st;
	/* What the command left behind goes now, so that the kernel's complaints
	 * about it are in the log before the verdict. Who does not die is stuck in
	 * the kernel, and that is a bug.
	 */
	for (double end = now() + 30; ; nap(5)) {
		kill(-1, SIGKILL);
		while ((dead = waitpid(-1, &s, WNOHANG)) > 0)
			;
		if (dead < 0)
			break;
		if (now() > end) {
			say("<2>ktls-vm: BUG: a process does not die\n");
			write_file("/proc/sysrq-trigger", "w");
			write_file("/proc/sysrq-trigger", "t");
			break;
		}
		relay(fd[0], 0);
	}
	while (relay(fd[0], 0))
		;
	return st;
}

/* Only in a debug kernel. Objects count as leaked when five seconds old. */
static void kmemleak(void)
{
	const char *path = "/sys/kernel/debug/kmemleak";
	char *text, *line;
	size_t len;

	if (access(path, F_OK))
		return;
	for (int i = 0; i < 2; i++) {
		nap(6000);
		write_file(path, "scan");
	}
	text = slurp(path, &len);
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		say("<4>ktls-vm: %s\n", line);
}

static void open_ports(void)
{
	ctl = open_port("ktls.ctl");
	out = open_port("ktls.out");
	status = open_port("ktls.status");
}

static void run_and_end(void)
{
	char verdict[32];
	int st = run();

	kmemleak();
	write_port(status, verdict, snprintf(verdict, sizeof(verdict), "exit %d\n", st));
	power_off();
}

int main(void)
{
	bool is_service = getenv("INVOCATION_ID");

	if (getpid() != 1 && !is_service) {
		fprintf(stderr, "init: for the test VM only, see selftests/vm/run\n");
		return 1;
	}
	if (is_service) {
		kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
		read_config("/run/ktls-vm/config");
		open_ports();
		run_and_end();
	}
	must_mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	must_mount("proc", "/proc", "proc", 0, NULL);
	must_mount("sysfs", "/sys", "sysfs", 0, NULL);
	read_config("/config");
	load_modules();
	open_ports();
	make_root();
	if (cfg.boot) {
		write_port(status, "up\n", 3);
		execl("/sbin/init", "/sbin/init", NULL);
		die("/sbin/init");
	}
	setup_net();
	write_port(status, "up\n", 3);
	run_and_end();
}
