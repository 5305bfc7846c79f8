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
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "init.h"

struct config cfg;

static int chld = -1, ctl = -1, out = -1, status = -1;

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

/* The first connections make the kernel patch its own code, in a work behind them: from then
 * on secure_tcp_seq() needs no new secret. An emulated processor that runs it just then can
 * meet the breakpoint of the patch after that has gone, which is an oops. Let that happen
 * while nobody else has connections.
 */
static void connect_once(sa_family_t family)
{
	struct sockaddr_in6 addr = { .sin6_family = family, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(addr);
	int l = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (family == AF_INET)
		((struct sockaddr_in *)&addr)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(l, (struct sockaddr *)&addr, len) || listen(l, 1) ||
	    getsockname(l, (struct sockaddr *)&addr, &len) ||
	    connect(fd, (struct sockaddr *)&addr, len))
		die("the first connection");
	close(fd);
	close(l);
	nap(100);
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

	/* The file is there also when it is off. */
	if (access(path, F_OK) || strstr(slurp("/proc/cmdline", &len), "kmemleak=off"))
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
	connect_once(AF_INET);
	connect_once(AF_INET6);
	write_port(status, "up\n", 3);
	run_and_end();
}
