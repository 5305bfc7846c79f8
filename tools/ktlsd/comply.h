/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does what a program asks for comply with the policies of ktlsd.conf? Any thread. */
#ifndef KTLSD_COMPLY_H
#define KTLSD_COMPLY_H

#include <openssl/ssl.h>

#include "config/config.h"
#include "request.h"

/**
 * ktlsd_comply_request - hold a request against all policies that apply to its caller
 * @config: with the policies
 * @request: fills its @bounds, and narrows to them what the program left open
 * @fault: on error: which policy forbids what, and what to do
 *
 * Return: 0, or -EACCES if the program explicitly asks for something that is forbidden
 */
int ktlsd_comply_request(const struct ktlsd_config *config, struct ktlsd_request *request,
			 struct ktlsd_fault *fault);

/**
 * ktlsd_comply_identity - hold the protocols of an identity against the policies, and its
 *	"role" and "rsa_key_transport" against the request
 * @config: with the policies
 * @request: after ktlsd_comply_request(); its caller uses the identity. Its @bounds lose RSA key
 *	transport if the identity of a server does not allow that. Without KTLS_ALPN it gets the
 *	protocols of the identity.
 * @identity: and those that it names in "also"
 * @fault: on error
 *
 * Return: 0 or -EACCES
 */
int ktlsd_comply_identity(const struct ktlsd_config *config, struct ktlsd_request *request,
			  const struct ktlsd_identity *identity, struct ktlsd_fault *fault);

/**
 * ktlsd_comply_keys - hold the keys of our own certificates against the bounds
 * @ctx: has the certificates
 * @bounds: of the request
 * @fault: on error
 *
 * Return: 0 or -EACCES
 */
int ktlsd_comply_keys(SSL_CTX *ctx, const struct ktlsd_bounds *bounds,
		      struct ktlsd_fault *fault);

#endif
