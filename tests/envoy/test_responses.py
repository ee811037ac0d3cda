#!/usr/bin/python3
# test: quiet timeout=120
"""What a management server may ask for in later responses, on one stream. Envoy and loadtap on the same
traffic, each response to both at the same instant."""

import signal
import sys
import threading
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "e2e"))

import compare
from cases import Cases
from lib import namespace, tap
from management import CLIENTS
from proxy import cluster
from run import Run
from scenarios import Scenarios, judge
from traffic import asks

ALL, PIPED = Scenarios(), "by-unix-socket"
SHORT = 0.1009  # s16: above 100 ms by less than a whole one


def interval(view, client, number, wanted):
    view.near(f"{client}: interval of report {number}", compare.seconds(view.reports(client)[number]), wanted)


def between(view, client, begin, end):
    """The messages that arrived in this part of the run."""
    zero = view.run.zero
    return [message for message in view.management.messages(client, 1)
            if zero + begin < message.time < zero + end]


@ALL.add()
def s08_response_in_mid_interval(view):
    """Counts go on, the timer begins anew."""
    for client in CLIENTS:
        view.expect(client, compare.brief(view.reports(client)[0]), "I7 S7")
        interval(view, client, 0, 3.0)


@ALL.add()
def s08_cluster_named_by_the_second_response(view):
    for client in CLIENTS:
        view.expect(client, compare.brief(view.reports(client)[0]), "I2 S2")
        interval(view, client, 0, 2.0)


@ALL.add()
def s09_dropped_and_named_again(view):
    """What it counted before is gone; a request that runs since long before is not."""
    for client in CLIENTS:
        view.expect(f"{client}: clusters between", [list(message.clusters) for message
                                                    in between(view, client, 3.5, 5.5)], [[]])
        view.expect(client, [compare.brief(stats) for stats in view.reports(client)][:4],
                    ["", "I2 S2 A1", "A1", "S1"])
        interval(view, client, 0, 3.0)
        interval(view, client, 1, 1.0)


@ALL.add()
def s17_responses_faster_than_the_interval(view):
    for client in CLIENTS:
        view.expect(f"{client}: reports meanwhile", len(between(view, client, 7.5, 9.9)), 0)
        view.expect(client, compare.brief(view.reports(client)[2]), "I4 S4")
        interval(view, client, 2, 2.8)


@ALL.add()
def s19_granularity_turned_off(view):
    port = view.case.ports()[0]
    for client in CLIENTS:
        on, off = view.reports(client)[:2]
        view.expect(f"{client}: on", compare.endpoints(on), [f"{port} I2 S2"])
        view.expect(f"{client}: off", (compare.brief(off), compare.endpoints(off)), ("I2 S2", []))


@ALL.add()
def s12_send_all_clusters(view):
    """`clusters` is ignored; a cluster that was not asked for begins from nothing."""
    for client in CLIENTS:
        first, second = between(view, client, 10.3, 12.6)
        view.expect(f"{client}: clusters", first.clusters.keys() - {PIPED},
                    {*view.run.cases.names(), "load_reporting_cluster"})
        view.expect(client, compare.brief(view.reports(client)[-2]), "I1 S1")
        interval(view, client, -2, 1.0)
        view.expect(f"{client}: then", compare.brief(view.reports(client)[-1]), "")


def d05_own_stream_not_counted(view):
    """Two streams are open to that cluster. Envoy counts its own, and loadtap that one, which it watches."""
    for client in CLIENTS:
        told = [compare.brief(stats) for stats in view.management.reports(client, "load_reporting_cluster")]
        view.expect(client, told, ["A1", "A1"])


@ALL.add()
def s16_interval_in_whole_milliseconds(view):
    """100.9 ms are 100. Envoy's timer is later than that by more than what is cut; on a busy machine most of ours
    are, too."""
    told = [compare.seconds(message.clusters[view.case.name])
            for message in between(view, "loadtap", 12.6, 14.7)]
    view.expect("reports", 15 <= len(told) <= 20, True)
    view.expect(f"the shortest of {told}", 0.1 <= min(told) < SHORT, True)


def s15_interval_that_is_none(view):
    """Unset, zero, negative: a report each second; 10 ms: 10 in a second."""
    for what, begin, wanted in (("unset", 14.7, 1), ("zero", 16.2, 1), ("negative", 17.7, 1),
                                ("10 ms", 19.2, 10)):
        got = len(between(view, "loadtap", begin + 0.05, begin + (1.3 if wanted == 1 else 1.07)))
        view.expect(f"{what}: {got} reports", got in (wanted, wanted - wanted // 10), True)


def d06_clamped_intervals(view):
    """Envoy sends as fast as it can where there is none, and does not survive a negative one."""
    got = len(between(view, "envoy", 14.7, 14.9))
    view.expect(f"Envoy: many reports in 0.2 s: {got}", got > 10, True)
    view.expect("Envoy: exit status", view.run.ends["envoy"], -signal.SIGABRT)
    s15_interval_that_is_none(view)
    view.expect("loadtap: exit status", view.run.ends["loadtap"], 0)


def d10_unobserved_clusters_are_left_out(view):
    """An empty entry would say that it is idle."""
    view.expect("Envoy", [compare.brief(stats) for stats in view.management.reports("envoy", PIPED)][:2],
                ["", ""])
    view.expect("loadtap", view.management.reports("loadtap", PIPED), [])
    view.expect("loadtap says so", PIPED in view.run.daemon.log(), True)


class Script:
    """The clusters go by the numbers of their scenarios; s08 has two."""

    def __init__(self, run, cases):
        self.run = run
        self.cases = {case.name.split("_")[0]: case for case in cases.cases}
        self.cases["later"] = cases.cases[1]
        self.cases["s08"] = cases.cases[0]

    def respond(self, at, *names, only=None, **response):
        self.run.at(at)
        self.run.management.respond(only, clusters=[self.cases[name].name for name in names], **response)

    def ask(self, at, **requests):
        self.run.at(at)
        for name, count in requests.items():
            self.cases[name].run(asks("/ok", times=count))


def counts_and_sets(script):
    """s08, s09, s19, s17"""
    script.ask(0.4, s08=5, later=5)
    script.respond(1, "s08", "later", "s09", interval=2, endpoints=True)
    script.ask(1.4, s08=2, later=2)
    script.run.at(3.2)
    slow = threading.Thread(target=script.cases["s09"].run, args=(asks("/slow?s=5.2"),), daemon=True)
    slow.start()
    script.ask(3.3, s09=5)
    script.respond(3.6, interval=1)
    script.ask(4.2, s09=3)
    script.respond(5, "s09", "s17", "s19", interval=1, endpoints=True)
    script.ask(5.4, s09=2, s19=2)
    script.respond(6.3, "s09", "s17", "s19", interval=1)
    script.ask(6.6, s19=2)
    script.respond(7.6, "s09", "s17", "s19", interval=1)
    script.ask(7.8, s17=4)
    for number in range(3):
        script.respond(8.1 + number / 2, "s09", "s17", "s19", interval=1)
    slow.join(10)


def all_of_them(script):
    """s12"""
    script.respond(10.4, "s08", send_all=True, interval=1)
    script.ask(10.8, s12=1)


def intervals_asked(script):
    """s16, s15"""
    script.respond(12.6, "s16", interval=SHORT)
    script.respond(14.7, "s16", only="loadtap")
    script.run.management.respond("envoy", clusters=["s16"])
    script.respond(14.9, only="envoy", interval=-1)
    script.respond(16.2, "s16", only="loadtap", interval=0)
    script.respond(17.7, "s16", only="loadtap", interval=-1)
    script.respond(19.2, "s16", only="loadtap", interval=0.01)
    script.run.at(20.4)


def test(results, scratch, group):
    cases = Cases(ALL.cases())
    piped = cluster(PIPED, [{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": "/nowhere"}}}}]}])
    run = Run(scratch, group, [*cases.clusters(), piped], cases.listeners())
    run.cases = cases
    script = Script(run, cases)
    run.begin(clusters=[script.cases[name].name for name in ("s08", "s09")], interval=2, endpoints=True)
    counts_and_sets(script)
    all_of_them(script)
    intervals_asked(script)
    run.stop()
    for check, case in ALL:
        judge(results, run, check, case, equal=not case.name.startswith("s16"))
    for check in (s15_interval_that_is_none, d05_own_stream_not_counted, d06_clamped_intervals,
                  d10_unobserved_clusters_are_left_out):
        judge(results, run, check)
    run.check(results, ["load_reporting_interval"])


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
