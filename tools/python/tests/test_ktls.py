#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_ktls.py BUILD: the package ktls. Without the module, what needs none; with it, every
example of the package against ktlsd.
"""

import asyncio
import contextlib
import errno
import http.client
import http.server
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = HERE + "/../../.."
sys.path[:0] = [HERE + "/..", TOP + "/tools/ktlsd/tests"]
sys.dont_write_bytecode = True

import ktls  # noqa: E402
import ktls.aio  # noqa: E402
import ktls.http  # noqa: E402
from test_daemon import LOADED, SCALE, daemon, main, make_identity, write  # noqa: E402

PATIENCE = 10 * SCALE


class Recorder:
    """A socket that remembers what options it was given, and answers these."""

    def __init__(self, **answers):
        self.calls = []
        self.answers = answers

    def setsockopt(self, level, option, value):
        self.calls.append((level, option, value))

    def getsockopt(self, level, option, size):
        assert level == ktls.SOL_TLS
        value = self.answers["piece" if option >> 16 else str(option)]
        if option >> 16:
            value = value[((option >> 16) - 1) * 1024:][:1024]
        assert len(value) <= size, (len(value), size)
        return value


def raises(kind, function, *args, **named):
    try:
        function(*args, **named)
    except kind as e:
        return e
    raise AssertionError(f"{function.__name__} does not raise {kind.__name__}")


def test_numbers(_):
    """each name of the header has its number, and none is missing"""
    with open(TOP + "/include/uapi/linux/ktls.h", encoding="ascii") as file:
        text = file.read()
    options = dict(re.findall(r"^#define KTLS_(\w+)\t+(\d+)$", text, re.M))
    options = {name: int(number) for name, number in options.items()
               if f" * KTLS_{name} - " in text}
    assert len(options) == 27, options
    for name, number in options.items():
        assert getattr(ktls, name, None) == number, name
    values = re.findall(r"^\tKTLS_(?:ROLE_)?(\w+)\s*= (\d+),", text, re.M)
    flags = re.findall(r"^#define KTLS_(INFO_\w+)\t+\(1 << (\d)\)", text, re.M)
    assert (len(values), len(flags)) == (17, 5), (values, flags)
    for name, number in values:
        assert getattr(ktls, name) == int(number), name
    for name, bit in flags:
        assert getattr(ktls, name) == 1 << int(bit), name


def test_values(_):
    """values have the form that the kernel expects"""
    sock = Recorder()
    ktls.prepare(sock, {ktls.SERVER_NAME: "a.test", ktls.VERSIONS: (ktls.TLS_1_2, ktls.TLS_1_3),
                        ktls.TIMEOUT: 5, ktls.RECORD_PADDING: 512, ktls.TRUST: b"PEM",
                        ktls.ALPN: ktls.alpn("h2", "http/1.1")})
    assert sock.calls == [
        (6, 31, b"ktls"), (282, 64, b"a.test"), (282, 71, struct.pack("=HH", 0x303, 0x304)),
        (282, 74, 5), (282, 76, struct.pack("=H", 512)), (282, 68, b"PEM"),
        (282, 70, b"\x02h2\x08http/1.1")], sock.calls
    assert ktls.psk("me", b"0123456789abcdef") == (
        struct.pack("=HH", 2, 16) + b"me" + bytes(126) + b"0123456789abcdef" + bytes(48))
    raises(ValueError, ktls.psk, "me", bytes(65))


def test_pieces(_):
    """long values are read whole, also if they fill their last piece"""
    for size in 0, 1, 1023, 1024, 1025, 5000:
        value = bytes(n % 251 for n in range(size))
        assert ktls.get(Recorder(piece=value), ktls.PEER_CHAIN) == value, size


def test_info(_):
    """KTLS_INFO of an older kernel is filled up with zeros"""
    whole = struct.pack("=BBHHHHBBIIIQQQQIIII", 4, 1, 0x304, 0x1301, 29, 0x804, 255, 255,
                        6, 7, 16384, 1, 2, 3, 4, 5, 6, 3, 0)
    assert ktls.info(Recorder(**{"82": whole})).revocation == 3
    old = ktls.info(Recorder(**{"82": whole[:64]}))
    assert (old.version, old.rx_bytes, old.revocation) == (0x304, 4, 0), old


def test_no_module(_):
    """without the module, sockets are refused, not plain"""
    if LOADED:
        return "the module is loaded"
    raises(FileNotFoundError, ktls.listen, ("127.0.0.1", 0), "www")
    raises(FileNotFoundError, ktls.http.HTTPServer, ("127.0.0.1", 0),
           http.server.BaseHTTPRequestHandler, "www")
    with socket.create_server(("127.0.0.1", 0)) as plain:
        raises(FileNotFoundError, ktls.connect, plain.getsockname())
        connection = ktls.http.HTTPSConnection(*plain.getsockname())
        raises(FileNotFoundError, connection.request, "GET", "/")
        assert connection.sock is None
        raises(FileNotFoundError, asyncio.run, ktls.aio.connect(*plain.getsockname()))
    return None


# --- with the module ------------------------------------------------------------

def with_daemon(test):
    """TEST(path) beside a ktlsd with the identity "www", for localhost."""
    def wrapped(path):
        if not LOADED:
            return "the module is not loaded"
        make_identity(path + "/www")
        write(path + "/conf", f"[ktlsd]\ntrust = {path}/www.pem\n[identity www]\n"
              f"certificate = {path}/www.pem\nprivate_key = {path}/www.key\n")
        with daemon(path) as it:
            assert it.listen(20, "2 of 2 workers serve"), it.notified
            test(path)
        return None
    wrapped.__doc__ = test.__doc__
    return wrapped


class Handler(http.server.BaseHTTPRequestHandler):
    """Says what is known of the client's connection."""

    def do_GET(self):
        body = (ktls.get(self.connection, ktls.SERVER_NAME) + b" " +
                self.path.encode() + b" " + b"x" * 100000)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve_once(listener, serve):
    def run():
        with listener.accept()[0] as conn:
            serve(conn)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


@with_daemon
def test_connect(_):
    """connect() and listen(): the name is verified, and errors have the reason"""
    with ktls.listen(("", 0), "www") as listener:
        port = listener.getsockname()[1]
        thread = serve_once(listener, lambda conn: conn.sendall(conn.recv(100).upper()))
        with ktls.connect(("localhost", port), timeout=PATIENCE) as sock:
            assert sock.gettimeout() == PATIENCE
            sock.sendall(b"hello")
            assert sock.recv(100) == b"HELLO"
            assert ktls.info(sock).flags & ktls.INFO_VERIFIED
            assert ktls.peer(sock).name == "localhost", ktls.peer(sock)
            assert len(ktls.export(sock, "EXPORTER-test", 2000)) == 2000
        thread.join(PATIENCE)
        e = raises(OSError, ktls.connect, ("127.0.0.1", port), "other.test", PATIENCE)
        assert e.errno == errno.EKEYREJECTED and "other.test" in str(e), e
    e = raises(OSError, ktls.listen, ("", 0), "nobody")
    assert e.errno == errno.ENOKEY and "nobody" in str(e), e
    with socket.create_server(("127.0.0.1", 0)) as silent:
        raises(TimeoutError, ktls.connect, silent.getsockname(), timeout=0.3)


@with_daemon
def test_starttls(_):
    """wrap_client() and wrap_server() on connections, with a timeout and without"""
    for timeout in None, PATIENCE:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def serve(conn):
                conn.settimeout(timeout)  # pylint: disable=cell-var-from-loop
                conn.sendall(b"go")
                assert conn.recv(2) == b"ok"
                ktls.wrap_server(conn, "www").sendall(b"over TLS")

            thread = serve_once(listener, serve)
            with socket.create_connection(listener.getsockname(), timeout) as sock:
                assert sock.recv(2) == b"go"
                sock.sendall(b"ok")
                ktls.wrap_client(sock, "localhost")
                assert sock.recv(100) == b"over TLS"
            thread.join(PATIENCE)


@with_daemon
def test_http(_):
    """http.server, http.client and urllib.request"""
    with ktls.http.HTTPServer(("127.0.0.1", 0), Handler, "www") as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        for timeout in None, PATIENCE:
            more = {} if timeout is None else {"timeout": timeout}
            connection = ktls.http.HTTPSConnection("localhost", port, **more)
            connection.request("GET", "/a")
            answer = connection.getresponse().read()
            assert answer == b"localhost /a " + b"x" * 100000, answer[:100]
            connection.close()
        opener = urllib.request.build_opener(ktls.http.HTTPSHandler())
        with opener.open(f"https://localhost:{port}/b", timeout=PATIENCE) as answer:
            assert answer.read().startswith(b"localhost /b xxx")
        e = raises(urllib.error.URLError, opener.open, f"https://127.0.0.1:{port}/",
                   timeout=PATIENCE)
        assert e.reason.errno == errno.EKEYREJECTED and "127.0.0.1" in str(e), e
        server.shutdown()


@with_daemon
def test_asyncio(_):
    """asyncio's streams: twenty clients at the same time; one for the wrong name"""
    async def serve(reader, writer):
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()

    async def client(port, number):
        reader, writer = await ktls.aio.open_connection("localhost", port)
        writer.write(b"client %d\n" % number)
        assert await reader.read() == b"CLIENT %d\n" % number
        writer.close()
        await writer.wait_closed()

    async def all_of_it():
        server = await ktls.aio.start_server(serve, "", 0, "www")
        async with server:
            port = server.sockets[0].getsockname()[1]
            await asyncio.gather(*(client(port, n) for n in range(20)))
            try:
                await ktls.aio.connect("localhost", port, "other.test")
            except OSError as e:
                assert e.errno == errno.EKEYREJECTED and "other.test" in str(e), e
            else:
                raise AssertionError("another name is accepted")

    asyncio.run(asyncio.wait_for(all_of_it(), 6 * PATIENCE))


# --- the examples, with openssl at the other end --------------------------------------

@contextlib.contextmanager
def server(port, *command, cwd):
    """A program that listens at that port; killed afterwards."""
    env = {**os.environ, "PYTHONPATH": HERE + "/..", "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + PATIENCE
            while not listens(port):
                assert time.monotonic() < end and process.poll() is None, command
                time.sleep(0.1)
            yield
        finally:
            process.kill()


def listens(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def client(*command):
    """What a program prints."""
    env = {**os.environ, "PYTHONPATH": HERE + "/..", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE,
                          check=False)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def openssl(path, port, text, last):
    """What a server at that port answers, up to the line that is or begins with the last."""
    command = ["openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile",
               path + "/www.pem", "-verify_hostname", "localhost",
               "-connect", f"127.0.0.1:{port}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as process:
        timer = threading.Timer(PATIENCE, process.kill)
        timer.start()
        process.stdin.write(text)
        process.stdin.flush()
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith(last):
                break
        timer.cancel()
        process.kill()
        return "".join(lines)


@with_daemon
def test_examples(path):
    """the examples of demo/ serve openssl s_client, and ask openssl s_server"""
    example = TOP + "/selftests/demo/example_"
    identity = "-cert", path + "/www.pem", "-key", path + "/www.key"
    with open(path + "/www.pem", encoding="ascii") as file:
        pem = file.read()
    with server(4501, example + "http.py", "4501", "www", cwd=path):
        assert pem in openssl(path, 4501, "GET /www.pem HTTP/1.0\r\n\r\n", "-----END")
    with server(4502, "openssl", "s_server", "-WWW", "-accept", "4502", *identity, cwd=path):
        assert client(example + "urllib.py", "https://localhost:4502/www.pem") == pem
    with server(4503, example + "asyncio.py", "server", "4503", "www", cwd=path):
        assert openssl(path, 4503, "hello\n", "HELLO") == "HELLO\n"
    with server(4504, "openssl", "s_server", "-rev", "-accept", "4504", *identity, cwd=path):
        assert client(example + "asyncio.py", "client", "localhost", "4504") == "olleh\n"


if __name__ == "__main__":
    sys.exit(main(globals()))
