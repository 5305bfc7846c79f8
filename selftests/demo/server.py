#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An HTTPS file server without a TLS library: a socket, an identity, sendfile.

Everything that is TLS here is in listen_tls(). What follows it is a plain HTTP
server, which reads and writes an ordinary socket. The package ktls is tools/python.
"""

import argparse
import errno
import os
import socket
import struct
import sys
import threading

import ktls

IDLE = struct.pack("ll", 30, 0)		# seconds a client may keep us waiting


def listen_tls(args):
    host, port = args.listen.rsplit(":", 1)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host.strip("[]"), int(port)))

    ktls.enable(sock)
    ktls.set(sock, ktls.IDENTITY, args.identity)
    ktls.set(sock, ktls.ALPN, ktls.alpn("http/1.1", "http/1.0"))
    if args.timeout:
        ktls.set(sock, ktls.TIMEOUT, args.timeout)
    if args.verify:
        ktls.set(sock, ktls.VERIFY, ktls.VERIFY_REQUIRED)
    try:
        sock.listen(args.backlog)
    except OSError as e:
        # ktlsd has looked at the identity, and says what is wrong with it
        sys.exit("listen: %s: %s" % (errno.errorcode.get(e.errno, e.errno),
                                     ktls.error(sock) or e.strerror))
    return sock


def answer(conn, status, path=None, tls=""):
    file = open(path, "rb") if path else None
    size = os.fstat(file.fileno()).st_size if file else 0
    conn.sendall(("HTTP/1.1 %s\r\nContent-Length: %d\r\nX-TLS: %s\r\n\r\n"
                  % (status, size, tls)).encode())
    offset = 0
    while offset < size:
        # From the page cache into TLS records, inside the kernel
        offset += os.sendfile(conn.fileno(), file.fileno(), offset, size - offset)


def serve(conn, peer, root):
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, IDLE)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, IDLE)
    tls, log = ktls.describe(conn), ""
    if who := ktls.peer(conn):		# with --verify: whose certificate it was
        print("client: %s | %s | %s | sha256 %s" % (
            who.name, who.subject, " ".join(who.names), who.fingerprint.hex()), flush=True)
    try:
        with conn, conn.makefile("rb") as requests:
            while line := requests.readline(4096):
                while requests.readline(4096).strip():
                    pass			# the headers
                log = line.decode("latin-1").strip()
                method, path, *_ = log.split(" ") + ["", ""]
                path = os.path.realpath(root + path)
                if method != "GET":
                    answer(conn, "405 Method Not Allowed", tls=tls)
                elif not path.startswith(root + "/") or not os.path.isfile(path):
                    answer(conn, "404 Not Found", tls=tls)
                else:
                    answer(conn, "200 OK", path, tls)
                print("%s | %s | %s" % (peer[0], tls, log), flush=True)
                if not log.endswith("HTTP/1.1"):
                    break			# closing sends close_notify
    except OSError as e:
        print("%s | %s | %s | %s" % (peer[0], tls, log, e.strerror), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("identity", help="a section of ktlsd's configuration")
    parser.add_argument("root", help="the directory to serve")
    parser.add_argument("--listen", default="127.0.0.1:4433", metavar="HOST:PORT")
    parser.add_argument("--backlog", type=int, default=128)
    parser.add_argument("--timeout", type=int, help="of a handshake, milliseconds")
    parser.add_argument("--verify", action="store_true",
                        help="let in only who has a certificate")
    args = parser.parse_args()

    sock = listen_tls(args)
    assert "ssl" not in sys.modules and "_ssl" not in sys.modules
    print("listening on", args.listen, flush=True)
    while True:
        conn, peer = sock.accept()	# verified, encrypted, ready to use
        threading.Thread(target=serve, daemon=True,
                         args=(conn, peer, os.path.realpath(args.root))).start()


if __name__ == "__main__":
    main()
