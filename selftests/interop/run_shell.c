// SPDX-License-Identifier: GPL-2.0-or-later
/* See run_shell.h. */
#include "lib/interop.h"
#include "run_shell.h"

void run_start_as(struct proc *p, const char *become, const char *rules, const char *program)
{
	char line[2000];

	ASSERT_LT(snprintf(line, sizeof(line), "exec %s %s %s -- %s", become, real_ktls_run(),
			   rules, program), (int)sizeof(line));
	proc_start(p, "sh", "-c", line, NULL);
}

void run_start(struct proc *p, const char *rules, const char *program)
{
	run_start_as(p, "", rules, program);
}

void run_shell(const char *line)
{
	struct proc p;

	proc_start(&p, "sh", "-ec", line, NULL);
	ASSERT_EQ(0, proc_wait(&p, 20000 * harness_scale()));
}

void run_greet(unsigned int port, const char *answer)
{
	char line[400];

	snprintf(line, sizeof(line), "(echo hello; sleep 2) | "
		 "openssl s_client -quiet -no_ign_eof -CAfile %s -verify_return_error "
		 "-connect 127.0.0.1:%u 2>/dev/null | grep %s",
		 real_pki("ca.pem"), port, answer);
	run_shell(line);
}

const char *run_client(void)
{
	static char rules[400];

	snprintf(rules, sizeof(rules), "--trust %s --server-name server.test --connect %u",
		 real_pki("ca.pem"), PORT);
	return rules;
}
