#!/usr/bin/env python3
# test: serial timeout=240
"""Clients that mean no good, one kind after the other, while others report: nothing of theirs is late,
lost or refused, and memory stays bounded. SECONDS (2) is how long each kind goes on."""

import datetime
import json
import os
import socket
import sys
import threading
import time

from lib import hostile, namespace, prometheus, tap
from lib.process import PATIENCE, Process, until
from lib.reporters import Reporter, cluster, locality
from lib.reports import Collector

PORT, METRICS = 18000, 19000
SECONDS = float(os.environ.get("SECONDS", "2"))
# Seconds: half of the reports, 99 of 100, all. What is measured is also the clients' own share of two CPUs.
LATE = [limit * PATIENCE for limit in (0.05, 1, 3)]
MEMORY = 512 << 20  # 256 MiB of half messages, and what is made of the largest
LARGE = 1000  # messages of about a MiB, which come in many pieces


class Good:
    """Streams whose reports are numbered: the number is in total_issued_requests."""

    def __init__(self, scratch):
        self.clients = {stack: Reporter(scratch, stack, f"good-{stack}", PORT)
                        for stack in ("grpc-go", "grpcio")}
        self.sent = {}
        for stack, client in self.clients.items():
            client.send(node=(stack, "good"))
            client.asked()

    def report(self, large):
        for stack, client in self.clients.items():
            number = len(self.sent) + 1
            self.sent[number] = time.time()
            more = [locality(zone="z" * 1000, priority=i) for i in range(LARGE if large else 0)]
            client.send([cluster("good", locality(issued=number), *more)])

    def work(self, seconds):
        """The numbers that were sent."""
        first = len(self.sent) + 1
        end = time.monotonic() + seconds
        for turn in range(10 ** 9):
            if time.monotonic() > end:
                return range(first, len(self.sent) + 1)
            self.report(large=turn % 20 == 10)
            time.sleep(0.02)


class Trickle(threading.Thread):
    """A client whose first request comes a byte every second. `lasted` is how long it was let."""

    def __init__(self):
        super().__init__(daemon=True)
        self.lasted = None
        self.start()

    def run(self):
        start = time.monotonic()
        with socket.create_connection(("127.0.0.1", PORT), timeout=1) as sock:
            for byte in hostile.PREFACE + hostile.frame(hostile.SETTINGS, 0, 0):
                try:
                    sock.sendall(bytes([byte]))
                    if not sock.recv(100):
                        break
                except TimeoutError:
                    continue
                except ConnectionError:
                    break
        self.lasted = time.monotonic() - start


def received(collector):
    """{number: when it came}"""
    found = {}
    for life in collector.lives:
        with open(life.path) as lines:
            for line in lines:
                if '"cluster_name":"good"' not in line or not line.endswith("\n"):
                    continue
                entry = json.loads(line)
                stats = entry["request"]["cluster_stats"][0]["upstream_locality_stats"][0]
                when = datetime.datetime.fromisoformat(entry["received"].replace("Z", "+00:00"))
                found[int(stats["total_issued_requests"])] = when.timestamp()
    return found


def peak(process):
    """Bytes of memory, at the most so far."""
    with open(f"/proc/{process.child.pid}/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM"))


def attack(results, scratch, collector, good, name):
    process = Process(scratch, f"hostile-{name}", [sys.executable, hostile.__file__, name, "127.0.0.1",
                                                   str(PORT), str(SECONDS)])
    numbers = good.work(SECONDS)
    try:
        until(lambda: received(collector).keys() >= set(numbers), 10, "reports")
    except TimeoutError:
        pass
    came = received(collector)
    delays = sorted(came[number] - good.sent[number] for number in numbers if number in came)
    found = [delays[len(delays) // 2], delays[len(delays) * 99 // 100], delays[-1]]
    results.say(f"{name}: {len(delays)} of {len(numbers)} reports; delay: half {found[0]:.4f} s, "
                f"99 % {found[1]:.4f} s, most {found[2]:.4f} s")
    results.equal(f"{name}: no report of others is lost", len(delays), len(numbers))
    results.true(f"{name}: none is late", all(one < limit for one, limit in zip(found, LATE)))
    page = prometheus.scrape(METRICS)
    results.true(f"{name}: others' streams stay", page.value("collector_streams") >= 2 and
                 not any(client.said("end") for client in good.clients.values()))
    process.stop()


def test(results, scratch, _):
    collector = Collector(scratch, port=PORT, interval="1s", options=(
        "-l", "warning", "--metrics", f"127.0.0.1:{METRICS}"))
    good, trickle = Good(scratch), Trickle()
    for name in hostile.NAMES:
        attack(results, scratch, collector, good, name)
    trickle.join(20)
    results.true("a first request has 10 s, however it trickles in",
                 trickle.lasted and 9 < trickle.lasted < 11 + PATIENCE, trickle.lasted)
    results.true("memory stays bounded", peak(collector.process) < MEMORY,
                 f"{peak(collector.process) >> 20} MiB")
    results.say(f"{peak(collector.process) >> 20} MiB at the most")
    results.equal("the good ones end well", {client.finish() for client in good.clients.values()}, {0})
    until(lambda: prometheus.scrape(METRICS).value("collector_streams") == 0, 10,
          "the end of all streams")
    results.equal("the collector ends", collector.stop(), 0)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
