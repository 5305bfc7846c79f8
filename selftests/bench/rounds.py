# SPDX-License-Identifier: GPL-2.0-or-later
"""What bench printed, for report and guard.

A line for each round: version, cipher, row, kind, calls, nanoseconds of processor
time of the process, of its sender, of its receiver, and of kernel threads. Lines
that begin with # are facts about the machine.
"""

from statistics import median

KINDS = ('plain', 'aead', 'mainline', 'openssl', 'ktls')


def read(path):
    """{(version, cipher): {row: {kind: [rounds]}}}, facts"""
    tables, facts = {}, []
    with open(path, encoding='utf-8') as lines:
        for line in lines:
            if line.startswith('#'):
                facts.append(line[1:].strip())
                continue
            version, cipher, row, kind, *numbers = line.rstrip('\n').split('\t')
            calls, process, sender, receiver, kernel = map(int, numbers)
            kinds = tables.setdefault((version, cipher), {}).setdefault(row, {})
            kinds.setdefault(kind, []).append({
                'total': (process + kernel) / calls / 1000,
                'sender': sender / calls / 1000,
                'receiver': receiver / calls / 1000,
                'kernel_threads': kernel / calls / 1000,
            })
    return tables, facts


def sum_up(rounds):
    """The median of each number, and how far apart the rounds are."""
    out = {key: round(median(r[key] for r in rounds), 3) for key in rounds[0]}
    totals = [r['total'] for r in rounds]
    out['spread'] = round((max(totals) - min(totals)) / median(totals), 4)
    return out
