"""What loadtap is meant to cost at most, next to what was measured."""

import cost
import scale
import throughput
import traffic
from spread import ratios
from table import column

TITLE = "target"
# Of the empty programs' time for the same packets.
RATIOS = [("a socket that is no upstream", traffic.NO_UPSTREAM, 1.5),
          ("HTTP/1 keep-alive request", traffic.KEEP_ALIVE, 2.2),
          ("HTTP/2 request, one stream", traffic.H2_ONE, 3),
          ("gRPC unary call, one stream", traffic.GRPC_ONE, 3.5),
          ("gRPC unary call, grpc-go", traffic.GRPC_UNARY, 3.5),
          ("HTTP/1 body packet", traffic.BODIES, 1.8),
          ("HTTP/2 body packet", traffic.H2_BODIES, 1.8),
          ("HTTP/2 upload packet", traffic.H2_UPLOADS, 1.8)]
# Of one run of an empty program.
FURTHER = [("further request in a packet, its block repeats", traffic.H2_64, 0.3),
           ("further request in a packet, its block does not", traffic.H2_64_PATHS, 2)]
LEFT = [("throughput left, wrk", traffic.KEEP_ALIVE, 0.97),
        ("throughput left, h2load, 1 stream", traffic.H2_ONE, 0.97),
        ("throughput left, h2load, 64 streams", traffic.H2_64, 0.97)]


def show(found, table):
    """found: what each part measured, by its name; parts that did not run are empty."""
    _costs(found["cost"], table)
    _throughputs(found["throughput"], found["added"], table)
    for name, each in found["daemon"].items():
        _daemon(name, each, table)
    _scale(found["scale"], table)
    if found["memory"]:
        _row(table, "kernel memory per idle connection, bytes", "at most 1024",
             (f"{found['memory']:,}", found["memory"]), found["memory"] <= 1024)


def _costs(runs, table):
    for name, one, most in RATIOS:
        if (one.name, "loadtap") in runs:
            _at_most(table, name, most, ratios(runs[one.name, "loadtap"], runs[one.name, "empty"],
                                               lambda r: r["ns"]))
    for name, one, most in FURTHER:
        if (one.name, "loadtap") in runs:
            _at_most(table, name, most, cost.further(runs[one.name, "empty"],
                                                     runs[one.name, "loadtap"]))


def _throughputs(runs, added, table):
    """Computed for one busy CPU; the runs' own ratio with its interval, which must not exclude it."""
    for name, one, least in LEFT:
        if one.name not in added or (one.name, "bare") not in runs:
            continue
        left = throughput.computed(runs[one.name, "bare"], added[one.name])[0]
        low, high = ratios(runs[one.name, "loadtap"], runs[one.name, "bare"],
                           lambda r: r["rate"]).interval()
        _row(table, name, f"at least {least}",
             (f"{left:.3f} computed, {low:.2f}-{high:.2f} seen", [left, low, high]),
             left >= least and high >= least)


def _daemon(name, each, table):
    """Nothing that the daemon does depends on requests: what is measured has to be noise about 0."""
    _row(table, f"daemon CPU per request, {name}, ns", "0", column(each, 2), each.interval()[0] <= 0)


def _scale(found, table):
    for endpoints, (megabytes, share) in found.items():
        if endpoints in scale.TARGET_RSS:
            most = scale.TARGET_RSS[endpoints]
            _row(table, f"resident at {endpoints:,} endpoints, MB", f"at most {most}",
                 (f"{megabytes:.1f}", megabytes), megabytes <= most)
        if share:
            _at_most(table, f"report of {endpoints:,} endpoints, of Envoy's time", 0.25, share)


def _at_most(table, name, most, seen):
    _row(table, name, f"at most {most}", column(seen, 2), seen.median <= most)


def _row(table, name, target, measured, met):
    table.row(TITLE, name, {"is": target, "measured": measured, "met": "yes" if met else "no"})
