// SPDX-License-Identifier: GPL-2.0
/* The table of the options that make up a configuration. To add one, add a row:
 * setsockopt, getsockopt, copies, the messages to the helper and what may be set on
 * a listening socket follow from it.
 */
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/string.h>
#include <uapi/linux/ktls.h>
#include <uapi/linux/ktls_netlink.h>

#include "config.h"
#include "option.h"
#include "wire.h"

enum option_limits {
	OPTION_IDENTITY_MAX	= 64,
	OPTION_CERTIFICATE_MAX	= 64 * 1024,
	OPTION_PRIVATE_KEY_MAX	= 16 * 1024,
	OPTION_TRUST_MAX	= 1024 * 1024,
	OPTION_ALPN_MAX		= 1024,
	OPTION_CIPHERS_MAX	= 1024,
	OPTION_NAMES_MAX	= 1024,		/* KTLS_GROUPS, KTLS_SIGALGS */
	OPTION_TICKETS_MAX	= 16,
	OPTION_TICKETS_DEFAULT	= 2,
	OPTION_TIMEOUT_MS	= 10 * 1000,	/* default of KTLS_TIMEOUT */
	OPTION_TIMEOUT_MAX_MS	= 60 * 1000,	/* default of max_timeout_ms */
};

static unsigned int option_max_timeout_ms = OPTION_TIMEOUT_MAX_MS;
module_param_named(max_timeout_ms, option_max_timeout_ms, uint, 0644);
MODULE_PARM_DESC(max_timeout_ms, "Largest KTLS_TIMEOUT a program may set, milliseconds (60000)");

#define AT(member)	.offset = offsetof(struct ktls_config, member)
#define FETCHED		(KTLS_OPTION_PART | KTLS_OPTION_WRITE_ONLY)

const struct ktls_option ktls_options[] = {
	{ KTLS_SERVER_NAME, KTLS_FORM_HOST_NAME, .max = KTLS_SERVER_NAME_MAX,
	  .attr = KTLS_A_SERVER_NAME },
	{ KTLS_IDENTITY, KTLS_FORM_TEXT, KTLS_OPTION_IDENTITY, .max = OPTION_IDENTITY_MAX,
	  .attr = KTLS_A_IDENTITY },
	{ KTLS_CERTIFICATE, KTLS_FORM_TEXT, FETCHED | KTLS_OPTION_OWN,
	  .max = OPTION_CERTIFICATE_MAX, .attr = KTLS_CONFIG_CERTIFICATE },
	{ KTLS_PRIVATE_KEY, KTLS_FORM_TEXT, FETCHED | KTLS_OPTION_OWN,
	  .max = OPTION_PRIVATE_KEY_MAX, .attr = KTLS_CONFIG_PRIVATE_KEY },
	{ KTLS_TRUST, KTLS_FORM_TEXT, FETCHED, .max = OPTION_TRUST_MAX,
	  .attr = KTLS_CONFIG_TRUST },
	/* What it means depends on the role; message.c sends that. */
	{ KTLS_VERIFY, KTLS_FORM_NUMBER, KTLS_OPTION_CHECKED, AT(verify),
	  .max = KTLS_VERIFY_REQUIRED, .initial = -1 },
	{ KTLS_ALPN, KTLS_FORM_PROTOCOLS, .max = OPTION_ALPN_MAX, .attr = KTLS_A_ALPN },
	{ KTLS_VERSIONS, KTLS_FORM_VERSIONS, KTLS_OPTION_CHECKED, AT(versions),
	  .min = KTLS_TLS_1_2, .max = KTLS_TLS_1_3, .attr = KTLS_A_VERSION_MIN },
	{ KTLS_CIPHERS, KTLS_FORM_CIPHERS, .max = OPTION_CIPHERS_MAX, .attr = KTLS_A_CIPHERS },
	{ KTLS_PSK, KTLS_FORM_PSK, FETCHED, .max = sizeof(struct ktls_psk),
	  .attr = KTLS_CONFIG_PSK },
	{ KTLS_TIMEOUT, KTLS_FORM_NUMBER, AT(timeout_ms), .min = 1,
	  .limit = &option_max_timeout_ms, .initial = OPTION_TIMEOUT_MS },
	{ KTLS_EOF, KTLS_FORM_NUMBER, AT(strict_eof), .max = 1, .initial = 1 },
	{ KTLS_RECORD_PADDING, KTLS_FORM_SHORT, AT(padding), .max = KTLS_PAYLOAD_MAX },
	{ KTLS_GROUPS, KTLS_FORM_NAMES, .max = OPTION_NAMES_MAX, .attr = KTLS_A_TLS_GROUPS },
	{ KTLS_SIGALGS, KTLS_FORM_NAMES, .max = OPTION_NAMES_MAX, .attr = KTLS_A_SIGALGS },
	{ KTLS_TICKETS, KTLS_FORM_NUMBER, AT(tickets), .max = OPTION_TICKETS_MAX,
	  .initial = OPTION_TICKETS_DEFAULT, .attr = KTLS_A_TICKETS },
};

#undef FETCHED
#undef AT

const unsigned int ktls_options_count = ARRAY_SIZE(ktls_options);

static_assert(ARRAY_SIZE(ktls_options) <= KTLS_OPTIONS_MAX);
static_assert(KTLS_A_VERSION_MAX - KTLS_A_VERSION_MIN == 1);

/**
 * ktls_option_find - the row of an option
 * @name: its number
 *
 * Context: any.
 * Return: the row, or NULL.
 */
const struct ktls_option *ktls_option_find(int name)
{
	const struct ktls_option *option;

	ktls_for_each_option(option)
		if (option->name == name)
			return option;
	return NULL;
}

/**
 * ktls_option_size - how long a value of fixed size is
 * @option: the row
 *
 * Context: any.
 * Return: bytes, as in setsockopt and in struct ktls_config; 0 for bytes.
 */
size_t ktls_option_size(const struct ktls_option *option)
{
	switch (option->form) {
	case KTLS_FORM_NUMBER:
		return sizeof(u32);
	case KTLS_FORM_SHORT:
		return sizeof(u16);
	case KTLS_FORM_VERSIONS:
		return sizeof(struct ktls_versions);
	}
	return 0;
}

static void *option_slot(const struct ktls_option *option, struct ktls_config *config)
{
	return (u8 *)config + option->offset;
}

/**
 * ktls_option_value - a value of fixed size
 * @option: its row
 * @config: the configuration
 *
 * Context: any in which @config does not change.
 * Return: ktls_option_size() bytes.
 */
const void *ktls_option_value(const struct ktls_option *option,
			      const struct ktls_config *config)
{
	return (const u8 *)config + option->offset;
}

static bool option_allows(const struct ktls_option *option, const void *value)
{
	const u32 max = option->limit ? READ_ONCE(*option->limit) : option->max;
	const struct ktls_versions *versions = value;

	switch (option->form) {
	case KTLS_FORM_NUMBER:
		return *(u32 *)value >= option->min && *(u32 *)value <= max;
	case KTLS_FORM_SHORT:
		return *(u16 *)value >= option->min && *(u16 *)value <= max;
	case KTLS_FORM_VERSIONS:
		return versions->min >= option->min && versions->max <= max &&
		       versions->min <= versions->max;
	}
	return false;
}

/**
 * ktls_option_apply - set a value of fixed size
 * @option: its row
 * @config: private
 * @value: ktls_option_size() bytes
 *
 * Context: the lock that protects @config held.
 * Return: 0, or -EINVAL: out of bounds.
 */
int ktls_option_apply(const struct ktls_option *option, struct ktls_config *config,
		      const void *value)
{
	if (!option_allows(option, value))
		return -EINVAL;
	memcpy(option_slot(option, config), value, ktls_option_size(option));
	return 0;
}

/**
 * ktls_option_set_defaults - the values of fixed size, as nobody has set them
 * @config: private
 *
 * Context: as for ktls_option_apply().
 */
void ktls_option_set_defaults(struct ktls_config *config)
{
	const struct ktls_option *option;
	u32 initial;

	ktls_for_each_option(option) {
		initial = option->initial;
		if (option->limit)
			initial = min(initial, READ_ONCE(*option->limit));
		if (option->form == KTLS_FORM_NUMBER)
			memcpy(option_slot(option, config), &initial, sizeof(initial));
	}
	config->versions.min = KTLS_TLS_1_2;
	config->versions.max = KTLS_TLS_1_3;
}
