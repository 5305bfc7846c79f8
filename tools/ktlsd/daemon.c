// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "config/expiry.h"
#include "control.h"
#include "inventory.h"
#include "daemon.h"
#include "exporter.h"
#include "lib/clock.h"
#include "lib/fetching.h"
#include "notify.h"
#include "report.h"
#include "signer/process.h"
#include "signer/sandbox.h"
#include "stats.h"
#include "tls/keylog.h"
#include "watch.h"
#include "worker.h"

enum {
	DAEMON_TICKETS_MS	= 10000,	/* between looks at ticket_keys */
	DAEMON_RELOAD_MS	= 20000,	/* for the workers to take over a configuration */
};

/**
 * struct ktlsd_daemon - state of the main thread
 * @options: the command line
 * @shared: what it shares with the workers
 * @workers: array of @shared.worker_count
 * @watch: health of the workers
 * @stats: numbers for ktlsctl and for
 * @exporter: the socket for Prometheus
 * @control: socket for ktlsctl
 * @parent: pipe to the parent that waits for the daemon to start, -1 for none
 * @expiry: warnings of certificates that are about to expire
 * @reloading: not every worker has taken over the newest configuration
 * @tickets_next: when to look at ticket_keys, likewise
 * @crls_next: when to look for new CRLs, milliseconds of the monotonic clock
 * @reload_end: when to stop waiting for that, milliseconds of the monotonic clock
 */
struct ktlsd_daemon {
	const struct ktlsd_options *options;
	struct ktlsd_shared	shared;
	struct ktlsd_worker	*workers;
	struct ktlsd_watch	watch;
	struct ktlsd_stats	stats;
	struct ktlsd_exporter	exporter;
	struct ktlsd_control	control;
	int			parent;
	struct ktlsd_expiry	expiry;
	bool			reloading;
	int64_t			crls_next;
	int64_t			tickets_next;
	int64_t			reload_end;
};

/* In the background there is no stderr. */
static void daemon_open_log(const struct ktlsd_options *options, struct ktlsd_config *config)
{
	enum ktlsd_log_level level = options->level_given ? options->level : config->log_level;

	if (!options->foreground && config->log == KTLSD_LOG_STDERR)
		config->log = KTLSD_LOG_SYSLOG;
	ktlsd_log_open("ktlsd", config->log, level);
	ktlsd_signer_log(config->log, level);
}

static unsigned int daemon_count_cores(void)
{
	cpu_set_t set;
	int count;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	count = CPU_COUNT(&set);
	if (count < 1)
		return 1;
	return count > KTLSD_WORKERS_MAX ? KTLSD_WORKERS_MAX : (unsigned int)count;
}

/* Fewer than are asked for, if each would have too few sessions. */
static unsigned int daemon_count_workers(const struct ktlsd_options *options,
					 const struct ktlsd_config *config)
{
	unsigned int asked = options->workers ? options->workers :
			     config->workers ? config->workers : daemon_count_cores();
	unsigned int most = ktlsd_worker_most(config->max_sessions);

	if (asked <= most)
		return asked;
	ktlsd_log(KTLSD_LOG_WARNING,
		  "max_sessions = %u is too little for %u workers, %d for each: only %u will serve. Raise max_sessions in ktlsd.conf.",
		  config->max_sessions, asked, KTLSD_WORKER_SESSIONS_MIN, most);
	return most;
}

static int daemon_open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	/* Before any thread is started: threads inherit the mask. */
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void daemon_configure_tickets(struct ktlsd_daemon *daemon)
{
	const struct ktlsd_config *config = daemon->shared.config;

	if (ktlsd_ticket_keys_configure(&daemon->shared.ticket_keys, config->ticket_lifetime,
					config->ticket_keys, config->ticket_rotate))
		ktlsd_log(KTLSD_LOG_ERROR, "ktlsd is out of memory: ticket_keys stays as it was.");
	ktlsd_ticket_keys_sync(&daemon->shared.ticket_keys, time(NULL));
	daemon->tickets_next = ktlsd_clock_ms() + DAEMON_TICKETS_MS;
}

/* Does not begin while the signer is stopped: each file would be waited for in vain, and meanwhile
 * nobody would answer ktlsctl.
 */
static int daemon_read_config(struct ktlsd_daemon *daemon, struct ktlsd_config **ret_config,
			      struct ktlsd_fault *fault)
{
	int err;

	if (!ktlsd_signer_await())
		return ktlsd_errors_set(fault, -ETIMEDOUT,
			"the signer process of ktlsd does not answer: it was stopped, or waits for a token");
	err = ktlsd_config_reload(daemon->options->config_path, daemon->shared.config,
				  ret_config, fault);
	if (err)
		return err;
	err = ktlsd_signer_configure(fault);
	if (err)
		ktlsd_config_put(*ret_config);
	return err;
}

/* Reads the configuration again. After an error in the file the old configuration stays in
 * force; if a certificate, key or trust anchors cannot be loaded, the old ones do.
 */
static void daemon_reload(struct ktlsd_daemon *daemon)
{
	struct ktlsd_shared *shared = &daemon->shared;
	struct ktlsd_config *config, *old;
	struct ktlsd_fault fault;
	unsigned int i;

	if (daemon_read_config(daemon, &config, &fault)) {
		ktlsd_log(KTLSD_LOG_ERROR,
			  "The configuration was not reloaded, the old one stays in force: %s.",
			  fault.reason);
		ktlsd_stats_reload(&daemon->stats, KTLSD_RELOAD_FAILED);
		ktlsd_control_answer(&daemon->control, false,
				     "The configuration was not reloaded, the old one stays in force: %s",
				     fault.reason);
		return;
	}
	if (daemon->watch.is_ready)
		ktlsd_notify_send("RELOADING=1\nMONOTONIC_USEC=%lld",
				  (long long)ktlsd_clock_ms() * 1000);
	config->generation = shared->generation + 1;
	ktlsd_staples_adopt(&shared->staples, config);
	ktlsd_crl_points_adopt(&shared->crl_points, config);
	pthread_mutex_lock(&shared->lock);
	old = shared->config;
	shared->config = config;
	shared->generation = config->generation;
	pthread_mutex_unlock(&shared->lock);
	/* Sessions of the old configuration cannot be resumed. */
	ktlsd_cache_reset(&shared->cache, config->session_cache);
	ktlsd_quota_set_max(&shared->quota, ktlsd_config_memory(config));
	daemon_configure_tickets(daemon);
	if (old->workers != config->workers)
		ktlsd_log(KTLSD_LOG_WARNING,
			  "A new number of workers takes effect only when ktlsd is restarted.");
	if (shared->worker_count > ktlsd_worker_most(config->max_sessions))
		ktlsd_log(KTLSD_LOG_WARNING,
			  "max_sessions = %u is too little for %u workers, which have %d each until ktlsd is restarted.",
			  config->max_sessions, shared->worker_count, KTLSD_WORKER_SESSIONS_MIN);
	ktlsd_config_put(old);
	for (i = 0; i < shared->worker_count; i++)
		ktlsd_worker_wake(&daemon->workers[i]);
	daemon_open_log(daemon->options, config);
	ktlsd_exporter_use(&daemon->exporter, config->metrics_socket, &daemon->stats);
	ktlsd_keylog_use(config->key_log);
	daemon->reloading = true;
	daemon->reload_end = ktlsd_clock_ms() + DAEMON_RELOAD_MS;
}

/* Reports a reload. @in_time: all workers have taken over the configuration. */
static void daemon_end_reload(struct ktlsd_daemon *daemon, bool in_time)
{
	const struct ktlsd_config *config = daemon->shared.config;
	const char *first = config->first_trouble.reason;

	daemon->reloading = false;
	if (daemon->watch.is_ready)
		ktlsd_notify_send("READY=1");
	ktlsd_log(KTLSD_LOG_INFO, "The configuration was reloaded: %zu identities.",
		  config->identity_count);
	ktlsd_stats_reload(&daemon->stats, in_time && !config->troubles ?
			   KTLSD_RELOAD_COMPLETE : KTLSD_RELOAD_PARTIAL);
	if (!in_time)
		ktlsd_control_answer(&daemon->control, false,
				     "The configuration was read, but not every worker uses it yet.");
	else if (config->troubles)
		ktlsd_control_answer(&daemon->control, false,
				     "The configuration was reloaded, but some files could not be loaded (%u); the first: %s.",
				     config->troubles, first);
	else
		ktlsd_control_answer(&daemon->control, true,
				     "The configuration was reloaded: %zu identities.",
				     config->identity_count);
}

static void daemon_check_reload(struct ktlsd_daemon *daemon)
{
	unsigned int i;

	if (!daemon->reloading)
		return;
	for (i = 0; i < daemon->shared.worker_count; i++) {
		if (daemon->workers[i].generation != daemon->shared.generation)
			break;
	}
	if (i == daemon->shared.worker_count)
		daemon_end_reload(daemon, true);
	else if (ktlsd_clock_ms() >= daemon->reload_end)
		daemon_end_reload(daemon, false);
}

/* Ends all resumption of what was before. */
static void daemon_flush_tickets(struct ktlsd_daemon *daemon)
{
	struct ktlsd_shared *shared = &daemon->shared;
	struct ktlsd_fault fault;
	unsigned int count;
	int err;

	err = ktlsd_ticket_keys_flush(&shared->ticket_keys, &fault);
	count = ktlsd_cache_flush(&shared->cache);
	if (err == -EALREADY) {
		ktlsd_control_answer(&daemon->control, false,
				     "%u sessions of clients were dropped, but the ticket keys were not replaced, and old tickets are accepted as before: %s",
				     count, fault.reason);
		return;
	}
	if (err) {
		ktlsd_control_answer(&daemon->control, false,
				     "%u sessions of clients were dropped, and the ticket keys in the memory of ktlsd were replaced, but not those in ticket_keys: %s. Other hosts, and this one after a restart, accept the old tickets. It is tried again every %d s; see the log",
				     count, fault.reason, DAEMON_TICKETS_MS / 1000);
		return;
	}
	ktlsd_log(KTLSD_LOG_INFO, "All ticket keys were replaced, and %u sessions of clients dropped, by ktlsctl flush-tickets.",
		  count);
	ktlsd_control_answer(&daemon->control, true,
			     "All ticket keys were replaced, and %u sessions of clients dropped.",
			     count);
}

static void daemon_answer(struct ktlsd_daemon *daemon)
{
	const struct ktlsd_config *config = daemon->shared.config;
	char verb[KTLSD_CONTROL_VERB_MAX];

	if (!ktlsd_control_accept(&daemon->control, verb))
		return;
	if (!strcmp(verb, "reload")) {
		daemon_reload(daemon);
	} else if (!strcmp(verb, "flush-tickets")) {
		daemon_flush_tickets(daemon);
	} else if (!strcmp(verb, "status")) {
		ktlsd_report_answer(&daemon->watch, &daemon->stats, &daemon->control);
	} else if (!strcmp(verb, "stats")) {
		ktlsd_stats_answer(&daemon->stats, &daemon->control);
	} else if (!strcmp(verb, "identities")) {
		ktlsd_inventory_answer(config, &daemon->control);
	} else {
		ktlsd_control_answer(&daemon->control, false,
				     "ktlsd does not know the verb '%s': it may be older than ktlsctl.", verb);
	}
}

/* Lets the parent exit when every worker has tried to register, with or without success. */
static void daemon_release_parent(struct ktlsd_daemon *daemon)
{
	if (daemon->parent < 0 || daemon->shared.tried < daemon->shared.worker_count)
		return;
	if (write(daemon->parent, "", 1) != 1)
		ktlsd_log(KTLSD_LOG_WARNING, "The process that started ktlsd has exited before ktlsd was ready.");
	close(daemon->parent);
	daemon->parent = -1;
}

/* Reads CRLs that have changed. Sessions are not resumed then: each server is checked again.
 * Return: @wait, or less if they have to be looked at before.
 */
static int daemon_refresh_crls(struct ktlsd_daemon *daemon, int wait)
{
	const struct ktlsd_config *config = daemon->shared.config;
	int64_t now = ktlsd_clock_ms();

	if (!config->crl_path)
		return wait;
	if (now >= daemon->crls_next) {
		if (ktlsd_crls_refresh(config->crls))
			ktlsd_cache_reset(&daemon->shared.cache, config->session_cache);
		daemon->crls_next = now + KTLSD_CRLS_REFRESH_MS;
	}
	return daemon->crls_next - now < wait ? (int)(daemon->crls_next - now) : wait;
}

/* Reads and turns the secrets of ticket_keys. Return: as daemon_refresh_crls(). */
static int daemon_sync_tickets(struct ktlsd_daemon *daemon, int wait)
{
	int64_t now = ktlsd_clock_ms();

	if (!daemon->shared.config->ticket_keys)
		return wait;
	if (now >= daemon->tickets_next) {
		ktlsd_ticket_keys_sync(&daemon->shared.ticket_keys, time(NULL));
		daemon->tickets_next = now + DAEMON_TICKETS_MS;
	}
	return daemon->tickets_next - now < wait ? (int)(daemon->tickets_next - now) : wait;
}

/* Return: whether the signer has ended. The keys are lost then, and this process may not read
 * them: the service manager starts both anew.
 */
static bool daemon_lost_signer(const struct pollfd *fd)
{
	if (fd->fd < 0 || !fd->revents)
		return false;
	ktlsd_log(KTLSD_LOG_ERROR, "The signer process, which has the private keys, has ended: exiting, so that ktlsd is started anew.");
	return true;
}

/* Handles events until a signal says to exit. Return: 0, or 1 after a failure. */
static int daemon_wait(struct ktlsd_daemon *daemon, int signal_fd)
{
	struct signalfd_siginfo info;
	uint64_t more;
	int wait;

	for (;;) {
		struct pollfd fds[] = {
			{ .fd = signal_fd, .events = POLLIN },
			{ .fd = daemon->shared.changed_fd, .events = POLLIN },
			/* One client at a time. */
			{ .fd = daemon->control.client < 0 ? daemon->control.fd : -1,
			  .events = POLLIN },
			{ .fd = ktlsd_signer_fd() },
		};

		wait = daemon_refresh_crls(daemon, ktlsd_watch_step(&daemon->watch));
		wait = daemon_sync_tickets(daemon, wait);
		daemon_release_parent(daemon);
		daemon_check_reload(daemon);
		ktlsd_expiry_step(&daemon->expiry, daemon->shared.config, time(NULL));
		if (wait < 0 || wait > KTLSD_EXPIRY_PERIOD * 1000)
			wait = KTLSD_EXPIRY_PERIOD * 1000;
		if (poll(fds, 4, wait) < 0 && errno != EINTR)
			return 1;
		if (daemon_lost_signer(&fds[3]))
			return 1;
		if (fds[1].revents && read(fds[1].fd, &more, sizeof(more)) < 0)
			continue;
		if (fds[2].revents)
			daemon_answer(daemon);
		if (!fds[0].revents ||
		    read(signal_fd, &info, sizeof(info)) != sizeof(info))
			continue;
		if (info.ssi_signo != SIGHUP) {
			ktlsd_log(KTLSD_LOG_INFO, "Exiting on signal %u.",
				  info.ssi_signo);
			return 0;
		}
		daemon_reload(daemon);
	}
}

static int daemon_start_workers(struct ktlsd_shared *shared,
			      struct ktlsd_worker *workers,
			      unsigned int *ret_started)
{
	int err;

	for (*ret_started = 0; *ret_started < shared->worker_count; ++*ret_started) {
		err = ktlsd_worker_start(&workers[*ret_started], *ret_started,
					 shared);
		if (err) {
			ktlsd_log(KTLSD_LOG_ERROR,
				  "Cannot start worker %u: %s.",
				  *ret_started, strerror(-err));
			return err;
		}
	}
	return 0;
}

/* Return: path of the socket for ktlsctl, or NULL for none. */
static const char *daemon_control_path(const struct ktlsd_options *options)
{
	static char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *directory = getenv("RUNTIME_DIRECTORY");

	if (options->control_path || !directory)
		return options->control_path;
	if (snprintf(path, sizeof(path), "%s/control", directory) >= (int)sizeof(path))
		return NULL;
	return path;
}

static void daemon_stop(struct ktlsd_daemon *daemon, unsigned int started)
{
	struct ktlsd_shared *shared = &daemon->shared;
	unsigned int i;

	ktlsd_notify_send("STOPPING=1\nSTATUS=Exiting.");
	ktlsd_control_close(&daemon->control);
	ktlsd_exporter_stop(&daemon->exporter);
	shared->stop = true;
	for (i = 0; i < started; i++)
		ktlsd_worker_wake(&daemon->workers[i]);
	for (i = 0; i < started; i++)
		ktlsd_worker_join(&daemon->workers[i]);
	free(daemon->workers);
	ktlsd_responders_stop(&shared->responders);
	ktlsd_errands_stop(&shared->errands);
	ktlsd_staples_free(&shared->staples);
	ktlsd_crl_points_free(&shared->crl_points);
	ktlsd_errands_free(&shared->errands);
	ktlsd_store_close(&shared->store);
	ktlsd_cache_free(&shared->cache);
	ktlsd_quota_destroy(&shared->quota);
	ktlsd_ticket_keys_free(&shared->ticket_keys);
	if (shared->changed_fd >= 0)
		close(shared->changed_fd);
	ktlsd_expiry_free(&daemon->expiry);
	ktlsd_config_put(shared->config);
	ktlsd_signer_stop();
}

/* Begins to ask OCSP responders, for handshakes and for what servers staple, and to fetch CRLs. */
static void daemon_start_fetching(struct ktlsd_shared *shared, struct ktlsd_config *config)
{
	const char *path = config->fetch_socket ? config->fetch_socket : KTLS_FETCH_SOCKET;
	int err;

	err = ktlsd_responders_start(&shared->responders, path);
	if (err)
		ktlsd_log(KTLSD_LOG_WARNING, "Cannot start the thread for OCSP: %s.",
			  strerror(-err));
	ktlsd_store_open(&shared->store, getenv("CACHE_DIRECTORY"));
	err = ktlsd_errands_init(&shared->errands, path);
	if (!err) {
		ktlsd_staples_init(&shared->staples, &shared->errands, &shared->store);
		ktlsd_staples_adopt(&shared->staples, config);
		ktlsd_crl_points_init(&shared->crl_points, &shared->errands, &shared->store);
		ktlsd_crl_points_adopt(&shared->crl_points, config);
		shared->responders.crl_points = &shared->crl_points;
		err = ktlsd_errands_start(&shared->errands);
	}
	if (err)
		ktlsd_log(KTLSD_LOG_ERROR, "Cannot fetch CRLs, and OCSP responses for servers to staple: %s.",
			  strerror(-err));
}

/* Makes what the workers need, and starts them. Return: 0 or a negative errno. */
static int daemon_start(struct ktlsd_daemon *daemon, struct ktlsd_config *config,
			unsigned int *ret_started)
{
	const struct ktlsd_options *options = daemon->options;
	struct ktlsd_shared *shared = &daemon->shared;
	int err;

	pthread_mutex_init(&shared->lock, NULL);
	config->generation = 1;
	shared->config = config;
	shared->generation = 1;
	ktlsd_cache_init(&shared->cache, config->session_cache);
	ktlsd_quota_init(&shared->quota, ktlsd_config_memory(config));
	ktlsd_ticket_keys_init(&shared->ticket_keys, config->ticket_lifetime);
	daemon_configure_tickets(daemon);
	shared->worker_count = daemon_count_workers(options, config);
	shared->changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	daemon->workers = calloc(shared->worker_count, sizeof(*daemon->workers));
	err = ktlsd_control_open(&daemon->control, daemon_control_path(options));
	if (err)
		ktlsd_log(KTLSD_LOG_WARNING, "Cannot open the socket for ktlsctl: %s.",
			  strerror(-err));
	/* Threads from here on are in it. */
	ktlsd_keylog_open(config->key_log);
	ktlsd_sandbox_server(config->ticket_keys);
	daemon_start_fetching(shared, config);
	if (shared->changed_fd < 0 || !daemon->workers)
		return -ENOMEM;
	return daemon_start_workers(shared, daemon->workers, ret_started);
}

int ktlsd_daemon_serve(const struct ktlsd_options *options, struct ktlsd_config *config,
		       int parent)
{
	struct ktlsd_daemon daemon = { .options = options, .parent = parent };
	int signal_fd, err, status = 1;
	unsigned int started = 0;

	daemon_open_log(options, config);
	signal_fd = daemon_open_signals();
	if (signal_fd < 0) {
		ktlsd_log(KTLSD_LOG_ERROR, "Cannot create a signalfd.");
		ktlsd_config_put(config);
		return 1;
	}
	err = daemon_start(&daemon, config, &started);
	ktlsd_watch_init(&daemon.watch, &daemon.shared, daemon.workers);
	ktlsd_stats_init(&daemon.stats, &daemon.shared, daemon.workers);
	if (!err) {
		ktlsd_exporter_use(&daemon.exporter, config->metrics_socket, &daemon.stats);
		status = daemon_wait(&daemon, signal_fd);
	}
	daemon_stop(&daemon, started);
	close(signal_fd);
	return status;
}
