# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Where this machine's apt has Debian from, however it is written down (one-line, deb822,
# mirror, cache), for the kernels and systems that are fetched here; to be sourced.

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# targets [FILTER]: archive, suite and codename of what apt-get update has fetched
targets() {
	# shellcheck disable=SC2016	# apt expands these
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(CODENAME)' 'Created-By: Packages' "$@"
}

# sources SUITE...: as one-line sources. Of this machine's own suite also its updates; others
# live beside it. Somebody's own archive may have another origin. Nothing where there is none.
sources() {
	local suite known

	known=$(targets 'Origin: Debian')
	[[ $known ]] || known=$(targets)
	for suite; do
		awk -v suite="$suite" -v keys="$KEYRING" '
			function line(uri, name) {
				if (!seen[uri, name]++)
					print "deb [signed-by=" keys "]", uri, name, "main"
			}
			($2 " " $3) ~ "(^| )" suite "(-updates|-security)?( |$)" { line($1, $2); found = 1 }
			$2 !~ /-/ && !uri { uri = $1 }
			END { if (!found && uri) line(uri, suite) }' <<<"$known"
	done
}

# apt_options: how this machine reaches them: proxies, certificates
apt_options() { apt-config dump --format '%F "%v";%n' Acquire::http Acquire::https; }
