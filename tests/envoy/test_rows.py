#!/usr/bin/python3
# test: quiet timeout=120
"""Every kind of upstream behaviour, a cluster for each: what a socket can show has to agree, report by
report and field by field; of what only the proxy knows each has to say what stands in rows.py."""

import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "e2e"))

import compare
from cases import Cases
from lib import namespace, tap
from management import CLIENTS
from rows import PROXY, ROWS
from run import Run

INTERVAL, TICKS = 2, 4


def wrong(management, row):
    """What of a row is not as it shall be."""
    found = list(row.case.failed)
    for client in CLIENTS:
        says, wanted = compare.total(management.reports(client, row.name)), getattr(row, client)
        if says != wanted:
            found.append(f"{client}: {says or 'nothing'}, expected {wanted or 'nothing'}")
    if row.envoy == row.loadtap:
        found += compare.both(management, row.name)
    return found


def title(row):
    if row.envoy == row.loadtap:
        return f"{row.name}: {row.envoy or 'nothing'}"
    return f"{row.name}: Envoy {row.envoy}, loadtap {row.loadtap}"


def test(results, scratch, group):
    cases = Cases([row.case for row in ROWS])
    run = Run(scratch, group, cases.clusters(), cases.listeners())
    run.begin(clusters=cases.names(), interval=INTERVAL, endpoints=True)
    run.at(0.2)
    cases.start("ask")
    run.at(INTERVAL * TICKS + 0.5)
    run.stop()
    found = {row.name: wrong(run.management, row) for row in ROWS}
    for row in ROWS:
        results.true(title(row), not found[row.name], "\n".join(found[row.name]))
    results.true("d04_only_the_proxy_knows", not any(found[row.name] for row in PROXY))
    run.check(results, ["cluster no-HTTP2: "])


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
