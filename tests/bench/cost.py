"""Nanoseconds in the kernel programs, from the kernel's own statistics, next to empty programs."""

import statistics
import sys

from spread import Spread, ratios, turns
from table import column, middle
from traffic import UPSTREAMS

HOOKS = ("egress", "ingress", "sockops")
DIGITS = {True: 1, False: 0}  # after the point, where a packet has many requests and where not


def measure(traffics, empty, loadtap, rounds, seconds):
    """{(traffic's name, variant): what measured() says of each round}"""
    runs = {(t.name, a.variant): [] for t in traffics for a in (empty, loadtap)}
    loadtap.statistics(True)
    for number in range(rounds):
        for traffic in traffics:
            for attached in turns([empty, loadtap], number):
                runs[traffic.name, attached.variant].append(measured(traffic, attached, seconds))
    loadtap.statistics(False)
    return runs


def measured(traffic, attached, seconds):
    """One run: per hook what the programs took, per answered request."""
    before = attached.read()
    result = traffic.run(attached, seconds)
    after = attached.read()
    requests = max(result["requests"], 1)
    if result["errors"]:
        print(f"# {traffic.name}, {attached.variant}: {result['errors']} errors", file=sys.stderr)
    if attached.variant == "loadtap" and traffic.port in UPSTREAMS:
        check_count(traffic, result["requests"], before, after)
    taken = {"requests": requests}
    for hook in HOOKS:
        runs, ns = (a - b for a, b in zip(after[hook][:2], before[hook]))
        taken[hook] = {"runs": runs / requests, "ns": ns / requests, "each": ns / max(runs, 1)}
    taken["packets"] = taken["egress"]["runs"] + taken["ingress"]["runs"]
    taken["ns"] = taken["egress"]["ns"] + taken["ingress"]["ns"]
    taken["each"] = taken["ns"] / taken["packets"]
    return taken


def check_count(traffic, answered, before, after):
    """A cheap program that does not count would be no news. Some clients end with requests under way."""
    success = after["success"] - before["success"]
    unseen = after["unseen"] - before["unseen"]
    if not answered <= success <= answered + traffic.client.in_flight or unseen:
        print(f"# {traffic.name}: the client had {answered} answers, loadtap counted {success} "
              f"(at most {traffic.client.in_flight} more are expected), unseen {unseen}",
              file=sys.stderr)


def show(traffics, runs, table):
    for traffic in traffics:
        _row(table, traffic.name, runs[traffic.name, "empty"], runs[traffic.name, "loadtap"])
    for traffic in traffics:
        _sockops(table, traffic.name, runs[traffic.name, "empty"], runs[traffic.name, "loadtap"])


def further(empty, loadtap):
    """A request of a packet with many, as a multiple of one empty run."""
    return Spread(a["ns"] / b["each"] for a, b in zip(loadtap, empty))


def added(empty, loadtap):
    """What a request costs with the statistics off: their clock is what an empty program shows."""
    return statistics.median(sum(a[hook]["ns"] - b[hook]["ns"] for hook in HOOKS)
                             for a, b in zip(loadtap, empty))


def _row(table, name, empty, loadtap):
    packets = statistics.median(r["packets"] for r in loadtap)
    many = packets < 0.5
    table.row("cost in the kernel", name, {
        "p/req": (f"{packets:.2f}", round(packets, 3)),
        "empty ns/packet": middle(Spread(r["each"] for r in empty)),
        "loadtap ns/packet": middle(Spread(r["each"] for r in loadtap)),
        "empty ns/req": middle(Spread(r["ns"] for r in empty), DIGITS[many]),
        "loadtap ns/req": column(Spread(r["ns"] for r in loadtap), DIGITS[many]),
        "ratio": column(ratios(loadtap, empty, lambda r: r["ns"]), 2),
        "egress": middle(ratios(loadtap, empty, lambda r: r["egress"]["each"]), 2),
        "ingress": middle(ratios(loadtap, empty, lambda r: r["ingress"]["each"]), 2),
        "req : empty run": column(further(empty, loadtap), 2) if many else ("", None),
    })


def _sockops(table, name, empty, loadtap):
    calls = statistics.median(r["sockops"]["runs"] for r in loadtap)
    if calls < 0.5:
        return
    table.row("sockops, per connection", name, {
        "calls, empty": middle(Spread(r["sockops"]["runs"] for r in empty), 1),
        "calls, loadtap": middle(Spread(r["sockops"]["runs"] for r in loadtap), 1),
        "empty ns/call": middle(Spread(r["sockops"]["each"] for r in empty)),
        "loadtap ns/call": middle(Spread(r["sockops"]["each"] for r in loadtap)),
        "loadtap ns/conn": column(Spread(r["sockops"]["ns"] for r in loadtap)),
    })
