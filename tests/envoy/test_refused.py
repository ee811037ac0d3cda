#!/usr/bin/python3
# test: quiet timeout=120
"""A management server whose port is refused for a while: s26."""

import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "e2e"))

import compare
from cases import Case, Cases
from lib import namespace, tap
from management import CLIENTS
from run import Run
from scenarios import judge
from traffic import asks

CLUSTER, WAIT = "backend", 5.0
DOWN, UP = 2.5, 15  # attempts at 7.5 and 12.5 fail, that of 17.5 does not
AGAIN = DOWN + 3 * WAIT


def s26_port_refused(view):
    """Both try every 5 s. Each failed attempt costs Envoy what it had, up to then; loadtap nothing."""
    for client, says, since in (("envoy", "I6 S6", 5.0), ("loadtap", "I15 S15", AGAIN - 2)):
        message = view.management.streams[client][1].messages[0]
        stats = message.clusters[CLUSTER]
        view.near(f"{client}: back", message.time - view.run.zero, AGAIN)
        view.expect(client, compare.brief(stats), says)
        view.near(f"{client}: interval", compare.seconds(stats), since)
    for client in CLIENTS:
        view.expect(f"{client}: then", [compare.brief(stats) for stats in
                                        view.management.reports(client, CLUSTER, 2)[1:2]], ["I2 S2"])


def d07_nothing_lost_when_the_server_is_away(view):
    sums = [compare.total(view.management.reports(client, CLUSTER)) for client in CLIENTS]
    view.expect("Envoy and loadtap, of 20", sums, ["I11 S11", "I20 S20"])


def test(results, scratch, group):
    cases = Cases([Case(CLUSTER, None)])
    run = Run(scratch, group, cases.clusters(), cases.listeners())

    def send(at, count):
        run.at(at)
        asks("/ok", times=count)(cases.cases[0].port)

    run.begin(clusters=[CLUSTER], interval=1, endpoints=True)
    send(1.4, 3)
    run.at(DOWN)
    run.management.refuse()
    send(4, 4)
    send(9, 5)
    send(14, 6)
    run.at(UP)
    run.management.listen()
    send(AGAIN + 0.4, 2)
    run.at(AGAIN + 1.5)
    run.stop()
    for check in (s26_port_refused, d07_nothing_lost_when_the_server_is_away):
        judge(results, run, check)
    run.check(results, ["management server"])


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
