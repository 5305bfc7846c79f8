// SPDX-License-Identifier: GPL-2.0-or-later
/* openssl as a peer. See interop.h. */
#include <poll.h>

#include "interop.h"

static void append(char **argv, int n, va_list ap)
{
	while ((argv[n] = va_arg(ap, char *)))
		ASSERT_LT(++n, 63);
}

/* A port that was free a moment ago; this namespace is ours alone. */
static uint16_t free_port(void)
{
	static uint16_t next = 4440;

	return next++;
}

void s_server_start(struct s_server *s, const char *identity, ...)
{
	char port[8], pem[32], key[32];
	uint16_t n = free_port();
	va_list ap;

	snprintf(port, sizeof(port), "%u", n);
	snprintf(pem, sizeof(pem), "%s.pem", identity);
	snprintf(key, sizeof(key), "%s.key", identity);

	char *argv[64] = {
		"openssl", "s_server", "-4", "-accept", port,
		"-cert", (char *)real_pki(pem), "-key", (char *)real_pki(key),
	};

	va_start(ap, identity);
	append(argv, 9, ap);
	va_end(ap);
	proc_startv(&s->p, argv);
	s->a = net_loopback(AF_INET, n);
	real_wait_port(n);
}

void s_client_start(struct proc *p, const struct addr *a, ...)
{
	char where[64];
	va_list ap;
	char *argv[64] = {
		"openssl", "s_client", "-CAfile", (char *)real_pki("ca.pem"),
		"-verify_return_error", "-connect", where,
	};

	if (a->sa.sa_family == AF_INET)
		snprintf(where, sizeof(where), "127.0.0.1:%u", ntohs(a->v4.sin_port));
	else
		snprintf(where, sizeof(where), "[::1]:%u", ntohs(a->v6.sin6_port));
	va_start(ap, a);
	append(argv, 7, ap);
	va_end(ap);
	proc_startv(p, argv);
}

void gnutls_cli_start(struct proc *p, const struct addr *a, const char *priority, ...)
{
	char port[8];
	va_list ap;
	char *argv[64] = {
		"gnutls-cli", "--x509cafile", (char *)real_pki("ca.pem"), "--sni-hostname",
		"server.test", "--verify-hostname", "server.test", "--port", port,
		"127.0.0.1", "--priority", (char *)priority,
	};

	snprintf(port, sizeof(port), "%u", ntohs(a->v4.sin_port));
	va_start(ap, priority);
	append(argv, 12, ap);
	va_end(ap);
	proc_startv(p, argv);
}

struct addr gnutls_serv_start(struct proc *p, const char *priority)
{
	uint16_t n = free_port();
	char port[8];

	snprintf(port, sizeof(port), "%u", n);
	proc_start(p, "gnutls-serv", "--echo", "--port", port, "--priority", priority,
		   "--x509certfile", real_pki("rsa.pem"), "--x509keyfile", real_pki("rsa.key"),
		   NULL);
	real_wait_port(n);
	return net_loopback(AF_INET, n);
}

int interop_socket(const char *server_name)
{
	int fd = sock_new(AF_INET);

	if (server_name)
		OK(sock_set_str(fd, KTLS_SERVER_NAME, server_name));
	OK(sock_set_u32(fd, KTLS_TIMEOUT, 10000 * harness_scale() > 60000 ? 60000 :
			10000 * harness_scale()));
	return fd;
}

int interop_listen(const char *identity, const char *ciphers, struct addr *ret)
{
	struct addr a = net_loopback(AF_INET, 0);
	int fd = interop_socket(NULL);

	OK(bind(fd, &a.sa, a.len));
	OK(sock_set_str(fd, KTLS_IDENTITY, identity));
	if (ciphers)
		OK(sock_set_str(fd, KTLS_CIPHERS, ciphers));
	OK(listen(fd, 8));
	OK(getsockname(fd, &a.sa, &a.len));
	*ret = a;
	return fd;
}

int interop_accept(int l, struct proc *client)
{
	if (!net_poll(l, POLLIN, 10000)) {
		harness_fail(__FILE__, __LINE__, "%s does not get through", client->name);
		harness_end();
	}
	return net_accept(l);
}

void interop_set_file(int fd, int opt, const char *pki_name)
{
	static char text[65536];
	size_t n = real_pki_read(pki_name, text, sizeof(text));

	OK(setsockopt(fd, SOL_TLS, opt, text, n));
}

void interop_expect_reversed(int fd)
{
	char buf[8] = "";

	net_write(fd, "abcdef\n", 7);
	net_read(fd, buf, 7);
	EXPECT_MEMEQ("fedcba\n", buf, 7);
}

void interop_expect_dialogue(struct proc *client, int fd)
{
	char buf[8] = "";

	OK(write(client->in, "hello\n", 6));
	net_read(fd, buf, 6);
	EXPECT_MEMEQ("hello\n", buf, 6);
	net_write(fd, "and back\n", 9);
	EVENTUALLY(proc_printed(client, "and back\n"), 5000);
}
