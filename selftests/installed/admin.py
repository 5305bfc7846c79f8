# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests in "guest" and "incidents" have in common: commands, the journal, files."""

import contextlib
import os
import re
import subprocess
import sys
import time

TOP = os.getcwd()		# as on the host
OUT, KDIR = sys.argv[1], "/run/host" + sys.argv[2]
RELEASE = os.uname().release
CONFIG = "/etc/ktls/ktlsd.conf"
WORK = "/run/test"
PARAMETER = "/sys/module/ktls/parameters/helper_uid"
PATIENCE = 120			# seconds, for any one thing; the processor is emulated

sys.path.insert(0, TOP + "/tools/python")
sys.dont_write_bytecode = True
import ktls  # noqa: E402


def run(*command, check=True, **more):
    r = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=PATIENCE, text=True, check=False, **more)
    assert not check or r.returncode == 0, "%s: status %d: %s" % (
        " ".join(command), r.returncode, r.stdout)
    return r


def until(condition, what, patience=PATIENCE):
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "not within %d s: %s" % (patience, what)
        time.sleep(0.1)


def show(name, unit="ktlsd"):
    return run("systemctl", "show", "--value", "-p", name, unit).stdout.strip()


def active():
    return show("ActiveState") == "active"


def pid():
    return int(show("MainPID"))


def log(*more):
    """What ktlsd and systemd said of it since the last mark()."""
    run("journalctl", "--sync")
    return run("journalctl", "-u", "ktlsd", "-o", "cat", "--no-pager",
               "--since", "@%f" % mark.time, *more, check=False).stdout


def mark():
    time.sleep(1.1)		# --since has seconds
    mark.time = time.time()


mark.time = 0


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def make(*targets):
    return run("make", "-s", "-C", TOP, "KDIR=" + KDIR, *targets).stdout


def files():
    """Every path that is not somebody's notebook."""
    skip = ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/log", "/var/tmp", "/var/lib/systemd",
            "/var/cache", "/var/lib/nginx", "/var/lib/postgresql", "/var/lib/redis", "/root",
            "/" + TOP.split("/")[1], "/lib/modules/%s/modules." % RELEASE)
    found = set()
    for base, directories, names in os.walk("/"):
        directories[:] = [d for d in directories
                          if not os.path.join(base, d).startswith(skip)]
        for name in directories + names:
            path = os.path.join(base, name).replace("/usr/lib/modules", "/lib/modules")
            if not path.startswith(skip):
                found.add(path)
    return found


@contextlib.contextmanager
def beside(*command, port=None):
    """A program that runs meanwhile, and listens."""
    with open(WORK + "/output", "w", encoding="ascii") as output:
        p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        if port:
            until(lambda: listening(port) or p.poll() is not None, "port %d" % port)
            assert p.poll() is None, read(WORK + "/output")
        yield p
    finally:
        p.kill()
        p.wait()


@contextlib.contextmanager
def config(change):
    """Another configuration for a while; gives the place of the line that differs."""
    good = read(CONFIG)
    other = change(good)
    write(CONFIG, other)
    lines, same = other.splitlines(), good.splitlines()
    number = next(i for i, text in enumerate(lines) if i >= len(same) or text != same[i])
    try:
        yield "%s:%d" % (CONFIG, number + 1)
    finally:
        write(CONFIG, good)


def listening(port):
    return any(int(line.split()[1].split(":")[1], 16) == port and line.split()[3] == "0A"
               for name in ("tcp", "tcp6") for line in list(open("/proc/net/" + name,
                                                                 encoding="ascii"))[1:])


def s_server(port, *more):
    return beside("openssl", "s_server", "-accept", str(port), "-cert", "/etc/ktls/test.pem",
                  "-key", "/etc/ktls/test.key", "-quiet", *more, port=port)


def restarted(before, what):
    until(lambda: active() and pid() not in (0, before), what + ": started again")
    with s_server(4434, "-www"):
        run(OUT + "/example_client", "127.0.0.1", "4434", "localhost")


def troubleshooting(unit, sentence, *words):
    """TROUBLESHOOTING of ktlsd(8) has that sentence, and systemctl status those words."""
    page = read(TOP + "/tools/man/ktlsd.8").split(".SH TROUBLESHOOTING")[1]
    page = re.sub(r"\\f[BIPR]|\\(?=-)|^\.[A-Z]{1,2} |\\\((?:lq|rq)|\"", "", page, flags=re.M)
    assert sentence in " ".join(page.split()), sentence
    told = run("systemctl", "status", "--no-pager", "-l", unit, check=False).stdout
    print("# $ systemctl status " + unit)
    for line in told.splitlines():
        print("#   " + line)
    for word in words:
        assert word in told, (word, told)
