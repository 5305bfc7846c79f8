// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include <linux/ktls.h>

#include "ktls-run/wrap.h"

static int wrap_get(int fd, int option)
{
	socklen_t len = sizeof(int);
	int value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) ? -1 : value;
}

bool ktls_run_wrap_is_tcp(int fd)
{
	int domain = wrap_get(fd, SO_DOMAIN);

	return (domain == AF_INET || domain == AF_INET6) && wrap_get(fd, SO_TYPE) == SOCK_STREAM &&
	       wrap_get(fd, SO_PROTOCOL) == IPPROTO_TCP;
}

/* Return: the name of the ULP in @name. */
static const char *wrap_ulp(int fd, char name[static 17])
{
	socklen_t len = 16;

	memset(name, 0, 17);
	if (getsockopt(fd, IPPROTO_TCP, TCP_ULP, name, &len))
		*name = '\0';
	return name;
}

bool ktls_run_wrap_is_tls(int fd)
{
	char name[17];

	return !strcmp(wrap_ulp(fd, name), "ktls");
}

int ktls_run_wrap_tcp_state(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ? TCP_CLOSE : info.tcpi_state;
}

static int wrap_set(int fd, int option, const void *value, size_t len)
{
	return setsockopt(fd, SOL_TLS, option, value, (socklen_t)len) ? -errno : 0;
}

static int wrap_set_blob(int fd, int option, const struct ktls_run_blob *blob)
{
	return blob->len ? wrap_set(fd, option, blob->data, blob->len) : 0;
}

static int wrap_set_string(int fd, int option, const char *value)
{
	return value ? wrap_set(fd, option, value, strlen(value)) : 0;
}

static int wrap_set_credential(int fd, const struct ktls_run_settings *settings,
			       const char **ret_what)
{
	int err = wrap_set_string(fd, KTLS_IDENTITY, settings->identity);

	*ret_what = "the identity cannot be used: see [identity] and allow_uids in ktlsd.conf(5)";
	if (err)
		return err;
	*ret_what = "the certificate cannot be used";
	err = wrap_set_blob(fd, KTLS_CERTIFICATE, &settings->certificate);
	if (err)
		return err;
	*ret_what = "the private key cannot be used";
	return wrap_set_blob(fd, KTLS_PRIVATE_KEY, &settings->key);
}

static int wrap_set_options(int fd, const struct ktls_run_settings *settings,
			    const char **ret_what)
{
	const int eof = 0;
	int err;

	*ret_what = "the trust anchors cannot be used";
	err = wrap_set_blob(fd, KTLS_TRUST, &settings->trust);
	if (err)
		return err;
	*ret_what = "the server name cannot be used";
	err = wrap_set_string(fd, KTLS_SERVER_NAME, settings->server_name);
	if (err)
		return err;
	*ret_what = "the options of TLS cannot be set";
	if (settings->alpn_len)
		err = wrap_set(fd, KTLS_ALPN, settings->alpn, settings->alpn_len);
	if (!err && settings->verify >= 0)
		err = wrap_set(fd, KTLS_VERIFY, &settings->verify, sizeof(settings->verify));
	if (!err && settings->allow_truncation)
		err = wrap_set(fd, KTLS_EOF, &eof, sizeof(eof));
	/* Last: from here a listening socket has the credential without which no handshake
	 * of a connection that came before can succeed.
	 */
	return err ? err : wrap_set_credential(fd, settings, ret_what);
}

static const char *wrap_explain(int err)
{
	switch (err) {
	case ENOENT:
		return "the module ktls is not loaded: systemctl start ktlsd, or modprobe ktls";
	case EEXIST:
		return "the socket has another upper layer protocol already";
	case EBUSY:
		return "the socket is in use already, or belongs to something else in the kernel";
	}
	return "the socket cannot be made a TLS socket";
}

int ktls_run_wrap_socket(int fd, const struct ktls_run_settings *settings,
			 const char **ret_what)
{
	const int off = 0;

	*ret_what = "only TCP sockets can be TLS sockets";
	if (!ktls_run_wrap_is_tcp(fd))
		return -EPROTONOSUPPORT;
	if (!ktls_run_wrap_is_tls(fd)) {
		/* Otherwise connect() would leave the connection to the first write(). */
		setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &off, sizeof(off));
		if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "ktls", strlen("ktls")) &&
		    (errno != EEXIST || !ktls_run_wrap_is_tls(fd))) {
			int err = errno;

			*ret_what = wrap_explain(err);
			return -err;
		}
	}
	return wrap_set_options(fd, settings, ret_what);
}

void ktls_run_wrap_reason(int fd, char reason[static KTLS_RUN_REASON_MAX])
{
	socklen_t len = KTLS_RUN_REASON_MAX - 1;

	if (getsockopt(fd, SOL_TLS, KTLS_ERROR, reason, &len))
		len = 0;
	reason[len] = '\0';
}
