# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks for private keys in the memory of a process."""
import contextlib
import subprocess


def der_numbers(data):
    """The contents of each INTEGER and OCTET STRING in DER, with those inside of others."""
    at = 0
    while at + 2 <= len(data):
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7f
            size = int.from_bytes(data[at:at + count], "big")
            at += count
        body = data[at:at + size]
        at += size
        if tag in (0x02, 0x04):
            yield body.lstrip(b"\0")
        if tag == 0x30 or (tag == 0x04 and body[:1] == b"\x30"):
            yield from der_numbers(body)


def secrets(path):
    """What is secret of the key in a PEM file: {what: bytes}, each as OpenSSL and DER have it."""
    command = ["openssl", "pkey", "-in", path]
    der = subprocess.run([*command, "-outform", "DER"], check=True, capture_output=True).stdout
    public = subprocess.run([*command, "-pubout", "-outform", "DER"], check=True,
                            capture_output=True).stdout
    found = {}
    for number, body in enumerate(der_numbers(der)):
        if 28 <= len(body) <= 300 and body[:1] != b"\x30" and body not in public:
            found[f"number {number}"] = body
            found[f"number {number}, reversed"] = body[::-1]
    with open(path, encoding="ascii") as file:
        lines = [line for line in file.read().splitlines() if not line.startswith("-")]
    found["PEM"] = lines[0][40:].encode() if len(lines) < 4 else lines[-2].encode()
    return found


def readable(pid):
    """The contents of all mappings that the process can read."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        ranges = [line.split()[0] for line in maps if " r" in line]
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for begin, end in (place.split("-") for place in ranges):
            begin, end = int(begin, 16), int(end, 16)
            # That of the kernel ([vvar], [vsyscall]) cannot be read.
            with contextlib.suppress(OSError, OverflowError, ValueError):
                mem.seek(begin)
                data = b""
                while len(data) < end - begin:
                    piece = mem.read(end - begin - len(data))
                    if not piece:
                        break
                    data += piece
                yield data


def find(pid, wanted):
    """Which of WANTED, {name: bytes}, are in the memory of the process, and how much of it
    was read."""
    found, size = set(), 0
    for data in readable(pid):
        size += len(data)
        found |= {name for name, value in wanted.items() if value in data}
    return found, size
