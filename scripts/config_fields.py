#!/usr/bin/env python3
"""config_fields.py: prints configs/fields.md, the table of configuration fields, from the files under proto/.

`make docs` writes it; a test compares. Understands what those files use: one message, enum, oneof or field a line,
comments with // above a field or behind it.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Where a file begins, and what the page says of it.
ROOTS = {
    "envoy.config.bootstrap.v3.Bootstrap": "The bootstrap (`loadtap -c FILE`)",
    "loadtap.v1.Settings": "loadtap's own settings, in the bootstrap's `bootstrap_extensions`",
    "envoy.extensions.clusters.dns.v3.DnsCluster": "In a cluster's `cluster_type`",
    "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext": "In a cluster's `transport_socket`",
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions":
        "In a cluster's `typed_extension_protocol_options`",
    "loadtap.v1.CollectorSettings": "The collector's settings (`loadtap-collector --settings FILE`)",
}
HEAD = """# Configuration fields

Made from `proto/` by `make docs`. A field in a table is read; its meaning is Envoy's, in the words of Envoy's API
documentation, where nothing else is said. Fields named below a table are accepted, checked as YAML, and not used. Any
other key is an error.
"""
FIELD = re.compile(r"(?:(repeated|optional) )?(map<[^>]+>|[\w.]+) (\w+) = \d+;")


class Message:
    def __init__(self, name):
        self.name = name
        self.fields = []  # (name, type as written, how often, comment)
        self.unread = []


class Enum:
    def __init__(self, comment):
        self.comment = comment
        self.values = []


class Reader:
    """One file, line by line. Fills {full name: Message} and {full name: Enum}."""

    def __init__(self, path, messages, enums):
        self.messages, self.enums = messages, enums
        self.package, self.scope, self.comment, self.reserved = "", [], [], ""
        for line in path.read_text().splitlines():
            self._line(line.strip())

    def _full(self):
        return ".".join([self.package, *(name for _, name in self.scope if name)])

    def _open(self, kind, name):
        self.scope.append((kind, name if kind != "oneof" else ""))
        if kind == "message":
            self.messages[self._full()] = Message(self._full())
        elif kind == "enum":
            self.enums[self._full()] = Enum(" ".join(self.comment))

    def _line(self, line):
        code, _, behind = (part.strip() for part in line.partition("//"))
        opened = re.match(r"(message|enum|oneof|service) (\w+) \{(\})?", code)
        if not code:
            self.comment = [*self.comment, behind] if behind else []
            return
        if code.startswith("package "):
            self.package = code[8:-1]
        elif opened:
            self._open(opened[1], opened[2])
            if opened[3]:
                self.scope.pop()
        elif code == "}":
            self.scope.pop()
        elif self.reserved or code.startswith("reserved "):
            self._reserve(code)
        elif self.scope and self.scope[-1][0] != "service":
            self._member(code, " ".join([*self.comment, behind]).strip())
        self.comment = []

    def _reserve(self, code):
        self.reserved += " " + code
        if code.endswith(";"):
            self.messages[self._full()].unread += re.findall(r'"(\w+)"', self.reserved)
            self.reserved = ""

    def _member(self, code, comment):
        if self.scope[-1][0] == "enum":
            self.enums[self._full()].values.append(code.split()[0])
            return
        often, kind, name = FIELD.match(code).groups()
        self.messages[self._full()].fields.append((name, kind, often, comment))


class Page:
    def __init__(self, messages, enums):
        self.messages, self.enums = messages, enums
        self.shown = set()

    def resolve(self, kind, inside):
        """The full name of a type as protobuf looks it up: from the innermost scope outwards."""
        parts = inside.split(".")
        for length in range(len(parts), -1, -1):
            name = ".".join([*parts[:length], kind])
            if name in self.messages or name in self.enums:
                return name
        return None

    def type_text(self, kind, inside):
        found = self.resolve(kind, inside)
        if kind.startswith(("map<", "google.protobuf.")) or not found:
            return kind.replace("google.protobuf.", "").replace("envoy.config.core.v3.", "")
        if found in self.enums:
            return " ".join(f"`{value}`" for value in self.enums[found].values)
        return f"[{found.rsplit('.', 1)[1]}](#{anchor(found)})"

    def meaning(self, kind, inside, comment):
        found = self.resolve(kind, inside)
        return comment or (self.enums[found].comment if found in self.enums else "")

    def table(self, message):
        rows = [(f"`{name}`", self.type_text(kind, message.name) + (", a list" if often == "repeated" else ""),
                 self.meaning(kind, message.name, comment))
                for name, kind, often, comment in message.fields]
        heads = ["field", "type", "meaning"] if any(row[2] for row in rows) else ["field", "type"]
        for row in [heads, ["---"] * len(heads), *rows] if rows else []:
            print("|", " | ".join(row[:len(heads)]), "|")

    def message(self, full):
        """Its table, then those of the messages in it."""
        if full in self.shown:
            return
        self.shown.add(full)
        message = self.messages[full]
        print(f"\n### {full}\n")
        self.table(message)
        if message.unread:
            print(f"\nNot used: {', '.join(f'`{name}`' for name in message.unread)}.")
        for _, kind, _, _ in message.fields:
            found = self.resolve(kind, full)
            if found in self.messages and not found.startswith("google."):
                self.message(found)


def anchor(full):
    return full.lower().replace(".", "")


def main():
    messages, enums = {}, {}
    for path in sorted((ROOT / "proto").rglob("*.proto")):
        Reader(path, messages, enums)
    print(HEAD, end="")
    page = Page(messages, enums)
    for root, title in ROOTS.items():
        print(f"\n## {title}")
        page.message(root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
