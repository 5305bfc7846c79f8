# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS as a property of a Linux TCP socket, for Python.

The numbers and structures of <linux/ktls.h>, and a few helpers. There is no TLS
in here: the kernel module ktls does it. Take this file, or the lines you need.

A client:

    sock = socket.socket()
    ktls.enable(sock)
    ktls.set(sock, ktls.SERVER_NAME, "www.example.org")
    sock.connect(("192.0.2.1", 443))		# returns when the peer is verified

A server:

    sock = socket.socket()
    sock.bind(("", 443))
    ktls.enable(sock)
    ktls.set(sock, ktls.IDENTITY, "www")	# a name out of ktlsd.conf
    sock.listen()
    conn, peer = sock.accept()			# a finished TLS connection
"""

import collections
import errno
import socket
import struct

TCP_ULP = 31
SOL_TLS = 282

SERVER_NAME = 64
IDENTITY = 65
CERTIFICATE = 66
PRIVATE_KEY = 67
TRUST = 68
VERIFY = 69
ALPN = 70
VERSIONS = 71
CIPHERS = 72
PSK = 73
TIMEOUT = 74
EOF = 75
GROUPS = 77
SIGALGS = 78
TICKETS = 79
HANDSHAKE = 80
KEY_UPDATE = 81
INFO = 82
ERROR = 83
PEER_CERTIFICATES = 84
PEER_NAME = 85
EXPORTER = 86
PEER_CHAIN = 87
PEER_SUBJECT = 88
PEER_NAMES = 89
PEER_FINGERPRINT = 90

VERIFY_NONE, VERIFY_OPTIONAL, VERIFY_REQUIRED = 0, 1, 2		# of VERIFY
TLS_1_2, TLS_1_3 = 0x0303, 0x0304				# of VERSIONS
CLIENT, SERVER = 1, 2						# of HANDSHAKE

INFO_RESUMED, INFO_VERIFIED, INFO_PEER_CERT = 1, 2, 4		# of info().flags

VERSION_NAMES = {TLS_1_2: "TLSv1.2", TLS_1_3: "TLSv1.3"}

SUITE_NAMES = {
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0xc02b: "ECDHE-ECDSA-AES128-GCM-SHA256",
    0xc02c: "ECDHE-ECDSA-AES256-GCM-SHA384",
    0xc02f: "ECDHE-RSA-AES128-GCM-SHA256",
    0xc030: "ECDHE-RSA-AES256-GCM-SHA384",
    0xcca8: "ECDHE-RSA-CHACHA20-POLY1305",
    0xcca9: "ECDHE-ECDSA-CHACHA20-POLY1305",
}


def enable(sock):
    """Make a TCP socket a TLS socket: before connect or listen, or (followed
    by HANDSHAKE) on a connection. FileNotFoundError: there is no module."""
    sock.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"ktls")


def set(sock, option, value):
    """Set an option to a string, bytes, an int, or for VERSIONS a pair."""
    if isinstance(value, str):
        value = value.encode()
    elif isinstance(value, tuple):
        value = struct.pack("=HH", *value)
    sock.setsockopt(SOL_TLS, option, value)


def alpn(*protocols):
    """The value of ALPN for a list of protocols, the preferred one first."""
    return b"".join(bytes([len(p)]) + p.encode() for p in protocols)


def get(sock, option):
    """An option's value as bytes, however long it is: Python's getsockopt takes
    1 KiB at most, so it is read in pieces."""
    pieces = []
    while len(pieces) == 0 or len(pieces[-1]) == 1024:
        pieces.append(sock.getsockopt(SOL_TLS, option | (len(pieces) + 1) << 16, 1024))
    return b"".join(pieces)


def error(sock):
    """Why the last connect, listen, read or write failed."""
    return sock.getsockopt(SOL_TLS, ERROR, 256).decode("utf-8", "replace")


_INFO = struct.Struct("=BBHHHHBBIIIQQQQIIII")

Info = collections.namedtuple("Info", """
    state role version suite group sigalg alert_sent alert_rcvd flags
    handshake_ms max_payload tx_records rx_records tx_bytes rx_bytes
    tx_key_updates rx_key_updates revocation reserved""")


def info(sock):
    """struct ktls_info. It grows: a newer kernel's has more at its end, an
    older one's less (those fields are 0 here)."""
    data = sock.getsockopt(SOL_TLS, INFO, _INFO.size)
    return Info(*_INFO.unpack(data.ljust(_INFO.size, b"\0")))


Peer = collections.namedtuple("Peer", "name subject names fingerprint chain")


def peer(sock):
    """Who the other end was verified to be; None if nobody was. The names are a
    list of "DNS:..." and the like, and with "..." at its end there are more; the
    fingerprint is 32 bytes; the chain is PEM, "" with a pre-shared key."""
    if not info(sock).flags & INFO_VERIFIED:
        return None
    try:
        chain = get(sock, PEER_CHAIN).decode()
    except OSError as e:
        if e.errno != errno.ENODATA:
            raise
        chain = ""
    return Peer(get(sock, PEER_NAME).decode(), get(sock, PEER_SUBJECT).decode(),
                get(sock, PEER_NAMES).decode().splitlines(),
                get(sock, PEER_FINGERPRINT), chain)


def export(sock, label, size, context=None):
    """Keying material of the connection that both ends can compute, as bytes."""
    label = label.encode()
    sock.setsockopt(SOL_TLS, EXPORTER, struct.pack(
        "=HHHH", len(label), len(context or b""), size, context is not None)
        + label + (context or b""))
    return get(sock, EXPORTER)


def describe(sock):
    """Version and suite, as in "TLSv1.3 TLS_AES_128_GCM_SHA256"."""
    i = info(sock)
    return "%s %s" % (VERSION_NAMES.get(i.version, "%#06x" % i.version),
                      SUITE_NAMES.get(i.suite, "%#06x" % i.suite))
