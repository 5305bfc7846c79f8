// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/x509v3.h>

#include "config/expiry.h"
#include "config/roles.h"
#include "inventory.h"

enum {
	INVENTORY_NAMES_MAX	= 100,	/* of a certificate */
};

/* Names are somebody else's: nothing that is not printable. */
static void inventory_print_name(FILE *out, const ASN1_STRING *name)
{
	const unsigned char *data = ASN1_STRING_get0_data(name);
	int i, len = ASN1_STRING_length(name);

	fputs(" DNS:", out);
	for (i = 0; i < len && i < 255; i++)
		fputc(data[i] < 0x21 || data[i] > 0x7e ? '?' : data[i], out);
}

static void inventory_print_names(FILE *out, const X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	const GENERAL_NAME *name;
	int i;

	fputs("names", out);
	for (i = 0; i < sk_GENERAL_NAME_num(names) && i < INVENTORY_NAMES_MAX; i++) {
		name = sk_GENERAL_NAME_value(names, i);
		if (name->type == GEN_DNS)
			inventory_print_name(out, name->d.dNSName);
	}
	fputs(i < sk_GENERAL_NAME_num(names) ? " ...\n" : "\n", out);
	GENERAL_NAMES_free(names);
}

static void inventory_print_ids(FILE *out, const char *key, const struct ktlsd_acl_list *list)
{
	size_t i;

	if (!list->any && !list->count)
		return;
	fputs(key, out);
	if (list->any)
		fputs(" *", out);
	for (i = 0; i < list->count; i++)
		fprintf(out, " %" PRIu32, list->ids[i]);
	fputc('\n', out);
}

static void inventory_print_words(FILE *out, const char *key, const struct ktlsd_words *words)
{
	size_t i;

	if (!words->count)
		return;
	fputs(key, out);
	for (i = 0; i < words->count; i++)
		fprintf(out, " %s", words->items[i]);
	fputc('\n', out);
}

static void inventory_print_expiry(FILE *out, const struct ktlsd_identity *identity)
{
	const int64_t end = ktlsd_expiry_find(identity);
	const time_t when = (time_t)end;
	char date[32];
	struct tm tm;

	if (end == KTLSD_EXPIRY_NEVER || !gmtime_r(&when, &tm) ||
	    !strftime(date, sizeof(date), "%FT%TZ", &tm))
		return;
	fprintf(out, "expires %s%s\n", date, when <= time(NULL) ? " expired" : "");
}

static void inventory_print_files(FILE *out, const struct ktlsd_identity *identity)
{
	unsigned int i;

	for (i = 0; i < KTLSD_IDENTITY_CERTIFICATES; i++) {
		if (!identity->files[i].certificate)
			continue;
		fprintf(out, "certificate %s\n", identity->files[i].certificate);
		if (identity->files[i].private_key)
			fprintf(out, "private_key %s\n", identity->files[i].private_key);
	}
	for (i = 0; i < identity->credential_count; i++)
		inventory_print_names(out, identity->credentials[i].leaf);
}

static void inventory_print(FILE *out, const struct ktlsd_identity *identity)
{
	fprintf(out, "identity %s\n", identity->name);
	fprintf(out, "defined %s:%u\n", identity->path, identity->line);
	fprintf(out, "usable %s\n", identity->credential_count ? "yes" : "no");
	if (identity->trouble[0])
		fprintf(out, "trouble %s\n", identity->trouble);
	inventory_print_expiry(out, identity);
	inventory_print_files(out, identity);
	if (identity->roles)
		fprintf(out, "role %s\n", ktlsd_roles_who(identity->roles));
	inventory_print_words(out, "server_names", &identity->sni);
	inventory_print_words(out, "also", &identity->also);
	if (identity->netns)
		fprintf(out, "netns %s\n", identity->netns);
	if (!identity->acl.given)
		fputs("allow_uids 0\n", out);
	inventory_print_ids(out, "allow_uids", &identity->acl.uids);
	inventory_print_ids(out, "allow_gids", &identity->acl.gids);
	if (identity->acl.containers)
		fputs("allow_containers yes\n", out);
}

int ktlsd_inventory_write(const struct ktlsd_config *config, char **ret_text, size_t *ret_len)
{
	FILE *out = open_memstream(ret_text, ret_len);
	bool failed;
	size_t i;

	if (!out)
		return -ENOMEM;
	for (i = 0; i < config->identity_count; i++) {
		if (i)
			fputc('\n', out);
		inventory_print(out, &config->identities[i]);
	}
	failed = ferror(out);
	if (!fclose(out) && !failed) {
		/* ktlsctl ends the last line of each answer. */
		if (*ret_len && (*ret_text)[*ret_len - 1] == '\n')
			(*ret_text)[--*ret_len] = '\0';
		return 0;
	}
	free(*ret_text);
	return -ENOMEM;
}

void ktlsd_inventory_answer(const struct ktlsd_config *config, struct ktlsd_control *control)
{
	size_t len;
	char *text;

	if (ktlsd_inventory_write(config, &text, &len)) {
		ktlsd_control_answer(control, false, "There is no memory for the answer.");
		return;
	}
	ktlsd_control_answer_text(control, text, len);
	free(text);
}
