#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Does the index of files in README name every file, and only files that exist?

Prints TAP: a line for each file of the tree, and one for each name of the index.
"""

import fnmatch
import os
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
IGNORED = {'.git', '.build', '__pycache__'}


def tree():
    for directory, names, files in os.walk(TOP):
        names[:] = [n for n in names if n not in IGNORED]
        for name in set(files) - IGNORED:
            yield os.path.relpath(os.path.join(directory, name), TOP)


def index():
    """The first column of the index, and lines that only go on with it, as patterns."""
    text = (TOP / 'README').read_text(encoding='utf-8').split('\nFiles\n-----\n')[1]
    text = re.sub(r',\n\t(?=[\w{])', ', ', text)
    text = re.sub(r'\{([^}]*)\}', lambda m: '{' + re.sub(r'\s+', '', m[1]) + '}', text)
    text = re.sub(r',\n\t+(\w+\})', r',\1', text)
    for line in text.splitlines():
        if not line.startswith('\t') or line.startswith('\t\t'):
            continue
        # Two blanks or a tab end the names; a directory's contents stand behind it.
        names, _, rest = re.sub(r'^\s+', '', line).replace('  ', '\t').partition('\t')
        if names.endswith('/'):
            names = rest.partition(':')[2]
        for name in re.split(r',\s*(?![^{]*\})', names):
            if name.strip():
                yield name.strip()


def expand(name):
    match = re.match(r'(.*)\{(.*)\}(.*)', name)
    if not match:
        return [name.replace('NAME', '*')]
    return [e for part in match[2].split(',') for e in expand(match[1] + part + match[3])]


def main():
    names = [p for name in index() for p in expand(name)]
    files = sorted(tree())
    count = failed = 0
    for what, good in (
            *((f'README has a line for {f}',
               any(fnmatch.fnmatch(f, p) or fnmatch.fnmatch(f, '*/' + p) for p in names))
              for f in files),
            *((f'README means a file by {p}',
               any(fnmatch.fnmatch(f, p) or fnmatch.fnmatch(f, '*/' + p) for f in files))
              for p in sorted(set(names)))):
        count += 1
        failed += not good
        print(f'{"ok" if good else "not ok"} {count} {what}')
    print(f'1..{count}')
    return 1 if failed else 0


sys.exit(main())
