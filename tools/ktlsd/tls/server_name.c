// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "config/config.h"
#include "tls/own_cert.h"
#include "tls/server_name.h"

/* OpenSSL has not parsed the extension yet. */
static void server_name_read(SSL *ssl, char *name)
{
	const unsigned char *data;
	size_t len, i, size;

	name[0] = '\0';
	if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &len))
		return;
	if (len < 5 || data[2] != TLSEXT_NAMETYPE_host_name)
		return;
	size = (size_t)data[3] << 8 | data[4];
	if (size > len - 5 || size > KTLSD_NAME_MAX || memchr(data + 5, 0, size))
		return;
	for (i = 0; i < size; i++)
		name[i] = (char)tolower(data[5 + i]);
	name[size] = '\0';
}

/* Before anything else is done with the ClientHello: a ticket is bound to the name. */
static int server_name_choose(SSL *ssl, int *alert, void *arg)
{
	struct ktlsd_handshake *hs = SSL_get_app_data(ssl);
	const struct ktlsd_identity *identity;

	(void)alert;
	(void)arg;
	server_name_read(ssl, hs->server_name);
	hs->refused = KTLSD_SERVER_NAME_GOOD;
	if (!hs->listener)
		return SSL_CLIENT_HELLO_SUCCESS;
	identity = ktlsd_sni_find(&hs->listener->names, hs->server_name);
	if (!identity && hs->listener->sni_strict)
		hs->refused = KTLSD_SERVER_NAME_UNKNOWN;
	if (!identity)
		identity = hs->listener;
	ktlsd_own_cert_choose(hs, identity);
	if (!identity->credential_count)
		hs->refused = KTLSD_SERVER_NAME_BROKEN;
	return SSL_CLIENT_HELLO_SUCCESS;
}

/* Refuses the server name, or acknowledges it, which makes it part of the session. OpenSSL
 * knows the TLS version now: not every alert is in each.
 */
static int server_name_acknowledge(SSL *ssl, int *alert, void *arg)
{
	const struct ktlsd_handshake *hs = SSL_get_app_data(ssl);

	(void)arg;
	if (!hs->is_server)
		return SSL_TLSEXT_ERR_NOACK;
	switch (hs->refused) {
	case KTLSD_SERVER_NAME_UNKNOWN:
		/* RFC 6066 3, RFC 8446 9.2 */
		*alert = hs->server_name[0] ? SSL_AD_UNRECOGNIZED_NAME :
					      SSL_AD_MISSING_EXTENSION;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	case KTLSD_SERVER_NAME_BROKEN:
		*alert = SSL_AD_INTERNAL_ERROR;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	default:
		return hs->server_name[0] ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
	}
}

void ktlsd_server_name_prepare(SSL_CTX *ctx)
{
	SSL_CTX_set_client_hello_cb(ctx, server_name_choose, NULL);
	SSL_CTX_set_tlsext_servername_callback(ctx, server_name_acknowledge);
}

int ktlsd_server_name_explain(const struct ktlsd_handshake *hs, struct ktlsd_fault *fault)
{
	struct ktlsd_name name;

	switch (hs->refused) {
	case KTLSD_SERVER_NAME_UNKNOWN:
		if (!hs->server_name[0])
			return ktlsd_errors_set(fault, -EPROTO,
				"The client asks for no server name, and the identity '%s' has sni_strict.",
				hs->listener->name);
		/* What is no host name does not belong in a log. */
		return ktlsd_errors_set(fault, -EPROTO,
			"The client asks for the server name '%s', which no identity of the listener has; '%s' has sni_strict.",
			ktlsd_names_parse(hs->server_name, &name) ? "?" : name.text,
			hs->listener->name);
	case KTLSD_SERVER_NAME_BROKEN:
		return ktlsd_errors_set(fault, -ENOKEY,
			"The identity '%s', which has the client's server name, cannot be used: %s.",
			hs->identity->name, hs->identity->trouble);
	default:
		return 0;
	}
}
