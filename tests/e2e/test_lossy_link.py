#!/usr/bin/env python3
"""Packets get lost: retransmissions, overlaps and segments out of order change no count.

nftables drops packets behind the egress hook and before the ingress hook, so the programs see what
a sender sends twice, and a receiver gets late.
"""

import concurrent.futures
import subprocess

from lib import namespace, tap
from lib.client import Client, chunked, request
from lib.daemon import Daemon, bootstrap, cluster
from lib.reports import COUNTS, Collector
from lib.upstream import FAKE, Upstream

CLUSTER = "lossy"
PORTS = {"small": 20001, "pipelines": 20002, "bodies": 20003, "connections": 20004}
PERCENT = 3
RULES = f"""
table inet lossy {{
  chain in {{
    type filter hook input priority 0;
    tcp dport 20001-20004 numgen random mod 100 < {PERCENT} counter drop
    tcp sport 20001-20004 numgen random mod 100 < {PERCENT} counter drop
  }}
}}
"""


def small(port):
    with Client(port) as client:
        for number in range(100):
            client.send(request(f"/ok?status={503 if number % 7 == 0 else 200}")).answer()


def pipelines(port):
    with Client(port) as client:
        for number in range(1, 21):
            batch = [request("/ok?n=900")] * 7 + [chunked("/ok?status=500", [FAKE, FAKE])]
            client.send(b"".join(batch * 2)).heads(16 * number)


def bodies(port):
    with Client(port) as client:
        for number in range(8):
            client.send(request("/ok", "POST", FAKE * 10000)).answer()
            client.send(request(f"/ok?n={1 << 20}")).answer()


def connections(port):
    for _ in range(15):
        with Client(port) as client:
            client.send(request("/until-close?n=200000", version="HTTP/1.0")).drain()


def test(results, scratch, group):
    upstream = Upstream()
    for port in PORTS.values():
        upstream.listen(port)
    collector = Collector(scratch)
    members = [("127.0.0.1", port) for port in PORTS.values()]
    daemon = Daemon(scratch, group, bootstrap([cluster(CLUSTER, [(None, 0, members)])]))
    daemon.wait_ready(collector, CLUSTER)
    subprocess.run(["nft", "-f", "-"], input=RULES, text=True, check=True)
    ways = [small, pipelines, bodies, connections] * 4
    with concurrent.futures.ThreadPoolExecutor(len(ways)) as pool:
        futures = [pool.submit(way, PORTS[way.__name__]) for way in ways]
    dropped = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True).stdout
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    results.equal("every request was answered",
                  [repr(future.exception()) for future in futures if future.exception()], [])

    def reported(port):
        return collector.endpoints(CLUSTER)[f"127.0.0.1:{port}"].of(*COUNTS, "active")

    def served(port):
        counts = upstream.counts[port]
        return {**{name: counts[name] for name in COUNTS}, "active": 0}

    collector.settle(CLUSTER, lambda: all(reported(port) == served(port)
                                          for port in PORTS.values()))
    for name, port in PORTS.items():
        results.equal(name, reported(port), served(port))
    results.true("packets were lost", "packets 0 " not in dropped, dropped)
    results.equal("loadtap ends cleanly", daemon.finish(), 0)
    collector.stop()


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
