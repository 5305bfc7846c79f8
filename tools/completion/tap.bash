# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For the tests of completion, which source it: results as TAP, and what bash would offer.
# $completes is the program's function.

count=0 failed=0

result() {		# NAME EXPECTED GOT
	((++count))
	if [[ $2 == "$3" ]]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		diff <(echo "$2") <(echo "$3") | sed 's/^/# /'
		((++failed))
	fi
}

complete_() {		# WORD...
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	"$completes"
	printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort
}
