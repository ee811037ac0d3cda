#!/usr/bin/env python3
# test: timeout=200
"""A resolver that is down, slow or lies does no harm: what was known goes on counting, the rest is
bounded and told once. Large answers come over TCP; LOGICAL_DNS follows the first address."""

import os
import threading
import time

from lib import namespace, tap
from lib.client import Client, request
from lib.daemon import Daemon, bootstrap, cluster
from lib.dns import Dns
from lib.process import PATIENCE, until
from lib.reports import Collector
from lib.upstream import Upstream

PORT = 20001
STEADY = "127.0.1.1"
LARGE = [f"127.0.3.{number}" for number in range(1, 201)]
FLIPS = ["127.0.4.1", "127.0.4.2", "127.0.4.3"]
BAD = ["broken", "silent", "loop", "far", "absent"]  # names that never have an address
SECONDS = 8


def dns_cluster(name, kind="STRICT_DNS", rate="0.1s"):
    return cluster(name, [(None, 0, [(f"{name}.test", PORT)])], kind=kind, dns_refresh_rate=rate,
                   dns_lookup_family="V4_ONLY")


def ask(address, count):
    with Client(PORT, address) as client:
        for _ in range(count):
            client.send(request("/ok")).answer()


class Steady(threading.Thread):
    """Requests at one endpoint for as long as it takes; each connection has ten."""

    def __init__(self):
        super().__init__()
        self.sent = 0
        self.ending = False
        self.start()

    def run(self):
        while not self.ending:
            ask(STEADY, 10)
            self.sent += 10
            time.sleep(0.01)

    def end(self):
        self.ending = True
        self.join()
        return self.sent


def usage(process):
    """(CPU seconds, resident MB) of a process."""
    with open(f"/proc/{process.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return seconds, int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def lines(daemon, *words):
    return [line for line in daemon.log().splitlines() if all(word in line for word in words)]


def check_large(results, dns, collector):
    """More addresses than a UDP answer has room for."""
    until(lambda: dns.asked["tcp"], 10, "a query over TCP")
    ask(LARGE[-1], 7)
    collector.settle("large", lambda: collector.total("large")["issued"] == 7)
    results.equal("the last of 200 addresses counts",
                  collector.endpoints("large")[f"{LARGE[-1]}:{PORT}"].of("issued", "success"),
                  {"issued": 7, "success": 7})


def check_logical(results, dns, collector):
    """Of several addresses only the first; after a flip, the sum is under the new one."""
    total = 0
    for number, address in enumerate(FLIPS):
        dns.records["logical.test"] = FLIPS[number:] + FLIPS[:number]
        time.sleep(0.5 * PATIENCE)
        ask(address, 5)
        ask(FLIPS[0], number)  # a proxy that has not noticed
        total += 5 + number
    collector.settle("logical", lambda: collector.total("logical")["issued"] == total)
    results.equal("counts of all addresses sum up", collector.total("logical")["issued"], total)
    ask(FLIPS[0], 3)
    last = f"{FLIPS[-1]}:{PORT}"
    had = collector.endpoints("logical")[last]["issued"]
    collector.settle("logical", lambda: collector.endpoints("logical")[last]["issued"] == had + 3)
    results.equal("under the current address", collector.endpoints("logical")[last]["issued"],
                  had + 3)


def check_outage(results, dns, daemon):
    """The server stops answering, and comes back."""
    dns.running = False
    until(lambda: lines(daemon, "cannot resolve steady.test"), 20, "the outage to be told")
    time.sleep(1)
    dns.running = True
    until(lambda: lines(daemon, "steady.test is resolved again"), 20, "its end to be told")
    results.equal("an outage is told once", len(lines(daemon, "cannot resolve steady.test")), 1)


def check_liar(results, dns, daemon):
    """Once it tells the truth, that is observed, though its lies have used up its share."""
    results.equal("too many addresses are told once", len(lines(daemon, "warning", "not observed")), 1)
    del dns.behaviours["liar.test"]
    dns.records["liar.test"] = ["127.0.5.1"]
    time.sleep(6 * PATIENCE)
    return 4


def test(results, scratch, group):
    upstream = Upstream()
    for address in [STEADY, *LARGE[-1:], *FLIPS, "127.0.5.1"]:
        upstream.listen(PORT, address)
    dns = Dns(scratch)
    dns.records.update({"steady.test": [STEADY], "large.test": LARGE, "logical.test": FLIPS})
    for name, behaviour in {"liar": dns.lie, "broken": dns.servfail, "silent": dns.silent,
                            "loop": dns.loop, "far": dns.far}.items():
        dns.behaviours[f"{name}.test"] = behaviour
    collector = Collector(scratch)
    daemon = Daemon(scratch, group, bootstrap([
        dns_cluster("liar"), *(dns_cluster(name) for name in BAD), dns_cluster("steady"),
        dns_cluster("large"), dns_cluster("logical", "LOGICAL_DNS")]))
    daemon.wait_ready(collector, "steady", "large", "logical")
    steady = Steady()
    start = usage(daemon.child)
    time.sleep(SECONDS)
    end = usage(daemon.child)
    check_large(results, dns, collector)
    check_logical(results, dns, collector)
    check_outage(results, dns, daemon)
    wanted = check_liar(results, dns, daemon)
    ask("127.0.5.1", wanted)
    collector.settle("liar", lambda: collector.total("liar")["issued"] == wanted)
    results.equal("the truth counts", collector.total("liar")["issued"], wanted)
    sent = steady.end()
    collector.settle("steady", lambda: collector.total("steady")["issued"] == sent)
    results.equal("all the while each request of the other cluster was reported",
                  collector.total("steady").of("issued", "success", "error"),
                  {"issued": sent, "success": sent, "error": 0})
    for name in BAD:
        if name != "far":
            results.equal(f"{name}: told once", len(lines(daemon, f"cannot resolve {name}.test")), 1)
    results.say(f"{dict(dns.asked)}; {end[0] - start[0]:.2f} s CPU in {SECONDS} s, {end[1]:.0f} MB")
    results.true("memory is bounded", end[1] < 60, f"{end[1]} MB")
    results.true("so is the log", len(daemon.log().splitlines()) < 40)
    results.say(daemon.log())
    results.equal("loadtap ends cleanly", daemon.finish(), 0)
    collector.stop()


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
