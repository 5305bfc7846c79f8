// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "notify.h"
#include "test_pki.h"
#include "watch.h"

enum {
	WATCH_WORKERS	= 3,
};

static char watch_dir[] = "/tmp/ktlsd-watch-XXXXXX";
static char watch_path[64];
static int watch_manager = -1;
static struct ktlsd_shared watch_shared;
static struct ktlsd_worker watch_workers[WATCH_WORKERS];
static struct ktlsd_watch watch;

/* Sets up a service manager whose watchdog has an interval of @usec. */
static void watch_begin(const char *usec)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t i;

	watch_manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	strcpy(address.sun_path, watch_path);
	assert_int_equal(bind(watch_manager, (struct sockaddr *)&address,
			      sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", watch_path, 1);
	unsetenv("WATCHDOG_PID");
	if (usec)
		setenv("WATCHDOG_USEC", usec, 1);
	else
		unsetenv("WATCHDOG_USEC");
	ktlsd_notify_init();

	memset(&watch_shared, 0, sizeof(watch_shared));
	memset(watch_workers, 0, sizeof(watch_workers));
	watch_shared.worker_count = WATCH_WORKERS;
	for (i = 0; i < WATCH_WORKERS; i++)
		watch_workers[i].wake_fd = eventfd(0, EFD_NONBLOCK);
	ktlsd_watch_init(&watch, &watch_shared, watch_workers);
}

static void watch_end(void)
{
	size_t i;

	for (i = 0; i < WATCH_WORKERS; i++)
		close(watch_workers[i].wake_fd);
	close(watch_manager);
	unlink(watch_path);
}

/* Return: the notifications of the next step, as if it were due; "" for none. */
static const char *watch_status(void)
{
	static char all[2048];
	size_t used = 0;
	ssize_t got;

	watch.next = 0;
	ktlsd_watch_step(&watch);
	while ((got = recv(watch_manager, all + used, sizeof(all) - used - 1, 0)) > 0) {
		used += (size_t)got;
		all[used++] = '\n';
	}
	all[used] = '\0';
	return all;
}

/* All workers go round their loop, except one. */
static void watch_turn(size_t except)
{
	uint64_t more;
	size_t i;

	for (i = 0; i < WATCH_WORKERS; i++) {
		if (i != except && read(watch_workers[i].wake_fd, &more, sizeof(more)) > 0)
			watch_workers[i].turns++;
	}
}

static void watch_ready(void **state)
{
	const char *status;

	(void)state;
	watch_begin(NULL);
	status = watch_status();
	assert_null(strstr(status, "READY=1"));
	assert_non_null(strstr(status, "STATUS=No worker serves"));
	watch_shared.trouble = -ENOENT;
	status = watch_status();
	assert_null(strstr(status, "READY=1"));
	assert_non_null(strstr(status, "not loaded"));
	assert_string_equal(watch_status(), "");

	watch_shared.serving = 1;
	status = watch_status();
	assert_non_null(strstr(status, "READY=1\nSTATUS=1 of 3 workers serve"));
	watch_shared.serving = 3;
	watch_workers[1].sessions.done = 5;
	watch_workers[2].sessions.done = 2;
	watch_workers[2].sessions.failed = 4;
	watch_workers[2].sessions.count = 1;
	status = watch_status();
	assert_null(strstr(status, "READY=1"));
	assert_non_null(strstr(status, "3 of 3 workers serve; handshakes: 1 under way, 7 complete, 4 failed."));
	watch_shared.serving = 0;
	assert_non_null(strstr(watch_status(), "STATUS=No worker serves: the module ktls is not loaded."));
	assert_null(strstr(watch_status(), "WATCHDOG"));
	watch_end();
}

/* One worker that hangs is enough. */
static void watch_hung(void **state)
{
	size_t hung, i;

	(void)state;
	for (hung = 0; hung < WATCH_WORKERS; hung++) {
		watch_begin("8000000");
		assert_int_equal(watch.period, 2000);
		watch_status();
		for (i = 0; i < 3; i++) {
			watch_turn(WATCH_WORKERS);
			assert_non_null(strstr(watch_status(), "WATCHDOG=1"));
		}
		for (i = 0; i < 3; i++) {
			watch_turn(hung);
			assert_null(strstr(watch_status(), "WATCHDOG=1"));
		}
		watch_turn(WATCH_WORKERS);
		assert_non_null(strstr(watch_status(), "WATCHDOG=1"));
		watch_end();
	}
}

static int watch_setup(void **state)
{
	(void)state;
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	if (!mkdtemp(watch_dir))
		return -1;
	snprintf(watch_path, sizeof(watch_path), "%s/notify", watch_dir);
	return 0;
}

static int watch_teardown(void **state)
{
	(void)state;
	return rmdir(watch_dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(watch_ready),
		cmocka_unit_test(watch_hung),
	};

	return cmocka_run_group_tests_name("watch", tests, watch_setup, watch_teardown);
}
