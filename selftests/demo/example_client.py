#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# example_client.py ADDRESS PORT NAME: fetch "/" of https://NAME/. No TLS library.
import socket
import sys

TCP_ULP, SOL_TLS, KTLS_SERVER_NAME, KTLS_ERROR = 31, 282, 64, 83
address, port, name = sys.argv[1:]

sock = socket.socket()
sock.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"ktls")
sock.setsockopt(SOL_TLS, KTLS_SERVER_NAME, name.encode())
try:
    sock.connect((address, int(port)))
except OSError as e:
    sys.exit("%s: %s" % (e.strerror, sock.getsockopt(SOL_TLS, KTLS_ERROR, 256).decode()))

sock.sendall(b"GET / HTTP/1.0\r\nHost: %s\r\n\r\n" % name.encode())
while data := sock.recv(65536):
    sys.stdout.buffer.write(data)
