#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_secrets.py DIR: whoever takes over ktlsd's serving process finds no private key there.

With the module, after handshakes; without it, after the keys were loaded.
"""
import os
import resource
import signal
import socket
import subprocess
import sys
import time

import memory
from test_daemon import LOADED, SCALE, Daemon, daemon, main, make_identity, write


def shake_hands(names, versions):
    """Handshakes in which each identity of ktlsd signs; needs the module."""
    sys.path.append(os.path.dirname(os.path.abspath(__file__)) + "/../../python")
    import ktls  # pylint: disable=import-outside-toplevel
    for name in names:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            ktls.enable(listener)
            ktls.set(listener, ktls.IDENTITY, name)
            listener.listen()
            for version in versions:
                with socket.socket() as sock:
                    ktls.enable(sock)
                    ktls.set(sock, ktls.SERVER_NAME, "localhost")
                    ktls.set(sock, ktls.VERSIONS, (version, version))
                    sock.connect(listener.getsockname())
                    listener.accept()[0].close()


def child_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return int(file.read().split()[0])


def dumps_core(path, pid):
    """Kills a process in a way that leaves a core where it may."""
    os.kill(pid, signal.SIGSEGV)
    time.sleep(SCALE)
    return any(name.startswith("core") for name in os.listdir(path))


def core_limit(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        return [line.split()[4:6] for line in file if line.startswith("Max core file size")][0]


def test_keys_apart(path):
    """no private key is in the memory of the serving process; all are in the signer's"""
    if os.geteuid():
        return "needs root"
    make_identity(path + "/ec")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
                    "/CN=test", "-addext", "subjectAltName=DNS:localhost", "-keyout",
                    path + "/rsa.key", "-out", path + "/rsa.pem"], check=True,
                   capture_output=True)
    os.chmod(path + "/rsa.key", 0o600)
    with open(path + "/trust", "w", encoding="ascii") as trust:
        for name in "ec", "rsa":
            with open(f"{path}/{name}.pem", encoding="ascii") as file:
                trust.write(file.read())
    write(path + "/conf", f"[ktlsd]\ntrust = {path}/trust\n" + "".join(
        f"[identity {name}]\ncertificate = {path}/{name}.pem\nprivate_key = {path}/{name}.key\n"
        for name in ("ec", "rsa")))
    wanted = {f"{name}, {what}": value for name in ("ec", "rsa")
              for what, value in memory.secrets(f"{path}/{name}.key").items()}
    # The scalar of EC; two primes, three exponents and a coefficient of RSA; PEM of both.
    assert len(wanted) == 2 * (1 + 6) + 2, list(wanted)
    with daemon(path) as it:
        assert it.listen(20, "2 of 2 workers serve" if LOADED else "STATUS="), it.notified
        if LOADED:
            shake_hands(("ec", "rsa"), (0x0303, 0x0304))
        assert it.control("reload").returncode == 0
        # As OpenSSL has the numbers in memory: the least significant byte first.
        found, size = memory.find(child_of(it.process.pid), wanted)
        for name in wanted:
            assert "reversed" not in name or name in found, (name, found)
        found, size = memory.find(it.process.pid, wanted)
        assert not found, found
        assert size > 4 << 20, size
    return None


def test_no_core(path):
    """neither process of ktlsd leaves a core, which would have keys or sessions in it"""
    with open("/proc/sys/kernel/core_pattern", encoding="ascii") as file:
        if file.read().startswith(("|", "/")):
            return "cores are not in the directory"
    write(path + "/conf", "[ktlsd]\n")
    limit = resource.getrlimit(resource.RLIMIT_CORE)
    if limit[1] != resource.RLIM_INFINITY:
        return "cores are limited"
    resource.setrlimit(resource.RLIMIT_CORE, (limit[1], limit[1]))
    try:
        it = Daemon(path, cwd=path)
        assert it.listen(20, "STATUS="), it.notified
        # The signer blocks all signals.
        assert core_limit(child_of(it.process.pid)) == ["0", "0"]
        assert core_limit(it.process.pid) == ["0", "0"]
        assert not dumps_core(path, it.process.pid), os.listdir(path)
        it.process.wait(30 * SCALE)
        it.notify.close()
        with subprocess.Popen(["sleep", "100"], cwd=path) as other:
            time.sleep(0.5)
            assert dumps_core(path, other.pid), "nobody leaves a core here"
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, limit)
    return None


if __name__ == "__main__":
    sys.exit(main(globals()))
