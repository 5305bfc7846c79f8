# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo's table: a line each step, and how many were as expected."""

import time

ROW = "  %-4s  %-48s %-33s %s"
passed = failed = 0
noted = set()


def section(title):
    print("\n%s" % title, flush=True)


class step:
    """One line of the table: with step(what, expected) as s: s.got = ..."""

    def __init__(self, what, expected):
        self.what, self.expected, self.got = what, expected, "nothing"
        self.tls, self.notes = "", []

    def __enter__(self):
        self.start = time.monotonic()
        return self

    def __exit__(self, kind, problem, traceback):
        global passed, failed
        if kind and not issubclass(kind, Exception):
            return False
        if problem:
            self.got = "%s: %s" % (kind.__name__, problem)
        good = self.got == self.expected
        passed, failed = passed + good, failed + (not good)
        print(ROW % ("ok" if good else "FAIL", self.what, self.got if good else "", self.tls),
              flush=True)
        if not good:
            print("        expected: %s\n        got:      %s" % (self.expected, self.got))
        for note in "\n".join(self.notes).splitlines():
            if note not in noted:
                print("        " + note)
            noted.add(note)
        return True
