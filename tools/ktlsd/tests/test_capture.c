// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <unistd.h>

#include "test_capture.h"
#include "test_pki.h"

static FILE *capture_file;
static int capture_saved;

void test_capture_begin(void)
{
	capture_file = tmpfile();
	assert_non_null(capture_file);
	capture_saved = dup(STDERR_FILENO);
	assert_int_equal(dup2(fileno(capture_file), STDERR_FILENO), STDERR_FILENO);
}

char *test_capture_end(void)
{
	static char text[65536];

	dup2(capture_saved, STDERR_FILENO);
	close(capture_saved);
	rewind(capture_file);
	text[fread(text, 1, sizeof(text) - 1, capture_file)] = '\0';
	fclose(capture_file);
	return text;
}
