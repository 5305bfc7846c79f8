#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_daemon.py DIR: ktlsd and ktlsctl of DIR as a service manager sees them.

Without the module no worker serves, and ktlsd reports that. With KTLS_TEST_BRIEF only what
may be different with the module, for who has run all without it.
"""
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

from exposition import parse_exposition

BUILD = sys.argv[1]
KTLSD = BUILD + "/ktlsd/ktlsd"
KTLSCTL = BUILD + "/ktlsctl/ktlsctl"
SCALE = float(os.environ.get("KTLS_TEST_SCALE", "1"))
LOADED = os.path.exists("/sys/module/ktls")
# The same with the module and without: they take two thirds of the time in a VM.
BRIEF_WITHOUT = ("test_bad_configuration", "test_few_sessions", "test_signer_stopped",
                 "test_watchdog_of_another", "test_stats", "test_reload_nobody") \
    if os.environ.get("KTLS_TEST_BRIEF") else ()


def write(path, text, mode=0o644):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path, mode)


def make_identity(path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=test",
                    "-addext", "subjectAltName=DNS:localhost",
                    "-keyout", path + ".key", "-out", path + ".pem"],
                   check=True, capture_output=True)
    os.chmod(path + ".key", 0o600)


class Daemon:
    """ktlsd in the foreground, with a service manager."""

    def __init__(self, path, *args, stderr=None, cwd=None, wrap=(), **env):
        self.path = path
        self.notified = []
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(path + "/notify")
        self.log = open(path + "/log", "a+", encoding="ascii") if stderr is None else stderr
        self.process = subprocess.Popen(
            [*wrap, KTLSD, "--foreground", "--config", path + "/conf", "--workers", "2", *args],
            stderr=self.log, cwd=cwd, env={**os.environ, "NOTIFY_SOCKET": path + "/notify",
                                  "RUNTIME_DIRECTORY": path, **env})

    def listen(self, seconds, until=None):
        """Collects notifications until one contains UNTIL. Returns whether one does."""
        end = time.monotonic() + seconds * SCALE
        while time.monotonic() < end:
            if until and any(until in state for state in self.notified):
                return True
            self.notify.settimeout(max(end - time.monotonic(), 0.001))
            with contextlib.suppress(TimeoutError):
                self.notified.append(self.notify.recv(4096).decode("ascii"))
        return False

    def lines(self):
        with open(self.path + "/log", encoding="ascii") as file:
            return file.read()

    def control(self, verb, *args):
        return subprocess.run([KTLSCTL, verb, *args, "--control", self.path + "/control"],
                              capture_output=True, text=True, check=False,
                              timeout=70 * SCALE)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(10 * SCALE) == 0, "status at SIGTERM"
        self.notify.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path + "/notify")


def find_signer(it):
    with open(f"/proc/{it.process.pid}/task/{it.process.pid}/children", encoding="ascii") as file:
        signer = file.read().split()
    assert len(signer) == 1, signer
    return int(signer[0])


@contextlib.contextmanager
def daemon(path, *args, **env):
    it = Daemon(path, *args, **env)
    try:
        yield it
        it.end()
    finally:
        it.process.kill()
        it.process.wait()


def run(*args, **env):
    return subprocess.run([KTLSD, *args], capture_output=True, text=True, check=False,
                          timeout=60 * SCALE, env={**os.environ, **env})


# --- the tests ----------------------------------------------------------------

def test_not_ready(path):
    """while no worker serves, ktlsd is not ready and reports why"""
    write(path + "/conf", "[ktlsd]\n")
    with daemon(path) as it:
        # At first the workers are registering.
        assert it.listen(10, "the module ktls is not loaded"), it.notified
        assert "No worker serves" in "".join(it.notified), it.notified
        it.listen(2)
        assert "READY=1" not in "".join(it.notified), it.notified


def test_ready(path):
    """with the module, ktlsd reports when it is ready and when it reloads"""
    if not LOADED:
        return "the module is not loaded"
    make_identity(path + "/a")
    write(path + "/conf", f"[ktlsd]\ntrust = {path}/a.pem\n")
    with daemon(path) as it:
        assert it.listen(10, "READY=1\nSTATUS="), it.notified
        assert it.listen(10, "2 of 2 workers serve"), it.notified
        it.notified.clear()
        assert it.control("reload").returncode == 0
        assert it.listen(10, "READY=1"), it.notified
        begin = [n for n, state in enumerate(it.notified)
                 if re.search(r"^RELOADING=1\nMONOTONIC_USEC=\d+$", state)]
        end = [n for n, state in enumerate(it.notified) if state == "READY=1"]
        assert len(begin) == len(end) == 1 and begin < end, it.notified
        # A reload that fails is no reload for those who only get notifications, by SIGHUP either.
        it.notified.clear()
        good = f"[ktlsd]\ntrust = {path}/a.pem\n"
        write(path + "/conf", good + "nonsense\n")
        assert it.control("reload").returncode == 1
        it.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 10 * SCALE
        while it.lines().count("was not reloaded") < 2:
            assert time.monotonic() < end, it.lines()
            time.sleep(0.05)
        it.listen(0.5)
        assert not any(re.search("^(READY|RELOADING)=", state) for state in it.notified), \
            it.notified
        write(path + "/conf", good)
        it.process.send_signal(signal.SIGHUP)
        assert it.listen(10, "READY=1"), it.notified
    return None


def test_require_module(path):
    """--require-module without the module exits at once, with advice"""
    write(path + "/conf", "[ktlsd]\n")
    ended = run("--foreground", "--require-module", "--config", path + "/conf")
    assert ended.returncode == 69, ended
    assert os.uname().release in ended.stderr and "make modules" in ended.stderr, ended


def test_bad_configuration(path):
    """an error in the configuration makes ktlsd exit with status 78"""
    write(path + "/conf", "[ktlsd]\nworkers = many\n")
    ended = run("--foreground", "--config", path + "/conf")
    assert ended.returncode == 78, ended
    assert "conf:2: workers" in ended.stderr, ended


def test_few_sessions(path):
    """no more workers than max_sessions is enough for, and the log says so"""
    write(path + "/conf", "[ktlsd]\nmax_sessions = 40\n")
    with daemon(path, "--workers", "8") as it:
        assert it.listen(10, "STATUS="), it.notified
        assert "max_sessions = 40 is too little for 8 workers, 16 for each: only 2" in it.lines()
        done = it.control("stats")
        assert re.search(r"^ktlsd_workers +- +2$", done.stdout, re.M), done
        write(path + "/conf", "[ktlsd]\nmax_sessions = 4\n")
        done = it.control("reload")
        assert done.returncode == 0, done
        assert "max_sessions = 4 is too little for 2 workers, which have 16" in it.lines()
    with daemon(path, "--workers", "8") as it:
        assert it.listen(10, "STATUS="), it.notified
        done = it.control("stats")
        assert re.search(r"^ktlsd_workers +- +1$", done.stdout, re.M), done
        # An only worker has all sessions, however few: no second warning.
        assert it.control("reload").returncode == 0
        assert it.lines().count("which have 16") == 1, it.lines()


def test_watchdog(path):
    """the watchdog is fed only while all workers go round their loop"""
    write(path + "/conf", "[ktlsd]\n")
    with daemon(path, WATCHDOG_USEC=str(int(2000000 * SCALE))) as it:
        assert it.listen(10, "WATCHDOG=1"), it.notified
        it.notified.clear()
        assert it.listen(4, "WATCHDOG=1"), it.notified
        it.process.send_signal(signal.SIGSTOP)
        time.sleep(0.2)
        it.listen(0.1)
        it.notified.clear()
        assert not it.listen(3, "WATCHDOG=1"), it.notified
        it.process.send_signal(signal.SIGCONT)
        assert it.listen(10, "WATCHDOG=1"), it.notified


def test_signer_stopped(path):
    """a signer that is stopped is noticed, and delays neither a reload nor the end for long"""
    make_identity(path + "/a")
    write(path + "/conf", f"[ktlsd]\ntrust = {path}/a.pem\n" + "".join(
        f"[identity {n}]\ncertificate = {path}/a.pem\nprivate_key = {path}/a.key\n"
        for n in range(20)))
    with daemon(path, WATCHDOG_USEC=str(int(2000000 * SCALE))) as it:
        assert it.listen(10, "WATCHDOG=1"), it.notified
        signer = find_signer(it)
        os.kill(signer, signal.SIGSTOP)
        time.sleep(1 * SCALE)
        it.listen(0.1)
        it.notified.clear()
        assert not it.listen(2, "WATCHDOG=1"), it.notified
        assert "The signer process, which has the private keys, does not answer" in it.lines()
        begin = time.monotonic()
        done = it.control("reload")
        assert done.returncode == 1 and "does not answer: it was stopped" in done.stderr, done
        assert time.monotonic() - begin < 5 * SCALE, time.monotonic() - begin
        os.kill(signer, signal.SIGCONT)
        assert it.listen(10, "WATCHDOG=1"), it.notified
        assert "The signer process answers again" in it.lines(), it.lines()
        os.kill(signer, signal.SIGSTOP)
        begin = time.monotonic()
        it.process.send_signal(signal.SIGTERM)
        assert it.process.wait(20 * SCALE) == 0
        assert 4 < time.monotonic() - begin < 8 * SCALE, time.monotonic() - begin
        assert not os.path.exists(f"/proc/{signer}"), "the signer is left"


def test_watchdog_of_another(path):
    """WATCHDOG_PID of another process turns the watchdog off"""
    write(path + "/conf", "[ktlsd]\n")
    with daemon(path, WATCHDOG_USEC="100000", WATCHDOG_PID="1") as it:
        assert not it.listen(2, "WATCHDOG=1"), it.notified


def test_reload(path):
    """ktlsctl reload waits, and prints the result"""
    make_identity(path + "/a")
    make_identity(path + "/b")
    ca = f"[ktlsd]\ntrust = {path}/a.pem\n"
    a = f"[identity a]\ncertificate = {path}/a.pem\nprivate_key = {path}/a.key\n"
    b = f"[identity b]\ncertificate = {path}/b.pem\nprivate_key = {path}/b.key\n"
    write(path + "/conf", ca + a)
    with daemon(path) as it:
        assert it.listen(10, "STATUS="), it.notified
        write(path + "/conf", ca + a + b)
        done = it.control("reload")
        assert done.returncode == 0 and "2 identities" in done.stdout, done
        done = it.control("status")
        assert "\nidentities 2\n" in done.stdout, done
        assert re.search(r"^tickets_forgotten 0$", done.stdout, re.M), done
        # openssl req -x509 makes certificates for 30 days.
        assert re.search(r"^certificate_expires 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ [ab]$",
                         done.stdout, re.M), done
        assert len(re.findall("'a' expires at 20.*, in (30|29) days: replace it", it.lines())) == 1

        write(path + "/conf", ca + "nonsense\n" + a)
        done = it.control("reload")
        assert done.returncode == 1 and "conf:3:" in done.stderr, done

        # One identity cannot be loaded; the other one is new.
        os.unlink(path + "/a.pem")
        os.mkfifo(path + "/a.pem")
        write(path + "/conf", f"[ktlsd]\ntrust = {path}/b.pem\n" + a + b +
              b.replace("[identity b]", "[identity c]"))
        done = it.control("reload")
        assert done.returncode == 1 and "'a' keeps its old credential" in done.stderr, done
        assert "identities 3" in it.control("status").stdout, it.control("status")
        first, second, third = it.control("identities").stdout.split("\n\n")
        assert first.startswith(f"identity a\ndefined {path}/conf:"), first
        assert "\nusable yes\ntrouble " in first and "a.pem" in first, first
        assert re.search(r"^expires 20[0-9-]*T[0-9:]*Z$", second, re.M), second
        assert f"\ncertificate {path}/b.pem\nprivate_key {path}/b.key\n" in second, second
        assert "\nusable yes\n" in third and "trouble" not in third, third
        assert "\nallow_uids 0" in third, third

        # The new trust anchors cannot be loaded: the old ones stay.
        write(path + "/conf", f"[ktlsd]\ntrust = {path}/none\n" + b)
        done = it.control("reload")
        assert done.returncode == 1 and "the old trust anchors stay in force" in done.stderr, done

        write(path + "/conf", f"[ktlsd]\ntrust = {path}/b.pem\n" + b)
        it.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 10 * SCALE
        while it.lines().count("reloaded: 1 identities") < 2:
            assert time.monotonic() < end, it.lines()
            time.sleep(0.05)
    assert not os.path.exists(path + "/control"), "the socket stays behind"


def test_stats(path):
    """ktlsctl stats prints the same numbers in columns, as JSON, and for Prometheus"""
    make_identity(path + "/a")
    names = [f"{n:x}.".ljust(60, "x") for n in range(800)]
    write(path + "/conf", f"[ktlsd]\ntrust = {path}/a.pem\n" + "".join(
        f"[identity {name}]\ncertificate = {path}/a.pem\nprivate_key = {path}/a.key\n"
        for name in names))
    with daemon(path) as it:
        assert it.listen(20, "STATUS="), it.notified
        assert it.control("reload").returncode == 0
        done = it.control("stats", "--prometheus")
        assert done.returncode == 0, done.stderr
        families = parse_exposition(done.stdout)
        assert families["ktlsd_workers"] == ("gauge", {("", ""): 2}), families["ktlsd_workers"]
        assert families["ktlsd_reloads_total"][1]["", 'result="complete"'] == 1
        ends = families["ktlsd_certificate_expiry_time_seconds"][1]
        assert len(ends) == len(names) and ("", f'identity="{names[7]}"') in ends, len(ends)
        assert all(29 < (end - time.time()) / 86400 < 31 for end in ends.values()), ends
        assert families["ktlsd_handshake_duration_seconds"][0] == "histogram"
        assert families["ktlsd_memory_account_limit_bytes"] == ("gauge", {("", ""): 512 << 20})

        done = it.control("stats", "--json")
        parsed = json.loads(done.stdout)
        assert parsed.keys() == families.keys(), parsed.keys() ^ families.keys()
        workers = parsed["ktlsd_workers"]
        assert workers["samples"] == [{"labels": {}, "value": 2}], workers
        took = parsed["ktlsd_handshake_duration_seconds"]["samples"]
        assert len(took) == 4 and took[0]["labels"] == {"role": "client", "kind": "full"}, took
        assert took[0]["count"] == took[0]["buckets"]["+Inf"] == 0, took
        assert len(parsed["ktlsd_certificate_expiry_time_seconds"]["samples"]) == len(names)

        done = it.control("stats")
        assert done.returncode == 0, done
        rows = [re.fullmatch(r"(\S+) +(\S+) +(.+)", line) for line in done.stdout.splitlines()]
        assert all(rows), done.stdout
        assert ("ktlsd_workers", "-", "2") in [row.groups() for row in rows], done.stdout

        write(path + "/out.prom", "old", 0o600)
        done = it.control("stats", "--prometheus", "--output", path + "/out.prom")
        assert done.returncode == 0 and not done.stdout, done
        with open(path + "/out.prom", encoding="ascii") as file:
            assert parse_exposition(file.read()).keys() == families.keys()
        assert os.stat(path + "/out.prom").st_mode & 0o777 == 0o644
        done = it.control("stats", "--output", path + "/none/out")
        assert done.returncode == 1 and path + "/none/out" in done.stderr, done
        assert it.control("stats", "--json", "--prometheus").returncode == 2
        assert sorted(os.listdir(path)) == sorted([
            "a.key", "a.pem", "conf", "control", "log", "notify", "out.prom"]), \
            os.listdir(path)


def http(path, request):
    """Sends REQUEST to the socket PATH. Returns head and body."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10 * SCALE)
        sock.connect(path)
        sock.sendall(request)
        answer = b""
        while True:
            more = sock.recv(65536)
            if not more:
                break
            answer += more
    head, _, body = answer.decode("ascii").partition("\r\n\r\n")
    assert f"Content-Length: {len(body)}" in head.split("\r\n"), head
    return head, body


def test_metrics_socket(path):
    """metrics_socket answers GET /metrics, and nobody can occupy it"""
    write(path + "/conf", f"[ktlsd]\nmetrics_socket = {path}/metrics\n")
    get = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with daemon(path) as it:
        assert it.listen(10, "STATUS="), it.notified
        head, body = http(path + "/metrics", get)
        assert head.startswith("HTTP/1.1 200 OK\r\n") and "version=0.0.4" in head, head
        done = it.control("stats", "--prometheus")
        assert parse_exposition(body).keys() == parse_exposition(done.stdout).keys()
        for request, status in ((b"GET / HTTP/1.1\r\n\r\n", "404"),
                                (b"POST /metrics HTTP/1.1\r\n\r\n", "405"),
                                (b"x" * 4095, "400")):
            head, body = http(path + "/metrics", request)
            assert head.startswith(f"HTTP/1.1 {status} ") and not body, (request, head)

        # A silent client, and one that does not read, delay the next by two seconds each.
        with socket.socket(socket.AF_UNIX) as silent, socket.socket(socket.AF_UNIX) as deaf:
            silent.connect(path + "/metrics")
            deaf.connect(path + "/metrics")
            deaf.sendall(get)
            begin = time.monotonic()
            assert http(path + "/metrics", get)[0].startswith("HTTP/1.1 200")
            assert 1.5 < time.monotonic() - begin < 5 * SCALE, time.monotonic() - begin

        # A reload moves it.
        write(path + "/conf", f"[ktlsd]\nmetrics_socket = {path}/elsewhere\n")
        assert it.control("reload").returncode == 0
        assert not os.path.exists(path + "/metrics")
        assert http(path + "/elsewhere", get)[0].startswith("HTTP/1.1 200")
        write(path + "/conf", f"[ktlsd]\nmetrics_socket = {path}/none/socket\n")
        assert it.control("reload").returncode == 0
        assert "Cannot open metrics_socket" in it.lines(), it.lines()
        write(path + "/conf", f"[ktlsd]\nmetrics_socket = {path}/metrics\n")
        assert it.control("reload").returncode == 0
    assert not os.path.exists(path + "/metrics"), "the socket stays behind"
    assert not os.path.exists(path + "/elsewhere"), "the socket stays behind"


def test_journal(path):
    """log = journal sends lines with fields to the socket of systemd-journald"""
    journal = "/run/systemd/journal/socket"
    if os.geteuid() or os.path.exists("/run/systemd/journal"):
        return "needs root, and no systemd-journald"
    write(path + "/conf", "[ktlsd]\nlog = journal\n")
    os.makedirs(os.path.dirname(journal))
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind(journal)
            sock.settimeout(10 * SCALE)
            with daemon(path) as it:
                assert it.listen(10, "STATUS="), it.notified
                write(path + "/conf", "[ktlsd]\nnonsense\nlog = journal\n")
                assert it.control("reload").returncode == 1
                entry = {}
                while "was not reloaded" not in entry.get("MESSAGE", ""):
                    lines = sock.recv(8192).decode("ascii").splitlines()
                    entry = dict(line.split("=", 1) for line in lines)
                    assert entry["SYSLOG_IDENTIFIER"] == "ktlsd", entry
                assert entry["PRIORITY"] == "3", entry
                assert "reloaded" not in it.lines(), it.lines()
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(journal)
        os.rmdir(os.path.dirname(journal))
    return None


def test_ticket_keys(path):
    """ticket_keys survive a restart, and a flush replaces them"""
    keys = path + "/tickets/keys"
    write(path + "/conf", f"[ktlsd]\nticket_keys = {path}/tickets\n")
    with daemon(path) as it:
        assert it.listen(10, "STATUS="), it.notified
        with open(keys, encoding="ascii") as file:
            before = file.read()
        assert before.startswith("ktlsd ticket keys 1\n") and before.count("\n") == 3, "format"
        assert os.stat(keys).st_mode & 0o777 == 0o600, os.stat(keys)
    with daemon(path) as it:
        assert it.listen(10, "STATUS="), it.notified
        with open(keys, encoding="ascii") as file:
            assert file.read() == before, "other keys after a restart"
        assert it.control("flush-tickets").returncode == 0
        with open(keys, encoding="ascii") as file:
            assert file.read() != before, "the same keys after a flush"
        os.chmod(keys, 0o644)
        assert it.control("reload").returncode == 0
        assert "must be a file with mode 0600" in it.lines(), it.lines()


def make_crl(path):
    """PATH/crl.pem, of PATH/ca.pem"""
    write(path + "/index", "")
    write(path + "/cnf", f"[ca]\ndefault_ca = a\n[a]\ndatabase = {path}/index\n"
          "default_md = sha256\ndefault_crl_days = 30\n")
    subprocess.run(["openssl", "ca", "-gencrl", "-config", path + "/cnf", "-keyfile",
                    path + "/ca.key", "-cert", path + "/ca.pem", "-out", path + "/crl.pem"],
                   check=True, capture_output=True)


# What a reload does when this file cannot be read: its status, and what the log says besides that.
UNREADABLE = [
    ("a.pem", 1, "the identity 'a' keeps its old credentials: "),
    ("a.key", 1, "the identity 'a' keeps its old credentials: "),
    ("pass", 1, "the identity 'a' keeps its old credentials: "),
    ("ca.pem", 1, ": the old trust anchors stay in force"),
    ("crl.pem", 1, ": the old CRLs stay in force"),
    ("conf", 1, "The configuration was not reloaded, the old one stays in force: "),
    ("conf.d/b.conf", 1, "The configuration was not reloaded, the old one stays in force: "),
    ("tickets/keys", 0, ". The ticket keys stay as they are"),
]


def test_unreadable(path):
    """a file that cannot be read leaves what it said in force, and a reload says which"""
    if os.geteuid():
        return "only for root"
    make_identity(path + "/a")
    make_identity(path + "/ca")
    make_crl(path)
    write(path + "/pass", "correct horse\n", 0o600)
    subprocess.run(["openssl", "pkcs8", "-topk8", "-in", path + "/a.key", "-out", path + "/b.key",
                    "-passout", f"file:{path}/pass"], check=True, capture_output=True)
    os.rename(path + "/b.key", path + "/a.key")
    os.mkdir(path + "/conf.d")
    write(path + "/conf", f"include = conf.d/*\n[ktlsd]\ntrust = {path}/ca.pem\n"
          f"crl = {path}/crl.pem\nticket_keys = {path}/tickets\n")
    write(path + "/conf.d/b.conf", f"[identity a]\ncertificate = {path}/a.pem\n"
          f"private_key = {path}/a.key\npassphrase_file = {path}/pass\n")
    # As a service it has no capability to read what its user cannot.
    wrap = "setpriv", "--bounding-set", "-dac_override,-dac_read_search"
    with daemon(path, wrap=wrap) as it:
        assert it.listen(10, "STATUS="), it.notified
        for name, status, consequence in UNREADABLE:
            file, before = f"{path}/{name}", len(it.lines())
            mode = os.stat(file).st_mode & 0o777
            os.chmod(file, 0)
            done = it.control("reload")
            said = it.lines()[before:]
            assert done.returncode == status, (name, done)
            assert f"{file} cannot be read: Permission denied" in said, (name, said)
            assert consequence in said, (name, said)
            assert "identities 1" in it.control("status").stdout, name
            os.chmod(file, mode)
            before = len(it.lines())
            done = it.control("reload")
            assert done.returncode == 0, (name, done)
        assert "The ticket keys in" in it.lines()[before:], it.lines()
    return None


def test_reload_nobody(path):
    """ktlsctl without ktlsd fails, and reports why"""
    done = subprocess.run([KTLSCTL, "reload", "--control", path + "/control"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1 and path + "/control" in done.stderr, done


def test_encrypted(path):
    """encrypted keys and PKCS #12 files, with passphrases from files and from systemd"""
    make_identity(path + "/a")
    write(path + "/pass", "correct horse\n", 0o600)
    os.mkdir(path + "/credentials")
    write(path + "/credentials/www", "correct horse", 0o600)
    subprocess.run(["openssl", "pkcs8", "-topk8", "-in", path + "/a.key", "-out", path + "/b.key",
                    "-passout", f"file:{path}/pass"], check=True, capture_output=True)
    subprocess.run(["openssl", "pkcs12", "-export", "-in", path + "/a.pem", "-inkey",
                    path + "/a.key", "-out", path + "/c.p12", "-passout", f"file:{path}/pass"],
                   check=True, capture_output=True)
    os.chmod(path + "/b.key", 0o600)
    os.chmod(path + "/c.p12", 0o600)
    text = (f"[ktlsd]\ntrust = {path}/a.pem\n[identity b]\ncertificate = {path}/a.pem\n"
            f"private_key = {path}/b.key\npassphrase_file = {path}/pass\n"
            f"[identity c]\ncertificate = {path}/c.p12\npassphrase_credential = www\n")
    write(path + "/conf", text)
    with daemon(path, CREDENTIALS_DIRECTORY=path + "/credentials") as it:
        assert it.listen(10, "STATUS="), it.notified
        done = it.control("status")
        assert re.search(r"^troubles 0$", done.stdout, re.M), (done, it.lines())
        write(path + "/pass", "wrong horse\n", 0o600)
        write(path + "/credentials/www", "wrong horse", 0o600)
        done = it.control("reload")
        assert done.returncode == 1 and "passphrase is wrong" in done.stderr, done
        assert it.lines().count("keeps its old credential") == 2, it.lines()
        assert "horse" not in it.lines(), it.lines()


def main(namespace):
    failed = 0
    tests = [(name, test) for name, test in namespace.items()
             if name.startswith("test_") and name not in BRIEF_WITHOUT]
    print(f"TAP version 13\n1..{len(tests)}")
    for number, (name, test) in enumerate(tests, 1):
        if LOADED and name in ("test_not_ready", "test_require_module"):
            print(f"ok {number} - {name} # SKIP the module is loaded")
            continue
        with tempfile.TemporaryDirectory(prefix="ktlsd-test-") as path:
            try:
                skip = test(path)
                print(f"ok {number} - {test.__doc__}" + (f" # SKIP {skip}" if skip else ""))
            except (AssertionError, subprocess.SubprocessError, OSError) as error:
                failed += 1
                print(f"not ok {number} - {test.__doc__}\n# {name}: {error}"[:2000])
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(globals()))
