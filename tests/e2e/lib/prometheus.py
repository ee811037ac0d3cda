"""Prometheus' text format, version 0.0.4, read strictly: what its own parser may let pass is an error."""

import collections
import http.client
import re
import subprocess

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\d+(?:\.\d{{6}})?)")
ONE_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
TYPE = "text/plain; version=0.0.4; charset=utf-8"


def unescape(text):
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), text)


class Page(dict):
    """{name: {frozenset of (label, value): number}}; `types` has counter or gauge."""

    def __init__(self, text):
        super().__init__()
        self.types, self.helps = {}, set()
        if not text.endswith("\n"):
            raise ValueError("the last line does not end")
        name = None
        for line in text[:-1].split("\n"):
            if line.startswith("# HELP "):
                name = line.split(" ", 3)[2]
                self._once(name not in self.helps, line)
                self.helps.add(name)
            elif line.startswith("# TYPE "):
                _, _, what, kind = line.split(" ")
                self._once(what == name and what not in self.types and
                           kind == ("counter" if what.endswith("_total") else "gauge"), line)
                self.types[what] = kind
            else:
                self._sample(name, line)

    def _once(self, good, line):
        if not good:
            raise ValueError(f"a line out of place: {line}")

    def _sample(self, name, line):
        found = SAMPLE.fullmatch(line)
        self._once(found and found[1] == name and name in self.types, line)
        pairs = [(label, unescape(value)) for label, value in ONE_LABEL.findall(found[2] or "")]
        labels = frozenset(pairs)
        rows = self.setdefault(name, {})
        self._once(len({label for label, _ in pairs}) == len(pairs) and labels not in rows, line)
        rows[labels] = float(found[3]) if "." in found[3] else int(found[3])

    def value(self, name, **labels):
        return self.get("loadtap_" + name, {}).get(frozenset(labels.items()))

    def sum(self, name, *by):
        """Added up, as sum by (…) (…) would."""
        sums = collections.Counter()
        for labels, number in self.get("loadtap_" + name, {}).items():
            labels = dict(labels)
            sums[tuple(labels.get(label, "") for label in by)] += number
        return dict(sums)


def get(port, path="/metrics", method="GET", host="127.0.0.1", timeout=10):
    """(status, type, body)"""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read().decode()
    finally:
        connection.close()


def lint_text(text):
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, timeout=30,
                             capture_output=True, check=False)
    return checked.returncode, checked.stdout + checked.stderr


def lint(port):
    """What Prometheus' own checker has to say of the page: nothing, where names and units are as it wants
    them."""
    return lint_text(get(port)[2])


def scrape(port):
    status, kind, text = get(port)
    if status != 200 or kind != TYPE:
        raise ValueError(f"status {status}, {kind}")
    return Page(text)
