#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Serve one client with a certificate, and print all that is known of it.

interop/peer.c starts it, with a copy of tools/python/ktls beside it.
"""

import base64
import hashlib
import re
import socket
import sys

import ktls

sock = socket.socket()
sock.bind(("127.0.0.1", int(sys.argv[1])))
ktls.enable(sock)
ktls.set(sock, ktls.IDENTITY, "rsa")
ktls.set(sock, ktls.VERIFY, ktls.VERIFY_REQUIRED)
sock.listen()
print("listening", flush=True)

conn, _ = sock.accept()
peer = ktls.peer(conn)
chain = re.findall("-----BEGIN CERTIFICATE-----\n(.*?)\n-----END", peer.chain, re.S)
leaf = hashlib.sha256(base64.b64decode(chain[0])).digest()
print("name:", peer.name)
print("subject:", peer.subject)
print("names:", peer.names)
print("fingerprint is that of the chain's leaf:", peer.fingerprint == leaf)
print("certificates in the chain:", len(chain))
print("revocation:", ktls.info(conn).revocation)
print("exported:", ktls.export(conn, "EXPERIMENTAL label", 48).hex().upper())
assert len(ktls.export(conn, "EXPERIMENTAL label", 4096)) == 4096
assert ktls.export(conn, "label", 32, b"one") != ktls.export(conn, "label", 32, b"two")
