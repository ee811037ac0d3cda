#!/usr/bin/python3
# test: serial timeout=120
"""Scenarios that one response serves: a cluster for each. Envoy and loadtap on the same traffic."""

import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "e2e"))

import compare
from cases import Case, Cases
from lib import namespace, tap
from lib.client import request
from lib.proxied import ask
from management import CLIENTS
from run import Run

SILENT, INTERVAL, TICKS = 2.5, 1, 6
SCENARIOS = []


def scenario(ask=None, **case):
    """Registers check(view) under its name, with a case of the same name."""
    def register(check):
        SCENARIOS.append((check, Case(check.__name__, ask, **case)))
        return check
    return register


class View:
    """What a scenario looks at: each client's reports of its cluster."""

    def __init__(self, run, case):
        self.management, self.case = run.management, case
        self.problems = list(case.failed)

    def reports(self, client):
        return self.management.reports(client, self.case.name)

    def expect(self, what, got, wanted):
        if got != wanted:
            self.problems.append(f"{what}: {got}, expected {wanted}")

    def are(self, *wanted, clients=CLIENTS):
        """The first reports of each client in short; all later ones are idle."""
        for client in clients:
            got = [compare.brief(stats) for stats in self.reports(client)]
            idle = [""] * max(0, len(got) - len(wanted))
            self.expect(client, got, [*wanted, *idle])


def s01_silent_server(view):
    for client in CLIENTS:
        stream = view.management.streams[client][0]
        early = [message for message in stream.messages if message.time < stream.answers[0]]
        view.expect(f"{client}: messages before the first response", len(early), 1)
        view.expect(f"{client}: its content", list(early[0].request), ["node"])
        view.expect(f"{client}: client_features", early[0].request["node"]["client_features"],
                    ["envoy.lrs.supports_send_all_clusters"])


@scenario()
def s02_idle(view):
    view.are(*[""] * TICKS)


@scenario(lambda port: ask(port, *[request(f"/ok?status={status}") for status in (200, 503, 404)]))
def s06_503_then_404(view):
    view.are("I3 S2 E1")


def test(results, scratch, group):
    cases = Cases([case for _, case in SCENARIOS])
    run = Run(scratch, group, cases.clusters(), cases.listeners())
    run.at(SILENT - 1)
    cases.start("before")
    run.at(SILENT)
    run.begin(clusters=cases.names(), interval=INTERVAL, endpoints=True)
    run.at(0.3)
    cases.start("ask")
    run.at(INTERVAL * TICKS + 0.5)
    for check, case in [(s01_silent_server, SCENARIOS[0][1]), *SCENARIOS]:
        view = View(run, case)
        check(view)
        view.problems += compare.both(run.management, case.name)
        results.true(check.__name__, not view.problems, "\n".join(view.problems))
    run.check_messages(results)
    run.end(results)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
