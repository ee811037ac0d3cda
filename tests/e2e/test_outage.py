#!/usr/bin/env python3
"""The management server goes away during steady load, killed and ended: no count is missing, and
what is received twice is what the daemon logged as sent again."""

import threading
import time

from lib import namespace, outage, tap
from lib.client import Client, request
from lib.daemon import Daemon, bootstrap, cluster
from lib.reports import COUNTS, Collector
from lib.upstream import Upstream

CLUSTER = "steady"
PORT = 20001
DOWN_SECONDS = (0.2, 6)  # shorter and longer than the time between two attempts to reconnect


def steady_load(stopping):
    """About 300 requests in a second, one in five a 503; one connection for each 50."""
    while not stopping.is_set():
        with Client(PORT) as client:
            for number in range(50):
                client.send(request(f"/ok?status={503 if number % 5 == 0 else 200}")).answer()
                time.sleep(0.003)


def test(results, scratch, group):
    upstream = Upstream()
    upstream.listen(PORT)
    collector = Collector(scratch)
    daemon = Daemon(scratch, group, bootstrap([
        cluster(CLUSTER, [(None, 0, [("127.0.0.1", PORT)])])]), "debug")
    daemon.wait_ready(collector, CLUSTER)
    stopping = threading.Event()
    clients = [threading.Thread(target=steady_load, args=(stopping,)) for _ in range(2)]
    for client in clients:
        client.start()
    for end, down in ((collector.kill, DOWN_SECONDS[0]), (collector.stop, DOWN_SECONDS[1]),
                      (collector.kill, DOWN_SECONDS[0])):
        time.sleep(1.1)
        end()
        time.sleep(down)
        collector.start()
        collector.wait_ready(CLUSTER, reports=3)
    stopping.set()
    for client in clients:
        client.join()

    truth = {name: upstream.counts[PORT][name] for name in COUNTS}

    def received():
        sums = outage.once(daemon.log(), collector, CLUSTER)[f"127.0.0.1:{PORT}"]
        return sums.of(*COUNTS)

    collector.settle(CLUSTER, lambda: received() == truth)
    results.equal("every count arrived", received(), truth)
    results.true("there was load", truth["success"] > 500 and truth["error"] > 100, str(truth))
    streams = outage.streams(collector)
    results.equal("streams", len(streams), 4)
    results.true("the first message of the first stream has the node only",
                 not streams[0][0]["request"].get("cluster_stats"))
    results.true("the first message of each later stream has the load",
                 all(stream[0]["request"].get("cluster_stats") for stream in streams[1:]))
    again = outage.sent_again(daemon.log(), CLUSTER)
    for stream, first, last, counts in again:
        held = outage.sent_first(daemon.log(), stream, first, last)
        results.equal(f"stream {stream}: sent again is what reports {first} to {last} held",
                      counts.of(*COUNTS), held.of(*COUNTS))
    results.equal("loadtap ends cleanly", daemon.finish(), 0)
    collector.stop()


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
