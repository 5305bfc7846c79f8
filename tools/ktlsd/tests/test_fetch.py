#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""ktls-fetch: asks servers that are right, slow, silent and wrong.

Usage: test_fetch.py BUILD_DIR
"""
import gzip
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

RESPONSE = b"\x30\x03\x0a\x01\x06"
REQUEST = b"\x30\x00"
GOOD = (b"HTTP/1.0 200 OK\r\nContent-Type: application/ocsp-response\r\n"
        b"Content-Length: %d\r\n\r\n" % len(RESPONSE)) + RESPONSE


class Responder:
    """An HTTP server that answers every request with the same bytes."""

    def __init__(self, answer, delay=0.0, address="127.0.0.1", port=0, keep=False):
        self.answer, self.delay, self.keep, self.requests = answer, delay, keep, []
        self.socket = socket.create_server((address, port))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.handle, args=(peer,), daemon=True).start()

    def handle(self, peer):
        self.requests.append(peer.recv(65536))
        time.sleep(self.delay)
        try:
            peer.sendall(self.answer)
            if self.answer and not self.keep:
                peer.close()
            else:
                peer.recv(1)
        except OSError:
            pass

    def url(self, path="/ocsp", host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"


class Fetch:
    """A ktls-fetch with a connection to it."""

    running = []

    def __init__(self, build, *options, environment=None):
        self.dir = tempfile.TemporaryDirectory()
        path = os.path.join(self.dir.name, "socket")
        self.process = subprocess.Popen([os.path.join(build, "ktls-fetch/ktls-fetch"),
                                         "--socket", path, *options], env=environment)
        Fetch.running.append(self.process)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for _ in range(500):
            try:
                self.socket.connect(path)
                break
            except OSError:
                time.sleep(0.01)
        self.socket.settimeout(30)

    def send(self, number, url, timeout=5000, body=REQUEST):
        url = url.encode()
        self.socket.send(struct.pack("=QIHH", number, timeout, len(url), len(body)) +
                         url + body)

    def receive(self):
        data = b""
        while True:
            message = self.socket.recv(1 << 17)
            number, error, length, left, _ = struct.unpack_from("=QiIII", message)
            assert len(message) == 24 + length and length <= 65536
            data += message[24:]
            if not left:
                return number, error, data

    def ask(self, url, timeout=5000, body=REQUEST):
        self.send(7, url, timeout, body)
        number, error, data = self.receive()
        assert number == 7
        return error, data

    def close(self):
        self.socket.close()
        assert self.process.poll() is None, "it exited"
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.dir.cleanup()


def test_good(build):
    """a response is fetched, with POST and without a proxy"""
    os.environ["http_proxy"] = "http://127.0.0.1:1/"
    fetch, responder = Fetch(build, "--allow", "127.0.0.0/8"), Responder(GOOD)
    error, data = fetch.ask(responder.url("/a/b?c"))
    assert (error, data) == (0, RESPONSE), (error, data)
    assert responder.requests[0].startswith(b"POST /a/b?c HTTP/1."), responder.requests
    assert b"application/ocsp-request" in responder.requests[0]
    fetch.close()
    del os.environ["http_proxy"]


def resolves(name):
    try:
        return bool(socket.getaddrinfo(name, 80))
    except OSError:
        return False


def test_private(build):
    """private addresses are refused, by number and by name"""
    fetch, responder = Fetch(build), Responder(GOOD)
    # Without /etc/hosts nobody has that name.
    names = ["localhost"] if resolves("localhost") else []
    hosts = names + ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "10.1.2.3",
             "169.254.169.254", "192.168.1.1", "[fe80::1]", "[fc00::1]", "2130706433",
             "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]", "0x7f000001", "127.1"]
    for host in hosts:
        error, data = fetch.ask(responder.url(host=host))
        assert error in (-13, -22), (host, error, data)
        assert error == -22 or b"private address" in data, (host, data)
    assert not responder.requests
    fetch.close()


NAMES = r"""
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* The n-th answer of the DNS is the n-th word of ANSWERS, again and again; in a word, commas. */
int getaddrinfo(const char *name, const char *port, const struct addrinfo *hints,
		struct addrinfo **ret)
{
	int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
		dlsym(RTLD_NEXT, "getaddrinfo");
	static atomic_uint calls;
	struct addrinfo **end = ret;
	unsigned int count = 0, i;
	char text[256], *word, *address, *at;

	if (strcmp(name, "rebind.test"))
		return next(name, port, hints, ret);
	snprintf(text, sizeof(text), "%s", getenv("ANSWERS"));
	for (at = text; *at; at++)
		count += *at == ' ';
	i = atomic_fetch_add(&calls, 1) % (count + 1);
	for (at = text; (word = strsep(&at, " ")) && i; i--)
		;
	while ((address = strsep(&word, ","))) {
		if (next(address, port, hints, end))
			return EAI_NONAME;
		end = &(*end)->ai_next;
	}
	return 0;
}
"""


def test_rebinding(build):
    """a name whose address changes leads to no private address"""
    public = Responder(GOOD, address="127.0.0.2")
    private = Responder(GOOD, port=public.port)
    with tempfile.TemporaryDirectory() as path:
        subprocess.run([os.environ.get("CC", "cc"), "-D_GNU_SOURCE", "-shared", "-fPIC", "-xc",
                        "-", "-o", path + "/names.so"], input=NAMES.encode(), check=True)
        # 127.0.0.2 stands for a public address, by --allow.
        for answers, errors in (("127.0.0.2 127.0.0.1", {0, -13}),
                                ("127.0.0.1,127.0.0.2 127.0.0.2,127.0.0.1", {0}),
                                ("127.0.0.1,10.0.0.1 ::1", {-13})):
            environment = {**os.environ, "LD_PRELOAD": path + "/names.so", "ANSWERS": answers}
            fetch = Fetch(build, "--allow", "127.0.0.2", environment=environment)
            seen = [fetch.ask(public.url(host="rebind.test")) for _ in range(6)]
            assert {error for error, _ in seen} == errors, (answers, seen)
            assert all(b"private address" in why for error, why in seen if error), seen
            assert not private.requests, answers
            fetch.close()
    assert len(public.requests) == 9, len(public.requests)


def test_urls(build):
    """only plain http URLs"""
    fetch = Fetch(build, "--allow", "127.0.0.0/8")
    for url in ("https://127.0.0.1/", "file:///etc/passwd", "ldap://127.0.0.1/", "",
                "http://user@127.0.0.1:1/"):
        error, data = fetch.ask(url)
        assert error == -22 and b"plain http" in data, (url, error, data)
    fetch.close()


def test_wrong(build):
    """redirects, errors, other contents and long responses are no response"""
    fetch = Fetch(build, "--allow", "127.0.0.0/8")
    other = Responder(GOOD)
    head = b"HTTP/1.0 200 OK\r\nContent-Type: application/ocsp-response\r\n\r\n"
    answers = [
        b"HTTP/1.0 302 Found\r\nLocation: " + other.url().encode() + b"\r\n\r\n",
        b"HTTP/1.0 404 Not Found\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html>",
        head + b"\x30\x83\x02\x00\x00" + bytes(0x20000),
        head + b"\x30\x82\x01",
        b"\x00" * 100000,
        b"SSH-2.0-OpenSSH\r\n",
    ]
    for answer in answers:
        begun = time.monotonic()
        error, data = fetch.ask(Responder(answer).url())
        assert error < 0 and data, (answer[:40], error, data)
        assert time.monotonic() - begun < 10
    assert not other.requests
    error, data = fetch.ask("http://127.0.0.1:1/")
    assert error == -111 and b"cannot be reached" in data, (error, data)
    fetch.close()


def test_encoded(build):
    """encoded contents are refused by name, and nothing unpacks them"""
    fetch = Fetch(build, "--allow", "127.0.0.0/8")
    bomb = gzip.compress(bytes(64 << 20))
    for coding, data in ((b"gzip", gzip.compress(RESPONSE)), (b"gzip", bomb), (b"br", b"\x1b" * 9),
                         (b"x\x1b[31m\xff", gzip.compress(RESPONSE))):
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\n"
        server = Responder(head + b"content-encoding:  " + coding + b"\r\n\r\n" + data)
        for body, what in ((REQUEST, b"OCSP response"), (b"", b"CRL")):
            error, why = fetch.ask(server.url(), body=body)
            shown = b"x\\x1b[31m\\xff" if coding[:1] == b"x" else coding
            assert error == -71 and why == b"127.0.0.1 gave no " + what + \
                b": it is encoded (Content-Encoding: " + shown + b")", (coding, error, why)
        assert b"accept-encoding" not in server.requests[0].lower(), server.requests
    assert resident(fetch.process) < 32 << 20
    # Not a header, but a part of the response; and one that says that nothing was done.
    server = Responder(GOOD.replace(b"OK\r\n", b"OK\r\nContent-Encoding: identity\r\n"))
    assert fetch.ask(server.url()) == (0, RESPONSE)
    server = Responder(b"HTTP/1.0 404 Not Found\r\n\r\n\ncontent-encoding: gzip")
    error, why = fetch.ask(server.url())
    assert error == -71 and b"Encoding" not in why, (error, why)
    fetch.close()


def resident(process):
    """Bytes."""
    with open(f"/proc/{process.pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_memory(build):
    """memory stays the same, however often responders are asked"""
    big = b"\x30\x82\xea\x60" + bytes(60000)
    fetch, responder = Fetch(build, "--allow", "127.0.0.0/8"), Responder(
        b"HTTP/1.0 200 OK\r\nContent-Type: application/ocsp-response\r\n\r\n" + big)
    for count in range(250):
        if count == 50:
            before = resident(fetch.process)
        assert fetch.ask(responder.url()) == (0, big)
    grown = resident(fetch.process) - before
    assert grown < 4 << 20, grown
    fetch.close()


def test_slow(build):
    """a responder that is silent costs the time that ktlsd allows"""
    fetch, silent = Fetch(build, "--allow", "127.0.0.0/8"), Responder(b"", 60)
    begun = time.monotonic()
    error, data = fetch.ask(silent.url(), 1000)
    took = time.monotonic() - begun
    assert error == -110 and b"did not answer in time" in data, (error, data)
    assert 0.9 < took < 6, took
    fetch.close()


def test_limits(build):
    """a host is asked four times at once, others meanwhile; 32 fetches in all"""
    fetch = Fetch(build, "--allow", "127.0.0.0/8")
    silent = [Responder(b"", 60) for _ in range(9)]
    for number in range(5):
        fetch.send(number, silent[0].url(), 20000)
    number, error, data = fetch.receive()
    assert (number, error) == (4, -16) and b"this host too often" in data, (number, data)
    error, data = fetch.ask(Responder(GOOD).url())
    assert (error, data) == (0, RESPONSE), (error, data)
    time.sleep(0.5)
    for number in range(28):
        fetch.send(number, silent[1 + number // 4].url(), 20000)
    error, data = fetch.ask(Responder(GOOD).url())
    assert error == -16 and b"too much to do" in data, (error, data)
    fetch.close()


def crl_of(size):
    """Bytes that look like a CRL of SIZE bytes."""
    return b"\x30\x84" + struct.pack(">I", size - 6) + os.urandom(size - 6)


def test_crl(build):
    """a CRL is fetched, with GET and whatever its content type, up to 16 MiB"""
    fetch = Fetch(build, "--allow", "127.0.0.0/8")
    for size, kind in ((100, b"application/pkix-crl"), (65536, b"text/plain"),
                       (65537, b"application/x-x509-crl"), (16 << 20, b"a/b")):
        crl = crl_of(size)
        server = Responder(b"HTTP/1.0 200 OK\r\nContent-Type: " + kind + b"\r\n\r\n" + crl)
        error, data = fetch.ask(server.url("/a.crl?b"), 30000, b"")
        assert (error, data) == (0, crl), (size, error, data[:80])
        assert server.requests[0].startswith(b"GET /a.crl?b HTTP/1."), server.requests
    # What follows it is not part of it.
    server = Responder(b"HTTP/1.1 200 OK\r\n\r\n" + crl_of(70000) + bytes(100))
    error, data = fetch.ask(server.url(), 5000, b"")
    assert (error, len(data)) == (0, 70000), (error, len(data))
    head = b"HTTP/1.0 200 OK\r\n\r\n"
    for answer in (head + crl_of(17 << 20), head + crl_of(1000)[:900], head + b"-----BEGIN X509",
                   head, b"HTTP/1.0 404 Not Found\r\n\r\n" + crl_of(100),
                   b"HTTP/1.0 302 Found\r\nLocation: /b.crl\r\n\r\n" + crl_of(100)):
        error, data = fetch.ask(Responder(answer).url(), 5000, b"")
        assert error < 0 and b" gave no CRL: " in data, (answer[:40], error, data)
    fetch.close()


def test_kept_alive(build):
    """the end of what a server sends is seen though the server keeps the connection"""
    fetch = Fetch(build, "--allow", "127.0.0.0/8")
    crl, head = crl_of(30000), b"HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length:%d\r\n\r\n"
    kind = b"Content-Type: application/ocsp-response\r\nContent-Length:"
    ocsp = head.replace(b"content-length:", kind)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + RESPONSE + b"\r\n0\r\n\r\n"
    for answer, body, expected in (
            (head % 30000 + crl, b"", crl),
            (head % 30000 + crl + b"HTTP/1.1 200 OK\r\n", b"", crl),
            (head % 900 + crl[:900], b"", b"it is incomplete"),
            (head % 1 + crl[:1], b"", b"it is incomplete"),
            (head % 0, b"", b"it is incomplete"),
            (head % 5 + b"<htm>", b"", b"it is no DER"),
            (b"HTTP/1.1 200 OK\r\n\r\n" + crl, b"", crl),
            (b"HTTP/1.1 200 OK\r\n\r\n<htm>", b"", b"it is no DER"),
            (chunked, b"", b"it is encoded (Transfer-Encoding: chunked)"),
            (chunked, REQUEST, b"it is encoded (Transfer-Encoding: chunked)"),
            (b"HTTP/1.1 404 Gone\r\nContent-Length: 5\r\n\r\nhello", b"", b" gave no CRL: "),
            (ocsp % len(RESPONSE) + RESPONSE, REQUEST, RESPONSE),
            (ocsp % 4 + RESPONSE[:4], REQUEST, b" gave no OCSP response: "),
            (ocsp % 0, REQUEST, b" gave no OCSP response: ")):
        begun = time.monotonic()
        error, data = fetch.ask(Responder(answer, keep=True).url(), 5000, body)
        took = time.monotonic() - begun
        assert took < 2.5, (answer[:80], took, data[-60:])
        assert data == expected if not error else expected in data, (answer[:80], error, data[-60:])
    fetch.close()


def test_crl_limits(build):
    """two CRLs are fetched at the same time, and responders are asked meanwhile"""
    fetch = Fetch(build, "--allow", "127.0.0.0/8")
    for number in range(3):
        fetch.send(number, Responder(b"", 60).url(), 20000, b"")
    number, error, data = fetch.receive()
    assert (number, error) == (2, -16) and b"too much to do" in data, (number, data)
    error, data = fetch.ask(Responder(GOOD).url())
    assert (error, data) == (0, RESPONSE), (error, data)
    fetch.close()


def test_crl_slow(build):
    """a CRL that comes too slowly is given up in time"""
    fetch = Fetch(build, "--allow", "127.0.0.0/8")
    # A part, and then nothing.
    listener = socket.create_server(("127.0.0.1", 0))

    def drip():
        peer, _ = listener.accept()
        peer.recv(65536)
        peer.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + crl_of(100000)[:5000])
        time.sleep(30)
    threading.Thread(target=drip, daemon=True).start()
    begun = time.monotonic()
    error, data = fetch.ask(f"http://127.0.0.1:{listener.getsockname()[1]}/", 1000, b"")
    took = time.monotonic() - begun
    assert error == -110 and b"did not answer in time" in data, (error, data)
    assert 0.9 < took < 6, took
    fetch.close()


CLOCK = r"""
#include <stdlib.h>
#include <time.h>
time_t time(time_t *ret)
{
	struct timespec now, day;

	clock_gettime(CLOCK_MONOTONIC, &now);
	clock_gettime(CLOCK_REALTIME, &day);
	if (now.tv_sec + now.tv_nsec / 1e9 > atof(getenv("SET_BACK_AT")))
		day.tv_sec -= 315360000;
	if (ret)
		*ret = day.tv_sec;
	return day.tv_sec;
}
"""


def test_clock(build):
    """the clock is set back by ten years while it waits: it gives up in time nonetheless"""
    with tempfile.TemporaryDirectory() as path:
        subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-xc", "-", "-o",
                        path + "/clock.so"], input=CLOCK.encode(), check=True)
        environment = {**os.environ, "LD_PRELOAD": path + "/clock.so",
                       "SET_BACK_AT": str(time.monotonic() + 1.5)}
        fetch = Fetch(build, "--allow", "127.0.0.0/8", environment=environment)
    # After that a part comes, and then nothing.
    listener = socket.create_server(("127.0.0.1", 0))

    def drip():
        peer, _ = listener.accept()
        peer.recv(65536)
        time.sleep(2)
        peer.sendall(GOOD[:20])
        time.sleep(30)
    threading.Thread(target=drip, daemon=True).start()
    begun = time.monotonic()
    error, data = fetch.ask(f"http://127.0.0.1:{listener.getsockname()[1]}/", 3000)
    took = time.monotonic() - begun
    assert error == -110 and b"did not answer in time" in data, (error, data)
    assert 2.9 < took < 6, took
    fetch.close()


def test_sandbox(build):
    """a seccomp filter is in force in every thread; malformed messages end the connection"""
    fetch = Fetch(build, "--allow", "127.0.0.0/8")
    fetch.send(1, Responder(b"", 60).url(), 20000)
    time.sleep(0.2)
    tasks = f"/proc/{fetch.process.pid}/task"
    assert len(os.listdir(tasks)) == 2, os.listdir(tasks)
    for task in os.listdir(tasks):
        with open(f"{tasks}/{task}/status", encoding="ascii") as status:
            assert "Seccomp:\t2\n" in status.read()
    fetch.socket.send(b"hello")
    assert fetch.socket.recv(1) == b""
    fetch.close()


def main():
    tests = [test for name, test in globals().items() if name.startswith("test_")]
    print(f"TAP version 13\n1..{len(tests)}")
    failed = 0
    for number, test in enumerate(tests, 1):
        try:
            test(sys.argv[1])
            print(f"ok {number} - {test.__doc__}", flush=True)
        except (AssertionError, OSError) as error:
            failed += 1
            print(f"not ok {number} - {test.__doc__}\n# {error!r}", flush=True)
        for process in Fetch.running:
            process.kill()
            process.wait()
        Fetch.running.clear()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
