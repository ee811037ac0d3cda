"""The daemon's own processor time: idle, and while requests are counted."""

import time

from lib.daemon import Daemon, bootstrap, cluster
from lib.reports import Collector
from spread import Spread
from table import column, middle
from traffic import IP

TITLE = "the daemon's processor time"
CLUSTER = "bench"


def _spent(pid):
    """Nanoseconds on a CPU so far; it has one thread."""
    with open(f"/proc/{pid}/schedstat") as line:
        return int(line.read().split()[0])


def _run(daemon, work):
    """What work() returns, and the daemon's ns for each second of it."""
    begin, before = time.monotonic(), _spent(daemon.child.pid)
    result = work()
    return result, (_spent(daemon.child.pid) - before) / (time.monotonic() - begin)


def measure(traffic, attached, table, rounds, seconds):
    """`attached` is bare: the programs are the daemon's. Returns ns per request, as a Spread."""
    collector = Collector(attached.scratch, interval="1s")
    daemon = Daemon(attached.scratch, attached.group, bootstrap(
        [cluster(CLUSTER, [(None, 0, [(IP, traffic.port)])])]), level="warning")
    idle, busy, each, rates = [], [], [], []
    try:
        daemon.wait_ready(collector, CLUSTER)
        for _ in range(rounds):
            idle.append(_run(daemon, lambda: time.sleep(seconds))[1])
            result, spent = _run(daemon, lambda: traffic.run(attached, seconds))
            busy.append(spent)
            rates.append(result["requests"] * 1e6 / result["us"])
            each.append((busy[-1] - idle[-1]) / rates[-1])
    finally:
        daemon.finish()
        collector.stop()
    table.row(TITLE, traffic.name, {
        "requests/s": middle(Spread(rates)), "idle, us/s": column(Spread(x / 1e3 for x in idle)),
        "busy, us/s": column(Spread(x / 1e3 for x in busy)),
        "ns/request": column(Spread(each), 2)})
    return Spread(each)
