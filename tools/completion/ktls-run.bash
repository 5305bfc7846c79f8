# SPDX-License-Identifier: GPL-2.0-or-later
# bash-completion of ktls-run(1)
# shellcheck shell=bash

# Identities of ktlsd.conf and the files that it includes, as far as they can be read.
_ktls_run_identities() {
	sed -n 's/^[[:space:]]*\[identity[[:space:]]\{1,\}\([^]]*\)\].*/\1/p' \
		/etc/ktls/ktlsd.conf /etc/ktls/*.d/*.conf 2>/dev/null
}

_ktls_run() {
	local cur prev i takes='-l|--listen|-c|--connect|-w|--wrap-fd|-i|--identity|--certificate'
	takes+='|--key|-t|--trust|-n|--server-name|--alpn|--verify'

	COMPREPLY=()
	# After the program's name, what fits the program
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -- ]]; then
			((i++))
		elif [[ ${COMP_WORDS[i]} =~ ^($takes)$ ]]; then
			((i++))
			continue
		elif [[ ${COMP_WORDS[i]} == -* ]]; then
			continue
		fi
		if ((i <= COMP_CWORD)) && declare -F _command_offset >/dev/null; then
			_command_offset "$i"
			return
		fi
		break
	done
	cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	case $prev in
	-i|--identity) mapfile -t COMPREPLY < <(compgen -W "$(_ktls_run_identities)" -- "$cur") ;;
	--verify) mapfile -t COMPREPLY < <(compgen -W 'none optional required' -- "$cur") ;;
	--certificate|--key|-t|--trust) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	--alpn) mapfile -t COMPREPLY < <(compgen -W 'h2 http/1.1' -- "$cur") ;;
	-n|--server-name) mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur") ;;
	-l|--listen|-c|--connect) mapfile -t COMPREPLY < <(compgen -W any -- "$cur") ;;
	-w|--wrap-fd) ;;
	*)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W '--listen --connect --wrap-fd --identity
				--certificate --key --trust --server-name --alpn --verify
				--allow-truncation --plain --allow-io-uring --verbose --help
				--version' -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		fi ;;
	esac
}

complete -F _ktls_run ktls-run
