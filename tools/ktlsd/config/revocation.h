/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How peers' certificates are checked for revocation: the setting. Any thread. */
#ifndef KTLSD_CONFIG_REVOCATION_H
#define KTLSD_CONFIG_REVOCATION_H

#include <stdbool.h>

/* Each mode does what those before it do, and more; see ktlsd.conf(5). */
enum ktlsd_revocation_mode {
	KTLSD_REVOCATION_OFF,		/* nothing is checked or asked for */
	KTLSD_REVOCATION_STAPLE,	/* OCSP responses that servers staple */
	KTLSD_REVOCATION_CRL,		/* the CRLs of ktlsd.conf, where there is one */
	KTLSD_REVOCATION_OCSP,		/* OCSP responders are asked; silence is accepted */
	KTLSD_REVOCATION_HARD,		/* the same; each certificate must be proven good */
};

#define KTLSD_REVOCATION_DEFAULT	KTLSD_REVOCATION_STAPLE
#define KTLSD_REVOCATION_NAMES		"off, staple, crl, ocsp or hard"

/**
 * struct ktlsd_revocation - a setting of ktlsd.conf
 * @given: false: the next more general one applies
 * @mode: the value
 */
struct ktlsd_revocation {
	bool				given;
	enum ktlsd_revocation_mode	mode;
};

/* Return: 0 and @ret_revocation set, or -EINVAL if @value is none of the names. */
int ktlsd_revocation_parse(const char *value, struct ktlsd_revocation *ret_revocation);

/* Return: the name of a mode. */
const char *ktlsd_revocation_name(enum ktlsd_revocation_mode mode);

/**
 * ktlsd_revocation_choose - which mode applies to a handshake
 * @floor: the least that policies require
 * @identity: of the identity, or NULL
 * @global: of [ktlsd]
 * @own_anchors: the trust anchors are the program's (KTLS_TRUST)
 * @all_anchors: ktlsd.conf, or a policy, extends checks to those
 *
 * Responders and CRLs are named by certificates, so a program's own anchors would let it
 * choose them: for these at most staples are checked, unless ktlsd.conf says otherwise.
 */
enum ktlsd_revocation_mode ktlsd_revocation_choose(enum ktlsd_revocation_mode floor,
						   const struct ktlsd_revocation *identity,
						   const struct ktlsd_revocation *global,
						   bool own_anchors, bool all_anchors);

#endif
