// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "lib/unix.h"

int ktlsd_unix_address(struct sockaddr_un *ret_address, const char *path)
{
	memset(ret_address, 0, sizeof(*ret_address));
	if (strlen(path) >= sizeof(ret_address->sun_path))
		return -ENAMETOOLONG;
	ret_address->sun_family = AF_UNIX;
	strcpy(ret_address->sun_path, path);
	return 0;
}
