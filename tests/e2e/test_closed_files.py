#!/usr/bin/env python3
"""loadtap and the collector, started with descriptors 0 to 2 closed: they report, rest and end as
otherwise; a collector that has nowhere to write refuses to start, and so does loadtap with a limit of
files that is too low."""

import json
import os
import signal
import time

from lib import namespace, tap
from lib.client import Client, request
from lib.daemon import settings
from lib.delivery import CLUSTER, UPSTREAM, config
from lib.process import Process, listening, until
from lib.reports import BUILD
from lib.upstream import Upstream

PORT = 18000
REST_SECONDS = 1


def start(scratch, name, *arguments, closing="<&- >&- 2>&-"):
    return Process(scratch, name, ["sh", "-c", f'exec "$@" {closing}', "sh",
                                   os.path.join(BUILD, name), *arguments])


def processor_seconds(process):
    with open(f"/proc/{process.child.pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def issued(path):
    """By the reports of the cluster, and how many these are. A line that is being written counts the
    next time."""
    with open(path) as lines:
        entries = [json.loads(line) for line in lines if line.endswith("\n")]
    stats = [stats for entry in entries if "request" in entry
             for stats in entry["request"].get("cluster_stats", ()) if stats["cluster_name"] == CLUSTER]
    return sum(int(locality.get("total_issued_requests", 0)) for each in stats
               for locality in each.get("upstream_locality_stats", ())), len(stats)


def test_all_closed(results, scratch, group):
    upstream, path = Upstream(), os.path.join(scratch, "reports")
    upstream.listen(UPSTREAM)
    bootstrap = os.path.join(scratch, "bootstrap.json")
    with open(bootstrap, "w") as out:
        json.dump(config(PORT, keepalive=False), out)
    collector = start(scratch, "loadtap-collector", "--listen", f"127.0.0.1:{PORT}", "--interval",
                      "0.25s", "--output", path)
    until(lambda: listening(PORT), 10, "the collector")
    daemon = start(scratch, "loadtap", "-c", bootstrap, "--config-yaml",
                   json.dumps(settings(group, {})))
    until(lambda: issued(path)[1], 15, "a report")
    with Client(UPSTREAM) as client:
        client.send(request("/")).answer()
    until(lambda: issued(path)[0] == 1, 5, "the request in a report")

    daemon.child.send_signal(signal.SIGUSR1)  # it has much to say
    before = processor_seconds(daemon), processor_seconds(collector)
    time.sleep(REST_SECONDS)
    after = processor_seconds(daemon), processor_seconds(collector)
    spent = [late - early for early, late in zip(before, after)]
    results.true("both rest", max(spent) < REST_SECONDS / 2, str(spent))
    results.equal("loadtap ends", daemon.stop(seconds=5), 0)
    results.equal("the collector ends", collector.stop(seconds=5), 0)


def test_nowhere_to_write(results, scratch):
    collector = start(scratch, "loadtap-collector", "--listen", f"127.0.0.1:{PORT}", closing=">&-")
    results.equal("a closed output is refused", collector.child.wait(10), 1)
    results.true("the log says why", "standard output is closed: --output FILE is expected"
                 in collector.log(), collector.log())


def test_few_files(results, scratch, group):
    with open(os.path.join(scratch, "bootstrap.json")) as bootstrap:
        daemon = Process(scratch, "few", ["sh", "-c", 'ulimit -n 8; exec "$@"', "sh", os.path.join(
            BUILD, "loadtap"), "-c", bootstrap.name, "--config-yaml", json.dumps(settings(group, {}))])
    results.equal("too few files are refused", daemon.child.wait(10), 1)
    results.true("the log says how many are expected",
                 "only 8 files may be open at once, 64 are expected: raise the limit (ulimit -n)"
                 in daemon.log(), daemon.log())


def test(results, scratch, group):
    test_all_closed(results, scratch, group)
    test_nowhere_to_write(results, scratch)
    test_few_files(results, scratch, group)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
