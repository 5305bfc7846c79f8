#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Are the examples that the manual pages print the programs that the tests run?

A comment in the manual page names the file that the lines after it are.

    printed.py		prints TAP, a test for each example
    printed.py --update	puts the files into the manual pages
"""

import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PAGES = [TOP / 'tools/man' / name for name in ('ktls.7', 'ktls_socket.3')]
EXAMPLE = re.compile(r'(?<=^\.\\" )(\S+)\n\.nf\n(.*?)\.fi\n', re.M | re.S)
ESCAPES = {'\\': r'\e', '-': r'\-', "'": r'\(aq', '`': r'\(ga', '^': r'\(ha', '~': r'\(ti'}


def roff(text):
    """A text as the source of a manual page."""
    for char, escape in ESCAPES.items():
        text = text.replace(char, escape)
    return re.sub(r'^\.', r'\&.', text, flags=re.M)


def examples():
    """For each example its file, and whether that is what the page prints."""
    for page in PAGES:
        for file, body in EXAMPLE.findall(page.read_text(encoding='utf-8')):
            yield file, body == roff((TOP / file).read_text(encoding='utf-8'))


def update():
    def body(match):
        return f'{match[1]}\n.nf\n{roff((TOP / match[1]).read_text(encoding="utf-8"))}.fi\n'

    for page in PAGES:
        page.write_text(EXAMPLE.sub(body, page.read_text(encoding='utf-8')), encoding='utf-8')


def main():
    if sys.argv[1:] == ['--update']:
        update()
        return 0
    results = list(examples())
    print(f'1..{len(results)}')
    for number, (file, same) in enumerate(results, 1):
        print(f'{"" if same else "not "}ok {number} the manual prints {file} as it is')
    return 0 if results and all(same for _, same in results) else 1


if __name__ == '__main__':
    sys.exit(main())
