// SPDX-License-Identifier: GPL-2.0-or-later
/* Processes, and ktlsd among them. See real.h. */
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "real.h"
#include "sock.h"

/* What most tests need; each further key costs each of them its start. */
static const char *const identities[] = { "rsa", "ecdsa", "client" };

/* --- processes --- */

/* What the processes of a failed test have printed. */
static struct proc procs[64];
static unsigned int n_procs;

static void show_procs(void)
{
	harness_explain = NULL;
	for (unsigned int i = 0; i < n_procs; i++) {
		harness_note("process %u, %s", procs[i].pid, procs[i].name);
		proc_show(&procs[i]);
	}
}

void proc_startv(struct proc *p, char **argv)
{
	int in[2], out;

	memset(p, 0, sizeof(*p));
	snprintf(p->name, sizeof(p->name), "%s %s", argv[0], argv[1] ? argv[1] : "");
	strcpy(p->path, "/tmp/ktls-proc-XXXXXX");
	out = OK(mkostemp(p->path, O_CLOEXEC));
	OK(pipe2(in, O_CLOEXEC));
	p->pid = OK(fork());
	if (!p->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_DFL);
		dup2(in[0], 0);
		dup2(out, 1);
		dup2(out, 2);
		execvp(argv[0], argv);
		dprintf(2, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(in[0]);
	close(out);
	p->in = in[1];
	harness_explain = show_procs;
	if (n_procs < ARRAY_SIZE(procs))
		procs[n_procs++] = *p;
}

void proc_start(struct proc *p, const char *program, ...)
{
	char *argv[64] = { (char *)program };
	va_list ap;
	int n = 1;

	va_start(ap, program);
	while ((argv[n] = va_arg(ap, char *)))
		ASSERT_LT(++n, 63);
	va_end(ap);
	proc_startv(p, argv);
}

void proc_eof(struct proc *p)
{
	if (p->in >= 0)
		close(p->in);
	p->in = -1;
}

static bool has_ended(struct proc *p)
{
	if (!p->ended && waitpid(p->pid, &p->status, WNOHANG) == p->pid)
		p->ended = true;
	return p->ended;
}

int proc_wait(struct proc *p, int ms)
{
	double end = harness_now() + ms / 1e3 * harness_scale();

	while (!has_ended(p)) {
		if (harness_now() > end) {
			harness_fail(__FILE__, __LINE__, "process %d does not end", p->pid);
			harness_end();
		}
		harness_nap(5);
	}
	return WIFEXITED(p->status) ? WEXITSTATUS(p->status) : 128 + WTERMSIG(p->status);
}

void proc_kill(struct proc *p, int sig)
{
	if (!has_ended(p))
		kill(p->pid, sig);
	proc_wait(p, 10000);
	proc_eof(p);
}

char *proc_output(struct proc *p, size_t *ret_len)
{
	int fd = OK(open(p->path, O_RDONLY | O_CLOEXEC));
	struct stat st;
	size_t len;
	char *text;

	OK(fstat(fd, &st));
	text = malloc(st.st_size + 1);
	ASSERT_TRUE(text);
	len = OK(read(fd, text, st.st_size));
	text[len] = 0;
	if (ret_len)
		*ret_len = len;
	close(fd);
	return text;
}

bool proc_printed(struct proc *p, const char *text)
{
	size_t len;
	char *out = proc_output(p, &len);
	bool found = memmem(out, len, text, strlen(text));

	free(out);
	return found;
}

void proc_show(struct proc *p)
{
	char *out = proc_output(p, NULL), *line = out, *save;
	size_t lines = 0;

	/* the last of it says what happened */
	for (char *c = out + strlen(out); c > out && lines <= 30; c--)
		if (c[-1] == '\n' && ++lines == 31)
			line = c;
	for (line = strtok_r(line, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		harness_note("| %s", line);
	free(out);
}

long proc_kib(const char *path, const char *name)
{
	FILE *f = fopen(path, "re");
	char line[200];
	long kib = -1;

	if (!f)
		return 0;
	while (kib < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			kib = atol(line + strlen(name));
	fclose(f);
	return kib < 0 ? 0 : kib;
}

/* --- ktlsd --- */

/* Beside this program: .build/selftests/pki, .build/tools/ktlsd/ktlsd */
static const char *build_path(const char *name)
{
	static char text[8][300];
	static unsigned int next;
	char *path = text[next++ % 8], self[200];
	ssize_t n = OK(readlink("/proc/self/exe", self, sizeof(self) - 1));

	self[n] = 0;
	*strrchr(self, '/') = 0;
	snprintf(path, sizeof(text[0]), "%s/%s", self, name);
	return path;
}

const char *real_ktlsctl(void)
{
	return build_path("../tools/ktlsctl/ktlsctl");
}

const char *real_ktls_fetch(void)
{
	return build_path("../tools/ktls-fetch/ktls-fetch");
}

const char *real_ktls_run(void)
{
	return build_path("../tools/ktls-run/ktls-run");
}

const char *real_program(void)
{
	return build_path("run-program");
}

const char *real_pki(const char *name)
{
	char path[100];

	snprintf(path, sizeof(path), "pki/%s", name);
	return build_path(path);
}

size_t real_pki_read(const char *name, char *text, size_t max)
{
	int fd = OK(open(real_pki(name), O_RDONLY | O_CLOEXEC));
	ssize_t n = OK(read(fd, text, max));

	close(fd);
	return n;
}

void real_identity(FILE *config, const char *name, const char *certificate, const char *more)
{
	fprintf(config, "[identity %s]\ncertificate = %s.pem\n", name, real_pki(certificate));
	fprintf(config, "private_key = %s.key\n%s", real_pki(certificate), more);
}

const char *real_restricted(void)
{
	static char *text;
	size_t len;
	FILE *config = open_memstream(&text, &len);

	real_identity(config, "private", "rsa", "allow_uids = 4242\nsni = private.test\n");
	real_identity(config, "contained", "client", "allow_containers = yes\n");
	fclose(config);
	return text;
}

/* @daemon: more lines of [ktlsd]; @more: sections */
static void write_config(char *path, const char *daemon, const char *more)
{
	FILE *config;
	int fd;

	strcpy(path, "/tmp/ktlsd-conf-XXXXXX");
	fd = OK(mkostemp(path, O_CLOEXEC));
	fchmod(fd, 0644);
	config = fdopen(fd, "w");
	fprintf(config, "[ktlsd]\nworkers = 2\nlog = stderr\nlog_level = info\ntrust = %s\n%s",
		real_pki("ca.pem"), daemon);
	for (size_t i = 0; i < ARRAY_SIZE(identities); i++)
		real_identity(config, identities[i], identities[i], "");
	fputs(more, config);
	fclose(config);
}

/* ESRCH means that there is no helper. */
static bool is_served(void)
{
	struct addr a = net_loopback(AF_INET, 1);
	int fd = sock_new(AF_INET), ret;

	ret = connect(fd, &a.sa, a.len);
	ASSERT_EQ(-1, ret);
	ret = errno;
	close(fd);
	return ret != ESRCH;
}

static void wait_served(struct proc *p)
{
	double end = harness_now() + 10 * harness_scale();

	while (!is_served()) {
		if (has_ended(p) || harness_now() > end) {
			harness_fail(__FILE__, __LINE__, "ktlsd does not serve");
			harness_end();
		}
		harness_nap(10);
	}
}

void real_start(struct proc *p)
{
	real_start_with(p, "");
}

void real_start_with(struct proc *p, const char *lines)
{
	real_start_configured(p, "", lines);
}

void real_start_configured(struct proc *p, const char *daemon, const char *lines)
{
	char config[32];

	write_config(config, daemon, lines);
	proc_start(p, build_path("../tools/ktlsd/ktlsd"), "--foreground", "--config", config, NULL);
	wait_served(p);
}

void real_start_unprivileged(struct proc *p, uid_t uid)
{
	char config[32], user[16];

	write_config(config, "", "");
	snprintf(user, sizeof(user), "%u", uid);
	/* group 0 may read the keys, as a group of its own would */
	proc_start(p, "setpriv", "--reuid", user, "--regid", "0", "--clear-groups",
		   "--inh-caps", "-all,+net_admin", "--ambient-caps", "-all,+net_admin",
		   "--bounding-set", "-all,+net_admin", "--no-new-privs",
		   build_path("../tools/ktlsd/ktlsd"), "--foreground", "--config", config, NULL);
	wait_served(p);
}

void real_stop(struct proc *p)
{
	proc_kill(p, SIGTERM);
}

static bool is_ktlsd(const char *pid)
{
	char path[300], comm[32] = "";
	FILE *f;

	if (pid[0] < '1' || pid[0] > '9')
		return false;
	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fscanf(f, "%31s", comm) != 1)
		comm[0] = 0;
	fclose(f);
	return !strncmp(comm, "ktlsd", 5);
}

long real_kib(const char *file, const char *name)
{
	DIR *dir = opendir("/proc");
	struct dirent *de;
	char path[300];
	long kib = 0;

	ASSERT_TRUE(dir);
	while ((de = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%s/%s", de->d_name, file);
		if (is_ktlsd(de->d_name))
			kib += proc_kib(path, name);
	}
	closedir(dir);
	return kib;
}

static bool messages_wait(void)
{
	FILE *file = fopen("/proc/self/net/netlink", "re");
	unsigned int waiting, protocol;
	char line[256];
	bool ret = false;

	ASSERT_TRUE(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %u %*s %*s %u", &protocol, &waiting) == 2 &&
		    protocol == NETLINK_GENERIC && waiting)
			ret = true;
	fclose(file);
	return ret;
}

bool real_is_idle(const struct proc *p)
{
	char pattern[64], state;
	bool ret = !messages_wait();
	glob_t stats;
	FILE *file;

	snprintf(pattern, sizeof(pattern), "/proc/%d/task/*/stat", p->pid);
	ASSERT_EQ(0, glob(pattern, 0, NULL, &stats));
	for (size_t i = 0; i < stats.gl_pathc; i++) {
		file = fopen(stats.gl_pathv[i], "re");
		ASSERT_TRUE(file);
		ASSERT_EQ(1, fscanf(file, "%*d (%*[^)]) %c", &state));
		fclose(file);
		ret &= state == 'S';
	}
	globfree(&stats);
	return ret && !messages_wait();
}

/* inet_diag shows who is in the table of listeners, and takes nothing for it: to bind the
 * address oneself would take it from a program that binds it without SO_REUSEADDR just then.
 * (/proc/net/tcp would tell too, after walking all of TCP's tables, which takes half a second in
 * the VM.)
 */
static bool is_listening(int family, uint16_t port)
{
	struct inet_diag_req_v2 req = {
		.sdiag_family = family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = -1,
		.id = { .idiag_sport = htons(port),
			.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } },
	};
	struct mnl_socket *nl = mnl_socket_open(NETLINK_SOCK_DIAG);
	char buf[4096];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	ssize_t n;

	ASSERT_TRUE(nl);
	if (family == AF_INET)
		req.id.idiag_src[0] = htonl(INADDR_LOOPBACK);
	else
		req.id.idiag_src[3] = htonl(1);
	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	memcpy(mnl_nlmsg_put_extra_header(nlh, sizeof(req)), &req, sizeof(req));
	OK(mnl_socket_sendto(nl, nlh, nlh->nlmsg_len));
	n = OK(mnl_socket_recvfrom(nl, buf, sizeof(buf)));
	mnl_socket_close(nl);
	return n >= (ssize_t)sizeof(*nlh) && nlh->nlmsg_type == SOCK_DIAG_BY_FAMILY;
}

void real_wait_port(uint16_t port)
{
	EVENTUALLY(is_listening(AF_INET, port) || is_listening(AF_INET6, port), 15000);
}
