# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes that tests in Python start."""

import contextlib
import socket
import subprocess
import time

PATIENCE = 30


class Process:
    """Its output goes to a file in the directory @where."""

    def __init__(self, command, where):
        self.log = f"{where}/log-{time.monotonic_ns()}"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log,
                                            stderr=subprocess.STDOUT, cwd=where)

    def feed(self, text):
        with contextlib.suppress(OSError):
            self.process.stdin.write(text.encode())
            self.process.stdin.flush()

    def printed(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_for(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"not within {PATIENCE} s: {self.printed()[-300:]}")
            time.sleep(0.02)

    def stop(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def listening(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
