#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Fetch a file over HTTPS without a TLS library. The package ktls is tools/python.

    client.py --name www.example.org 192.0.2.1 443 /index.html >index.html

What happened goes to stderr, one line "key: value" each. Exit status: 0 if the
whole body arrived, 1 if not.
"""

import argparse
import errno
import socket
import sys

import ktls


def connect_tls(args):
    sock = socket.socket(socket.AF_INET6 if ":" in args.host else socket.AF_INET)
    ktls.enable(sock)
    if args.name:			# else the address is verified
        ktls.set(sock, ktls.SERVER_NAME, args.name)
    if args.identity:
        ktls.set(sock, ktls.IDENTITY, args.identity)
    if args.trust:			# else ktlsd's trust anchors
        with open(args.trust) as file:
            ktls.set(sock, ktls.TRUST, file.read())
    if args.version:
        ktls.set(sock, ktls.VERSIONS, (args.version, args.version))
    if args.ciphers:
        ktls.set(sock, ktls.CIPHERS, args.ciphers)
    try:
        sock.connect((args.host, args.port))
    except OSError as e:
        report("connect", errno.errorcode.get(e.errno, e.errno))
        report("error", ktls.error(sock))
        report("alert", ktls.info(sock).alert_sent)
        sys.exit(1)
    report("tls", ktls.describe(sock))
    report("verified", ktls.get(sock, ktls.PEER_NAME).decode())
    return sock


def report(key, value):
    print("%s: %s" % (key, value), file=sys.stderr)


def fetch(sock, args, out):
    request = "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n" % (args.path, args.name or args.host)
    sock.sendall(request.encode())
    with sock.makefile("rb") as reply:
        report("status", reply.readline().decode().strip())
        while reply.readline().strip():
            pass			# headers
        # HTTP/1.0: the body ends where the stream ends, and that is safe. A
        # stream that somebody cut raises ConnectionAbortedError instead.
        while data := reply.read(1 << 16):
            out.write(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("host", help="an address")
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("--name", help="the server's name: sent, and verified")
    parser.add_argument("--identity", help="a section of ktlsd's configuration")
    parser.add_argument("--trust", metavar="PEM", help="these anchors only")
    parser.add_argument("--version", type={"1.2": ktls.TLS_1_2, "1.3": ktls.TLS_1_3}.get)
    parser.add_argument("--ciphers", help="as in KTLS_CIPHERS")
    args = parser.parse_args()

    with connect_tls(args) as sock:
        assert "ssl" not in sys.modules and "_ssl" not in sys.modules
        try:
            fetch(sock, args, sys.stdout.buffer)
        except OSError as e:
            report("read", errno.errorcode.get(e.errno, e.errno))
            report("error", ktls.error(sock))
            sys.exit(1)


if __name__ == "__main__":
    main()
