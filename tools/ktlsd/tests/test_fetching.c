// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/unix.h"
#include "test_fetching.h"
#include "test_pki.h"

struct test_fetching fetching = { .listener = -1, .peer = -1 };

void test_fetching_setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	strcpy(fetching.dir, "/tmp/ktlsd-fetching-XXXXXX");
	assert_non_null(mkdtemp(fetching.dir));
	snprintf(fetching.socket, sizeof(fetching.socket), "%s.socket", fetching.dir);
}

void test_fetching_teardown(void)
{
	test_fetching_forget();
	rmdir(fetching.dir);
	unlink(fetching.socket);
}

void test_fetching_forget(void)
{
	DIR *dir = opendir(fetching.dir);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
}

int64_t test_fetching_now(void)
{
	return time(NULL) + fetching.offset;
}

void test_fetching_listen(void)
{
	struct sockaddr_un address;

	unlink(fetching.socket);
	assert_int_equal(ktlsd_unix_address(&address, fetching.socket), 0);
	fetching.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fetching.listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fetching.listener, 5), 0);
}

void test_fetching_open(void)
{
	test_fetching_listen();
	assert_int_equal(ktlsd_errands_init(&fetching.errands, fetching.socket), 0);
	fetching.errands.now = test_fetching_now;
}

void test_fetching_close(void)
{
	ktlsd_errands_free(&fetching.errands);
	close(fetching.listener);
	if (fetching.peer >= 0)
		close(fetching.peer);
	fetching.peer = -1;
}

void test_fetching_step(void)
{
	pthread_mutex_lock(&fetching.errands.lock);
	ktlsd_errands_step(&fetching.errands);
	pthread_mutex_unlock(&fetching.errands.lock);
}

uint64_t test_fetching_receive(const char *url, uint8_t *body, size_t *ret_len)
{
	uint8_t message[sizeof(struct ktls_fetch_request) + KTLS_FETCH_URL_MAX +
			KTLS_FETCH_BODY_MAX];
	struct ktls_fetch_request header;
	ssize_t len;

	if (fetching.peer < 0)
		fetching.peer = accept4(fetching.listener, NULL, NULL,
					SOCK_CLOEXEC | SOCK_NONBLOCK);
	len = fetching.peer < 0 ? -1 : recv(fetching.peer, message, sizeof(message), 0);
	if (len <= 0)
		return 0;
	memcpy(&header, message, sizeof(header));
	assert_int_equal(len, sizeof(header) + header.url_len + header.body_len);
	assert_int_equal(header.url_len, strlen(url));
	assert_memory_equal(message + sizeof(header), url, header.url_len);
	memcpy(body, message + sizeof(header) + header.url_len, header.body_len);
	*ret_len = header.body_len;
	return header.id;
}

void test_fetching_send(uint64_t id, int error, const void *data, size_t len, size_t part)
{
	struct ktls_fetch_answer header = { .id = id, .error = error };
	struct iovec parts[] = { { &header, sizeof(header) }, { (void *)data, 0 } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	do {
		parts[1].iov_len = len < part ? len : part;
		len -= parts[1].iov_len;
		header.len = (uint32_t)parts[1].iov_len;
		header.left = (uint32_t)len;
		assert_true(sendmsg(fetching.peer, &message, MSG_NOSIGNAL) > 0);
		parts[1].iov_base = (uint8_t *)parts[1].iov_base + parts[1].iov_len;
		pthread_mutex_lock(&fetching.errands.lock);
		ktlsd_errands_receive(&fetching.errands);
		pthread_mutex_unlock(&fetching.errands.lock);
	} while (len);
}
