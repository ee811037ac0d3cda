#!/usr/bin/python3
# test: quiet timeout=120
"""emission_rules beside an Envoy that goes by the rules of 1.38, as its runtime lets it."""

import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "e2e"))

import compare
from cases import Cases
from lib import namespace, tap
from run import Run
from scenarios import Scenarios, judge
from traffic import asks

RULES = {"layered_runtime": {"layers": [{"name": "rules", "static_layer": {
    "envoy.reloadable_features.report_load_for_non_zero_stats": False}}]}}
ALL = Scenarios()


def held_back(view, *wanted, last):
    """As Envoy's, but for loadtap's last report, which has what was held back."""
    view.are(*wanted, clients=["envoy"])
    said = [compare.brief(stats) for stats in view.reports("loadtap")]
    idle = [""] * (len(said) - 1 - len(wanted))
    view.expect("loadtap", said, [*wanted, *idle, last])


@ALL.add(asks("/slow?s=1"))
def s07_slow_request_by_the_rules_of_1_38(view):
    """Its result comes in an interval with nothing issued and nothing in progress."""
    held_back(view, "I1 A1", last="S1")


@ALL.add(asks("/ok"), served=False)
def s27_connect_refused_by_the_rules_of_1_38(view):
    held_back(view, last="E1")


@ALL.add(asks("/slow?s=1"))
def d13_nothing_forgotten_by_older_rules(view):
    """Another request, two intervals later: loadtap's report of it has the result of the first one too."""
    view.are("I1 A1", "", "I1 S1", clients=["envoy"])
    view.are("I1 A1", "", "I1 S2", clients=["loadtap"])


def test(results, scratch, group):
    cases = Cases(ALL.cases())
    run = Run(scratch, group, cases.clusters(), cases.listeners(), RULES, emission_rules="ENVOY_1_37")
    run.begin(clusters=cases.names(), interval=1, endpoints=True)
    run.at(0.3)
    cases.start("ask")
    run.at(2.3)
    asks("/ok")(ALL[-1][1].port)
    run.at(5.5)
    run.stop()
    for check, case in ALL:
        judge(results, run, check, case, equal=check is not d13_nothing_forgotten_by_older_rules)
    run.check(results)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
