#!/usr/bin/env python3
# test: timeout=200
"""Endpoints come and go by DNS under constant load: every request is reported, at its endpoint.

The load does as a proxy that resolved at its start: it goes on with an address, new connections too,
for a while after DNS has dropped it. Slots are used again and again."""

import random
import threading
import time

from lib import namespace, tap
from lib.by_address import Upstreams
from lib.client import Client, request
from lib.daemon import Daemon, bootstrap, cluster
from lib.dns import Dns
from lib.process import PATIENCE, until
from lib.reports import Collector

PORT = 20001
CLUSTER, OTHER, NAME = "changing", "other", "service.test"
ADDRESSES = [f"127.0.1.{number}" for number in range(1, 13)]
ROUNDS = 12
IDLE = 1.5 * PATIENCE  # seconds; far longer than the load leaves a target alone
THREADS = 4
EARLY, MOVING, LATE = "127.0.2.1", "127.0.2.2", "127.0.2.3"


class Load:
    """Requests without a pause, at each target in turn, so that none is ever idle for long."""

    def __init__(self):
        self.targets = []
        self.ending = False
        self.failed = []
        self.threads = [threading.Thread(target=self._run) for _ in range(THREADS)]
        for thread in self.threads:
            thread.start()

    def _run(self):
        try:
            while not self.ending:
                targets = self.targets
                for address in random.sample(targets, len(targets)):
                    self._visit(address, targets)
                time.sleep(0.001)
        except OSError as error:
            self.failed.append(error)

    def _visit(self, address, targets):
        with Client(PORT, address) as client:
            for _ in range(random.randint(1, 8)):
                if self.ending or self.targets is not targets:
                    return
                status = random.choice((200, 404, 503))
                client.send(request(f"/?status={status}")).answer()
                time.sleep(0.001)

    def end(self):
        self.ending = True
        for thread in self.threads:
            thread.join()


def change(dns, daemon, load):
    """Each round some addresses join and some leave DNS; the load follows later."""
    random.seed(1)
    known = []
    for number in range(ROUNDS):
        fresh = [address for address in random.sample(ADDRESSES, 4) if address not in known]
        gone = random.sample(known, min(len(known), random.randint(1, 3))) if number % 2 else []
        known = [address for address in known if address not in gone] + fresh
        dns.records[NAME] = list(known)
        wait_live(daemon, fresh)
        load.targets = known + gone  # connections to what DNS has dropped, old and new ones
        time.sleep(0.7)
        load.targets = list(known)
        time.sleep(random.choice((0.1, 2 * IDLE)))
    dns.records[NAME] = []
    load.targets = []


def wait_live(daemon, addresses):
    """Until DNS has all, as the log's last word on each says."""
    def live(address):
        told = [line for line in daemon.log().splitlines()
                if line.endswith((f": observing {address}:{PORT}", f" has {address}:{PORT}",
                                  f" no longer observing {address}:{PORT}"))]
        return told and (": observing" in told[-1] or "a name more" in told[-1])

    until(lambda: all(map(live, addresses)), 10, "the endpoints to be observed")


def open_before(results, dns, collector, daemon, upstreams):
    """A connection that is open, and idle, when DNS first tells its address."""
    with Client(PORT, EARLY) as client:
        client.send(request("/?status=200")).answer()
        dns.records[NAME] = [EARLY]
        wait_live(daemon, [EARLY])
        before = upstreams.rows()[f"{EARLY}:{PORT}"]["issued"]
        for _ in range(50):
            client.send(request("/?status=200")).answer()
        wanted = upstreams.rows()[f"{EARLY}:{PORT}"]["issued"] - before
        collector.settle(CLUSTER, lambda: collector.endpoints(CLUSTER)[f"{EARLY}:{PORT}"]["issued"]
                         == wanted)
        results.equal("a connection that was open before counts from then on",
                      collector.endpoints(CLUSTER)[f"{EARLY}:{PORT}"].of("issued", "success"),
                      {"issued": wanted, "success": wanted})


def move(results, dns, collector, daemon, upstreams):
    """An address moves from one cluster to another: who is open stays, who is new goes there."""
    def ask(client, count):
        for _ in range(count):
            client.send(request("/?status=200")).answer()

    def issued():
        return tuple(collector.endpoints(name)[f"{MOVING}:{PORT}"]["issued"]
                     for name in (CLUSTER, OTHER))

    dns.records[NAME] = [MOVING]
    wait_live(daemon, [MOVING])
    with Client(PORT, MOVING) as old:
        ask(old, 3)
        dns.records.update({NAME: [], f"other.{NAME}": [MOVING]})
        until(lambda: f"cluster {OTHER}: observing {MOVING}:{PORT}\n" in daemon.log(), 10, "its move")
        until(lambda: daemon.log().count(f"a name less has {MOVING}:{PORT}\n"), 10, "its move")
        with Client(PORT, MOVING) as new:
            ask(new, 20)
            ask(old, 7)
    collector.settle(CLUSTER, lambda: issued() == (10, 20))
    results.equal("an address that moved to another cluster", issued(), (10, 20))
    results.equal("counts once", upstreams.rows()[f"{MOVING}:{PORT}"]["issued"], 30)


def outage(results, dns, collector, daemon, upstreams):
    """DNS drops an endpoint while there is no management server: it is kept until that has its counts."""
    dns.records[NAME] = [LATE]
    wait_live(daemon, [LATE])
    collector.kill()
    with Client(PORT, LATE) as client:
        for _ in range(9):
            client.send(request("/?status=200")).answer()
    dns.records[NAME] = []
    time.sleep(2 * IDLE)
    line = f"no longer observing {LATE}:{PORT}\n"
    results.true("what was not delivered is kept", line not in daemon.log())
    collector.start()
    until(lambda: line in daemon.log(), 30, "the late one to be gone")
    results.equal("and goes once it is delivered",
                  collector.endpoints(CLUSTER)[f"{LATE}:{PORT}"]["issued"],
                  upstreams.rows()[f"{LATE}:{PORT}"]["issued"])


def test(results, scratch, group):
    upstreams = Upstreams(PORT, [*ADDRESSES, EARLY, MOVING, LATE])
    dns = Dns(scratch)
    dns.records.update({NAME: [], f"other.{NAME}": []})
    collector = Collector(scratch)
    daemon = Daemon(scratch, group, bootstrap([
        cluster(name, [(None, 0, [(host, PORT)])], kind="STRICT_DNS", dns_refresh_rate="0.1s",
                dns_lookup_family="V4_ONLY")
        for name, host in ((CLUSTER, NAME), (OTHER, f"other.{NAME}"))]),
        level="debug", removed_endpoint_idle_time=f"{IDLE}s")
    daemon.wait_ready(collector, CLUSTER)
    load = Load()
    change(dns, daemon, load)
    load.end()
    results.equal("the load ran to its end", load.failed, [])

    def reported():
        return {address: row.of("issued", "success", "error")
                for address, row in collector.endpoints(CLUSTER).items()}

    collector.settle(CLUSTER, lambda: reported() == upstreams.rows())
    results.equal("each endpoint's sums are what it served", reported(), upstreams.rows())
    for address, row in upstreams.rows().items():
        if reported().get(address) != row:
            results.say("\n".join(line for line in daemon.log().splitlines() if address in line))
    total = collector.total(CLUSTER)
    results.equal("nothing is left in progress", (total["active"], total["connections"]), (0, 0))

    def gone():
        return daemon.log().count(" no longer observing ")

    until(lambda: gone() == daemon.log().count(f"cluster {CLUSTER}: observing"), 20,
          "all to be gone")
    results.true("slots were used again", gone() > len(ADDRESSES), f"{gone()} went")
    results.say(f"{total['issued']} requests; {gone()} endpoints went")
    open_before(results, dns, collector, daemon, upstreams)
    move(results, dns, collector, daemon, upstreams)
    outage(results, dns, collector, daemon, upstreams)
    results.equal("loadtap ends cleanly", daemon.finish(), 0)
    collector.stop()


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
