#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ca.sh DIR: a CA and the certificates of the tests, in DIR afterwards. Made where
# the tests are built and not where they run: RSA keys take long in the VM.
#
#	ca.pem					trusted
#	rsa ecdsa big (RSA of 4096 bits)	server.test, 127.0.0.1, ::1
#	p384 ed25519				likewise
#	named					server.test and no address
#	other					other.test, 192.0.2.7
#	expired					like rsa, until yesterday
#	untrusted				like rsa, of a CA that nobody trusts
#	client					for mutual TLS
#	each NAME.pem and NAME.key

set -euo pipefail
umask 022

rm -rf "$1.new"
mkdir -p "$1.new"
cd "$1.new"

cat >openssl.cnf <<'END'
[req]
distinguished_name = empty
prompt = no
[empty]
[ca]
default_ca = any
[any]
database = index
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = policy
unique_subject = no
[policy]
commonName = supplied
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
END
: >index

EC=(-newkey ec -pkeyopt ec_paramgen_curve:P-256)
RSA=(-newkey rsa:2048)

quiet() { openssl "$@" 2>openssl.log || { cat openssl.log >&2; exit 1; }; }

authority() {		# NAME
	quiet req -config openssl.cnf -x509 "${EC[@]}" -nodes -days 3650 -subj "/CN=ktls test $1" \
		-extensions root -keyout "$1.key" -out "$1.pem"
}

leaf() {		# NAME CA SUBJECTALTNAME FROM TO KEYTYPE...
	local name=$1 ca=$2 san=$3 from to usage=digitalSignature
	from=$(date -u -d "$4 days" +%Y%m%d%H%M%SZ)
	to=$(date -u -d "$5 days" +%Y%m%d%H%M%SZ)
	shift 5
	[[ $* != *rsa* ]] || usage+=,keyEncipherment	# NSS insists
	printf '%s\n' basicConstraints=CA:FALSE "keyUsage=critical,$usage" \
		authorityKeyIdentifier=keyid extendedKeyUsage=serverAuth,clientAuth \
		"subjectAltName=$san" >"$name.ext"
	quiet req -config openssl.cnf -new "$@" -nodes -subj "/CN=ktls test $name" \
		-keyout "$name.key" -out "$name.csr"
	quiet ca -config openssl.cnf -batch -notext -cert "$ca.pem" -keyfile "$ca.key" \
		-startdate "$from" -enddate "$to" -extfile "$name.ext" -in "$name.csr" -out "$name.pem"
}

good=DNS:server.test,IP:127.0.0.1,IP:::1

authority ca
authority untrusted-ca
leaf rsa	ca $good -1 3650 "${RSA[@]}"
leaf big	ca $good -1 3650 -newkey rsa:4096
leaf ecdsa	ca $good -1 3650 "${EC[@]}"
leaf p384	ca $good -1 3650 -newkey ec -pkeyopt ec_paramgen_curve:P-384
leaf ed25519	ca $good -1 3650 -newkey ed25519
leaf named	ca DNS:server.test -1 3650 "${EC[@]}"
leaf other	ca DNS:other.test,IP:192.0.2.7 -1 3650 "${EC[@]}"
leaf expired	ca $good -30 -1 "${EC[@]}"
leaf untrusted	untrusted-ca $good -1 3650 "${EC[@]}"
leaf client	ca DNS:client.test -1 3650 "${EC[@]}"

# by serial number: the same once more
rm -f -- [0-9A-F][0-9A-F]*[0-9A-F].pem *.old *.csr *.ext

# ktlsd refuses keys that everybody can read
chmod 640 -- *.key
cd ..
rm -rf "$1"
mv "$1.new" "$1"
