#!/usr/bin/env python3
# test: timeout=240
"""The configuration is loaded anew under constant load, in every way and with changes of every kind:
every request is counted once, also those on connections that were open before.

The load does as a proxy that is not told: it goes on with each address, whatever the configuration says."""

import collections
import random
import re
import signal
import threading
import time

from lib import namespace, tap
from lib.by_address import Upstreams
from lib.changing import Configuration, loaded, reload
from lib.client import Client, request
from lib.daemon import Daemon, cluster
from lib.delivery import count_once
from lib.process import PATIENCE, until
from lib.reports import COUNTS, Collector, Sums, address_of

PORT = 20001
ADDRESSES = [f"127.0.3.{number}" for number in range(1, 9)]
NAMES = ["anise", "basil", "clove", "dill"]
LOCALITIES = [None, {"region": "east"}, {"region": "west", "zone": "w1"}]
RELOADS = 50
IDLE = 20 * PATIENCE  # seconds; far longer than the load leaves an address alone
THREADS = 3


class Load:
    """Each thread has a connection to every address that it keeps for ever, and some that it does not."""

    def __init__(self):
        self.ending = False
        self.failed = []
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(THREADS)]
        for thread in self.threads:
            thread.start()

    def _run(self):
        kept = {address: Client(PORT, address) for address in ADDRESSES}
        try:
            while not self.ending:
                self._visit(kept, random.choice(ADDRESSES))
        except OSError as error:
            self.failed.append(error)
        for client in kept.values():
            client.sock.close()

    @staticmethod
    def _visit(kept, address):
        for _ in range(random.randint(1, 4)):
            kept[address].send(request(f"/?status={random.choice((200, 404, 503))}")).answer()
        with Client(PORT, address) as client:
            for _ in range(random.randint(1, 4)):
                client.send(request(f"/?status={random.choice((200, 404, 503))}")).answer()
                time.sleep(0.001)

    def end(self):
        self.ending = True
        for thread in self.threads:
            thread.join()


def any_clusters(dice):
    """Each address stands somewhere or nowhere; clusters and localities in any order."""
    placed = {name: {} for name in dice.sample(NAMES, dice.randint(0, len(NAMES)))}
    for address in ADDRESSES:
        name = dice.choice(NAMES)
        if name in placed:
            where = dice.randrange(len(LOCALITIES)), dice.randrange(2)
            placed[name].setdefault(where, []).append((address, PORT))
    return [cluster(name, [(LOCALITIES[place], priority, members)
                           for (place, priority), members in groups.items()],
                    connect_timeout=f"{dice.randint(1, 1000)}s")
            for name, groups in placed.items()]


def by_signal(daemon, configuration):
    """Asked for before the change of the file would be noticed."""
    def hang_up(text):
        configuration.save(text)
        daemon.child.send_signal(signal.SIGHUP)
    return hang_up


def rows(collector):
    """{address: counts} over all clusters, once what a stream's end had sent again."""
    sums = collections.defaultdict(Sums)
    for _, stats in count_once.counted(list(collector.messages())):
        for locality in stats.get("upstream_locality_stats", ()):
            for entry in locality.get("upstream_endpoint_stats", ()):
                sums[address_of(entry)].add(entry, COUNTS)
    return {address: row.of(*COUNTS) for address, row in sums.items() if any(row.values())}


def settle(collector, good):
    """Until it is good, and then for two reports more."""
    end = time.monotonic() + 20 * PATIENCE
    while not good() and time.monotonic() < end:
        time.sleep(0.05)
    had = sum(1 for _ in collector.messages())
    until(lambda: sum(1 for _ in collector.messages()) >= had + 2, 10, "two reports")


def fifty_reloads(results, daemon, collector, configuration, upstreams):
    dice = random.Random(7)
    ways = [configuration.swap, configuration.save, configuration.write,
            by_signal(daemon, configuration)]
    load = Load()
    for number in range(RELOADS):
        own = dice.choice(({"report_error_bound": True}, {"omit_connection_fields": True}))
        text = configuration.text(any_clusters(dice), node=f"v{number // 5}", **own,
                                  removed_endpoint_idle_time=f"{IDLE + number}s")
        reload(daemon, ways[number % len(ways)], text)
        time.sleep(dice.choice((0, 0.05, 0.3)))
    load.end()
    results.equal("the load ran to its end", load.failed, [])
    settle(collector, lambda: rows(collector) == upstreams.rows())
    results.equal("each endpoint's sums are what it served", rows(collector), upstreams.rows())
    results.say(f"{sum(row['issued'] for row in upstreams.rows().values())} requests, "
                f"{RELOADS} configurations, "
                f"{daemon.log().count('stream up')} streams")
    results.equal("each was loaded once", loaded(daemon), RELOADS)
    left = Sums()
    for name in NAMES:
        left.update(collector.total(name).of("active", "connections"))
    results.equal("nothing is left in progress", dict(left), {"active": 0, "connections": 0})


def test(results, scratch, group):
    upstreams = Upstreams(PORT, ADDRESSES)
    configuration = Configuration(scratch, group)
    configuration.swap(configuration.text([cluster(NAMES[0], [
        (None, 0, [(address, PORT) for address in ADDRESSES])])],
        removed_endpoint_idle_time=f"{IDLE}s"))
    collector = Collector(scratch, options=[
        "--endpoints", *(word for name in NAMES for word in ("--cluster", name))])
    daemon = Daemon(scratch, None, configuration.path(), level="debug")
    daemon.wait_ready(collector, NAMES[0])
    fifty_reloads(results, daemon, collector, configuration, upstreams)
    results.equal("loadtap ends cleanly", daemon.finish(), 0)
    results.equal("no warnings", re.findall(r".* warning .*", daemon.log()), [])
    collector.stop()


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
