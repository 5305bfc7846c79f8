# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# To be sourced: a root directory in which commands of packages can do no harm to this machine.

# prepared DIR: services cannot be started there, and apt does not ask
prepared() {
	mkdir -p "$1/root/ktls/.build"
	echo 'APT::Get::Assume-Yes "true";' >"$1/etc/apt/apt.conf.d/90test"
	printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
	chmod 755 "$1/usr/sbin/policy-rc.d"
}

# inside DIR MEDIA COMMAND: in that chroot, as root, in /root/ktls, with MEDIA as /media and
# mounts that go when it ends
inside() {
	# shellcheck disable=SC2016	# expanded in the namespaces
	unshare --mount --pid --uts --fork --kill-child bash -euc '
		mount -t proc proc "$1/proc"; mount -t tmpfs tmpfs "$1/dev"
		for node in null zero urandom random; do
			touch "$1/dev/$node"; mount --bind "/dev/$node" "$1/dev/$node"
		done
		ln -s /proc/self/fd "$1/dev/fd"		# for >(...) in scripts of DKMS
		mount --bind "$2" "$1/media"
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
			DEBIAN_FRONTEND=noninteractive chroot "$1" bash -euc "cd /root/ktls; $3"' \
		- "$1" "$2" "$3" </dev/null
}
