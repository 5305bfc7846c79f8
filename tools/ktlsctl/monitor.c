// SPDX-License-Identifier: GPL-2.0-or-later
/* What happens to connections, as it happens, from the tracepoints of the module: in an instance of
 * tracefs of its own, which others who trace do not notice, and which is removed at the end. The
 * kernel's buffer is bounded: what is not read in time is counted as lost.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "event.h"
#include "ktlsctl.h"
#include "module.h"

#define MONITOR_TRACING		"/sys/kernel/tracing"
#define MONITOR_INSTANCES	MONITOR_TRACING "/instances"
#define MONITOR_PREFIX		"ktlsctl-"

enum {
	MONITOR_WAIT	= 200,		/* ms: kernels differ in when they wake a reader */
	MONITOR_LINE	= 1024,		/* bytes */
};

static const char *const monitor_events[] = {
	"ktls_state", "ktls_alert", "ktls_key_update", "ktls_reason",
};

/**
 * struct monitor - a run
 * @json: of the output
 * @all: of all network namespaces
 * @netns: inode of ours
 * @path: of the instance
 * @pipe: from which events are read
 * @signals: a signal that ends the run
 * @line: what was read of the next line
 * @used: bytes of it
 */
struct monitor {
	bool		json;
	bool		all;
	uint32_t	netns;
	char		path[sizeof(MONITOR_INSTANCES) + 32];
	int		pipe;
	int		signals;
	char		line[MONITOR_LINE];
	size_t		used;
};

/* Return: 0 or a negative errno. */
static int monitor_put(const struct monitor *monitor, const char *name, const char *value)
{
	char path[256];
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/%s", monitor->path, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* Removes the instances of monitors that were killed. */
static void monitor_sweep(void)
{
	DIR *dir = opendir(MONITOR_INSTANCES);
	struct dirent *entry;
	long pid;

	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, MONITOR_PREFIX, strlen(MONITOR_PREFIX)) != 0)
			continue;
		pid = strtol(entry->d_name + strlen(MONITOR_PREFIX), NULL, 10);
		if (pid > 0 && kill((pid_t)pid, 0) && errno == ESRCH)
			unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	}
	if (dir)
		closedir(dir);
}

/* Return: what is in the way, or NULL. */
static const char *monitor_object(int err)
{
	static char text[512];

	if (!ktlsctl_module_is_loaded()) {
		strcpy(text, "the module ktls is ");
		ktlsctl_module_missing(text + strlen(text), sizeof(text) - strlen(text));
		return text;
	}
	switch (err) {
	case -ENOENT:
		return "tracefs is not there: run mount -t tracefs tracefs " MONITOR_TRACING;
	case -EACCES:
		return MONITOR_INSTANCES ": only root may trace";
	case -EPROTO:
		return "the module ktls that is loaded is older than ktlsctl: its events have no addresses";
	case -EPERM:
		return MONITOR_INSTANCES ": the kernel forbids it: you are not root here, or it is locked down (Secure Boot)";
	default:
		return strerror(-err);
	}
}

/* Makes the instance. Return: 0 or a negative errno. */
static int monitor_make(struct monitor *monitor)
{
	snprintf(monitor->path, sizeof(monitor->path), MONITOR_INSTANCES "/" MONITOR_PREFIX "%d",
		 getpid());
	if (mkdir(monitor->path, 0700)) {
		monitor->path[0] = '\0';
		return -errno;
	}
	return 0;
}

/* Do the events of the module have what is printed? Those of version 0.1.1 have not.
 * Return: 0 or a negative errno.
 */
static int monitor_check(const struct monitor *monitor)
{
	char path[256], format[4096];
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "%s/events/ktls/ktls_state/format", monitor->path);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	len = fread(format, 1, sizeof(format) - 1, file);
	fclose(file);
	format[len] = '\0';
	return strstr(format, " saddr[16];") ? 0 : -EPROTO;
}

/* Return: 0 or a negative errno. Afterwards events are collected. */
static int monitor_begin(struct monitor *monitor)
{
	unsigned int i, enabled = 0;
	char name[64], path[256];
	int err;

	monitor_sweep();
	err = monitor_make(monitor);
	if (!err)
		err = monitor_check(monitor);
	/* Names of tasks are theirs to choose: lines have none. */
	if (!err)
		err = monitor_put(monitor, "trace_options", "nocontext-info");
	if (!err)
		err = monitor_put(monitor, "buffer_size_kb", "512");
	if (err)
		return err;
	/* Kernels without this file wake the reader anyway. */
	monitor_put(monitor, "buffer_percent", "0");
	snprintf(path, sizeof(path), "%s/trace_pipe", monitor->path);
	monitor->pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (monitor->pipe < 0)
		return -errno;
	for (i = 0; i < sizeof(monitor_events) / sizeof(*monitor_events); i++) {
		snprintf(name, sizeof(name), "events/ktls/%s/enable", monitor_events[i]);
		err = monitor_put(monitor, name, "1");
		/* An older module has fewer. */
		if (err && err != -ENOENT)
			return err;
		enabled += !err;
	}
	return enabled ? 0 : -ENOENT;
}

static void monitor_end(struct monitor *monitor)
{
	if (monitor->path[0])
		monitor_put(monitor, "events/ktls/enable", "0");
	if (monitor->pipe >= 0)
		close(monitor->pipe);
	if (monitor->path[0] && rmdir(monitor->path))
		fprintf(stderr, "ktlsctl: %s: %s.\n", monitor->path, strerror(errno));
}

static void monitor_print(const struct monitor *monitor, char *line)
{
	struct ktlsctl_event event;
	struct timespec now;

	if (!ktlsctl_event_parse(line, &event))
		return;
	if (!monitor->all && event.netns && event.netns != monitor->netns)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	ktlsctl_event_print(stdout, &event, &now, monitor->json);
}

/* Takes over what was read; a line that is too long is cut. */
static void monitor_take(struct monitor *monitor, const char *data, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (data[i] != '\n') {
			if (monitor->used + 1 < sizeof(monitor->line))
				monitor->line[monitor->used++] = data[i];
			continue;
		}
		monitor->line[monitor->used] = '\0';
		monitor->used = 0;
		monitor_print(monitor, monitor->line);
	}
}

/* Prints all there is. Return: 0, or a negative errno: nobody reads, or the kernel objects. */
static int monitor_drain(struct monitor *monitor)
{
	char data[4096];
	ssize_t len;

	while ((len = read(monitor->pipe, data, sizeof(data))) > 0)
		monitor_take(monitor, data, (size_t)len);
	if (len < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	return ferror(stdout) || fflush(stdout) ? -EPIPE : 0;
}

/* Prints until a signal. Return: 0 or a negative errno. */
static int monitor_run(struct monitor *monitor)
{
	struct pollfd fds[] = {
		{ .fd = monitor->signals, .events = POLLIN },
		{ .fd = monitor->pipe, .events = POLLIN },
	};
	int err = 0;

	while (!err && !fds[0].revents) {
		if (poll(fds, 2, MONITOR_WAIT) < 0 && errno != EINTR)
			return -errno;
		err = monitor_drain(monitor);
	}
	return err;
}

/* The signals that end a run do so in order. Return: a file descriptor, or a negative errno. */
static int monitor_open_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool monitor_parse(int argc, char **argv, struct monitor *monitor)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			monitor->json = true;
		else if (!strcmp(argv[i], "--all-namespaces"))
			monitor->all = true;
		else
			return false;
	}
	return true;
}

int ktlsctl_monitor_run(int argc, char **argv)
{
	struct monitor monitor = { .pipe = -1 };
	struct stat own;
	int err;

	if (!monitor_parse(argc, argv, &monitor)) {
		fprintf(stderr, "ktlsctl: usage: ktlsctl monitor [--json] [--all-namespaces]\n");
		return KTLSCTL_USAGE;
	}
	if (!stat("/proc/self/ns/net", &own))
		monitor.netns = (uint32_t)own.st_ino;
	monitor.signals = monitor_open_signals();
	err = monitor.signals < 0 ? monitor.signals : monitor_begin(&monitor);
	if (err) {
		fprintf(stderr, "ktlsctl: %s.\n", monitor_object(err));
	} else {
		if (!monitor.json)
			ktlsctl_event_print_titles(stdout);
		fflush(stdout);
		err = monitor_run(&monitor);
		/* Whoever read it has ended: so does this. */
		if (err && err != -EPIPE)
			fprintf(stderr, "ktlsctl: %s: %s.\n", monitor.path, strerror(-err));
	}
	monitor_end(&monitor);
	return err ? KTLSCTL_FAILED : KTLSCTL_OK;
}
