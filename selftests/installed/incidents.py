# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of "guest": what an administrator gets to see."""

import contextlib
import os
import pwd
import signal

from admin import (CONFIG, OUT, WORK, beside, config, log, mark, pid, restarted, run, show,
                   troubleshooting, until)


def test_incidents():
    """what ktlsd(8) says systemctl and journalctl tell of ktlsd, they tell"""
    mark()
    before = pid()
    with beside(OUT + "/example_server", "4436", "test", port=4436):
        r = run("openssl", "s_client", "-connect", "127.0.0.1:4436", "-verify_return_error",
                check=False)
        assert r.returncode, r.stdout
        until(lambda: "The client refused our certificate with the alert unknown_ca (48)" in log(),
              "the client's alert")
        told = run("journalctl", "-o", "cat", "--no-pager", "--since", "@%f" % mark.time,
                   "MESSAGE_ID=b6b7462a1a554e3db6f6b09bb6059517", "KTLS_UID=0").stdout
        assert "unknown_ca" in told, told
    os.kill(before, signal.SIGKILL)
    restarted(before, "killed")
    # The page: "tells by what", "has the signal"
    troubleshooting("ktlsd", "It was ended or killed, or cannot start: systemctl status ktlsd tells "
                    "by what.", "Started")
    assert "code=killed, status=9/KILL" in log(), log()
    with config(lambda text: text.replace("# workers = 0", "workers = many")):
        run("systemctl", "restart", "ktlsd", check=False)
        until(lambda: show("ActiveState") == "failed", "failed")
        told = run("ktlsctl", "status", check=False).stdout
        assert "ktlsd is not running" in told, told
        troubleshooting("ktlsd", "It was ended or killed", "status=78", CONFIG)
    run("systemctl", "start", "ktlsd")
    run("systemctl", "stop", "ktlsd")
    troubleshooting("ktlsd", "It was ended or killed", "inactive (dead)")
    run("systemctl", "start", "ktlsd")


def secrets(path):
    """By label and client's random: what is the same of both ends."""
    with open(path, encoding="ascii") as file:
        return {line.lower() for line in file.read().splitlines() if line[0] != "#"}


def test_key_log():
    """key_log: off, else the secrets that openssl has, in the sandbox, for no other user"""
    path, theirs = "/var/lib/ktlsd/secrets", WORK + "/openssl.secrets"

    def connect(*more):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(theirs)
        with beside(OUT + "/example_server", "4437", "test", port=4437):
            run("openssl", "s_client", "-connect", "127.0.0.1:4437", "-keylogfile", theirs, *more)

    connect()
    assert "key_log" not in run("ktlsctl", "status").stdout
    assert not os.path.exists(path), path
    with config(lambda text: text.replace("# workers = 0", "key_log = %s" % path)):
        mark()
        run("systemctl", "restart", "ktlsd")
        assert "key_log = %s: the secrets of all handshakes" % path in log("-p", "warning"), log()
        assert "key_log %s\n" % path in run("ktlsctl", "status").stdout
        for version, count in ("-tls1_3", 4), ("-tls1_2", 1):
            connect(version)
            same = secrets(theirs) & secrets(path)
            print("# %s: %d lines of openssl, the same in key_log: %s" % (
                version, len(secrets(theirs)), " ".join(sorted(x.split()[0] for x in same))))
            assert len(same) >= count, (secrets(theirs), secrets(path))
        with beside("openssl", "s_server", "-accept", "4438", "-cert", "/etc/ktls/test.pem", "-key",
                    "/etc/ktls/test.key", "-quiet", "-www", "-keylogfile", theirs, port=4438):
            run(OUT + "/example_client", "127.0.0.1", "4438", "localhost")
        assert len(secrets(theirs) & secrets(path)) >= 4, (secrets(theirs), secrets(path))
        st = os.stat(path)
        assert (st.st_mode & 0o777, st.st_uid) == (0o600, pwd.getpwnam("ktlsd").pw_uid), st
    run("systemctl", "reload", "ktlsd")
    size = os.stat(path).st_size
    connect()
    assert os.stat(path).st_size == size and "key_log" not in run("ktlsctl", "status").stdout
    os.unlink(path)
