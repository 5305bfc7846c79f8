/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OpenSSL passes the TLS 1.3 traffic secrets only to its keylog callback, and prints them in
 * hexadecimal for it: a twentieth of all that a handshake costs. So they are taken where they
 * are derived: a small OpenSSL provider has the TLS13-KDF of OpenSSL's own provider, and looks
 * at what that derives for a handshake.
 */
#ifndef KTLSD_SECRETS_H
#define KTLSD_SECRETS_H

/**
 * ktlsd_secrets_query - property query for SSL_CTX_new_ex(), whose handshakes then pass their
 * secrets to ktlsd_keys_take_derived()
 *
 * Any thread may call it; the first call makes the provider known to OpenSSL.
 *
 * Return: the query; NULL if that does not work, as OpenSSL's configuration demands another
 * provider (FIPS): then keys.c uses the callback
 */
const char *ktlsd_secrets_query(void);

#endif
