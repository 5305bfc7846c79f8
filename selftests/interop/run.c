// SPDX-License-Identifier: GPL-2.0-or-later
/* ktls-run: programs that know nothing of TLS, on TLS sockets; nothing goes out in the clear. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/interop.h"
#include "run_shell.h"

FIXTURE(run) { struct proc d; };
FIXTURE_VARIANT(run) { int unused; };
FIXTURE_VARIANT_ADD(run, any) { 0 };
FIXTURE_SETUP(run)
{
	net_new();
	real_start(&self->d);
}
FIXTURE_TEARDOWN(run)
{
}

/* A plain TCP server that takes one read of each connection, and resets it. */
struct sink {
	struct addr	a;
	int		fd;
	atomic_uint	connections, hellos, plain;
};

static void *sink_run(void *argument)
{
	struct sink *s = argument;
	char data[4096];

	for (;;) {
		int fd = accept(s->fd, NULL, NULL);
		ssize_t n = recv(fd, data, sizeof(data), 0);

		s->connections++;
		if (n > 0 && data[0] == 22 && !memmem(data, n, MARKER, strlen(MARKER)))
			s->hellos++;
		else if (n > 0)
			s->plain++;
		net_rst(fd);
	}
	return NULL;
}

static void sink_start(struct sink *s, uint16_t port)
{
	const int one = 1;
	pthread_t thread;

	memset(s, 0, sizeof(*s));
	s->a = net_loopback(AF_INET, port);
	s->fd = OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	OK(setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	OK(bind(s->fd, &s->a.sa, s->a.len));
	OK(listen(s->fd, 100));
	ASSERT_EQ(0, pthread_create(&thread, NULL, sink_run, s));
}

/* The static program; what it printed must contain @text. */
static void expect_program(const char *mode, const char *text)
{
	char line[400];
	struct proc p;

	snprintf(line, sizeof(line), "%s %s %u %u", real_program(), mode, PORT, OTHER);
	run_start(&p, run_client(), line);
	EXPECT_EQ(0, proc_wait(&p, 20000 * harness_scale()));
	EXPECT_TRUE(proc_printed(&p, text));
	if (!proc_printed(&p, text))
		proc_show(&p);
}

/* Python serves, curl fetches; then busybox, which is static, fetches through ktls-run. */
TEST_F_TIMEOUT(run, http, 60)
{
	uint64_t before = net_mib("RX_BYTES");
	struct capture c;
	struct proc p, s;
	char line[800];

	run_shell("rm -rf /tmp/run; mkdir /tmp/run; "
		  "for i in $(seq 20000); do echo " MARKER " $i; done >/tmp/run/data");
	capture_start(&c);
	run_start(&s, "--identity rsa", "python3 -m http.server --bind 127.0.0.1 "
		  "--directory /tmp/run 8443");
	real_wait_port(PORT);
	snprintf(line, sizeof(line), "curl -sS --cacert %s --resolve server.test:8443:127.0.0.1 "
		 "-o /tmp/run/got https://server.test:8443/data; cmp /tmp/run/data /tmp/run/got",
		 real_pki("ca.pem"));
	run_shell(line);
	run_start(&p, run_client(), "busybox wget -q -O /tmp/run/again http://127.0.0.1:8443/data");
	EXPECT_EQ(0, proc_wait(&p, 20000 * harness_scale()));
	run_shell("cmp /tmp/run/data /tmp/run/again");
	EXPECT_EQ(0, capture_count(&c, MARKER, strlen(MARKER)));
	EXPECT_GT(net_mib("RX_BYTES"), before + 500000);
	proc_kill(&s, SIGTERM);
}

/* Workers, sendfile, a reload, and a new program that takes over the listening sockets. */
TEST_F_TIMEOUT(run, nginx, 60)
{
	char get[800];
	struct proc s;

	run_shell("rm -rf /tmp/run; mkdir /tmp/run; chmod 755 /tmp/run; "
		  "head -c 1000000 /dev/urandom >/tmp/run/data; chmod 644 /tmp/run/data; "
		  "echo 'user nobody nogroup; pid /tmp/run/pid; error_log stderr; "
		  "events {} http { access_log off; server { listen 127.0.0.1:8443 reuseport; "
		  "sendfile on; root /tmp/run; } }' >/tmp/run/conf");
	snprintf(get, sizeof(get), "curl -sS --cacert %s --resolve server.test:8443:127.0.0.1 "
		 "-o /tmp/run/got https://server.test:8443/data; cmp /tmp/run/data /tmp/run/got",
		 real_pki("ca.pem"));
	run_start(&s, "--identity rsa --listen 8443", "/usr/sbin/nginx -c /tmp/run/conf");
	real_wait_port(PORT);
	run_shell(get);
	run_shell("kill -HUP $(cat /tmp/run/pid)");
	run_shell(get);
	run_shell("old=$(cat /tmp/run/pid); kill -USR2 $old; "
		  "until [ -s /tmp/run/pid.oldbin ] && [ -s /tmp/run/pid ]; do sleep 0.1; done; "
		  "kill -QUIT $old; while kill -0 $old 2>/dev/null; do sleep 0.1; done");
	run_shell(get);
	/* nginx is a daemon: ktls-run stays for what the program has left. */
	EVENTUALLY(proc_printed(&s, "has left processes"), 5000);
	OK(kill(s.pid, SIGTERM));
	EXPECT_EQ(0, proc_wait(&s, 10000 * harness_scale()));
}

/* A static C program, non-blocking and blocking ones of Python; with OpenSSL. */
TEST_F_TIMEOUT(run, clients, 60)
{
	struct s_server s;
	char line[600];
	struct proc p;

	s_server_start(&s, "rsa", "-rev", NULL);
	snprintf(line, sizeof(line), "--trust %s --server-name server.test --connect 127.0.0.0/8:%u",
		 real_pki("ca.pem"), ntohs(s.a.v4.sin_port));
	char program[200];

	snprintf(program, sizeof(program), "%s client %u", real_program(),
		 ntohs(s.a.v4.sin_port));
	run_start(&p, line, program);
	EXPECT_EQ(0, proc_wait(&p, 20000 * harness_scale()));
	EXPECT_TRUE(proc_printed(&p, "got olleh"));

	snprintf(program, sizeof(program), "python3 -c 'import asyncio\n"
		 "async def f():\n r, w = await asyncio.open_connection(\"127.0.0.1\", %u)\n"
		 " w.write(b\"abc\\n\"); print(await r.readline())\nasyncio.run(f())'",
		 ntohs(s.a.v4.sin_port));
	run_start(&p, line, program);
	EXPECT_EQ(0, proc_wait(&p, 20000 * harness_scale()));
	EXPECT_TRUE(proc_printed(&p, "cba"));
}

/* The program's call fails, and ktls-run says why. */
TEST_F(run, refusals)
{
	struct s_server s;
	char program[300], rules[600];
	struct proc p;

	s_server_start(&s, "other", "-rev", NULL);
	snprintf(program, sizeof(program), "%s client %u", real_program(),
		 ntohs(s.a.v4.sin_port));
	snprintf(rules, sizeof(rules), "--trust %s --server-name server.test --connect %u",
		 real_pki("ca.pem"), ntohs(s.a.v4.sin_port));
	run_start(&p, rules, program);
	EXPECT_EQ(0, proc_wait(&p, 20000 * harness_scale()));
	EXPECT_TRUE(proc_printed(&p, "client: errno 129"));
	EXPECT_TRUE(proc_printed(&p, "server.test"));

	run_start(&p, "--identity nobody", "python3 -m http.server 8443");
	EXPECT_EQ(1, proc_wait(&p, 20000 * harness_scale()));
	EXPECT_TRUE(proc_printed(&p, "nobody"));
	EXPECT_TRUE(proc_printed(&p, "listen to 0.0.0.0:8443"));
}

/* Ways around connect(): what a plain server gets is a ClientHello or nothing. */
TEST_F_TIMEOUT(run, detours, 60)
{
	struct sink s;

	sink_start(&s, PORT);
	expect_program("fastopen", "fastopen: errno 95");
	expect_program("ring", "ring: errno 38");
	expect_program("mptcp", "mptcp: errno 93");
#ifdef __x86_64__
	expect_program("int80", "int80: errno 1\n");
	expect_program("int80", "makes 32-bit system calls");
#endif
	EXPECT_EQ(0, s.connections);
	expect_program("fastopen-connect", "fastopen-connect: errno");
	EXPECT_EQ(1, s.hellos);
	EXPECT_EQ(0, s.plain);
}

TEST_F_TIMEOUT(run, races, 60)
{
	struct sink s, other;

	sink_start(&s, PORT);
	sink_start(&other, OTHER);
	expect_program("race", "race: value");
	EXPECT_EQ(0, s.plain);
	EXPECT_GT(s.hellos, 0);
	EXPECT_GT(other.plain, 0);
	EXPECT_EQ(0, other.hellos);
	expect_program("closed", "closed: value 0");
	EXPECT_EQ(0, s.plain);
}

/* A server that is silent: signals end the waiting, and other calls do not wait. */
TEST_F_TIMEOUT(run, waiting, 60)
{
	struct addr a = net_loopback(AF_INET, PORT);
	int l = OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	struct sink other;

	OK(bind(l, &a.sa, a.len));
	OK(listen(l, 100));
	sink_start(&other, OTHER);
	expect_program("alarmed", "alarmed: errno 4\n");
	expect_program("threads", "threads: value 0");
}

/* Without ktls-run nothing connects and nothing listens. */
TEST_F(run, killed)
{
	char line[400];
	struct sink s;
	struct proc p;

	sink_start(&s, PORT);
	snprintf(line, sizeof(line), "%s late %u", real_program(), PORT);
	run_start(&p, run_client(), line);
	EVENTUALLY(proc_printed(&p, "late: value 0"), 10000);
	OK(kill(p.pid, SIGKILL));
	proc_wait(&p, 10000 * harness_scale());
	EXPECT_EQ(1, write(p.in, "\n", 1));
	EVENTUALLY(proc_printed(&p, "listen: errno 38"), 10000);
	EXPECT_TRUE(proc_printed(&p, "later: errno 38"));
	EXPECT_EQ(0, s.connections);
}

/* Sockets that are there before: as systemd passes them, and as inetd does. */
TEST_F_TIMEOUT(run, inherited, 60)
{
	char line[900];
	struct proc p;

	snprintf(line, sizeof(line), "python3 -c 'import os, socket\n"
		 "l = socket.socket(); l.bind((\"127.0.0.1\", %u)); l.listen(3)\n"
		 "os.dup2(l.fileno(), 3); os.set_inheritable(3, True); os.environ[\"LISTEN_FDS\"] = \"1\"\n"
		 "os.environ[\"LISTEN_PID\"] = str(os.getpid())\n"
		 "os.execv(\"%s\", [\"ktls-run\", \"-i\", \"rsa\", \"-l\", \"%u\", \"python3\", "
		 "\"-c\", \"import os, socket; assert os.environ[\\\"LISTEN_PID\\\"] == str(os.getpid());"
		 "c, a = socket.socket(fileno=3).accept(); c.send(c.recv(9)); c.recv(9)\"])'",
		 PORT, real_ktls_run(), PORT);
	proc_start(&p, "sh", "-c", line, NULL);
	real_wait_port(PORT);
	run_greet(PORT, "hello");
	EXPECT_EQ(0, proc_wait(&p, 10000 * harness_scale()));

	snprintf(line, sizeof(line), "python3 -c 'import socket, subprocess\n"
		 "l = socket.socket(); l.setsockopt(1, 2, 1); l.bind((\"127.0.0.1\", %u)); l.listen(3)\n"
		 "c, a = l.accept()\n"
		 "subprocess.run([\"%s\", \"-i\", \"rsa\", \"-w\", \"0\", \"sed\", \"-u\", \"s/l/L/g\"], "
		 "stdin=c, stdout=c, check=True)'", OTHER, real_ktls_run());
	proc_start(&p, "sh", "-c", line, NULL);
	real_wait_port(OTHER);
	run_greet(OTHER, "heLLo");
	EXPECT_EQ(0, proc_wait(&p, 10000 * harness_scale()));
}

TEST_HARNESS_MAIN
