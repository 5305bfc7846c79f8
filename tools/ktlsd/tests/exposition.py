# SPDX-License-Identifier: GPL-2.0-or-later
"""The exposition format of Prometheus, for test_daemon.py."""
import re


def parse_exposition(text):
    """Parses the format of Prometheus strictly. Returns {name: (type, {labels: value})}."""
    families, family = {}, None
    label = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
    sample = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(" + label + "(?:," + label + r")*)\})? "
                        r"(\d+(?:\.\d+)?)")
    assert text.endswith("\n"), text[-100:]
    lines = text[:-1].split("\n")
    for line, after in zip(lines, lines[1:] + ["# EOF"]):
        if line.startswith("# HELP "):
            family = line.split(" ")[2]
            assert family not in families and len(line.split(" ")) > 3, line
            assert after.startswith(f"# TYPE {family} "), (line, after)
            continue
        if line.startswith("# TYPE "):
            kind = line.split(" ")[3]
            assert kind in ("counter", "gauge", "histogram"), line
            families[family] = (kind, {})
            continue
        match = sample.fullmatch(line)
        assert match, line
        name, labels, value = match[1], match[2] or "", float(match[3])
        kind, samples = families[family]
        part = name.removeprefix(family)
        assert part in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",)), line
        assert kind != "counter" or name.endswith("_total"), line
        assert (part, labels) not in samples, line
        samples[part, labels] = value
    for name, (kind, samples) in families.items():
        if kind != "histogram":
            continue
        for (part, labels), value in samples.items():
            if part != "_count":
                continue
            buckets = [(label, count) for (part, label), count in samples.items()
                       if part == "_bucket" and label.startswith(labels + ",le=")]
            assert [count for _, count in buckets] == sorted(count for _, count in buckets), name
            assert buckets[-1] == (labels + ',le="+Inf"', value), (name, buckets)
            bounds = [float(label.split(',le="')[1][:-1]) for label, _ in buckets]
            assert bounds == sorted(set(bounds)) and ("_sum", labels) in samples, bounds
    return families
