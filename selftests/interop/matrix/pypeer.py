#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The peer with Python's ssl: what peer.go is for Go's crypto/tls."""

import argparse
import socket
import ssl


def context(args):
    server = args.role == "server"
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    ctx.minimum_version = ctx.maximum_version = {
        "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[args.version]
    ctx.load_verify_locations(args.ca)
    if args.cert:
        ctx.load_cert_chain(args.cert, args.key)
    if args.mutual:
        ctx.verify_mode = ssl.CERT_REQUIRED
    if args.alpn:
        ctx.set_alpn_protocols(args.alpn.split(","))
    return ctx


def serve(args, ctx):
    with open(args.page, "rb") as file:
        page = file.read()
    listener = socket.create_server((args.host, args.port))
    while True:
        conn, _ = listener.accept()
        try:
            with ctx.wrap_socket(conn, server_side=True) as tls:
                tls.recv(4096)
                tls.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(page) + page)
                tls.unwrap().close()
        except OSError as e:
            print(e, flush=True)


def ask(args, ctx):
    session = None
    for _ in range(args.count):
        conn = socket.create_connection((args.host, args.port))
        with ctx.wrap_socket(conn, server_hostname="server.test", session=session) as tls:
            tls.sendall(b"GET / HTTP/1.0\r\n\r\n")
            text = b""
            while piece := tls.recv(65536):
                text += piece
            session = tls.session
            print(text.decode())
            print(f"resumed={str(tls.session_reused).lower()} "
                  f"alpn=\"{tls.selected_alpn_protocol()}\"", flush=True)


parser = argparse.ArgumentParser()
parser.add_argument("role")
parser.add_argument("address")
parser.add_argument("-version", default="1.3")
for option in "cert", "key", "ca", "alpn", "page":
    parser.add_argument("-" + option)
parser.add_argument("-mutual", action="store_true")
parser.add_argument("-count", type=int, default=1)
parsed = parser.parse_args()
parsed.host, parsed.port = parsed.address.split(":")
parsed.port = int(parsed.port)
(serve if parsed.role == "server" else ask)(parsed, context(parsed))
