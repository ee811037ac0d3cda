#!/usr/bin/env python3
# test: timeout=200
"""Endpoints come and go by DNS under constant load: every request is reported, at its endpoint.

The load does as a proxy that resolved at its start: it goes on with an address, new connections too,
for a while after DNS has dropped it. Slots are used again and again."""

import collections
import random
import threading
import time

from lib import namespace, tap
from lib.client import Client, request
from lib.daemon import Daemon, bootstrap, cluster
from lib.dns import Dns
from lib.process import until
from lib.reports import Collector
from lib.upstream import Upstream

PORT = 20001
CLUSTER, NAME = "changing", "service.test"
ADDRESSES = [f"127.0.1.{number}" for number in range(1, 13)]
ROUNDS = 12
THREADS = 4
EARLY = "127.0.2.1"


class Upstreams:
    """Counts by address what it was asked, and what it answered."""

    def __init__(self, addresses):
        self.counts = collections.defaultdict(collections.Counter)
        self.upstream = Upstream()
        for address in addresses:
            self.upstream.listen(PORT, address, self._handler(address))

    def _handler(self, address):
        def serve(connection, _):
            while True:
                asked = connection.request()
                connection.body(asked)
                status = int(asked.query["status"])
                with self.upstream.lock:
                    self.counts[address].update(
                        ["issued", "success" if status < 500 else "error"])
                connection.sock.sendall(
                    f"HTTP/1.1 {status} Status\r\nContent-Length: 2\r\n\r\nok".encode())
        return serve

    def rows(self):
        with self.upstream.lock:
            return {f"{address}:{PORT}": {key: row[key] for key in ("issued", "success", "error")}
                    for address, row in self.counts.items()}


class Load:
    """Requests without a pause; each connection is closed after some of them."""

    def __init__(self):
        self.targets = []
        self.ending = False
        self.failed = []
        self.threads = [threading.Thread(target=self._run) for _ in range(THREADS)]
        for thread in self.threads:
            thread.start()

    def _run(self):
        while not self.ending:
            targets = self.targets
            if not targets:
                time.sleep(0.01)
                continue
            try:
                self._visit(random.choice(targets), targets)
            except OSError as error:
                self.failed.append(error)
                return

    def _visit(self, address, targets):
        with Client(PORT, address) as client:
            for _ in range(random.randint(1, 30)):
                if self.ending or self.targets is not targets:
                    return
                status = random.choice((200, 404, 503))
                client.send(request(f"/?status={status}")).answer()
                time.sleep(0.001)

    def end(self):
        self.ending = True
        for thread in self.threads:
            thread.join()


def observed(log, address):
    """How often the log says that observing it began."""
    return log.count(f"cluster {CLUSTER}: observing {address}:{PORT}\n")


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
        time.sleep(random.choice((0.1, 1.6)))
    dns.records[NAME] = []
    load.targets = []


def wait_live(daemon, addresses):
    """Until all are observed, and DNS was asked once more: one that was just leaving is live again."""
    def live():
        log = daemon.log()
        return all(observed(log, address) > log.count(f"no longer observing {address}:{PORT}\n")
                   for address in addresses)

    time.sleep(0.3)
    until(live, 10, "the endpoints to be observed")


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


def test(results, scratch, group):
    upstreams = Upstreams([*ADDRESSES, EARLY])
    dns = Dns(scratch)
    dns.records[NAME] = []
    collector = Collector(scratch)
    daemon = Daemon(scratch, group, bootstrap([
        cluster(CLUSTER, [(None, 0, [(NAME, PORT)])], kind="STRICT_DNS", dns_refresh_rate="0.1s",
                dns_lookup_family="V4_ONLY")]),
        level="debug", removed_endpoint_idle_time="0.5s")
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
    total = collector.total(CLUSTER)
    results.equal("nothing is left in progress", (total["active"], total["connections"]), (0, 0))

    def gone():
        return daemon.log().count(" no longer observing ")

    until(lambda: gone() == daemon.log().count(f"cluster {CLUSTER}: observing"), 20,
          "all to be gone")
    results.true("slots were used again", gone() > len(ADDRESSES), f"{gone()} went")
    results.say(f"{total['issued']} requests; {gone()} endpoints went")
    open_before(results, dns, collector, daemon, upstreams)
    results.equal("loadtap ends cleanly", daemon.finish(), 0)
    collector.stop()


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
