#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# test-run.sh KTLS-RUN: each option that --help names is completed, in both shells' files, and
# no other; and what bash completes, and a zsh with a terminal, is right. Prints TAP.

HERE=$(dirname "$(readlink -f "$0")")
completes=_ktls_run
# shellcheck source=tools/completion/tap.bash
. "$HERE/tap.bash"
echo "1..13"

# shellcheck source=tools/completion/ktls-run.bash
. "$HERE/ktls-run.bash"

options=$("$1" --help | grep -oE -- '--[a-z][a-z-]+' | LC_ALL=C sort -u | grep -v '^--$')
result "bash: the options" "$options" "$(complete_ ktls-run --)"
result "zsh: the options" "$options" \
	"$(grep -oE -- '[*,{'"'"']--[a-z][a-z-]+' "$HERE/_ktls-run" | sed 's/^.//' | LC_ALL=C sort -u)"
result "bash: words of an option" $'none\noptional\nrequired' "$(complete_ ktls-run --verify '')"
result "bash: not in a word" required "$(complete_ ktls-run -l 80 --verify r)"
result "bash: a file" "$HERE/test-run.sh" "$(complete_ ktls-run --key "$HERE/test-r")"
# shellcheck disable=SC2317 # the completion calls it
_command_offset() { COMPREPLY=("program at $1"); }
result "bash: the program's arguments" "program at 4" \
	"$(complete_ ktls-run -l 80 -- psql --)"
result "bash: the program without --" "program at 3" "$(complete_ ktls-run -l 80 psql -)"

offered() { "$HERE/offered.zsh" ktls-run "$1" 2>&1; }

result "zsh: the file is right" "" "$(zsh -n "$HERE/_ktls-run" 2>&1)"
result "zsh: a tab offers the options" "$options" "$(offered "ktls-run --")"
result "zsh: but none that was given" "$(grep -v -e --verbose <<<"$options")" \
	"$(offered "ktls-run -v --")"
result "zsh: words of an option" $'none\noptional\nrequired' "$(offered "ktls-run --verify ")"
result "zsh: a file" test-run.sh "$(offered "ktls-run --key $HERE/test-r")"
result "zsh: the program's arguments" test-run.sh "$(offered "ktls-run -l 80 -- cat $HERE/test-r")"
exit $((failed > 0))
