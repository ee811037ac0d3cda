#!/usr/bin/env python3
"""SIGTERM, SIGINT: a last report brings what was counted since the one before, is waited for as
long as is promised and no longer, and what did not arrive is in the log."""

import re
import signal
import time

from lib import namespace, tap
from lib.client import Client, request
from lib.delivery import CLUSTER, UPSTREAM, Way
from lib.process import until
from lib.upstream import Upstream

REQUESTS = 30
PATIENCE_SECONDS = 2  # REPORTER_LAST_US
RELOADED = "nothing has changed"  # what SIGHUP comes to


def begin(scratch, group, name, number):
    """A daemon that was asked for reports, but would not send one for long; and requests."""
    way = Way(scratch, group, name, number, interval="3600s", keepalive=False)
    until(lambda: "load reporting: stream=1" in way.daemon.log(), 10, "a response")
    with Client(UPSTREAM) as client:
        for _ in range(REQUESTS):
            client.send(request("/")).answer()
    return way


def end(way, number, impatiently=False):
    """Seconds that it took, from the last signal on."""
    way.daemon.child.send_signal(number)
    if impatiently:
        until(lambda: "stopping" in way.daemon.log(), 5, "the first signal's effect")
        way.daemon.child.send_signal(number)
    started = time.monotonic()
    way.daemon.child.wait(10)
    return time.monotonic() - started


def unreported(way):
    return [int(count) for count in
            re.findall(rf"not reported: cluster={CLUSTER} issued=(\d+) ", way.daemon.log())]


def test(results, scratch, group):
    upstream = Upstream()
    upstream.listen(UPSTREAM)

    way = begin(scratch, group, "live", 0)
    took = end(way, signal.SIGTERM)
    results.true("live: ends at once", took < 1, str(took))
    results.equal("live: all arrived", way.once()["issued"], REQUESTS)
    results.equal("live: nothing is left", unreported(way), [])
    results.true("live: the log says so", ", all is confirmed" in way.daemon.log(), way.daemon.log())

    way = begin(scratch, group, "interrupted", 1)
    end(way, signal.SIGINT)
    results.equal("SIGINT is as good", way.once()["issued"], REQUESTS)

    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which the daemon inherits
    way = begin(scratch, group, "hung up", 5)
    way.daemon.child.send_signal(signal.SIGHUP)
    until(lambda: RELOADED in way.daemon.log(), 5, "the effect of SIGHUP")
    end(way, signal.SIGTERM)
    results.equal("SIGHUP ends nothing", way.once()["issued"], REQUESTS)
    results.equal("SIGHUP: exit status", way.daemon.child.returncode, 0)

    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    way = begin(scratch, group, "nohup", 6)
    way.daemon.child.send_signal(signal.SIGHUP)
    end(way, signal.SIGTERM)
    results.true("nohup: nor does it load anything", RELOADED not in way.daemon.log())
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

    way = begin(scratch, group, "frozen", 2)
    way.cutter.frozen = True
    took = end(way, signal.SIGTERM)
    results.true("frozen: waits as long as is promised",
                 PATIENCE_SECONDS <= took < PATIENCE_SECONDS + 1.5, str(took))
    results.equal("frozen: what did not arrive is in the log", unreported(way), [REQUESTS])
    results.equal("frozen: exit status", way.daemon.child.returncode, 0)

    way = begin(scratch, group, "impatient", 3)
    way.cutter.frozen = True
    took = end(way, signal.SIGTERM, impatiently=True)
    results.true("a second signal ends at once", took < PATIENCE_SECONDS - 0.5, str(took))
    results.equal("a second signal: what did not arrive is in the log", unreported(way), [REQUESTS])

    way = begin(scratch, group, "no stream", 4)
    way.cutter.refuse()
    until(lambda: "stream down" in way.daemon.log(), 10, "the end of the stream")
    took = end(way, signal.SIGTERM)
    results.true("no stream: ends at once", took < 1, str(took))
    results.equal("no stream: what did not arrive is in the log", unreported(way), [REQUESTS])


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
