# SPDX-License-Identifier: GPL-2.0-or-later
# bash-completion of ktlsctl(8)
# shellcheck shell=bash

_ktlsctl_values() {	# KEY
	case $1 in
	state) echo new connecting listening handshake open failed closed ;;
	role) echo client server ;;
	version) echo 1.2 1.3 ;;
	verified) echo yes no ;;
	uid) compgen -u ;;
	esac
}

_ktlsctl_words() {	# VERB
	case $1 in
	check) echo --server-name --trust --alpn --version ;;
	counters) echo --json ;;
	identities|status) echo --json --control ;;
	sockets) echo --json --no-header ;;
	stats) echo --json --prometheus --output --control ;;
	monitor) echo --json --all-namespaces ;;
	flush-tickets|reload) echo --control ;;
	esac
}

_ktlsctl() {
	local cur prev verb key

	COMPREPLY=()
	verb=${COMP_WORDS[1]} cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W 'check counters flush-tickets identities
			monitor reload sockets stats status version --help' -- "$cur")
		return
	fi
	# bash takes "=" for a word of its own.
	if [[ $verb == sockets && $cur == = ]]; then
		prev='=' cur=
	fi
	if [[ $verb == sockets && $prev == = ]]; then
		key=${COMP_WORDS[COMP_CWORD - 1]}
		[[ $key != = ]] || key=${COMP_WORDS[COMP_CWORD - 2]}
		mapfile -t COMPREPLY < <(compgen -W "$(_ktlsctl_values "$key")" -- "$cur")
		return
	fi
	case $prev in
	--control|--output|--trust) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	--server-name) mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur") ;;
	--alpn) mapfile -t COMPREPLY < <(compgen -W 'h2 http/1.1' -- "$cur") ;;
	--version) mapfile -t COMPREPLY < <(compgen -W '1.2 1.3' -- "$cur") ;;
	*)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$(_ktlsctl_words "$verb")" -- "$cur")
		elif [[ $verb == sockets ]]; then
			mapfile -t COMPREPLY < <(compgen -W 'state= role= version= uid= port= local=
				peer= name= identity= verified=' -- "$cur")
			compopt -o nospace 2>/dev/null
		elif [[ $verb == counters ]]; then
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		fi ;;
	esac
}

complete -F _ktlsctl ktlsctl
