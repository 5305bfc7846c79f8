// SPDX-License-Identifier: GPL-2.0-or-later
#include <time.h>

#include "config/date.h"

int64_t ktlsd_date_seconds(const ASN1_TIME *when)
{
	struct tm tm;

	return when && ASN1_TIME_to_tm(when, &tm) ? timegm(&tm) : 0;
}
