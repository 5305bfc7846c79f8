# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that the demo starts."""

import os
import pwd
import signal
import subprocess
import time

LOGS = "/srv/demo/logs"
PATIENCE = 60			# seconds, for any one thing; the CPU is emulated


def as_user(user, *capabilities):
    """How to start a program as somebody who may do nothing but that."""
    caps = ",".join(["-all"] + ["+" + c for c in capabilities])
    group = str(pwd.getpwnam(user).pw_gid)
    return ["setpriv", "--reuid", user, "--regid", group, "--clear-groups",
            "--no-new-privs", "--bounding-set", caps, "--inh-caps", caps,
            "--ambient-caps", caps]


def run(*command, check=True, **more):
    r = subprocess.run(command, timeout=PATIENCE, stdin=more.pop("stdin", subprocess.DEVNULL)
                       if "input" not in more else None,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
    if check and r.returncode:
        raise RuntimeError("%s: status %d: %s" % (os.path.basename(command[0]),
                           r.returncode, r.stderr.decode(errors="replace").strip()))
    return r


def until(condition, what, patience=PATIENCE):
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("%s: not within %d s" % (what, patience))
        time.sleep(0.05)


class Process:
    """Something that runs beside us, with a log."""

    def __init__(self, name, *command, **more):
        self.name, self.log = name, "%s/%s.log" % (LOGS, name)
        with open(self.log, "ab") as log:
            self.popen = subprocess.Popen(command, stdout=log, stderr=log,
                                          stdin=subprocess.DEVNULL, **more)

    def text(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def expect(self, text):
        """Wait for a text in the log."""
        until(lambda: text in self.text() or self.popen.poll() is not None,
              "%s: '%s'" % (self.name, text))
        if text not in self.text():
            raise RuntimeError("%s ended with status %d: %s" % (
                self.name, self.popen.returncode, self.text().strip()))
        return self

    def end(self, how=signal.SIGTERM):
        if self.popen.poll() is None:
            self.popen.send_signal(how)
        try:
            return self.popen.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
