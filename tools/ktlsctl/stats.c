// SPDX-License-Identifier: GPL-2.0-or-later
/* All numbers of ktlsd, with the counters of the module in its network namespace: in columns,
 * as JSON, or as Prometheus reads them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exposition.h"
#include "json.h"
#include "ktlsctl.h"

#define STATS_END	"# EOF\n"

enum stats_format {
	STATS_COLUMNS,
	STATS_JSON,
	STATS_PROMETHEUS,
};

/**
 * struct stats_options - the command line
 * @format: of the output
 * @output: file to replace, NULL for standard output
 * @control: socket of ktlsd
 */
struct stats_options {
	enum stats_format	format;
	const char		*output;
	const char		*control;
};

/**
 * struct stats_printer - state of the output
 * @out: where to
 * @families: how many there were
 * @samples: how many of the current family
 */
struct stats_printer {
	FILE		*out;
	unsigned int	families;
	unsigned int	samples;
};

static void stats_ignore_family(void *arg, const char *name, const char *type, const char *help)
{
	(void)arg;
	(void)name;
	(void)type;
	(void)help;
}

/* Return: the lowest bound below which @share of all values are. */
static const char *stats_find_bound(const struct ktlsctl_sample *sample, double share)
{
	double all = strtod(sample->value, NULL);
	unsigned int i;

	for (i = 0; i + 1 < sample->bucket_count; i++) {
		if (strtod(sample->buckets[i].value, NULL) >= share * all)
			break;
	}
	return sample->buckets[i].name;
}

static void stats_print_columns(void *arg, const char *name, const struct ktlsctl_sample *sample)
{
	const struct stats_printer *printer = arg;
	char labels[256] = "", *at = labels;
	unsigned int i;
	double count;
	int len;

	for (i = 0; i < sample->label_count; i++) {
		len = snprintf(at, sizeof(labels) - (at - labels), "%s%s=%s", i ? "," : "",
			       sample->labels[i].name, sample->labels[i].value);
		if (len < 0 || (size_t)len >= sizeof(labels) - (at - labels))
			break;
		at += len;
	}
	fprintf(printer->out, "%-44s %-32s ", name, labels[0] ? labels : "-");
	count = strtod(sample->value, NULL);
	if (!sample->bucket_count)
		fprintf(printer->out, "%s\n", sample->value);
	else if (!(count > 0))
		fprintf(printer->out, "count=0\n");
	else
		fprintf(printer->out, "count=%s mean=%.6f p50<=%s p90<=%s p99<=%s\n",
			sample->value, strtod(sample->sum, NULL) / count,
			stats_find_bound(sample, 0.5), stats_find_bound(sample, 0.9),
			stats_find_bound(sample, 0.99));
}

static void stats_begin_json(void *arg, const char *name, const char *type, const char *help)
{
	struct stats_printer *printer = arg;

	fprintf(printer->out, "%s\n  ", printer->families++ ? "]}," : "");
	ktlsctl_json_string(printer->out, name);
	fprintf(printer->out, ": {\"type\": ");
	ktlsctl_json_string(printer->out, type);
	fprintf(printer->out, ", \"help\": ");
	ktlsctl_json_string(printer->out, help);
	fprintf(printer->out, ", \"samples\": [");
	printer->samples = 0;
}

/* @quoted: the values are strings. */
static void stats_print_object(FILE *out, const struct ktlsctl_pair *pairs, unsigned int count,
			       bool quoted)
{
	unsigned int i;

	fputc('{', out);
	for (i = 0; i < count; i++) {
		fputs(i ? ", " : "", out);
		ktlsctl_json_string(out, pairs[i].name);
		fputs(": ", out);
		if (quoted)
			ktlsctl_json_string(out, pairs[i].value);
		else
			fputs(pairs[i].value, out);
	}
	fputc('}', out);
}

static void stats_print_json(void *arg, const char *name, const struct ktlsctl_sample *sample)
{
	struct stats_printer *printer = arg;
	FILE *out = printer->out;

	(void)name;
	fprintf(out, "%s\n    {\"labels\": ", printer->samples++ ? "," : "");
	stats_print_object(out, sample->labels, sample->label_count, true);
	if (sample->bucket_count) {
		fprintf(out, ", \"sum\": %s, \"count\": %s, \"buckets\": ", sample->sum,
			sample->value);
		stats_print_object(out, sample->buckets, sample->bucket_count, false);
		fputc('}', out);
	} else {
		fprintf(out, ", \"value\": %s}", sample->value);
	}
}

/* Return: 0 or -EINVAL. */
static int stats_print(FILE *out, enum stats_format format, char *text)
{
	struct stats_printer printer = { .out = out };
	struct ktlsctl_exposition exposition = { .arg = &printer };
	int err;

	if (format == STATS_PROMETHEUS) {
		fputs(text, out);
		return 0;
	}
	exposition.family = format == STATS_JSON ? stats_begin_json : stats_ignore_family;
	exposition.sample = format == STATS_JSON ? stats_print_json : stats_print_columns;
	if (format == STATS_JSON)
		fputc('{', out);
	err = ktlsctl_exposition_read(text, &exposition);
	if (format == STATS_JSON)
		fprintf(out, "%s\n}\n", printer.families ? "]}" : "");
	return err;
}

/* Prints to a file beside @path, which then takes its place: who reads @path sees the old
 * text or the new one, never a part. Return: 0 or a negative errno.
 */
static int stats_replace(const char *path, enum stats_format format, char *text)
{
	char beside[4096];
	int err = 0, fd;
	FILE *out;

	if (snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	out = fchmod(fd, 0644) ? NULL : fdopen(fd, "w");
	if (!out) {
		err = -errno;
		close(fd);
	} else {
		err = stats_print(out, format, text);
		if (!err && (ferror(out) || fflush(out)))
			err = -errno;
		if (fclose(out) && !err)
			err = -errno;
	}
	if (!err && rename(beside, path))
		err = -errno;
	if (err)
		unlink(beside);
	return err;
}

static bool stats_parse(int argc, char **argv, struct stats_options *options)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json") && options->format == STATS_COLUMNS)
			options->format = STATS_JSON;
		else if (!strcmp(argv[i], "--prometheus") && options->format == STATS_COLUMNS)
			options->format = STATS_PROMETHEUS;
		else if (!strcmp(argv[i], "--output") && i + 1 < argc)
			options->output = argv[++i];
		else if (!strcmp(argv[i], "--control") && i + 1 < argc)
			options->control = argv[++i];
		else
			return false;
	}
	return true;
}

int ktlsctl_stats_run(int argc, char **argv)
{
	struct stats_options options = { .control = KTLSCTL_CONTROL_PATH };
	char *text, *end;
	int err;

	if (!stats_parse(argc, argv, &options)) {
		fprintf(stderr, "ktlsctl: usage: ktlsctl stats [--json | --prometheus] [--output FILE] [--control PATH]\n");
		return KTLSCTL_USAGE;
	}
	if (ktlsctl_control_request(options.control, "stats", &text))
		return KTLSCTL_FAILED;
	end = text + strlen(text);
	if (end - text < (int)strlen(STATS_END) || strcmp(end - strlen(STATS_END), STATS_END)) {
		fprintf(stderr, "ktlsctl: %s: the answer of ktlsd is not complete: try again.\n",
			options.control);
		free(text);
		return KTLSCTL_FAILED;
	}
	end[-(int)strlen(STATS_END)] = '\0';
	if (options.output) {
		err = stats_replace(options.output, options.format, text);
	} else {
		err = stats_print(stdout, options.format, text);
		if (!err && (ferror(stdout) || fflush(stdout)))
			err = -errno;
	}
	free(text);
	if (!err)
		return KTLSCTL_OK;
	fprintf(stderr, "ktlsctl: %s: %s.\n", options.output ? options.output : "standard output",
		err == -EINVAL ? "the answer of ktlsd is not in the expected format: it may be another version" :
		strerror(-err));
	return KTLSCTL_FAILED;
}
