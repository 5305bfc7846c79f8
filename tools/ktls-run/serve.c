// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "ktls-run/call.h"
#include "ktls-run/serve.h"

enum {
	SERVE_TEND_MS	= 50,	/* how late a call of the program sees a signal */
};

/**
 * struct serve - the program
 * @program: its first process
 * @notify: the descriptor of its filter
 * @ended: the first process has ended
 * @status: with this status
 */
struct serve {
	pid_t	program;
	int	notify;
	bool	ended;
	int	status;
};

/* Those that are about ktls-run itself, or stop it together with the program. */
static void serve_signals(sigset_t *ret)
{
	static const int own[] = {
		SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGURG, SIGSEGV, SIGBUS, SIGFPE, SIGILL,
		SIGABRT, SIGSYS, SIGTRAP,
	};
	size_t i;

	sigfillset(ret);
	for (i = 0; i < sizeof(own) / sizeof(*own); i++)
		sigdelset(ret, own[i]);
}

void ktls_run_serve_block_signals(sigset_t *ret_old)
{
	sigset_t signals;

	serve_signals(&signals);
	sigaddset(&signals, SIGURG);
	sigprocmask(SIG_BLOCK, &signals, ret_old);
}

static void serve_reap(struct serve *serve)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != serve->program)
			continue;
		serve->ended = true;
		serve->status = status;
	}
}

/* To the program; after that to the processes that it has left to us. */
static void serve_forward(const struct serve *serve, int number)
{
	char path[64];
	FILE *file;
	int pid;

	if (!serve->ended) {
		kill(serve->program, number);
		return;
	}
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	file = fopen(path, "re");
	if (!file)
		return;
	while (fscanf(file, "%d", &pid) == 1)
		kill(pid, number);
	fclose(file);
}

static void serve_signal(struct serve *serve, int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return;
	/* What a terminal sends, it sends to the program as well. */
	if (info.ssi_signo == SIGCHLD)
		serve_reap(serve);
	else if (info.ssi_signo != SIGPIPE && info.ssi_code != SI_KERNEL)
		serve_forward(serve, (int)info.ssi_signo);
}

static void serve_call(const struct serve *serve)
{
	struct seccomp_notif request = { 0 };

	/* ENOENT: the thread has been killed meanwhile. */
	if (!ioctl(serve->notify, SECCOMP_IOCTL_NOTIF_RECV, &request))
		ktls_run_call_start(&request);
}

int ktls_run_serve(const struct ktls_run_rules *rules, pid_t program, int notify)
{
	struct serve serve = { .program = program, .notify = notify };
	struct pollfd fds[2] = { { .events = POLLIN }, { .fd = notify, .events = POLLIN } };
	bool told = false;
	sigset_t signals;

	ktls_run_call_init(rules, notify);
	serve_signals(&signals);
	fds[0].fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	for (;;) {
		serve_reap(&serve);
		/* Nobody is behind the filter any more. */
		if (serve.ended && fds[1].revents & POLLHUP)
			return serve.status;
		if (poll(fds, 2, ktls_run_call_tend() ? SERVE_TEND_MS : serve.ended ? 200 : -1) < 0)
			continue;
		if (fds[0].revents & POLLIN)
			serve_signal(&serve, fds[0].fd);
		if (fds[1].revents & POLLIN)
			serve_call(&serve);
		else if (fds[1].revents & POLLHUP && !serve.ended)
			usleep(1000);
		if (serve.ended && !told && !fds[1].revents) {
			ktlsd_log(KTLSD_LOG_INFO, "The program has ended, and has left processes: ktls-run stays until the last has ended.");
			told = true;
		}
	}
}

void ktls_run_serve_exit(int status)
{
	static const struct rlimit none;
	sigset_t one;

	if (WIFSIGNALED(status)) {
		setrlimit(RLIMIT_CORE, &none);
		signal(WTERMSIG(status), SIG_DFL);
		sigemptyset(&one);
		sigaddset(&one, WTERMSIG(status));
		raise(WTERMSIG(status));
		sigprocmask(SIG_UNBLOCK, &one, NULL);
		exit(128 + WTERMSIG(status));
	}
	exit(WEXITSTATUS(status));
}
