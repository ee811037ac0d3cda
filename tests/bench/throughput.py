"""Requests a second and latency: bare, with programs, and with Envoy in the path. Statistics off."""

import os
import statistics

import envoy
from spread import Spread, ratios, turns
from table import column, middle


def measure(traffics, variants, rounds, seconds):
    """{(traffic's name, variant): result of each round}"""
    runs = {(t.name, a.variant): [] for t in traffics for a in variants}
    for number in range(rounds):
        for traffic in traffics:
            for attached in turns(variants, number):
                runs[traffic.name, attached.variant].append(_one(traffic, attached, seconds))
    return runs


def _one(traffic, attached, seconds):
    ahead = envoy.AHEAD if attached.variant == envoy.VARIANT else 0
    result = traffic.run(attached, seconds, timed=True, ahead=ahead)
    result["rate"] = result["requests"] * 1e6 / result["us"]
    return result


def show(traffics, variants, runs, added, table):
    """added: traffic's name -> loadtap's nanoseconds per request, where they were measured."""
    for traffic in traffics:
        bare = runs[traffic.name, "bare"]
        for attached in variants:
            _row(table, traffic.name, attached.variant, bare, runs[traffic.name, attached.variant],
                 added.get(traffic.name))


def computed(bare, added):
    """What is left when each request takes `added` ns longer: all of it on one busy CPU, on all."""
    load = statistics.median(r["rate"] for r in bare) * added / 1e9
    return [round(1 / (1 + load), 3), round(1 / (1 + load / os.cpu_count()), 3)]


def _row(table, name, variant, bare, runs, added):
    rate = ratios(runs, bare, lambda r: r["rate"])
    timed = all(r["p99_us"] for r in [*runs, *bare])
    compared = variant != "bare"
    columns = {
        "requests/s": middle(Spread(r["rate"] for r in runs)),
        ": bare": ("", None), "95 %": ("", None), "computed": ("", None), "p99 us": ("", None),
        "p99 : bare": ("", None)}
    if compared:
        columns[": bare"] = column(rate, 3)
        columns["95 %"] = "{:.2f}-{:.2f}".format(*rate.interval()), rate.interval()
    if variant == "loadtap" and added:
        left = computed(bare, added)
        columns["computed"] = "{:.3f}-{:.3f}".format(*left), left
    if timed:
        columns["p99 us"] = middle(Spread(r["p99_us"] for r in runs))
    if timed and compared:
        columns["p99 : bare"] = column(ratios(runs, bare, lambda r: r["p99_us"]), 2)
    table.row("throughput", f"{name}: {variant}", columns)
