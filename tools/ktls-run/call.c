// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/ktls.h>
#include <seccomp.h>

#include "lib/log.h"
#include "ktls-run/call.h"
#include "ktls-run/target.h"
#include "ktls-run/wrap.h"

enum {
	CALL_STACK		= 256 * 1024,
	CALL_WATCH_MS		= 200,	/* between looks at a connection in the making */
	CALL_WATCHED_MAX	= 256,	/* connections that are watched at a time */
};

/**
 * struct call - one system call
 * @request: as the kernel told it
 * @thread: that does it
 * @next: in the list of calls
 * @blocked: the thread may sleep in the kernel (calls_lock)
 * @interrupted: the error that a signal makes of it, or 0 (calls_lock)
 * @fd: our duplicate of the socket, or -1
 * @address: our copy of the address
 * @len: of @address
 */
struct call {
	struct seccomp_notif	request;
	pthread_t		thread;
	struct call		*next;
	bool			blocked;
	int			interrupted;
	int			fd;
	union {
		struct sockaddr		any;
		struct sockaddr_storage	storage;
	} address;
	socklen_t		len;
};

static const struct ktls_run_rules *call_rules;
static int call_notify;
static pthread_mutex_t calls_lock = PTHREAD_MUTEX_INITIALIZER;
static struct call *calls;		/* calls_lock */
static unsigned int calls_watched;	/* calls_lock */

/* Only interrupts what the thread waits for. */
static void call_on_signal(int number)
{
	(void)number;
}

void ktls_run_call_init(const struct ktls_run_rules *rules, int notify)
{
	struct sigaction action = { .sa_handler = call_on_signal };

	call_rules = rules;
	call_notify = notify;
	sigaction(SIGURG, &action, NULL);
}

/* Return: whether the program's thread still waits for the answer. */
static bool call_is_valid(const struct call *call)
{
	uint64_t id = call->request.id;

	return !ioctl(call_notify, SECCOMP_IOCTL_NOTIF_ID_VALID, &id);
}

/* @result: what the call returns, or a negative errno. A program that is gone needs no answer. */
static void call_answer(const struct call *call, int result)
{
	struct seccomp_notif_resp answer = {
		.id = call->request.id,
		.val = result < 0 ? 0 : result,
		.error = result < 0 ? result : 0,
	};

	ioctl(call_notify, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

/* The kernel does the call itself: the socket is of no family that can be TCP. */
static void call_pass(const struct call *call)
{
	struct seccomp_notif_resp answer = {
		.id = call->request.id,
		.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE,
	};

	ioctl(call_notify, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

static bool call_is_connect(const struct call *call)
{
	return call->request.data.nr == SCMP_SYS(connect);
}

static void call_log(const struct call *call, enum ktlsd_log_level level, const char *what,
		     int error)
{
	char name[KTLS_RUN_NAME_MAX], address[KTLS_RUN_ADDRESS_TEXT] = "";

	if (!ktlsd_log_enabled(level))
		return;
	ktls_run_target_name((pid_t)call->request.pid, name);
	if (call->len)
		ktls_run_rules_print(address, &call->address.any, call->len);
	ktlsd_log(level, "%s (%u): %s%s%s: %s%s%s", name, call->request.pid,
		  call_is_connect(call) ? "connect" : "listen", *address ? " to " : "",
		  address, error ? strerror(-error) : what, error ? ": " : "",
		  error ? what : "");
}

/* Return: @err, after it was said why. */
static int call_refuse(const struct call *call, int err, const char *why)
{
	call_log(call, KTLSD_LOG_ERROR, why, err);
	return err;
}

/* Says why the handshake, or the check of a credential, failed. */
static void call_explain(const struct call *call, int err)
{
	char reason[KTLS_RUN_REASON_MAX];

	ktls_run_wrap_reason(call->fd, reason);
	if (*reason)
		call_log(call, KTLSD_LOG_ERROR, reason, err);
	else
		call_log(call, KTLSD_LOG_INFO, "TCP has no connection", err);
}

/* --- what may sleep --- */

static void call_set_blocked(struct call *call, bool blocked)
{
	pthread_mutex_lock(&calls_lock);
	call->blocked = blocked;
	pthread_mutex_unlock(&calls_lock);
}

static int call_interrupted(struct call *call)
{
	int err;

	pthread_mutex_lock(&calls_lock);
	err = call->interrupted;
	pthread_mutex_unlock(&calls_lock);
	return err;
}

/* connect() or listen() on our duplicate, until it is done or the program has a signal. */
static int call_do(struct call *call)
{
	int err, interrupted;

	call_set_blocked(call, true);
	do {
		if (call_is_connect(call))
			err = connect(call->fd, &call->address.any, call->len);
		else
			err = listen(call->fd, (int)call->request.data.args[1]);
		err = err ? -errno : 0;
		interrupted = call_interrupted(call);
	} while (err == -EINTR && !interrupted);
	call_set_blocked(call, false);
	return err == -EINTR ? interrupted : err;
}

bool ktls_run_call_tend(void)
{
	struct call *call;
	bool any;

	pthread_mutex_lock(&calls_lock);
	any = calls;
	for (call = calls; call; call = call->next) {
		if (!call->blocked)
			continue;
		if (!call->interrupted)
			call->interrupted = call_is_valid(call) ?
				ktls_run_target_interrupted((pid_t)call->request.pid) : -EINTR;
		/* Again and again: the thread may not sleep yet. */
		if (call->interrupted)
			pthread_kill(call->thread, SIGURG);
	}
	pthread_mutex_unlock(&calls_lock);
	return any;
}

/* --- connect --- */

static bool call_may_watch(void)
{
	bool may;

	pthread_mutex_lock(&calls_lock);
	may = calls_watched < CALL_WATCHED_MAX;
	calls_watched += may;
	pthread_mutex_unlock(&calls_lock);
	return may;
}

/* A non-blocking connect() was answered. Stays until the handshake has ended, only to say why it
 * failed, and no longer than the program has the socket.
 */
static void call_watch(const struct call *call)
{
	struct pollfd socket = { .fd = call->fd, .events = POLLOUT };
	struct ktls_info info = { 0 };
	socklen_t len = sizeof(info);

	if (!call_may_watch())
		return;
	while (poll(&socket, 1, CALL_WATCH_MS) <= 0)
		if (!ktls_run_target_has_fd((pid_t)call->request.pid,
					    (int)call->request.data.args[0], call->fd))
			break;
	if (!getsockopt(call->fd, SOL_TLS, KTLS_INFO, &info, &len) &&
	    info.state == KTLS_STATE_FAILED)
		call_explain(call, -ECONNABORTED);
	pthread_mutex_lock(&calls_lock);
	calls_watched--;
	pthread_mutex_unlock(&calls_lock);
}

/* Return: whether the options of a TLS socket are to be set before it connects. */
static bool call_is_fresh(int fd)
{
	struct ktls_info info = { 0 };
	socklen_t len = sizeof(info);

	return getsockopt(fd, SOL_TLS, KTLS_INFO, &info, &len) ||
	       info.state == KTLS_STATE_NEW || info.state == KTLS_STATE_FAILED;
}

static void call_connect_tls(struct call *call, const struct ktls_run_rule *rule)
{
	const char *what;
	int err, state = ktls_run_wrap_tcp_state(call->fd);

	if (!ktls_run_wrap_is_tls(call->fd) && ktls_run_wrap_is_tcp(call->fd) &&
	    state != TCP_CLOSE) {
		call_answer(call, state == TCP_SYN_SENT ? -EALREADY : -EISCONN);
		return;
	}
	if (!ktls_run_wrap_is_tls(call->fd) || call_is_fresh(call->fd)) {
		err = ktls_run_wrap_socket(call->fd, &rule->settings, &what);
		if (err) {
			call_answer(call, call_refuse(call, err, what));
			return;
		}
	}
	call_log(call, KTLSD_LOG_DEBUG, "TLS", 0);
	err = call_do(call);
	if (err && err != -EINPROGRESS && err != -EALREADY && err != -EISCONN &&
	    !call_interrupted(call))
		call_explain(call, err);
	call_answer(call, err);
	if (err == -EINPROGRESS)
		call_watch(call);
}

/* Rules are about streams. Return: false if the type is not known. */
static bool call_is_datagram(int fd)
{
	socklen_t len = sizeof(int);
	int type;

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) &&
	       (type == SOCK_DGRAM || type == SOCK_RAW);
}

static int call_copy_address(struct call *call)
{
	int len = (int)call->request.data.args[2];
	int err;

	if (len < 0 || (size_t)len > sizeof(call->address))
		return -EINVAL;
	err = ktls_run_target_read((pid_t)call->request.pid, call->request.data.args[1],
				   &call->address, (size_t)len);
	if (err == -EPERM)
		return call_refuse(call, err, "its memory cannot be read: it has other rights than ktls-run, which needs CAP_SYS_PTRACE then");
	if (!err)
		call->len = (socklen_t)len;
	return err;
}

static void call_connect(struct call *call)
{
	const struct ktls_run_rule *rule;
	int err = call_copy_address(call);

	/* The memory was that of the program only if it still waits. */
	if (err || !call_is_valid(call)) {
		call_answer(call, err);
		return;
	}
	rule = ktls_run_rules_find(call_rules, KTLS_RUN_CONNECT, &call->address.any, call->len);
	if (rule && !rule->settings.plain && !call_is_datagram(call->fd)) {
		call_connect_tls(call, rule);
		return;
	}
	call_log(call, KTLSD_LOG_DEBUG, "plain", 0);
	call_answer(call, call_do(call));
}

/* --- listen --- */

/* A socket without a port would get one from listen(), when it is too late to look. */
static int call_find_port(struct call *call, int domain)
{
	struct sockaddr_storage any = { .ss_family = (sa_family_t)domain };
	socklen_t len = domain == AF_INET ? sizeof(struct sockaddr_in) :
		sizeof(struct sockaddr_in6);
	struct sockaddr_in *v4 = (struct sockaddr_in *)&call->address;

	/* The port is at the same place in both. */
	call->len = sizeof(call->address);
	if (getsockname(call->fd, &call->address.any, &call->len))
		return -errno;
	if (v4->sin_port)
		return 0;
	if (bind(call->fd, (struct sockaddr *)&any, len) && errno != EINVAL)
		return -errno;
	call->len = sizeof(call->address);
	return getsockname(call->fd, &call->address.any, &call->len) ? -errno : 0;
}

static int call_listen(struct call *call, int domain)
{
	const struct ktls_run_rule *rule;
	const char *what = NULL;
	int err = call_find_port(call, domain);

	if (err)
		return err;
	rule = ktls_run_rules_find(call_rules, KTLS_RUN_LISTEN, &call->address.any, call->len);
	if (!rule || rule->settings.plain) {
		call_log(call, KTLSD_LOG_DEBUG, "plain", 0);
		return call_do(call);
	}
	err = ktls_run_wrap_socket(call->fd, &rule->settings, &what);
	if (err) {
		char reason[KTLS_RUN_REASON_MAX];

		ktls_run_wrap_reason(call->fd, reason);
		return call_refuse(call, err, *reason ? reason : what);
	}
	call_log(call, KTLSD_LOG_DEBUG, "TLS", 0);
	err = call_do(call);
	if (err)
		call_explain(call, err);
	return err;
}

/* --- any call --- */

static void call_run(struct call *call)
{
	const struct seccomp_data *data = &call->request.data;
	socklen_t len = sizeof(int);
	int domain = 0;

	if (data->arch != seccomp_arch_native()) {
		ktlsd_log(KTLSD_LOG_ERROR, "Process %u makes 32-bit system calls; its sockets cannot be TLS sockets, and it may not connect or listen. Use a 64-bit program.",
			  call->request.pid);
		call_answer(call, -EPERM);
		return;
	}
	call->fd = ktls_run_target_get_fd((pid_t)call->request.pid, (int)data->args[0]);
	if (call->fd < 0) {
		call_answer(call, call->fd == -EBADF ? -EBADF :
			    call_refuse(call, call->fd, "its socket cannot be reached: it has other rights than ktls-run, which needs CAP_SYS_PTRACE then"));
		return;
	}
	if (!call_is_valid(call))
		return;
	if (getsockopt(call->fd, SOL_SOCKET, SO_DOMAIN, &domain, &len))
		call_answer(call, -errno);
	else if (domain != AF_INET && domain != AF_INET6)
		call_pass(call);
	else if (call_is_connect(call))
		call_connect(call);
	else
		call_answer(call, call_listen(call, domain));
}

static void call_free(struct call *call)
{
	struct call **at;

	pthread_mutex_lock(&calls_lock);
	for (at = &calls; *at != call; at = &(*at)->next)
		;
	*at = call->next;
	pthread_mutex_unlock(&calls_lock);
	if (call->fd >= 0)
		close(call->fd);
	free(call);
}

static void *call_thread(void *argument)
{
	sigset_t interrupt;

	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGURG);
	pthread_sigmask(SIG_UNBLOCK, &interrupt, NULL);
	call_run(argument);
	call_free(argument);
	return NULL;
}

void ktls_run_call_start(const struct seccomp_notif *request)
{
	struct call *call = calloc(1, sizeof(*call));
	struct call failed = { .request = *request };
	pthread_attr_t attributes;
	int err = ENOMEM;

	if (!call)
		goto refuse;
	call->request = *request;
	call->fd = -1;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, CALL_STACK);
	/* The list is locked until the call has its thread. */
	pthread_mutex_lock(&calls_lock);
	err = pthread_create(&call->thread, &attributes, call_thread, call);
	if (!err) {
		call->next = calls;
		calls = call;
	}
	pthread_mutex_unlock(&calls_lock);
	pthread_attr_destroy(&attributes);
	if (!err)
		return;
	free(call);
refuse:
	call_answer(&failed, call_refuse(&failed, -err, "ktls-run has no memory or threads for it"));
}
