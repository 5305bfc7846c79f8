// SPDX-License-Identifier: GPL-2.0-or-later
/* The options of ktls-run, each with a peer that sees that it counts. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/interop.h"
#include "run_shell.h"

FIXTURE(run_options) { struct proc d; };
FIXTURE_VARIANT(run_options) { int unused; };
FIXTURE_VARIANT_ADD(run_options, any) { 0 };
FIXTURE_SETUP(run_options)
{
	net_new();
	real_start_with(&self->d, real_restricted());
	run_shell("rm -rf /tmp/run; mkdir -m 755 /tmp/run; echo " MARKER " >/tmp/run/data");
}
FIXTURE_TEARDOWN(run_options)
{
}

/* Python's server behind ktls-run; @bind: its address. */
static void serve(struct proc *p, const char *rules, const char *bind)
{
	char program[200];

	snprintf(program, sizeof(program),
		 "python3 -m http.server --bind %s --directory /tmp/run %u", bind, PORT);
	run_start(p, rules, program);
	real_wait_port(PORT);
}

/* Return: the exit status of curl, with more arguments. */
static int fetch(struct proc *p, const char *address, const char *more)
{
	char line[1200];

	snprintf(line, sizeof(line), "exec curl -sSv --http1.1 --cacert %s %s https://%s:%u/data",
		 real_pki("ca.pem"), more, address, PORT);
	proc_start(p, "sh", "-c", line, NULL);
	return proc_wait(p, 20000 * harness_scale());
}

/* The program's own certificate, over IPv6, for clients with a certificate, with ALPN. */
TEST_F_TIMEOUT(run_options, certificate_verify_alpn, 60)
{
	char rules[1200], own[700];
	struct proc s, p;

	snprintf(rules, sizeof(rules), "--listen [::1]:%u --certificate %s --key %s --trust %s "
		 "--verify required --alpn h2,http/1.1", PORT, real_pki("ecdsa.pem"),
		 real_pki("ecdsa.key"), real_pki("ca.pem"));
	serve(&s, rules, "::1");
	snprintf(own, sizeof(own), "--cert %s --key %s", real_pki("client.pem"),
		 real_pki("client.key"));
	EXPECT_EQ(0, fetch(&p, "[::1]", own));
	EXPECT_TRUE(proc_printed(&p, "accepted http/1.1"));
	EXPECT_TRUE(proc_printed(&p, "CN=ktls test ecdsa"));
	EXPECT_TRUE(proc_printed(&p, MARKER));
	EXPECT_NE(0, fetch(&p, "[::1]", ""));
	EXPECT_FALSE(proc_printed(&p, MARKER));
	proc_kill(&s, SIGTERM);
}

/* A client with a certificate of its own, over IPv6, for a server that wants one. */
TEST_F_TIMEOUT(run_options, client_certificate, 60)
{
	char rules[1200], line[900];
	struct proc s, p;

	snprintf(line, sizeof(line), "exec openssl s_server -accept [::1]:%u -cert %s -key %s "
		 "-Verify 1 -CAfile %s -verify_return_error -WWW", PORT, real_pki("rsa.pem"),
		 real_pki("rsa.key"), real_pki("ca.pem"));
	proc_start(&s, "sh", "-c", line, NULL);
	EVENTUALLY(proc_printed(&s, "ACCEPT"), 20000);
	snprintf(line, sizeof(line), "curl -sS http://[::1]:%u/tmp/run/data", PORT);
	snprintf(rules, sizeof(rules), "--trust %s --connect [::1]:%u --certificate %s --key %s",
		 real_pki("ca.pem"), PORT, real_pki("client.pem"), real_pki("client.key"));
	run_start(&p, rules, line);
	EXPECT_EQ(0, proc_wait(&p, 20000 * harness_scale()));
	snprintf(rules, sizeof(rules), "--trust %s --connect [::1]:%u", real_pki("ca.pem"), PORT);
	run_start(&p, rules, line);
	EXPECT_NE(0, proc_wait(&p, 20000 * harness_scale()));
	proc_kill(&s, SIGTERM);
}

/* Any certificate will do with --verify none, and only then. */
TEST_F_TIMEOUT(run_options, verify_none, 60)
{
	char rules[300], program[300];
	struct s_server s;
	struct proc p;

	s_server_start(&s, "untrusted", "-rev", NULL);
	snprintf(program, sizeof(program), "%s client %u", real_program(),
		 ntohs(s.a.v4.sin_port));
	snprintf(rules, sizeof(rules), "--connect %u --verify none", ntohs(s.a.v4.sin_port));
	run_start(&p, rules, program);
	EXPECT_EQ(0, proc_wait(&p, 20000 * harness_scale()));
	EXPECT_TRUE(proc_printed(&p, "got olleh"));
	snprintf(rules, sizeof(rules), "--connect %u", ntohs(s.a.v4.sin_port));
	run_start(&p, rules, program);
	EXPECT_EQ(0, proc_wait(&p, 20000 * harness_scale()));
	EXPECT_TRUE(proc_printed(&p, "client: errno 129"));
}

/* A server that ends without close_notify: an error, or an end of file. */
TEST_F_TIMEOUT(run_options, allow_truncation, 60)
{
	const char *program = "python3 -c 'import socket\n"
		"c = socket.create_connection((\"127.0.0.1\", 8443)); assert c.recv(9) == b\"hello\"\n"
		"try: print(\"end\", c.recv(9))\n"
		"except OSError as e: print(\"error\", e.errno)'";
	char line[900], rules[500];
	struct proc s, p;

	snprintf(line, sizeof(line), "exec python3 -c 'import os, socket, ssl\n"
		 "c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain(\"%s\", \"%s\")\n"
		 "l = socket.create_server((\"127.0.0.1\", %u))\n"
		 "while True:\n"
		 " s = c.wrap_socket(l.accept()[0], server_side=True); s.send(b\"hello\")\n"
		 " os.close(s.detach())'", real_pki("rsa.pem"), real_pki("rsa.key"), PORT);
	proc_start(&s, "sh", "-c", line, NULL);
	real_wait_port(PORT);
	snprintf(rules, sizeof(rules), "%s --allow-truncation", run_client());
	run_start(&p, rules, program);
	EXPECT_EQ(0, proc_wait(&p, 20000 * harness_scale()));
	EXPECT_TRUE(proc_printed(&p, "end b''"));
	run_start(&p, run_client(), program);
	EXPECT_EQ(0, proc_wait(&p, 20000 * harness_scale()));
	EXPECT_TRUE(proc_printed(&p, "error "));
	proc_kill(&s, SIGTERM);
}

/* Of all ports one stays TCP. */
TEST_F_TIMEOUT(run_options, plain, 60)
{
	struct proc s, p;
	char line[600];

	run_start(&s, "--identity rsa --listen 127.0.0.1:8080 --plain --listen any",
		  "sh -c '(python3 -m http.server --bind 127.0.0.1 --directory /tmp/run 8080 &) ; "
		  "exec python3 -m http.server --bind 127.0.0.1 --directory /tmp/run 8443'");
	real_wait_port(OTHER);
	real_wait_port(PORT);
	snprintf(line, sizeof(line), "curl -sS http://127.0.0.1:%u/data | grep " MARKER, OTHER);
	run_shell(line);
	EXPECT_EQ(0, fetch(&p, "127.0.0.1", ""));
	EXPECT_TRUE(proc_printed(&p, MARKER));
	OK(kill(s.pid, SIGTERM));
	EVENTUALLY(proc_printed(&s, "has left processes"), 5000);
	proc_kill(&s, SIGTERM);
}

/* Who connected before the listening socket was a TLS socket has no TLS, and gets nowhere. */
TEST_F_TIMEOUT(run_options, queued_connection, 60)
{
	char line[1500];
	struct proc p;

	snprintf(line, sizeof(line), "exec python3 -u -c 'import os, socket\n"
		 "l = socket.create_server((\"127.0.0.1\", %u))\n"
		 "c = socket.create_connection((\"127.0.0.1\", %u)); c.send(b\"" MARKER "\")\n"
		 "c.settimeout(20)\n"
		 "if os.fork() == 0:\n"
		 " l.close()\n"
		 " try: print(\"client\", c.recv(99))\n"
		 " except OSError as e: print(\"client error\", e.errno)\n"
		 " os._exit(0)\n"
		 "c.close(); os.dup2(l.fileno(), 3); os.set_inheritable(3, True)\n"
		 "os.execv(\"%s\", [\"ktls-run\", \"-i\", \"rsa\", \"-l\", \"%u\", \"python3\", \"-u\", \"-c\", "
		 "\"import socket\\nl = socket.socket(fileno=3)\\n"
		 "while True:\\n"
		 "  c, a = l.accept()\\n"
		 "  try: r = c.recv(99)\\n"
		 "  except OSError as e: r = e.errno\\n"
		 "  print(r)\\n"
		 "  try: c.send(r)\\n"
		 "  except Exception: pass\\n\"])'", PORT, PORT, real_ktls_run(), PORT);
	proc_start(&p, "sh", "-c", line, NULL);
	EVENTUALLY(proc_printed(&p, "client"), 20000);
	EXPECT_FALSE(proc_printed(&p, MARKER));
	run_greet(PORT, "hello");
	EXPECT_TRUE(proc_printed(&p, "hello"));
	EXPECT_FALSE(proc_printed(&p, MARKER));
	proc_kill(&p, SIGTERM);
}
