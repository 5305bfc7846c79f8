/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dates in certificates, CRLs and OCSP responses. Any thread. */
#ifndef KTLSD_DATE_H
#define KTLSD_DATE_H

#include <stdint.h>

#include <openssl/asn1.h>

/* Return: seconds since the epoch, 0 if @when is NULL or cannot be read. */
int64_t ktlsd_date_seconds(const ASN1_TIME *when);

#endif
