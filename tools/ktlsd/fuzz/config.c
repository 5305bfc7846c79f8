// SPDX-License-Identifier: GPL-2.0-or-later
/* ktlsd.conf: whatever the file contains, it is parsed or refused with a reason. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/parse.h"
#include "fuzz.h"
#include "fuzz/fixed.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_fixed_setup();
	/* Every fault is logged, and there are many: keep them from libFuzzer's output. */
	ktlsd_log_open("fuzz", KTLSD_LOG_SYSLOG, KTLSD_LOG_ERROR);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	int fd = memfd_create("ktlsd.conf", MFD_CLOEXEC);
	struct ktlsd_fault fault = { 0 };
	struct ktlsd_config *config;
	char path[32];

	fuzz_fixed_reset();
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!ktlsd_parse_config(path, &config, &fault))
		ktlsd_config_put(config);
	else if (!fault.reason[0])
		abort();
	close(fd);
	return 0;
}
