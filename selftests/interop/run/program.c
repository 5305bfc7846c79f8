// SPDX-License-Identifier: GPL-2.0-or-later
/* A program that knows nothing of TLS, and tries what a program may try; linked statically.
 * program MODE PORT [PORT2]: prints what became of it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MARKER	"ktls-plaintext-marker-4711"

static struct sockaddr_in shared;
static volatile int stop;
static int shared_fd;

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static int dial(int fd, int port)
{
	struct sockaddr_in a = loopback(port);

	return connect(fd, (struct sockaddr *)&a, sizeof(a)) ? -errno : 0;
}

static int tcp(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static void report(const char *what, long result)
{
	printf("%s: %s %ld\n", what, result < 0 ? "errno" : "value", result < 0 ? -result : result);
	fflush(stdout);
}

static void client(int port)
{
	char line[100];
	ssize_t n;
	int fd = tcp(), err = dial(fd, port);

	report("client", err);
	if (err)
		return;
	n = send(fd, "hello\n", 6, 0);
	n = n < 0 ? n : recv(fd, line, sizeof(line) - 1, 0);
	line[n > 0 ? n : 0] = '\0';
	printf("got %s", line);
	fflush(stdout);
}

static void fastopen(int port)
{
	struct sockaddr_in a = loopback(port);
	ssize_t n = sendto(tcp(), MARKER, strlen(MARKER), MSG_FASTOPEN, (struct sockaddr *)&a,
			   sizeof(a));

	report("fastopen", n < 0 ? -errno : n);
}

static void fastopen_connect(int port)
{
	int fd = tcp(), one = 1;
	ssize_t n;

	setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one));
	report("fastopen-connect", dial(fd, port));
	n = send(fd, MARKER, strlen(MARKER), MSG_NOSIGNAL);
	report("fastopen-send", n < 0 ? -errno : n);
}

static void ring(int port)
{
	(void)port;
	report("ring", syscall(SYS_io_uring_setup, 8, calloc(1, 4096)) < 0 ? -errno : 0);
}

static void mptcp(int port)
{
	(void)port;
	report("mptcp", socket(AF_INET, SOCK_STREAM, 262) < 0 ? -errno : 0);
}

#ifdef __x86_64__
/* connect(), by the numbers of 32-bit programs */
static void int80(int port)
{
	struct sockaddr_in *a = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int fd = tcp();
	long ret;

	*a = loopback(port);
	asm volatile("int $0x80" : "=a"(ret) : "a"(362L), "b"((long)fd), "c"(a),
		     "d"((long)sizeof(*a)) : "memory", "r8", "r9", "r10", "r11");
	report("int80", ret);
	ret = send(fd, MARKER, strlen(MARKER), MSG_NOSIGNAL);
	report("int80-send", ret < 0 ? -errno : ret);
}
#endif

static void *flip(void *argument)
{
	const int *ports = argument;

	for (unsigned int i = 0; !stop; i++) {
		shared.sin_port = htons(ports[i % 2]);
		sched_yield();
	}
	return NULL;
}

/* Which port it is changes all the time. */
static void race(int port, int other)
{
	int ports[] = { port, other }, done = 0;
	pthread_t thread;

	shared = loopback(port);
	pthread_create(&thread, NULL, flip, ports);
	for (int i = 0; i < 60; i++) {
		int fd = tcp();

		shared.sin_port = htons(ports[i % 2]);
		if (!connect(fd, (struct sockaddr *)&shared, sizeof(shared))) {
			send(fd, MARKER, strlen(MARKER), MSG_NOSIGNAL);
			done++;
		}
		close(fd);
	}
	stop = 1;
	pthread_join(thread, NULL);
	report("race", done);
}

static void *close_soon(void *unused)
{
	usleep(1000);
	close(shared_fd);
	shared_fd = tcp();
	return unused;
}

/* The descriptor becomes that of another socket in the middle of connect(). */
static void closed(int port)
{
	for (int i = 0; i < 20; i++) {
		pthread_t thread;

		shared_fd = tcp();
		pthread_create(&thread, NULL, close_soon, NULL);
		dial(shared_fd, port);
		pthread_join(thread, NULL);
		send(shared_fd, MARKER, strlen(MARKER), MSG_NOSIGNAL);
		close(shared_fd);
	}
	report("closed", 0);
}

static void on_alarm(int number)
{
	(void)number;
}

static void alarmed(int port)
{
	struct sigaction action = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &action, NULL);
	alarm(1);
	report("alarmed", dial(tcp(), port));
}

static void *block(void *port)
{
	dial(tcp(), *(int *)port);
	return NULL;
}

/* A connect() that waits does not delay another. */
static void threads(int port, int other)
{
	pthread_t thread;

	pthread_create(&thread, NULL, block, &port);
	sleep(1);
	report("threads", dial(tcp(), other));
	_exit(0);
}

/* After a line on standard input */
static void late(int port)
{
	char line[10];

	report("late", 0);
	if (read(0, line, sizeof(line)) < 0)
		return;
	report("later", dial(tcp(), port));
	report("listen", listen(tcp(), 1) ? -errno : 0);
}

int main(int argc, char **argv)
{
	static const struct {
		const char	*name;
		void		(*run)(int port);
	} modes[] = {
		{ "client", client }, { "fastopen", fastopen },
		{ "fastopen-connect", fastopen_connect }, { "ring", ring }, { "mptcp", mptcp },
#ifdef __x86_64__
		{ "int80", int80 },
#endif
		{ "closed", closed }, { "alarmed", alarmed }, { "late", late },
	};
	int port = argc > 2 ? atoi(argv[2]) : 0, other = argc > 3 ? atoi(argv[3]) : 0;

	if (argc < 3)
		return 2;
	if (!strcmp(argv[1], "race"))
		race(port, other);
	if (!strcmp(argv[1], "threads"))
		threads(port, other);
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (!strcmp(argv[1], modes[i].name))
			modes[i].run(port);
	return 0;
}
