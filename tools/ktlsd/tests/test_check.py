#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_check.py DIR: what ktlsd --check-config of DIR finds."""
import os
import pwd
import re
import socket
import subprocess
import sys

from test_daemon import main, make_identity, run, write


def test_check_user(path):
    """--check-config reads files as the user of ktlsd"""
    if os.geteuid():
        return "needs root"
    os.chmod(path, 0o755)
    make_identity(path + "/a")
    write(path + "/conf", f"[ktlsd]\ntrust = {path}/a.pem\n[identity a]\n"
          f"certificate = {path}/a.pem\nprivate_key = {path}/a.key\n")
    done = run("--check-config", "--user", "root", "--config", path + "/conf")
    assert done.returncode == 0, done
    done = run("--check-config", "--user", "nobody", "--config", path + "/conf")
    assert done.returncode == 1 and "a.key cannot be read: Permission denied" in done.stderr, done
    done = run("--check-config", "--user", "no-such-user-x", "--config", path + "/conf")
    assert done.returncode == 1 and "no-such-user-x" in done.stderr, done
    return None


def test_check_everything(path):
    """--check-config reports every error, of every file"""
    write(path + "/conf", f"[ktlsd]\ntrust = {path}/empty\n[identity a]\n"
          f"certificate = {path}/none\nprivate_key = {path}/none\n[identity b]\n"
          f"certificate = {path}/empty\nprivate_key = {path}/none\n")
    write(path + "/empty", "")
    done = run("--check-config", "--user", "root", "--config", path + "/conf")
    assert done.returncode == 1, done
    for word in ("conf:3: the identity 'a'", "conf:6: the identity 'b'", "trust anchors"):
        assert word in done.stderr, (word, done)


def test_check_remedies(path):
    """--check-config reports every fault by file and line, with what to do"""
    make_identity(path + "/a")
    make_identity(path + "/b")
    os.mkfifo(path + "/fifo", 0o600)
    subprocess.run(["openssl", "pkcs8", "-topk8", "-in", path + "/a.key", "-out",
                    path + "/locked.key", "-passout", "pass:x"], check=True, capture_output=True)
    faults = (
        ("[ktlsd]", None),
        ("trust = PATH/none", "No such file"),
        ("wrokers = 3", "no key 'wrokers'"),
        ("max_sessions = many", "must be a number from 1 to"),
        ("crl = PATH/nowhere", "No such file"),
        ("[identity mixed]", "does not belong to the first certificate"),
        ("certificate = PATH/a.pem", None),
        ("private_key = PATH/b.key", None),
        ("[identity fifo]", "is not a regular file"),
        ("certificate = PATH/fifo", None),
        ("private_key = PATH/a.key", None),
        ("[identity locked]", "an identity can name its passphrase_file"),
        ("certificate = PATH/a.pem", None),
        ("private_key = PATH/locked.key", None),
        ("[identity quoted]", "has no certificate"),
        ('certificate = "PATH/a.pem"', "write the value without quotes"),
        ("private_key = PATH/a.key # a comment", None),
        ("allow_uids =", "list users or groups, or remove the line"),
        ("[policy]", None),
        ("min_version = 1.4", "use 1.2 or 1.3"),
    )
    write(path + "/conf", "".join(line.replace("PATH", path) + "\n" for line, _ in faults))
    done = run("-t", "--user", "root", "--config", path + "/conf")
    assert done.returncode == 1 and not done.stdout, done
    for number, (_, text) in enumerate(faults, 1):
        found = re.findall(rf"^ktlsd: error: {path}/conf:{number}: (.*)$", done.stderr, re.M)
        assert len(found) == bool(text) and (text or "") in "".join(found), (number, text, done)

    # What only peers would refuse is not "correct".
    os.chmod(path + "/a.key", 0o644)
    write(path + "/conf", f"[ktlsd]\ntrust = {path}/a.pem\n[identity a]\n"
          f"certificate = {path}/a.pem\nprivate_key = {path}/a.key\n")
    done = run("-t", "--user", "root", "--config", path + "/conf")
    assert done.returncode == 0 and "mind the warnings (1): 1 identities" in done.stdout, done
    assert f"run chmod o= {path}/a.key" in done.stderr, done


def test_check_paths(path):
    """--check-config tries ticket_keys, metrics_socket and fetch_socket as the user of ktlsd"""
    if os.geteuid():
        return "needs root"
    os.chmod(path, 0o755)
    make_identity(path + "/a")
    nobody = pwd.getpwnam("nobody").pw_uid
    for name, mode in ("own", 0o700), ("open", 0o777), ("foreign", 0o755):
        os.mkdir(f"{path}/{name}")
        os.chmod(f"{path}/{name}", mode)
    os.chown(path + "/own", nobody, -1)
    write(path + "/own/keys", "nonsense\n", 0o600)
    os.chown(path + "/own/keys", nobody, -1)
    write(path + "/file", "")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path + "/fetch")
    listener.listen()
    os.chmod(path + "/fetch", 0o600)
    cases = (
        ("ticket_keys = PATH/foreign/tickets", 1, "cannot make it in PATH/foreign: Permission"),
        ("ticket_keys = PATH/none/tickets", 1, "cannot make it in PATH/none: No such file"),
        ("ticket_keys = PATH/foreign", 1, "files cannot be made in the directory"),
        ("ticket_keys = PATH/file", 1, "cannot be opened: Not a directory"),
        ("ticket_keys = PATH/open", 1, "chmod 700 it"),
        ("ticket_keys = PATH/own", 1, "remove it, or copy it again"),
        ("ticket_keys = PATH/own/new", 0, None),
        ("ticket_keys = /var/lib/ktlsd/tickets", 0, None),
        ("key_log = PATH/file", 1, "others than its owner can read or write it: chmod 600 it"),
        ("key_log = PATH/own", 1, "it is not a regular file"),
        ("metrics_socket = PATH/foreign/metrics", 1, "such as /run/ktlsd"),
        ("metrics_socket = PATH/file", 1, "something else than a socket"),
        ("metrics_socket = PATH/" + 120 * "x", 1, "at most 107 bytes"),
        ("metrics_socket = PATH/own/metrics", 0, None),
        ("metrics_socket = /run/ktlsd/metrics", 0, None),
        ("fetch_socket = PATH/fetch", 1, "cannot connect to ktls-fetch: Permission denied"),
        ("fetch_socket = PATH/file", 1, "cannot connect to ktls-fetch: "),
        ("fetch_socket = PATH/nobody", 0, "systemctl enable --now ktls-fetch.socket"),
    )
    before = sorted(os.listdir(path + "/own"))
    for line, status, word in cases:
        if os.path.exists(os.path.dirname(line.split()[-1])) and "PATH" not in line:
            continue  # ktlsd is installed here
        write(path + "/conf", f"[ktlsd]\ntrust = {path}/a.pem\n" + line.replace("PATH", path) +
              "\n")
        done = run("-t", "--user", "nobody", "--config", path + "/conf")
        found = re.findall(rf"^ktlsd: \w+: {path}/conf:3: (.*)$", done.stderr, re.M)
        assert done.returncode == status and len(found) == bool(word), (line, done)
        assert not word or word.replace("PATH", path) in found[0], (line, done)
    assert sorted(os.listdir(path + "/own")) == before, "something was made"
    os.chmod(path + "/fetch", 0o666)
    write(path + "/conf", f"[ktlsd]\ntrust = {path}/a.pem\nfetch_socket = {path}/fetch\n")
    done = run("-t", "--user", "nobody", "--config", path + "/conf")
    assert "is correct" in done.stdout, done
    # After other errors they are tried too.
    write(path + "/conf", f"[ktlsd]\nwrokers = 1\nticket_keys = {path}/file\n")
    done = run("-t", "--user", "nobody", "--config", path + "/conf")
    assert "conf:2: " in done.stderr and "conf:3: " in done.stderr, done
    listener.close()
    return None


def test_include(path):
    """an identity in a file that ktlsd.conf includes; -t names that file"""
    make_identity(path + "/a")
    os.mkdir(path + "/conf.d")
    write(path + "/conf", f"include = conf.d/*.conf\n[ktlsd]\ntrust = {path}/a.pem\n")
    write(path + "/conf.d/a.conf", f"[identity a]\ncertificate = {path}/a.pem\n"
          f"private_key = {path}/a.key\n")
    done = run("-t", "--user", "root", "--config", path + "/conf")
    assert done.returncode == 0 and "1 identities" in done.stdout, done
    write(path + "/conf.d/b.conf", "[identity b]\nkey = 1\n")
    write(path + "/a.key", "nonsense\n", 0o600)
    done = run("-t", "--user", "root", "--config", path + "/conf")
    assert done.returncode == 1, done
    for word in ("/conf.d/b.conf:2: ", "/conf.d/b.conf:1: ", "/conf.d/a.conf:1: "):
        assert word in done.stderr, (word, done)


if __name__ == "__main__":
    sys.exit(main(globals()))
