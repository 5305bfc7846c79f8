# SPDX-License-Identifier: GPL-2.0-or-later OR BSD-3-Clause
"""TLS as a property of a Linux TCP socket, for Python.

There is no TLS in here: the kernel module ktls does it, see ktls(7). The sockets are
ordinary ones of the module socket, for every module that takes those. A client:

    sock = ktls.connect(("www.example.org", 443))	# the peer is verified

A server, with an identity of ktlsd.conf:

    listener = ktls.listen(("", 443), "www")
    conn, peer = listener.accept()			# a finished TLS connection

Options are a mapping, for instance {ktls.ALPN: ktls.alpn("h2")}. ktls.http and ktls.aio
have what the modules http, urllib.request and asyncio need.
"""

import contextlib
import errno
import os
import select
import socket
import struct
import time
from typing import Iterator, List, Mapping, NamedTuple, Optional, Tuple, Union

Value = Union[str, bytes, int, Tuple[int, int]]
Options = Mapping[int, Value]

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
RECORD_PADDING = 76
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

# of info().state
(STATE_NEW, STATE_CONNECTING, STATE_LISTENING, STATE_HANDSHAKE, STATE_OPEN, STATE_FAILED,
 STATE_CLOSED) = range(7)
# of info().flags
INFO_RESUMED, INFO_VERIFIED, INFO_PEER_CERT, INFO_CLOSE_SENT, INFO_CLOSE_RCVD = 1, 2, 4, 8, 16
# of info().revocation
(REVOCATION_UNCHECKED, REVOCATION_STAPLE, REVOCATION_CRL, REVOCATION_OCSP,
 REVOCATION_NO_ANSWER) = range(5)

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


def enable(sock: socket.socket) -> None:
    """Make a TCP socket a TLS socket: before connect or listen, or (followed
    by HANDSHAKE) on a connection. FileNotFoundError: there is no module."""
    sock.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"ktls")


def set(sock: socket.socket, option: int, value: Value) -> None:
    """Set an option to a string, bytes, an int, or for VERSIONS a pair."""
    if isinstance(value, str):
        value = value.encode()
    elif isinstance(value, tuple):
        value = struct.pack("=HH", *value)
    elif option == RECORD_PADDING:
        value = struct.pack("=H", value)
    sock.setsockopt(SOL_TLS, option, value)


def alpn(*protocols: str) -> bytes:
    """The value of ALPN for a list of protocols, the preferred one first."""
    return b"".join(bytes([len(p)]) + p.encode() for p in protocols)


def psk(identity: str, key: bytes) -> bytes:
    """The value of PSK: a pre-shared key and its name."""
    name = identity.encode()
    if len(name) > 128 or len(key) > 64:
        raise ValueError("a name of at most 128 bytes, and a key of at most 64")
    return struct.pack("=HH128s64s", len(name), len(key), name, key)


def get(sock: socket.socket, option: int) -> bytes:
    """An option's value as bytes, however long it is: Python's getsockopt takes
    1 KiB at most, so it is read in pieces."""
    pieces: List[bytes] = []
    while len(pieces) == 0 or len(pieces[-1]) == 1024:
        pieces.append(sock.getsockopt(SOL_TLS, option | (len(pieces) + 1) << 16, 1024))
    return b"".join(pieces)


def error(sock: socket.socket) -> str:
    """Why the last connect, listen, read or write failed."""
    return sock.getsockopt(SOL_TLS, ERROR, 256).decode("utf-8", "replace")


_INFO = struct.Struct("=BBHHHHBBIIIQQQQIIII")

class Info(NamedTuple):
    """struct ktls_info of <linux/ktls.h>"""
    state: int
    role: int
    version: int
    suite: int
    group: int
    sigalg: int
    alert_sent: int
    alert_rcvd: int
    flags: int
    handshake_ms: int
    max_payload: int
    tx_records: int
    rx_records: int
    tx_bytes: int
    rx_bytes: int
    tx_key_updates: int
    rx_key_updates: int
    revocation: int
    reserved: int


def info(sock: socket.socket) -> Info:
    """struct ktls_info. It grows: a newer kernel's has more at its end, an
    older one's less (those fields are 0 here)."""
    data = sock.getsockopt(SOL_TLS, INFO, _INFO.size)
    return Info(*_INFO.unpack(data.ljust(_INFO.size, b"\0")))


class Peer(NamedTuple):
    """Who the other end is; see peer()."""
    name: str
    subject: str
    names: List[str]
    fingerprint: bytes
    chain: str


def peer(sock: socket.socket) -> Optional[Peer]:
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


def export(sock: socket.socket, label: str, size: int,
           context: Optional[bytes] = None) -> bytes:
    """Keying material of the connection that both ends can compute, as bytes."""
    name = label.encode()
    sock.setsockopt(SOL_TLS, EXPORTER, struct.pack(
        "=HHHH", len(name), len(context or b""), size, context is not None)
        + name + (context or b""))
    return get(sock, EXPORTER)


def describe(sock: socket.socket) -> str:
    """Version and suite, as in "TLSv1.3 TLS_AES_128_GCM_SHA256"."""
    i = info(sock)
    return "%s %s" % (VERSION_NAMES.get(i.version, "%#06x" % i.version),
                      SUITE_NAMES.get(i.suite, "%#06x" % i.suite))


def explained(sock: socket.socket, e: OSError) -> OSError:
    """The same error with KTLS_ERROR in its text."""
    try:
        reason = error(sock)
    except OSError:
        reason = ""
    if not reason or e.errno is None:
        return e
    return OSError(e.errno, "%s: %s" % (os.strerror(e.errno), reason))


def prepare(sock: socket.socket, options: Optional[Options] = None) -> None:
    """enable() and these options."""
    enable(sock)
    for option, value in (options or {}).items():
        set(sock, option, value)


def _wait(sock: socket.socket, deadline: Optional[float]) -> None:
    """Until the handshake of a non-blocking socket has ended; OSError if it failed."""
    left = None if deadline is None else max(deadline - time.monotonic(), 0) * 1000
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    if not poll.poll(left):
        raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
    result = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if result:
        raise OSError(result, os.strerror(result))


def _handshake(sock: socket.socket, role: int) -> None:
    timeout = sock.gettimeout()
    deadline = None if timeout is None else time.monotonic() + timeout
    # setsockopt() keeps the interpreter's lock: in it no other thread would run.
    os.set_blocking(sock.fileno(), False)
    try:
        set(sock, HANDSHAKE, role)
    except BlockingIOError:
        if timeout == 0:
            raise		# the program polls
        try:
            _wait(sock, deadline)
        except OSError as e:
            raise explained(sock, e) from None
    except OSError as e:
        raise explained(sock, e) from None
    finally:
        os.set_blocking(sock.fileno(), timeout is None)


def _with(options: Optional[Options], option: int, value: Optional[str]) -> Options:
    """These options, and that one if they do not have it."""
    more = {} if value is None else {option: value}
    return {**more, **(options or {})}


def wrap_client(sock: socket.socket, server_name: Optional[str] = None,
                options: Optional[Options] = None) -> socket.socket:
    """TLS on a connection, as its client; returns when the server is verified. Without a
    name the server's address is. The socket's timeout is that of the handshake; a
    socket that does not block raises BlockingIOError, and becomes writable."""
    prepare(sock, _with(options, SERVER_NAME, server_name))
    _handshake(sock, CLIENT)
    return sock


def wrap_server(sock: socket.socket, identity: Optional[str] = None,
                options: Optional[Options] = None) -> socket.socket:
    """TLS on a connection, as its server. Not for what a TLS listener has accepted:
    that is TLS."""
    prepare(sock, _with(options, IDENTITY, identity))
    _handshake(sock, SERVER)
    return sock


class _Attempts:
    """Of connect(): one socket after the other, until one is connected or has reached the
    server, which other addresses lead to as well."""

    def __init__(self, host: str) -> None:
        self.over = False
        self.failed: OSError = OSError(errno.ENXIO, "%s has no address" % host)

    @contextlib.contextmanager
    def on(self, sock: socket.socket) -> Iterator[socket.socket]:
        """Closes the socket if that fails; an OSError is kept."""
        try:
            yield sock
        except OSError as e:
            self.failed = explained(sock, e)
            self.over = self.failed is not e
            sock.close()
        except BaseException:
            sock.close()
            raise


def connect(address: Tuple[str, Union[int, str]], server_name: Optional[str] = None,
            timeout: Optional[float] = None,
            options: Optional[Options] = None) -> socket.socket:
    """Connect to a host and port, and verify that it is that host, or server_name. One
    address after the other is tried, each for at most that many seconds, until a server
    answers. The socket has that timeout, as with socket.create_connection()."""
    host, port = address[:2]
    options = _with(options, SERVER_NAME, server_name or (None if "%" in host else host))
    attempts = _Attempts(host)
    for family, kind, protocol, _, where in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM):
        with attempts.on(socket.socket(family, kind, protocol)) as sock:
            sock.settimeout(timeout)
            prepare(sock, options)
            sock.connect(where)
            return sock
        if attempts.over:
            break
    raise attempts.failed


def listen(address: Tuple[str, int], identity: Optional[str] = None,
           options: Optional[Options] = None, backlog: int = 128,
           family: Optional[int] = None) -> socket.socket:
    """A listening socket, as that identity of ktlsd.conf. With the host "" at all
    addresses, of IPv6 too if there is any."""
    host = address[0]
    both = not host and family is None and socket.has_dualstack_ipv6()
    if family is None:
        family = socket.AF_INET6 if both or ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if both:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(address)
        prepare(sock, _with(options, IDENTITY, identity))
        sock.listen(backlog)
        return sock
    except OSError as e:
        failed = explained(sock, e)
        sock.close()
        raise failed from None
