// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tasks.h"

uint64_t tasks_own_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void task_name(struct task *task, const char *pid, const char *tid)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.20s/task/%.20s/comm", pid, tid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%31[^\n]", task->name) != 1)
		strcpy(task->name, "?");
	if (file)
		fclose(file);
}

static void tasks_add(struct tasks *t, const char *pid, const char *tid)
{
	struct task *task = t->at + t->n;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.20s/task/%.20s/schedstat", pid, tid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (t->n < TASKS_MAX && fscanf(file, "%lu", &task->ns) == 1) {
		task->tid = atoi(tid);
		task_name(task, pid, tid);
		t->n++;
	}
	fclose(file);
}

void tasks_read(struct tasks *t)
{
	DIR *proc = opendir("/proc"), *task;
	struct dirent *pid, *tid;
	char path[64];

	if (!proc)
		err(1, "/proc");
	t->n = 0;
	while ((pid = readdir(proc))) {
		if (pid->d_name[0] < '1' || pid->d_name[0] > '9' || atoi(pid->d_name) == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/task", pid->d_name);
		task = opendir(path);
		while (task && (tid = readdir(task)))
			if (tid->d_name[0] != '.')
				tasks_add(t, pid->d_name, tid->d_name);
		if (task)
			closedir(task);
	}
	closedir(proc);
}

/* Workers of the kernel are one: "kworker/0:1-events" and its like. */
static void tasks_count(struct tasks *by, const char *name, uint64_t ns)
{
	size_t len = strcspn(name, "/:-");
	unsigned int i = 0;

	if (!len)
		len = strlen(name);
	while (i < by->n && (strncmp(by->at[i].name, name, len) || by->at[i].name[len]))
		i++;
	if (i == by->n) {
		memset(by->at + i, 0, sizeof(by->at[i]));
		memcpy(by->at[i].name, name, len);
		by->n++;
	}
	by->at[i].ns += ns;
}

uint64_t tasks_since(const struct tasks *then, struct tasks *by)
{
	static struct tasks now;
	uint64_t sum = 0, ns;

	tasks_read(&now);
	if (by)
		by->n = 0;
	for (unsigned int i = 0; i < now.n; i++) {
		ns = now.at[i].ns;
		for (unsigned int k = 0; k < then->n; k++)
			if (then->at[k].tid == now.at[i].tid)
				ns -= then->at[k].ns;
		sum += ns;
		if (by && ns)
			tasks_count(by, now.at[i].name, ns);
	}
	return sum;
}
