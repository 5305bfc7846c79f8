// SPDX-License-Identifier: GPL-2.0-or-later
/* Real handshakes, and what ktlsctl stats says of them. */
#include <stdlib.h>

#include "lib/interop.h"

FIXTURE(metrics) { struct proc d; char dir[32]; };
FIXTURE_SETUP(metrics)
{
	net_new();
	strcpy(self->dir, "/tmp/ktlsd-run-XXXXXX");
	ASSERT_TRUE(mkdtemp(self->dir));
	setenv("RUNTIME_DIRECTORY", self->dir, 1);
	real_start(&self->d);
}
FIXTURE_TEARDOWN(metrics)
{
}

/* Does ktlsctl print each of the lines? */
static bool stats_have(const char *dir, const char *const *lines)
{
	char control[64], *text;
	struct proc p;
	bool have = true;

	snprintf(control, sizeof(control), "%s/control", dir);
	proc_start(&p, real_ktlsctl(), "stats", "--prometheus", "--control", control, NULL);
	EXPECT_EQ(0, proc_wait(&p, 10000));
	text = proc_output(&p, NULL);
	for (; *lines; lines++)
		have = have && strstr(text, *lines);
	free(text);
	return have;
}

/* Connects to our own server. Returns what connect() does. */
static int visit_ours(int l, const struct addr *a, const char *name)
{
	int fd = interop_socket(name), s = -1;
	struct job c;

	job_connect(&c, fd, a);
	if (!strcmp(name, "server.test"))
		s = net_accept(l);
	job_wait(&c, 10000);
	close(fd);
	if (s >= 0)
		close(s);
	return c.ret;
}

TEST_F_TIMEOUT(metrics, of_handshakes, 60)
{
	static const char *const lines[] = {
		"\nktlsd_workers_serving 2\n",
		"\nktlsd_handshakes_active 0\n",
		"\nktlsd_handshakes_started_total{role=\"client\"} 3\n",
		"\nktlsd_handshakes_completed_total{role=\"client\"} 2\n",
		"\nktlsd_handshakes_completed_total{role=\"server\"} 2\n",
		"\nktlsd_handshakes_failed_total{role=\"client\",reason=\"certificate\"} 1\n",
		"\nktlsd_handshakes_failed_total{role=\"server\",reason=\"alert\"} 1\n",
		"\nktlsd_identity_handshakes_started_total{identity=\"ecdsa\",role=\"server\"} 3\n",
		"\nktlsd_identity_handshakes_completed_total{identity=\"ecdsa\",role=\"server\"} 2\n",
		"\nktls_handshakes_done_total 4\n",
		"\nktls_handshakes_failed_total 2\n",
		NULL,
	};
	struct addr a;
	int l;

	l = interop_listen("ecdsa", NULL, &a);
	OK(visit_ours(l, &a, "server.test"));
	OK(visit_ours(l, &a, "server.test"));
	EXPECT_EQ(-1, visit_ours(l, &a, "another.test"));
	EVENTUALLY(stats_have(self->dir, lines), 10000);
	close(l);
}
