# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034
#
# The kernels that are tested, each with the Debian suite it comes from; to be sourced.
# To add one, add a line. "system" is what the machine's own apt has.

declare -A kernel_suite=() kernel_image=() kernel_compiler=() kernel_machine=()
stock_kernels=() newer_kernels=() foreign_kernels=() prepared_kernels=()

# Debian's kernel as it is: booted, and compiled for. A suite that has several names the
# package of that one's images, too. Its compiler must be one of this machine's.
stock_kernel()		{ stock_kernels+=("$1"); kernel_suite[$1]=$2; kernel_image[$1]=${3:-linux-image-amd64}; }

# The same of a newer Debian, whose compiler and C library its headers need: vm/compile has
# them. Only "check --full" runs it unasked. The third is that Debian.
newer_kernel()		{ newer_kernels+=("$1"); kernel_suite[$1]=$2; kernel_compiler[$1]=$3; kernel_image[$1]=linux-image-amd64; }

# That of another machine, compiled for with a cross compiler; machines/run boots it.
foreign_kernel()	{ foreign_kernels+=("$1"); kernel_suite[$1]=$2/$3; kernel_machine[$1]=$3; kernel_image[$1]=linux-image-$3; }

# A source tree prepared for compiling modules; not booted.
prepared_kernel()	{ prepared_kernels+=("$1"); kernel_suite[$1]=$2; }

stock_kernel	6.1	system
stock_kernel	6.12	bookworm-backports
newer_kernel	trixie-6.12	trixie		trixie
newer_kernel	7.3	trixie-backports	trixie
foreign_kernel	arm64-6.12	bookworm-backports	arm64
foreign_kernel	s390x-6.12	bookworm-backports	s390x
prepared_kernel	source-7.3	trixie-backports

# The names of other machines in those of their compilers, and of QEMU's programs
triplet_of() {
	case $1 in
	arm64) echo aarch64-linux-gnu ;;
	s390x) echo s390x-linux-gnu ;;
	*) return 1 ;;
	esac
}

# For this machine that of the backports, which vm/setup unpacks: in bookworm's QEMU 7.2 a
# processor may go on executing what another one has just overwritten. The breakpoint with
# which a kernel changes its code, whenever a tracepoint is switched on, then ends in
# "Oops: int3" or in a processor that never leaves it.
qemu_of() {
	local triplet
	if triplet=$(triplet_of "$1"); then
		echo "qemu-system-${triplet%%-*}"
	else
		echo "${KTLS_CACHE:-$HOME/.cache/ktls}/qemu/usr/bin/qemu-system-x86_64"
	fi
}

# version_of NAME: trixie-6.12 is a 6.12
version_of()	{ echo "${1##*-}"; }

is_stock()	{ [[ " ${stock_kernels[*]} ${newer_kernels[*]} " == *" $1 "* ]]; }
is_foreign()	{ [[ " ${foreign_kernels[*]} " == *" $1 "* ]]; }
is_prepared()	{ [[ " ${prepared_kernels[*]} " == *" $1 "* ]]; }
