#!/usr/bin/env python3
"""200 ways to break configs/envoy-lrs-sandbox.yaml, each of which loadtap must refuse and say where.

The ways are made from the file itself, the same ones on every run. Those that Envoy accepts are
named in tests/data/broken_bootstraps.accepted, and loadtap must accept them too. With `--keep DIR`
the broken files stay there, named by case, to be shown to another program.
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LOADTAP = os.environ.get("LOADTAP", str(Path(os.environ.get("BUILD", ROOT / "build")) / "loadtap"))
SOURCE = (ROOT / "configs/envoy-lrs-sandbox.yaml").read_text()
LINES = SOURCE.splitlines()
ACCEPTED = ROOT / "tests/data/broken_bootstraps.accepted"
CASES = 200
# FILE:LINE:COLUMN: then either what is wrong with the text, or the path and what was found.
SYNTAX = re.compile(r"(no valid YAML: |found (the byte|the control character|the key '|a key |the alias))")
PATH = re.compile(r'[@\w]+((\.[@\w]+)|(\[\d+\])|(\["[^"]*"\]))*: found ')

# The listener's contents are not read (configs/README.md), so only its syntax is broken.
FIRST_READ = next(i for i, line in enumerate(LINES) if line == "  clusters:")
READ = range(FIRST_READ, len(LINES))


def replaced(index, line):
    return "\n".join(LINES[:index] + ([] if line is None else [line]) + LINES[index + 1:]) + "\n"


def inserted(index, line):
    return "\n".join(LINES[:index] + [line] + LINES[index:]) + "\n"


def keys(lines=READ):
    """Of each line with a key: its index, what stands before the key, the key, what follows."""
    for index in lines:
        found = re.fullmatch(r"((?: |- )*)([a-z0-9_]+)(:.*)", LINES[index])
        if found:
            yield index, *found.groups()


def values(lines=READ):
    """Of each line with a plain value: its index, what stands before it, the value."""
    for index, before, key, after in keys(lines):
        if after != ":":
            yield index, f"{before}{key}: ", after[2:]


def cut():
    for step in range(1, 26):
        at = len(SOURCE) * step // 26
        yield f"cut after {at} bytes", SOURCE[:at]


def mistyped_key():
    slips = [lambda k: k[:-1], lambda k: k[0] + k, lambda k: k[1] + k[0] + k[2:], lambda k: k + "x",
             lambda k: k.upper()]
    for number, (index, before, key, after) in enumerate(keys()):
        slip = slips[number % len(slips)](key)
        yield f"line {index + 1}: key {slip}", replaced(index, f"{before}{slip}{after}")


def mistyped_value():
    for index, before, value in values():
        if value in ("STRICT_DNS", "ROUND_ROBIN", "GRPC"):
            yield f"line {index + 1}: value {value[:-1]}", replaced(index, before + value[:-1])


def wrong_type():
    wrong = ["[1, 2]", "{a: b}", "true", "17.5", "off"]
    for number, (index, before, value) in enumerate(values()):
        for other in (wrong[number % 5], wrong[(number + 1) % 5]):
            yield f"line {index + 1}: {value} becomes {other}", replaced(index, before + other)


def wrong_indent():
    for index in READ[1:]:
        line = LINES[index]
        moved = line[1:] if line[0] == " " and index % 2 == 0 else " " + line
        yield f"line {index + 1}: indented {len(moved) - len(line):+d}", replaced(index, moved)


def unknown_key():
    for index, before, key, _ in list(keys())[::3]:
        indent = before.replace("-", " ") if "-" not in before else None
        if indent is not None:
            yield f"before line {index + 1}: key colour", inserted(index, f"{indent}colour: red")


def repeated_line():
    for index, before, _, after in list(keys())[::2]:
        if "-" not in before and after != ":":
            yield f"line {index + 1}: twice", inserted(index, LINES[index])


def binary():
    text = SOURCE.encode()
    for number, garbage in enumerate([b"\0", b"\xff\xfe", b"\x01\x02", b"\xc3", b"\xed\xa0\x80",
                                      b"\x7fELF\2\1", b"\x1b[31m", b"\xf4\x90\x80\x80"]):
        at = len(text) * (number + 1) // 9
        yield f"bytes {garbage.hex()} at {at}", text[:at] + garbage + text[at:]
    yield "nothing but bytes", bytes(range(256))
    yield "compressed", b"\x1f\x8b\x08\0\0\0\0\0" + text[::-1]


def bad_port():
    for index, before, value in values():
        if "port_value" in before:
            for port in ("-1", "65536", "http", "99999999999", "80.5"):
                yield f"line {index + 1}: port {port}", replaced(index, before + port)


def bad_syntax():
    for number, index in enumerate(range(3, len(LINES), 6)):
        line = LINES[index]
        broken = ["\t" + line.lstrip(), line + ' "', line.replace(":", "", 1) + " {", line + ": :",
                  re.sub(r"\S", "*none ", line, count=1)][number % 5]
        yield f"line {index + 1}: syntax {number % 5}", replaced(index, broken)


def wrong_meaning():
    swaps = [
        ("type: STRICT_DNS", "type: STATIC"), ("type: STRICT_DNS", "type: EDS"),
        ("type: STRICT_DNS", "type: ORIGINAL_DST"),
        ("name: load_reporting_cluster\n    type", "name: local_service\n    type"),
        ("address: http_service", 'address: ""'), ("cluster_name: local_service", 'cluster_name: ""'),
        ("        explicit_http_config:\n          http2_protocol_options: {}\n", ""),
        ("http2_protocol_options: {}", "http2_protocol_options:"),
        ("http2_protocol_options: {}", "{http2_protocol_options: {}, http_protocol_options: {}}"),
        ("http2_protocol_options: {}", "http2_protocol_options: {allow_connection: true}"),
        ("v3.HttpProtocolOptions:", "v3.HttpProtocolOption:"),
        ("type.googleapis.com/envoy.extensions.upstreams", "envoy.extensions.upstreams"),
        ("upstreams.http.v3.HttpProtocolOptions\n        expl", "upstreams.http.v3.HttpOptions\n        expl"),
        ("    - envoy_grpc:\n        cluster_name: load_reporting_cluster", "    - {}"),
        ("envoy_grpc:\n        cluster_name: load_reporting_cluster", "envoy_grpc: {}"),
        ("envoy_grpc:", "google_grpc: {}\n      envoy_grpc:"),
        ("type: STRICT_DNS", "type: STRICT_DNS\n    cluster_type: {name: envoy.cluster.strict_dns}"),
        ("lb_policy: ROUND_ROBIN", "lb_policy: CLUSTER_PROVIDED"),
        ("lb_policy: ROUND_ROBIN", "lb_policy: 99"),
        ("type: STRICT_DNS", "type: STRICT_DNS\n    connect_timeout: 5"),
        ("type: STRICT_DNS", "type: STRICT_DNS\n    connect_timeout: 5ms"),
        ("type: STRICT_DNS", "type: STRICT_DNS\n    connect_timeout: 0s"),
        ("type: STRICT_DNS", "type: STRICT_DNS\n    eds_cluster_config: {}"),
        ("type: STRICT_DNS", "type: STRICT_DNS\n    transport_socket: {}"),
        ("admin:\n", "node: {id: n}\nadmin:\n"), ("admin:\n", "node: {id: 123}\nadmin:\n"),
        ("admin:\n", "node: {locality: here}\nadmin:\n"),
        ("      - lb_endpoints:", "      - priority: 129\n        lb_endpoints:"),
        ("static_resources:", "- static_resources:"), ("admin:\n", "admin: *nowhere\nadmin2:\n"),
        ("port_value: 8080", "port_value: 8080\n                named_port: http"),
        ("port_value: 8080", "protocol: SCTP\n                port_value: 8080"),
    ]
    for number, (old, new) in enumerate(swaps):
        assert old in SOURCE, old
        place = SOURCE.rindex(old) if old.startswith("type.") or "HttpOptions" in new else SOURCE.index(old)
        yield f"{number}: {(new or old).split()[0]} in line {SOURCE[:place].count(chr(10)) + 1}", (
            SOURCE[:place] + new + SOURCE[place + len(old):])


def cases():
    """CASES of all the ways, taken evenly, under names that are theirs alone."""
    ways = [cut, mistyped_key, mistyped_value, wrong_type, wrong_indent, unknown_key, repeated_line,
            binary, bad_port, bad_syntax, wrong_meaning]
    everything = [(f"{way.__name__.replace('_', ' ')}: {name}", text)
                  for way in ways for name, text in way()]
    assert len(everything) >= CASES and len(dict(everything)) == len(everything)
    step = len(everything) / CASES
    return [everything[int(number * step)] for number in range(CASES)]


def problem(file, is_accepted):
    """What is wrong with how loadtap takes the file; None: nothing."""
    done = subprocess.run([LOADTAP, "--mode", "validate", "-c", str(file)], capture_output=True,
                          timeout=10, check=False)
    said = done.stderr.decode(errors="replace")
    if done.returncode != (0 if is_accepted else 1):
        return f"exit status {done.returncode}: {said}"
    if is_accepted:
        return None
    place = re.match(re.escape(str(file)) + r":\d+:\d+: ", said)
    if not place:
        return f"no file, line and column: {said}"
    rest = said[place.end():]
    if not SYNTAX.match(rest) and not PATH.match(rest) and not rest.startswith("found "):
        return f"no path: {said}"
    return None


def main():
    keep = sys.argv[2] if sys.argv[1:2] == ["--keep"] else None
    accepted = [line for line in ACCEPTED.read_text().splitlines() if line and line[0] != "#"]
    names = [name for name, _ in cases()]
    stray = set(accepted) - set(names)
    failed = bool(stray)
    print(f"1..{CASES + 1}")
    print(f"{'not ' if stray else ''}ok 1 - every accepted case exists {stray or ''}".rstrip())
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, text) in enumerate(cases(), 2):
            file = Path(keep or folder) / f"{number:03}.yaml"
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
            found = problem(file, name in accepted)
            failed |= found is not None
            print(f"{'not ok' if found else 'ok'} {number} - {name}")
            if found:
                print("\n".join("# " + line for line in found.splitlines()))
    return failed


if __name__ == "__main__":
    sys.exit(main())
