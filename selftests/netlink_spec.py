#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Does the hand-written part of the netlink interface fit the spec?

The uapi header and the kernel's policies are generated from include/netlink/ktls.yaml;
the gate `yaml` sees to that. Compared here is what the generator does not look at:
values that linux/ktls.h defines, lists of attributes, texts. Prints TAP.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


# --- a reader for the subset of YAML that the spec is written in ------------

class Lines:
    """Lines with their indentation; comments and blank lines left out."""

    def __init__(self, text):
        self.raw = text.splitlines()
        self.at = 0

    def skip(self):
        while self.at < len(self.raw):
            bare = self.raw[self.at].strip()
            if bare and not bare.startswith('#') and bare != '---':
                return
            self.at += 1

    def peek(self):
        self.skip()
        if self.at == len(self.raw):
            return -1, ''
        line = self.raw[self.at]
        return len(line) - len(line.lstrip()), line.strip()

    def block(self, indent):
        """The literal text that is indented deeper."""
        out = []
        while self.at < len(self.raw):
            line = self.raw[self.at]
            if line.strip() and len(line) - len(line.lstrip()) <= indent:
                break
            out.append(line.strip())
            self.at += 1
        return '\n'.join(out).strip()


def scalar(text):
    if text.startswith('['):
        if not text.endswith(']'):
            raise ValueError(f'not on one line: {text}')
        return [scalar(x.strip()) for x in text[1:-1].split(',')]
    if re.fullmatch(r'-?\d+', text):
        return int(text)
    return {'true': True, 'false': False}.get(text, text)


def value(lines, indent):
    """The sequence or mapping whose lines have this indentation."""
    if lines.peek()[1].startswith('-'):
        return sequence(lines, indent)
    out = {}
    while lines.peek()[0] == indent:
        line = lines.peek()[1]
        match = re.fullmatch(r'([\w-]+):(?:\s+(.*))?', line)
        if not match:
            raise ValueError(f'not "key: value": {line}')
        key, rest = match.groups()
        if key in out:
            raise ValueError(f'{key} twice')
        lines.at += 1
        if rest == '|':
            out[key] = lines.block(indent)
        elif rest:
            out[key] = scalar(rest)
        elif lines.peek()[0] > indent:
            out[key] = value(lines, lines.peek()[0])
        else:
            out[key] = None
    return out


def sequence(lines, indent):
    out = []
    while lines.peek()[0] == indent and lines.peek()[1].startswith('-'):
        line = lines.peek()[1]
        lines.at += 1
        if line == '-':
            out.append(value(lines, lines.peek()[0]))
        else:
            out.append(scalar(line[1:].strip()))
    return out


def read_yaml(path):
    lines = Lines(path.read_text())
    out = value(lines, 0)
    if lines.peek()[0] != -1:
        raise ValueError(f'not understood: {lines.peek()[1]}')
    return out


# --- the C side -------------------------------------------------------------

def strip_comments(text):
    return re.sub(r'/\*.*?\*/', '', text, flags=re.S)


def defines(text):
    return {k: int(v, 0) for k, v in
            re.findall(r'^#define\s+(\w+)\s+(0x[\da-fA-F]+|\d+)\s*$',
                       strip_comments(text), re.M)}


def number(text, known):
    """An expression of numbers and names."""
    text = re.sub(r'\b[A-Za-z_]\w*\b', lambda m: str(known[m.group()]), text)
    if not re.fullmatch(r'(0x[\da-fA-F]+|[\d\s+*()-])+', text):
        raise ValueError(text)
    return eval(text)   # pylint: disable=eval-used


def enums(text, known):
    """{enum: {name: value}}; the values go to known as well."""
    out = {}
    for name, body in re.findall(r'^enum (\w+) \{(.*?)\};', strip_comments(text),
                                 re.M | re.S):
        values, next_value = {}, 0
        for entry in filter(None, (e.strip() for e in body.split(','))):
            key, _, expr = (x.strip() for x in entry.partition('='))
            next_value = number(expr, known) if expr else next_value
            values[key] = known[key] = next_value
            next_value += 1
        out[name] = values
    return out


# --- the comparison ---------------------------------------------------------

class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def equal(self, what, got, want):
        self.count += 1
        if got == want:
            print(f'ok {self.count} - {what}')
            return
        self.failed += 1
        print(f'not ok {self.count} - {what}')
        print(f'# is:     {got}')
        print(f'# should: {want}')

    def end(self):
        print(f'1..{self.count}')
        return 1 if self.failed else 0


def c_name(prefix, name):
    return (prefix + name).upper().replace('-', '_')


def numbered(entries, prefix, start):
    """{C name: value} as YNL counts."""
    out = {}
    for entry in entries:
        start = entry.get('value', start)
        out[c_name(prefix, entry['name'])] = start
        start += 1
    return out


def enumerators(values, prefix):
    """Without the names that only count."""
    ends = {f'__{prefix}MAX', f'{prefix}MAX', f'{prefix}UNSPEC'}
    return {k: v for k, v in values.items() if k not in ends}


def check_header(tap, spec, c_enums, known):
    for const in (d for d in spec['definitions'] if d['type'] == 'const'):
        name = c_name('ktls-', const['name'])
        tap.equal(f'constant {name}', known.get(name), const['value'])

    for enum in (d for d in spec['definitions'] if d['type'] == 'enum'):
        prefix = c_name(enum['name-prefix'], '')
        tap.equal(f'enum {enum["enum-name"]}',
                  enumerators(c_enums[enum['enum-name']], prefix),
                  numbered(enum['entries'], enum['name-prefix'], 0))

    attrs, ops = spec['attribute-sets'][0], spec['operations']
    for part, entries in ((attrs, attrs['attributes']), (ops, ops['list'])):
        name = part['enum-name']
        tap.equal(f'enum {name}',
                  enumerators(c_enums[name], c_name(part['name-prefix'], '')),
                  numbered(entries, part['name-prefix'], 1))
    tap.equal('every attribute and operation has a text',
              [x['name'] for x in attrs['attributes'] + ops['list']
               if not x.get('doc') and x.get('type') != 'pad'], [])


def check_lists(tap, spec):
    """Every attribute is used, and everything used is an attribute."""
    attrs = {a['name'] for a in spec['attribute-sets'][0]['attributes']}
    used = set()
    for op in spec['operations']['list']:
        for kind in ('do', 'dump', 'event'):
            body = op.get(kind, {})
            for part in (body, body.get('request', {}), body.get('reply', {})):
                used |= set(part.get('attributes', []))
    tap.equal('every attribute of a message is one of the set', used - attrs, set())
    tap.equal('every attribute of the set is in a message', attrs - used,
              {'pad'})


def main():
    tap = Tap()
    spec = read_yaml(ROOT / 'include/netlink/ktls.yaml')
    header = (ROOT / 'include/uapi/linux/ktls_netlink.h').read_text()

    known = {}
    c_enums = {}
    for path in ('include/uapi/linux/ktls_netlink.h', 'include/uapi/linux/ktls.h',
                 'ktls/wire.h'):
        text = (ROOT / path).read_text()
        known.update(defines(text))
        c_enums.update(enums(text, known))

    name = re.search(r'^#define KTLS_GENL_NAME\s+"(\w+)"', header, re.M)[1]
    tap.equal('name of the family', name, spec['name'])
    tap.equal('version of the family', known['KTLS_GENL_VERSION'], spec.get('version', 1))
    check_header(tap, spec, c_enums, known)
    check_lists(tap, spec)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
