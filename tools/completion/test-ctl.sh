#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# test-ctl.sh KTLSCTL: each verb that --help names is completed, in both shells' files, and
# no other; and what bash completes behind a verb is right. Prints TAP.

HERE=$(dirname "$(readlink -f "$0")")
completes=_ktlsctl
# shellcheck source=tools/completion/tap.bash
. "$HERE/tap.bash"
echo "1..13"

# shellcheck source=tools/completion/ktlsctl.bash
. "$HERE/ktlsctl.bash"

verbs=$("$1" --help | sed -n 's/^  \([a-z-]*\) .*/\1/p' | LC_ALL=C sort)
result "bash: the verbs" "$verbs" "$(complete_ ktlsctl '' | grep -v ^--help)"
result "zsh: the verbs" "$verbs" \
	"$(sed -n "s/^\t'\([a-z-]*\):.*/\1/p" "$HERE/_ktlsctl" | LC_ALL=C sort)"
result "zsh: the file is right" "" "$(zsh -n "$HERE/_ktlsctl" 2>&1)"
result "bash: options of a verb" $'--json\n--no-header' "$(complete_ ktlsctl sockets --)"
result "bash: options of another" $'--control\n--json' \
	"$(complete_ ktlsctl status -- | LC_ALL=C sort)"
result "bash: conditions" $'state=\n' "$(complete_ ktlsctl sockets st)"$'\n'
result "bash: values of a condition" $'client\nserver' "$(complete_ ktlsctl sockets role =)"
result "bash: a part of one" failed "$(complete_ ktlsctl sockets state = f)"
result "bash: a version" $'1.2\n1.3' "$(complete_ ktlsctl check --version '')"
result "bash: a file" "$HERE/test-ctl.sh" "$(complete_ ktlsctl check --trust "$HERE/test-c")"

offered() { "$HERE/offered.zsh" ktlsctl "$1" 2>&1; }

result "zsh: a tab offers the verbs" "$verbs" "$(offered "ktlsctl ")"
result "zsh: options of a verb" $'--json\n--no-header' "$(offered "ktlsctl sockets --")"
result "zsh: values of a condition" $'client\nserver' "$(offered "ktlsctl sockets role=")"
exit $((failed > 0))
