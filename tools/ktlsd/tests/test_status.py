#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_status.py DIR: what ktlsctl of DIR says of the module, ktlsd and its identities."""
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from test_daemon import (KTLSCTL, LOADED, SCALE, daemon, find_signer, main, make_identity,
                         write)

DATE = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"
WORDS = ("status workers workers_serving handshakes_active handshakes_completed handshakes_failed "
         "version started clock netns netns_inode sandbox tickets_forgotten tickets_flushed "
         "configuration configuration_read last_reload identities certificate_expires "
         "troubles").split()
MEMBERS = ("name defined usable trouble expires expired certificates names role server_names also "
           "netns allow_uids allow_gids allow_containers").split()


def status(it, *args):
    """What ktlsctl status prints. Without the module it fails, whatever ktlsd says."""
    done = it.control("status", *args)
    assert done.returncode == (0 if LOADED else 1) and not done.stderr, done
    return done.stdout


def status_json(it):
    return json.loads(status(it, "--json"))


def make_config(path, *names):
    """A configuration with these identities."""
    for name in names:
        make_identity(f"{path}/{name}")
    text = f"[ktlsd]\ntrust = {path}/{names[0]}.pem\n" + "".join(
        f"[identity {name}]\ncertificate = {path}/{name}.pem\nprivate_key = {path}/{name}.key\n"
        for name in names)
    write(path + "/conf", text)
    return text


def make_dated(path, begin, end):
    """A certificate with these days of its validity, as of now."""
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=test",
                    "-keyout", path + ".key", "-out", path + ".csr"],
                   check=True, capture_output=True)
    os.mkdir(path + ".ca")
    write(path + ".ca/index", "")
    write(path + ".ca/conf", "[ca]\ndefault_ca = a\n[a]\ndatabase = %s.ca/index\n"
          "new_certs_dir = %s.ca\nrand_serial = yes\ndefault_md = sha256\npolicy = p\n"
          "[p]\ncommonName = supplied\n" % (path, path))
    days = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + 86400 * day))
            for day in (begin, end)]
    subprocess.run(["openssl", "ca", "-config", path + ".ca/conf", "-batch", "-notext",
                    "-selfsign", "-keyfile", path + ".key", "-startdate", days[0], "-enddate",
                    days[1], "-in", path + ".csr", "-out", path + ".pem"],
                   check=True, capture_output=True)
    os.chmod(path + ".key", 0o600)


# --- the tests ----------------------------------------------------------------

def test_words(path):
    """ktlsctl status prints the same words in the same order, in JSON too"""
    make_config(path, "a", "b")
    with daemon(path) as it:
        assert it.listen(10, "2 of 2 workers serve" if LOADED else "STATUS="), it.notified
        text = status(it)
        lines = [line.split(" ", 1) for line in text.splitlines()]
        mine = [word for word, _ in lines if word not in ("module", "module_source", "parameter")]
        assert mine == WORDS, mine
        assert lines[0][0] == "module", lines[0]
        for word in "started", "clock", "configuration_read":
            assert re.search(rf"^{word} {DATE}$", text, re.M), (word, text)
        inode = os.stat("/proc/self/ns/net").st_ino
        assert f"\nnetns init\nnetns_inode {inode}\n" in text, text
        assert "\nlast_reload never\n" in text, text

        parsed = status_json(it)
        assert list(parsed) == ["module", "ktlsd", "namespaces"], parsed
        ktlsd = parsed["ktlsd"]
        assert ktlsd["workers"] == 2 and ktlsd["workers_serving"] == (2 if LOADED else 0), ktlsd
        assert ktlsd["certificate_identity"] in ("a", "b"), ktlsd
        assert re.fullmatch(DATE, ktlsd["certificate_expires"]), ktlsd
        assert ktlsd["certificate_expired"] is False and ktlsd["last_reload"] is None, ktlsd
        assert ktlsd["netns_inode"] == inode and parsed["namespaces"] == {}, parsed
        assert it.control("status", "--wrong").returncode == 2


def test_module(path):
    """ktlsctl status prints the version and the parameters of the module, or what is missing"""
    make_config(path, "a")
    with daemon(path) as it:
        assert it.listen(10, "STATUS="), it.notified
        text, parsed = status(it), status_json(it)["module"]
        assert parsed["loaded"] is LOADED, parsed
        if not LOADED:
            expected = f"module not loaded: kernel {os.uname().release} has no module ktls; "
            assert text.startswith(expected) and "dkms" in text.splitlines()[0], text
            assert parsed["trouble"] == text.splitlines()[0][len("module "):], parsed
            return
        found = re.findall(r"^parameter (\S+) (\S+)$", text, re.M)
        here = sorted(os.listdir("/sys/module/ktls/parameters"))
        assert [name for name, _ in found] == here and len(here) > 5, (found, here)
        assert parsed["parameters"] == dict(found), parsed
        with open("/sys/module/ktls/version", encoding="ascii") as file:
            assert parsed["version"] == file.read().strip(), parsed


def test_last_reload(path):
    """ktlsctl status says when the configuration was last read again, and what came of it"""
    text = make_config(path, "a")
    with daemon(path) as it:
        assert it.listen(10, "STATUS="), it.notified
        begun = status_json(it)["ktlsd"]["configuration_read"]
        time.sleep(1.1)
        for conf, result in ((text + "nonsense\n", "failed"),
                             (text.replace("a.pem\nprivate", "none.pem\nprivate"), "partial"),
                             (text, "complete")):
            write(path + "/conf", conf)
            it.control("reload")
            assert re.search(rf"^last_reload {DATE} {result}$", status(it), re.M), status(it)
            parsed = status_json(it)["ktlsd"]
            assert parsed["last_reload_result"] == result, parsed
            assert (parsed["configuration_read"] == begun) == (result == "failed"), parsed


def test_certificates(path):
    """ktlsctl status names certificates that have expired, and that are not yet valid"""
    make_dated(path + "/old", -9, -1)
    make_dated(path + "/new", 2, 9)
    make_identity(path + "/a")
    write(path + "/conf", f"[ktlsd]\ntrust = {path}/a.pem\n" + "".join(
        f"[identity {name}]\ncertificate = {path}/{name}.pem\nprivate_key = {path}/{name}.key\n"
        for name in ("a", "old", "new")))
    with daemon(path) as it:
        assert it.listen(10, "STATUS="), it.notified
        text = status(it)
        assert re.search(rf"^certificate_expires {DATE} old expired$", text, re.M), text
        assert re.search(rf"^certificate_begins {DATE} new not yet valid$", text, re.M), text
        parsed = status_json(it)["ktlsd"]
        assert parsed["certificate_expired"] and parsed["certificate_identity"] == "old", parsed
        assert parsed["certificate_not_yet_valid"], parsed
        assert parsed["certificate_begins_identity"] == "new", parsed
        listed = json.loads(it.control("identities", "--json").stdout)
        assert [(one["name"], one["expired"]) for one in listed] == \
            [("a", False), ("old", True), ("new", False)], listed


def test_not_running(path):
    """ktlsctl says of a ktlsd that has ended, was killed or is stopped, that it is so"""
    make_config(path, "a")
    with daemon(path) as it:
        assert it.listen(10, "STATUS="), it.notified
        os.kill(it.process.pid, signal.SIGSTOP)
        begin = time.monotonic()
        done = it.control("status")
        assert time.monotonic() - begin < 20 * SCALE, time.monotonic() - begin
        assert done.returncode == 1 and f"ktlsd (pid {it.process.pid}) does not answer: a signal " \
            f"has stopped it; kill -CONT {it.process.pid}" in done.stdout, done
        os.kill(it.process.pid, signal.SIGCONT)
        status(it)
    it.control = lambda verb, *args: subprocess.run(
        [KTLSCTL, verb, *args, "--control", path + "/control"], capture_output=True, text=True,
        check=False)
    for left in False, True:
        if left:			# as a ktlsd that was killed leaves it
            shutil.copyfile("/dev/null", path + "/control")
        done = it.control("status")
        assert done.returncode == 1 and done.stdout.startswith("module "), done
        assert f"\nktlsd {path}/control: ktlsd is not running, or uses another path" in done.stdout
        done = it.control("status", "--json")
        assert "ktlsd is not running" in json.loads(done.stdout)["ktlsd"]["trouble"], done
        done = it.control("identities", "--json")
        assert done.returncode == 1 and "ktlsd is not running" in done.stderr, done


def test_namespaces(path):
    """ktlsctl status has a line for each instance of another network namespace"""
    for name in "ktlsd", "ktlsd-blue", "ktlsd-gone":
        os.mkdir(f"{path}/{name}")
    make_config(path + "/ktlsd", "a")
    make_config(path + "/ktlsd-blue", "a")
    write(path + "/ktlsd-gone/control", "")
    with daemon(path + "/ktlsd") as it, daemon(path + "/ktlsd-blue") as other:
        assert it.listen(10, "STATUS=") and other.listen(10, "STATUS="), other.notified
        done = it.control("status")
        assert done.returncode == 1, done
        lines = [line for line in done.stdout.splitlines() if line.startswith("namespace ")]
        assert len(lines) == 2, done
        assert lines[0].startswith("namespace blue ") and lines[0].endswith("."), lines
        assert "serve" in lines[0] and "ktlsd is not running" in lines[1], lines
        found = json.loads(it.control("status", "--json").stdout)["namespaces"]
        assert list(found) == ["blue", "gone"], found


def test_identities(path):
    """ktlsctl identities --json has the same members for each"""
    text = make_config(path, "a", "b") + "allow_uids = 33 0\nsni = www.test other.test\n"
    write(path + "/conf", text)
    with daemon(path) as it:
        assert it.listen(10, "STATUS="), it.notified
        listed = json.loads(it.control("identities", "--json").stdout)
        assert [list(one) for one in listed] == [MEMBERS, MEMBERS], listed
        first, second = listed
        assert first["name"] == "a" and first["usable"] is True and first["trouble"] is None
        assert first["allow_uids"] == ["0"] and first["allow_containers"] is False, first
        assert second["certificates"] == [{"certificate": path + "/b.pem",
                                           "private_key": path + "/b.key"}], second
        assert second["names"] == [["DNS:localhost"]], second
        assert sorted(second["server_names"]) == ["other.test", "www.test"], second
        assert sorted(second["allow_uids"]) == ["0", "33"], second
        assert re.fullmatch(DATE, second["expires"]) and second["expired"] is False, second


def find_landlock():
    """Returns the ABI of Landlock, at least 0, as the kernel tells it."""
    libc = ctypes.CDLL(None, use_errno=True)
    # landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)
    return max(libc.syscall(444, None, 0, 1), 0)


def test_sandbox(path):
    """the sandbox is as tight as the kernel can make it, and ktlsctl status tells"""
    write(path + "/conf", "[ktlsd]\n")
    with daemon(path) as it:
        assert it.listen(10, "STATUS="), it.notified
        abi = find_landlock()
        assert abi or not LOADED, "Debian's kernels have Landlock"
        expected = f"Landlock ABI {abi}" if abi else "no Landlock"
        status = it.control("status").stdout
        assert re.search(rf"^sandbox {expected}, seccomp$", status, re.M), (expected, status)
        assert ("The kernel has no Landlock" in it.lines()) == (not abi), it.lines()
        for pid in it.process.pid, find_signer(it):
            with open(f"/proc/{pid}/status", encoding="ascii") as file:
                fields = dict(line.rstrip("\n").split(":\t", 1) for line in file)
            assert fields["Seccomp"] == "2" and fields["NoNewPrivs"] == "1", (pid, fields)
        assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == 0, fields


def test_flush_tickets(path):
    """ktlsctl flush-tickets is answered, counted and logged"""
    write(path + "/conf", "[ktlsd]\n")
    with daemon(path) as it:
        assert it.listen(10, "STATUS="), it.notified
        status = it.control("status").stdout
        assert re.search(r"^tickets_flushed 0$", status, re.M), status
        for _ in range(2):
            done = it.control("flush-tickets")
            assert done.returncode == 0, done
            assert "ticket keys were replaced, and 0 sessions" in done.stdout, done
        status = it.control("status").stdout
        assert re.search(r"^tickets_flushed 2$", status, re.M), status
        assert it.lines().count("by ktlsctl flush-tickets") == 2, it.lines()


def test_version(path):
    """ktlsctl version prints the versions"""
    done = subprocess.run([KTLSCTL, "version"], capture_output=True, text=True, check=True)
    assert "unknown" not in done.stdout, done
    assert re.search(r"^tools \S+$", done.stdout, re.M), done
    assert LOADED or "module not loaded" in done.stdout, done


if __name__ == "__main__":
    sys.exit(main(globals()))
