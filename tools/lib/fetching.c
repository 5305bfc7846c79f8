// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fetching.h"
#include "unix.h"

int ktlsd_fetching_connect(const char *path)
{
	struct sockaddr_un address;
	int fd, err;

	err = ktlsd_unix_address(&address, path);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int ktlsd_fetching_send(int fd, struct ktls_fetch_request *request, const char *url,
			const void *body)
{
	struct iovec parts[] = {
		{ request, sizeof(*request) }, { (void *)url, strlen(url) },
		{ (void *)body, request->body_len },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 3 };

	request->url_len = (uint16_t)parts[1].iov_len;
	return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int ktlsd_fetching_receive(int fd, uint8_t *buffer, struct ktls_fetch_answer *ret_answer)
{
	ssize_t len = recv(fd, buffer, KTLS_FETCH_MESSAGE_MAX, MSG_DONTWAIT);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (len < (ssize_t)sizeof(*ret_answer))
		return -EPIPE;
	memcpy(ret_answer, buffer, sizeof(*ret_answer));
	return ret_answer->len == (size_t)len - sizeof(*ret_answer) ? 1 : -EPIPE;
}

static size_t fetching_host_len(const char *url)
{
	size_t scheme = strlen("http://");

	return strncasecmp(url, "http://", scheme) ? 0 : scheme + strcspn(url + scheme, "/?#");
}

bool ktlsd_fetching_is_same_host(const char *url, const char *other)
{
	size_t len = fetching_host_len(url);

	return len == fetching_host_len(other) && !strncasecmp(url, other, len);
}
