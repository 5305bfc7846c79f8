#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_network.py DIR: ktlsd of DIR with ktls-fetch and the servers of an authority."""
import contextlib
import ctypes
import os
import socket
import subprocess
import sys
import time

from test_daemon import BUILD, SCALE, daemon, main, run, write

FETCH = BUILD + "/ktls-fetch/ktls-fetch"


def openssl(*args, text=None):
    subprocess.run(["openssl", *args], check=True, capture_output=True, input=text, text=True)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


class Authority:
    """A CA with a leaf that names servers at PORT."""

    def __init__(self, path, extensions):
        self.path, self.port = path, free_port()
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        openssl("req", "-x509", *curve, "-subj", "/CN=authority", "-days", "30",
                "-keyout", path + "/ca.key", "-out", path + "/ca.pem")
        openssl("req", *curve, "-subj", "/CN=localhost", "-keyout", path + "/a.key",
                "-out", path + "/a.csr")
        write(path + "/ext", "subjectAltName=DNS:localhost\nauthorityKeyIdentifier=keyid\n" +
              extensions.format(port=self.port))
        openssl("x509", "-req", "-in", path + "/a.csr", "-CA", path + "/ca.pem", "-CAkey",
                path + "/ca.key", "-set_serial", "0x1234", "-days", "20", "-extfile",
                path + "/ext", "-out", path + "/a.pem")
        write(path + "/index", "V\t400101000000Z\t\t1234\tunknown\t/CN=localhost\n")

    @contextlib.contextmanager
    def respond(self):
        """OpenSSL's OCSP responder."""
        path = self.path
        process = subprocess.Popen(
            ["openssl", "ocsp", "-port", str(self.port), "-index", path + "/index", "-CA",
             path + "/ca.pem", "-rsigner", path + "/ca.pem", "-rkey", path + "/ca.key",
             "-nmin", "600", "-ignore_err"], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@contextlib.contextmanager
def fetching(path):
    with subprocess.Popen([FETCH, "--socket", path + "/fetch", "--allow", "127.0.0.0/8",
                           "--log-level", "error"]) as process:
        try:
            yield
        finally:
            process.kill()


def number(it, name):
    for line in it.control("stats", "--prometheus").stdout.splitlines():
        if line.startswith(name + " "):
            return int(line.split()[1])
    return None


def expect(it, name, value):
    end = time.monotonic() + 30 * SCALE
    while number(it, name) != value:
        assert time.monotonic() < end, (name, number(it, name), value, it.lines())
        time.sleep(0.1)


def test_staple(path):
    """an OCSP response is fetched for a server, and kept over a reload and a restart"""
    authority = Authority(path, "authorityInfoAccess=OCSP;URI:http://127.0.0.1:{port}/\n")
    write(path + "/conf", f"[ktlsd]\ntrust = {path}/ca.pem\nfetch_socket = {path}/fetch\n"
          f"[identity a]\ncertificate = {path}/a.pem\nprivate_key = {path}/a.key\n"
          "staple = yes\n")
    cache = path + "/cache"
    os.mkdir(cache)
    with fetching(path):
        with authority.respond(), daemon(path, CACHE_DIRECTORY=cache) as it:
            expect(it, "ktlsd_refreshes_total", 1)
            assert number(it, "ktlsd_staples") == number(it, "ktlsd_staples_valid") == 1
            assert "the response is stapled until 20" in it.lines(), it.lines()
            assert len(os.listdir(cache)) == 1, os.listdir(cache)
            assert it.control("reload").returncode == 0
            assert number(it, "ktlsd_staples_valid") == 1
            assert number(it, "ktlsd_refreshes_total") == 1
        # The responder is down, and nothing has to be asked.
        with daemon(path, CACHE_DIRECTORY=cache) as it:
            expect(it, "ktlsd_staples_valid", 1)
            assert number(it, "ktlsd_refreshes_failed_total") == 0
        # Without the file it has to.
        os.unlink(cache + "/" + os.listdir(cache)[0])
        with daemon(path, CACHE_DIRECTORY=cache) as it:
            expect(it, "ktlsd_refreshes_failed_total", 1)
            assert number(it, "ktlsd_staples_valid") == 0
            assert "cannot be reached: Connection refused. Nothing is stapled" in it.lines()
        write(path + "/index", "R\t400101000000Z\t250101000000Z,keyCompromise\t1234\tunknown\t"
              "/CN=localhost\n")
        with authority.respond(), daemon(path) as it:
            expect(it, "ktlsd_staples_revoked", 1)
            assert "'a' WAS REVOKED on 2025-01-01 00:00 UTC" in it.lines(), it.lines()
        assert not os.listdir(cache), os.listdir(cache)


@contextlib.contextmanager
def small_disk(path):
    """A disk of 64 KiB in a mount namespace of this process. Gives what fills it, or empties it."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert not libc.unshare(0x20000), os.strerror(ctypes.get_errno())	# CLONE_NEWNS
    # In a chroot nothing is mounted on "/": others see the disk until it is unmounted.
    subprocess.run(["mount", "--make-rprivate", "/"], check=False, stderr=subprocess.DEVNULL)
    os.mkdir(path)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path], check=True)

    def fill(full):
        if not full:
            os.unlink(path + "/ballast")
            return
        with contextlib.suppress(OSError), open(path + "/ballast", "wb", buffering=0) as file:
            while file.write(b"x" * 4096):
                pass
    try:
        yield fill
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def test_full_disk(path):
    """a full disk stops nothing; when there is room again, everything is written"""
    if os.geteuid():
        return "needs root"
    disk = path + "/disk"
    authority = Authority(path, "authorityInfoAccess=OCSP;URI:http://127.0.0.1:{port}/\n")
    write(path + "/conf", f"[ktlsd]\ntrust = {path}/ca.pem\nfetch_socket = {path}/fetch\n"
          f"ticket_keys = {disk}/tickets\n[identity a]\ncertificate = {path}/a.pem\n"
          f"private_key = {path}/a.key\nstaple = yes\n")
    with small_disk(disk) as fill, fetching(path), authority.respond():
        os.mkdir(disk + "/cache")
        fill(True)
        with daemon(path, CACHE_DIRECTORY=disk + "/cache") as it:
            expect(it, "ktlsd_refreshes_total", 1)
            assert number(it, "ktlsd_staples_valid") == 1
            for word in ("to the cache directory: No space left on device",
                         "keys cannot be written: No space left on device. The ticket keys are "
                         "only in the memory of this ktlsd until then"):
                assert it.lines().count(word) == 1, (word, it.lines())
            done = it.control("flush-tickets")
            assert done.returncode == 1 and "No space left on device" in done.stderr, done
            done = it.control("stats", "--prometheus", "--output", disk + "/ktls.prom")
            assert done.returncode == 1 and "No space left on device" in done.stderr, done
            assert it.control("reload").returncode == 0
            left = [name for _, _, names in os.walk(disk) for name in names]
            assert sorted(left) == ["ballast", "lock"], left

            fill(False)
            assert it.control("reload").returncode == 0
            assert "The ticket keys in " + disk + "/tickets can be used again" in it.lines()
            assert it.control("flush-tickets").returncode == 0
            done = it.control("stats", "--prometheus", "--output", disk + "/ktls.prom")
            assert done.returncode == 0, done
        # Nothing of what was written on the full disk is believed: there was nothing.
        with daemon(path, CACHE_DIRECTORY=disk + "/cache") as it:
            expect(it, "ktlsd_refreshes_total", 1)
            assert len(os.listdir(disk + "/cache")) == 1, os.listdir(disk + "/cache")

        # The log itself is on the disk.
        fill(True)
        with open(disk + "/log", "ab") as log, \
                daemon(path, stderr=log, CACHE_DIRECTORY=disk + "/cache") as it:
            expect(it, "ktlsd_staples_valid", 1)
            assert it.control("reload").returncode == 0
    return None


def test_check(path):
    """--check-config says what cannot be stapled, and what has to be"""
    Authority(path, "tlsfeature=status_request\n")
    conf = (f"[ktlsd]\ntrust = {path}/ca.pem\n"
            f"[identity a]\ncertificate = {path}/a.pem\nprivate_key = {path}/a.key\n")
    for staple, word in (("yes", "'a': it names no OCSP responder"), ("no", "'a' must be stapled")):
        write(path + "/conf", conf + f"staple = {staple}\n")
        done = run("-t", "--user", "root", "--config", path + "/conf")
        assert done.returncode == 0 and word in done.stderr, done


if __name__ == "__main__":
    sys.exit(main(globals()))
