// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/x509.h>

#include "lib/log.h"
#include "config/date.h"
#include "config/expiry.h"

enum {
	EXPIRY_DAY	= 86400,
	EXPIRY_EXPIRED	= 4,		/* stage */
};

static const int expiry_days[] = { 30, 7, 1, 0 };

static int64_t expiry_of(const X509 *cert)
{
	int64_t end = ktlsd_date_seconds(X509_get0_notAfter(cert));

	return end ? end : KTLSD_EXPIRY_NEVER;
}

int64_t ktlsd_expiry_find(const struct ktlsd_identity *identity)
{
	const struct ktlsd_credential *credential;
	int64_t first = KTLSD_EXPIRY_NEVER, end;
	unsigned int i;
	X509 *cert;
	int k;

	for (i = 0; i < identity->credential_count; i++) {
		credential = &identity->credentials[i];
		cert = credential->leaf;
		for (k = 0; cert; cert = sk_X509_value(credential->chain, k++)) {
			end = expiry_of(cert);
			if (end < first)
				first = end;
		}
	}
	return first;
}

int64_t ktlsd_expiry_nearest(const struct ktlsd_config *config,
			     const struct ktlsd_identity **ret_identity)
{
	int64_t first = KTLSD_EXPIRY_NEVER, end;
	size_t i;

	*ret_identity = NULL;
	for (i = 0; i < config->identity_count; i++) {
		end = ktlsd_expiry_find(&config->identities[i]);
		if (end >= first)
			continue;
		first = end;
		*ret_identity = &config->identities[i];
	}
	return first;
}

int64_t ktlsd_expiry_last_begin(const struct ktlsd_config *config,
				const struct ktlsd_identity **ret_identity)
{
	const struct ktlsd_identity *identity;
	int64_t last = 0, begin;
	unsigned int k;
	size_t i;

	*ret_identity = NULL;
	for (i = 0; i < config->identity_count; i++) {
		identity = &config->identities[i];
		for (k = 0; k < identity->credential_count; k++) {
			begin = ktlsd_date_seconds(X509_get0_notBefore(identity->credentials[k].leaf));
			if (begin <= last)
				continue;
			last = begin;
			*ret_identity = identity;
		}
	}
	return last;
}

/* Return: how many limits are passed. */
static unsigned int expiry_stage(int64_t end, int64_t now)
{
	unsigned int stage = 0;

	while (stage < EXPIRY_EXPIRED &&
	       end - now <= (int64_t)expiry_days[stage] * EXPIRY_DAY)
		stage++;
	return stage;
}

static void expiry_warn(const struct ktlsd_expiry_note *note, int64_t now)
{
	const long long left = (long long)(note->end - now);
	const time_t end = (time_t)note->end;
	struct tm tm;
	char date[32] = "";

	if (gmtime_r(&end, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &tm);
	if (note->stage == EXPIRY_EXPIRED)
		ktlsd_log(KTLSD_LOG_ERROR,
			  "A certificate of the identity '%s' expired at %s: peers refuse it. Replace it and run ktlsctl reload.",
			  note->name, date);
	else
		ktlsd_log(note->stage < EXPIRY_EXPIRED - 1 ? KTLSD_LOG_WARNING : KTLSD_LOG_ERROR,
			  "A certificate of the identity '%s' expires at %s, in %lld %s: replace it and run ktlsctl reload.",
			  note->name, date, left / (left < 2 * EXPIRY_DAY ? 3600 : EXPIRY_DAY),
			  left < 2 * EXPIRY_DAY ? "hours" : "days");
}

/* Return: the stage that was logged for the same certificate. */
static unsigned int expiry_logged(const struct ktlsd_expiry *expiry,
				  const struct ktlsd_expiry_note *note)
{
	size_t i;

	for (i = 0; i < expiry->count; i++) {
		if (expiry->notes[i].end == note->end &&
		    !strcmp(expiry->notes[i].name, note->name))
			return expiry->notes[i].stage;
	}
	return 0;
}

void ktlsd_expiry_step(struct ktlsd_expiry *expiry, const struct ktlsd_config *config,
		       int64_t now)
{
	struct ktlsd_expiry_note *notes, *note;
	size_t i, count = 0;

	/* After a jump of the clock backwards too. */
	if (config->generation == expiry->generation && now < expiry->next &&
	    now >= expiry->next - KTLSD_EXPIRY_PERIOD)
		return;
	expiry->generation = config->generation;
	expiry->next = now + KTLSD_EXPIRY_PERIOD;
	notes = calloc(config->identity_count + 1, sizeof(*notes));
	if (!notes)
		return;
	for (i = 0; i < config->identity_count; i++) {
		note = &notes[count];
		note->end = ktlsd_expiry_find(&config->identities[i]);
		if (note->end == KTLSD_EXPIRY_NEVER)
			continue;
		note->stage = expiry_stage(note->end, now);
		if (!note->stage)
			continue;
		strcpy(note->name, config->identities[i].name);
		if (note->stage > expiry_logged(expiry, note))
			expiry_warn(note, now);
		count++;
	}
	free(expiry->notes);
	expiry->notes = notes;
	expiry->count = count;
}

void ktlsd_expiry_free(struct ktlsd_expiry *expiry)
{
	free(expiry->notes);
	memset(expiry, 0, sizeof(*expiry));
}
