#!/bin/zsh -f
# SPDX-License-Identifier: GPL-2.0-or-later
#
# offered.zsh COMMAND LINE: what zsh offers behind LINE with a tab, sorted, a line each. A zsh on
# a terminal of its own loads the file _COMMAND beside this one, as compinit finds it.

zmodload zsh/zpty
here=${0:A:h} work=$(mktemp -d)
trap 'rm -rf $work' EXIT
ln -s $here/_$1 $work

# What is offered goes to a file. compadd is called for other things, too: with -O, -A or -D
# it only filters.
cat >$work/setup <<'END'
fpath=($WORK $fpath)
autoload -Uz compinit
compinit -u -D
compadd() {
	local -a offered
	if [[ " ${@[1,(i)(-|--)]} " != *' -'[a-zA-Z]#[OAD]* ]]; then
		builtin compadd -O offered "$@"
		print -rl -- $offered >>$WORK/offered
	fi
	builtin compadd "$@"
}
setopt no_beep no_list_beep extended_glob
LISTMAX=100000
bindkey '^I' complete-word
done-with() { print done >$WORK/done; }
zle -N done-with
bindkey '^G' done-with
print ready >$WORK/ready
END

await() {
	local i
	for ((i = 0; i < 300; i++)); do
		[[ -s $1 ]] && return
		zpty -rt shell text 2>/dev/null
		sleep 0.1
	done
	print -u2 "offered.zsh: zsh does not get as far as ${1:t}"
	exit 1
}

zpty shell "WORK=$work TERM=dumb zsh -f -i"
zpty -w shell ". $work/setup"
await $work/ready
zpty -nw shell "$2"$'\t\a'
await $work/done
[[ ! -s $work/offered ]] || grep . $work/offered | LC_ALL=C sort -u
