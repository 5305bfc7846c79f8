// SPDX-License-Identifier: GPL-2.0-or-later
/* Small records, asked for with max_fragment_length: sequence numbers stay right. */
#include "lib/interop.h"

FIXTURE(fragment) { struct proc d; };
FIXTURE_VARIANT(fragment)
{
	const char *version;
	const char *length;
};
FIXTURE_VARIANT_ADD(fragment, tls13_512) { "-tls1_3", "512" };
FIXTURE_VARIANT_ADD(fragment, tls13_1024) { "-tls1_3", "1024" };
FIXTURE_VARIANT_ADD(fragment, tls12_512) { "-tls1_2", "512" };
FIXTURE_SETUP(fragment)
{
	net_new();
	real_start(&self->d);
}
FIXTURE_TEARDOWN(fragment)
{
}

static void expect_data_both_ways(int fd, struct proc *c)
{
	char data[3000], back[6];

	for (int i = 0; i < 3; i++) {
		OK(write(c->in, "hello\n", 6));
		net_read(fd, back, 6);
		EXPECT_MEMEQ("hello\n", back, 6);
	}
	memset(data, 'x', sizeof(data));
	memcpy(data + sizeof(data) - 10, "\nthe end.\n", 10);
	net_write(fd, data, sizeof(data));
	EVENTUALLY(proc_printed(c, "\nthe end.\n"), 5000);
}

/* Behind the handshake there are tickets, on their way in such records. */
TEST_F_TIMEOUT(fragment, server_of_s_client, 40)
{
	struct addr a;
	struct proc c;
	int l, fd;

	l = interop_listen("ecdsa", NULL, &a);
	s_client_start(&c, &a, variant->version, "-maxfraglen", variant->length,
		       "-servername", "server.test", "-tlsextdebug", NULL);
	fd = interop_accept(l, &c);
	expect_data_both_ways(fd, &c);
	/* The name was used, and that is acknowledged: RFC 6066 3. */
	EXPECT_TRUE(proc_printed(&c, "\"server name\" (id=0), len=0"));
	close(fd);
	EXPECT_EQ(0, proc_wait(&c, 5000));
	close(l);
}

/* A ticket with the client's certificate in it takes several of them. */
TEST_F_TIMEOUT(fragment, server_of_s_client_with_certificate, 40)
{
	struct addr a = net_loopback(AF_INET, 0);
	struct proc c;
	int l, fd;

	l = interop_socket(NULL);
	OK(bind(l, &a.sa, a.len));
	OK(sock_set_str(l, KTLS_IDENTITY, "rsa"));
	OK(sock_set_int(l, KTLS_VERIFY, KTLS_VERIFY_REQUIRED));
	OK(listen(l, 8));
	OK(getsockname(l, &a.sa, &a.len));
	s_client_start(&c, &a, variant->version, "-maxfraglen", variant->length,
		       "-cert", real_pki("client.pem"), "-key", real_pki("client.key"), NULL);
	fd = interop_accept(l, &c);
	EXPECT_TRUE(sock_info(fd).flags & KTLS_INFO_VERIFIED);
	expect_data_both_ways(fd, &c);
	close(fd);
	EXPECT_EQ(0, proc_wait(&c, 5000));
	close(l);
}
