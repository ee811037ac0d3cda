#!/usr/bin/env python3
"""The table of differences in configs/README.md and the list that the comparison goes by are the same, and
every test that they name is there."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(1, str(ROOT / "tests/e2e"))

from differences import DIFFERENCES
from lib import tap

TITLE = "## Where its messages differ from Envoy's"
COLUMNS = ["what", "Envoy", "loadtap", "why", "test"]


def table():
    """The rows below the title, as lists of cells."""
    section = (ROOT / "configs/README.md").read_text().split(f"\n{TITLE}\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return rows[0], rows[2:]


def tests():
    """Every function that is a test."""
    sources = [*ROOT.glob("tests/envoy/test_*.py"), *ROOT.glob("tests/unit/test_*.c")]
    text = "\n".join(source.read_text() for source in sources)
    named = re.findall(r"^def ([ds]\d\d_\w+)|^static void (test_\w+)\(|\"(d\d\d_\w+)\"", text, re.MULTILINE)
    return {name for names in named for name in names if name}


def test(results):
    head, rows = table()
    results.equal("the table's columns", head, COLUMNS)
    results.equal("the table is the list", [(row[0], row[-1].strip("`")) for row in rows],
                  [(one.what, one.test) for one in DIFFERENCES])
    results.equal("each row has a reason", [row[0] for row in rows if len(row) != 5 or not all(row)], [])
    there = tests()
    results.equal("every test is there", {one.test for one in DIFFERENCES} - there, set())
    results.equal("every test of a difference has a row",
                  {name for name in there if name[0] == "d"} - {one.test for one in DIFFERENCES}, set())


if __name__ == "__main__":
    tap.run(test)
