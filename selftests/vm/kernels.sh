# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The kernels that are tested, each with the Debian suite it comes from; to be sourced.
# To add one, add a line. "system" is what the machine's own apt has.

declare -A kernel_suite=() kernel_image=()
stock_kernels=() prepared_kernels=()

# Debian's kernel as it is: booted, and compiled for. A suite that has several names the
# package of that one's images, too. Its compiler must be one of this machine's.
stock_kernel()		{ stock_kernels+=("$1"); kernel_suite[$1]=$2; kernel_image[$1]=${3:-linux-image-amd64}; }

# A source tree prepared for compiling modules; not booted.
prepared_kernel()	{ prepared_kernels+=("$1"); kernel_suite[$1]=$2; }

stock_kernel	6.1	system
stock_kernel	6.12	bookworm-backports
prepared_kernel	7.3	trixie-backports

is_stock()	{ [[ " ${stock_kernels[*]} " == *" $1 "* ]]; }
is_prepared()	{ [[ " ${prepared_kernels[*]} " == *" $1 "* ]]; }
