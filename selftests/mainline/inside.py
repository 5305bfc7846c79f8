# SPDX-License-Identifier: GPL-2.0-or-later
"""Inside the VM: the module under the name `tls`, and TAP. For guest and programs."""

import pathlib
import subprocess
import time


class Report:
    """TAP on stdout."""

    def __init__(self):
        self.count = self.failed = 0

    def plan(self, n):
        print(f'TAP version 13\n1..{n}', flush=True)

    def result(self, good, what):
        self.count += 1
        self.failed += not good
        print(f'{"ok" if good else "not ok"} {self.count} - {what}', flush=True)
        return good


def run(*command, **kwargs):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors='replace', check=False, **kwargs)


def loaded(name):
    return pathlib.Path('/sys/module', name).exists()


def ulps():
    return pathlib.Path('/proc/sys/net/ipv4/tcp_available_ulp').read_text().split()


def counters():
    lines = pathlib.Path('/proc/net/ktls_stat').read_text().splitlines()
    return {name: int(value) for name, value in map(str.split, lines)}


def prepare(report):
    """The module under the name `tls`, and nothing else."""
    pathlib.Path('/etc/modprobe.d/ktls-test.conf').write_text('install tls /bin/false\n')
    report.result(run('modprobe', 'tls').returncode != 0 and not loaded('tls'),
                  "mainline's module cannot be loaded")
    loading = run('modprobe', 'ktls', 'alias_tls=1')
    good = (loading.returncode == 0 and loaded('ktls') and not loaded('tls') and
            {'tls', 'ktls'} <= set(ulps()))
    if not good:
        print(f'# {loading.stdout} {ulps()}')
    return report.result(good, 'the names tls and ktls are ours')


def finish(report):
    """What proves that it was us all the time."""
    ours = not loaded('tls') and 'tls' in ulps()
    for _ in range(60):		# a closed socket lingers for seconds
        if run('rmmod', 'ktls').returncode == 0:
            break
        time.sleep(0.5)
    report.result(ours and not loaded('ktls') and 'tls' not in ulps(),
                  "mainline's module never came, and ours goes")
