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

/* OpenSSL's client has its input until the answer is there: at the end of it it would close,
 * answer or not.
 */
void run_greet(unsigned int port, const char *answer)
{
	char line[700];

	ASSERT_LT(snprintf(line, sizeof(line),
			   "d=$(mktemp -d); mkfifo $d/in; "
			   "openssl s_client -quiet -no_ign_eof -CAfile %s -verify_return_error "
			   "-connect 127.0.0.1:%u <$d/in >$d/out 2>/dev/null & "
			   "exec 3>$d/in; echo hello >&3; "
			   "while ! grep %s $d/out && kill -0 $! 2>/dev/null; do sleep 0.1; done; "
			   "exec 3>&-; wait $! || :; grep -q %s $d/out; rm -r $d",
			   real_pki("ca.pem"), port, answer, answer), (int)sizeof(line));
	run_shell(line);
}

const char *run_client(void)
{
	static char rules[400];

	snprintf(rules, sizeof(rules), "--trust %s --server-name server.test --connect %u",
		 real_pki("ca.pem"), PORT);
	return rules;
}
