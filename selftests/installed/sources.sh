# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Where this machine's apt has Debian from, for the systems that are made here; to be sourced.

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# sources SUITE...: as one-line sources. Of this machine's own suite also its updates.
sources() {
	local suite
	for suite; do
		# shellcheck disable=SC2016	# apt expands these
		apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(CODENAME)' \
			'Created-By: Packages' 'Origin: Debian' |
			awk -v suite="$suite" -v keys="$KEYRING" '
				function line(uri, name) {
					if (!seen[uri, name]++)
						print "deb [signed-by=" keys "]", uri, name, "main"
				}
				($2 " " $3) ~ "(^| )" suite { line($1, $2); found = 1 }
				$2 !~ /-/ && !uri { uri = $1 }
				END { if (!found && uri) line(uri, suite) }'
	done
}

# apt_options: how this machine reaches them: proxies, certificates
apt_options() { apt-config dump --format '%F "%v";%n' Acquire::http Acquire::https; }
