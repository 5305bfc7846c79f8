#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# example_server.py PORT IDENTITY: greet each TLS client. No TLS library.
import socket
import sys

TCP_ULP, SOL_TLS, KTLS_IDENTITY, KTLS_ERROR = 31, 282, 65, 83
port, identity = sys.argv[1:]

sock = socket.socket()
sock.bind(("", int(port)))
sock.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"ktls")
sock.setsockopt(SOL_TLS, KTLS_IDENTITY, identity.encode())
try:
    sock.listen()
except OSError as e:
    sys.exit("%s: %s" % (e.strerror, sock.getsockopt(SOL_TLS, KTLS_ERROR, 256).decode()))

while True:
    conn, peer = sock.accept()
    with conn:
        conn.recv(4096)
        conn.sendall(b"HTTP/1.0 200 OK\r\n\r\nHello over TLS, %s\n" % peer[0].encode())
