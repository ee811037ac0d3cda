#!/usr/bin/env python3
"""The admin interface when little is asked of it: a request that trickles in has its time, and a daemon that
nobody asks does not wake."""

import http.client
import select
import socket
import time

from lib import admin, namespace, tap
from lib.client import closed_after
from lib.daemon import Daemon, bootstrap, cluster
from lib.process import PATIENCE, until
from lib.reports import Collector


def configuration():
    config = bootstrap([cluster("backend", [(None, 0, [("127.0.0.1", 20001)])])])
    config["admin"] = admin.interface()
    return config


def test_deadline(results):
    start = time.monotonic()
    slow = socket.create_connection(("127.0.0.1", admin.PORT))
    for _ in range(22):
        try:
            slow.sendall(b"G")
        except ConnectionError:
            break
        if select.select([slow], [], [], 0.5)[0]:
            break
    took = closed_after(slow, start)
    results.true("a request has ten seconds, however it trickles", 9 < took < 12 + PATIENCE, took)


def wakes(daemon, seconds):
    def count():
        with open(f"/proc/{daemon.child.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt"))
    before = count()
    time.sleep(seconds)
    return count() - before


def test_idle(results, daemon):
    time.sleep(3)
    before = wakes(daemon, 6)
    events = http.client.HTTPConnection("127.0.0.1", admin.PORT, timeout=10)
    events.request("GET", "/live/events")
    answer = events.getresponse()  # which has the socket
    during = wakes(daemon, 6)
    answer.close()
    time.sleep(1)
    after = wakes(daemon, 6)
    results.say(f"wakes in 6 s: {before} before, {during} with a live page open, {after} after")
    results.true("it wakes for the page", during >= 5, during)
    results.true("it does not wake for nobody", max(before, after) <= 3, (before, after))


def test(results, scratch, group):
    collector = Collector(scratch, interval="3600s")
    daemon = Daemon(scratch, group, configuration())
    until(lambda: "load reporting: stream=1" in daemon.log(), 15, "a response")
    test_deadline(results)
    test_idle(results, daemon)
    daemon.finish()
    collector.stop()


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
