#!/usr/bin/env python3
# test: serial timeout=240
"""Clients of the admin interface that mean no good: a thousand that dribble, some that take nothing. Reports are
in time meanwhile."""

import datetime
import http.client
import os
import random
import socket
import threading
import time

from lib import admin, namespace, prometheus, tap
from lib.daemon import Daemon, bootstrap, cluster
from lib.process import PATIENCE, until
from lib.reports import Collector

CLIENTS, SECONDS = 1000, 8
INTERVAL = 0.25


def configuration():
    config = bootstrap([cluster("backend", [(None, 0, [("127.0.0.1", 20001)])])])
    config["admin"] = admin.interface()
    return config


class Dribblers(threading.Thread):
    """So many connections at any time, each with a byte of a request every half second; who is closed comes
    again."""

    def __init__(self):
        super().__init__(daemon=True)
        self.go_on, self.dialled = True, 0
        self.start()

    def _dial(self):
        self.dialled += 1
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", admin.PORT))
        return sock

    def run(self):
        socks = [self._dial() for _ in range(CLIENTS)]
        while self.go_on:
            end = time.monotonic() + 0.5
            for i, sock in enumerate(socks):
                try:
                    sock.send(b"G")
                    if not sock.recv(10):
                        raise ConnectionError
                except BlockingIOError:
                    pass
                except OSError:
                    sock.close()
                    socks[i] = self._dial()
            time.sleep(max(0, end - time.monotonic()))
        for sock in socks:
            sock.close()


def arrivals(collector):
    return [datetime.datetime.fromisoformat(entry["received"].replace("Z", "+00:00")).timestamp()
            for entry in collector.messages()]


def longest_gap(collector, start, end):
    times = [time for time in arrivals(collector) if start <= time <= end]
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    return max(gaps), len(times)


def test_dribblers(results, collector):
    start = time.time()
    time.sleep(3)
    quiet, _ = longest_gap(collector, start, time.time())
    dribblers = Dribblers()
    start, answered = time.time(), 0
    while time.time() < start + SECONDS:
        answered += admin.get("/ready", source="127.0.0.2")[0] == 200
        answered += admin.get_unix("/ready")[0] == 200
        time.sleep(0.1)
    gap, count = longest_gap(collector, start, time.time())
    dribblers.go_on = False
    dribblers.join()
    results.say(f"longest time between two reports: {quiet:.3f} s before, {gap:.3f} s beside {CLIENTS} clients "
                f"that dribble ({dribblers.dialled} connections); {count} reports, {answered} answers")
    results.true("no report is late", gap < INTERVAL + 0.5 * PATIENCE, gap)
    results.true("none is missing", count > SECONDS / INTERVAL * 0.8, count)
    results.true("others are answered, by their address and by the Unix socket", answered > 20, answered)


def test_stalled(results):
    """A stream whose client takes nothing is given up, and the others go on."""
    stalled, good = [http.client.HTTPConnection("127.0.0.1", admin.PORT, timeout=20) for _ in range(2)]
    stalled.connect()
    stalled.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    stalled.request("GET", "/live/events")
    good.request("GET", "/live/events")
    answer = good.getresponse()
    lines = [answer.readline() for _ in range(9)]
    results.true("events come each second", sum(line.startswith(b"data: ") for line in lines) >= 4)
    answer.close()
    stalled.close()


def test_dear(results, scratch, group):
    """Pages that encode a whole report have a share of the time, and no more."""
    folder = os.path.join(scratch, "dear")
    os.mkdir(folder)
    config = configuration()
    config["admin"] = admin.interface(admin.PORT + 1)
    many = [(f"127.1.{number >> 8}.{number & 255}", 20001) for number in range(5000)]
    config["static_resources"]["clusters"].append(cluster("many", [(None, 0, many)]))
    daemon = Daemon(folder, group, config, admin_socket=os.path.join(folder, "socket"))
    until(lambda: "load reporting: stream=1" in daemon.log(), 30, "a response")
    start, statuses = time.monotonic(), []
    while statuses[-1:] != [503] and time.monotonic() < start + 20 * PATIENCE:
        statuses.append(admin.get("/explain?cluster=many", port=admin.PORT + 1)[0])
    results.equal("/explain over and over: some, then not now", (statuses[0], statuses[-1]), (200, 503))
    results.equal("other pages are not concerned", admin.get("/clusters", port=admin.PORT + 1)[0], 200)
    until(lambda: admin.get("/explain?cluster=many", port=admin.PORT + 1)[0] == 200, 30, "its turn again")
    results.true("it comes again", True)
    daemon.finish()


REQUESTS = [
    b"GET /clusters?format=json HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /explain?address=[::1]:80&cluster=%41%zz%00 HTTP/1.0\r\n\r\n",
    b"POST /logging?level=info HTTP/1.1\r\nHost: [::1]:9901\r\nOrigin: http://x\r\nContent-Length: 5\r\n\r\n12345",
    b"POST /reload HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n5\r\n12345\r\n0\r\n\r\n",
    b"GET /live/events HTTP/1.1\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    b"HEAD http://evil.example/metrics HTTP/1.1\r\nHost: \r\n folded\r\n\r\n",
]


def spoil(chance, data):
    data = bytearray(data)
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(3)
        if kind == 0 and at < len(data):
            data[at] = chance.randrange(256)
        elif kind == 1:
            del data[at:at + chance.randrange(1, 30)]
        else:
            data[at:at] = chance.choice(REQUESTS)[chance.randrange(20):][:chance.randrange(1, 40)]
    return bytes(data)


def test_spoilt(results, daemon):
    """Requests that are broken in any way, cut anywhere, and left anywhere."""
    chance = random.Random(1)
    for _ in range(int(os.environ.get("SPOILT", "500"))):
        sock = socket.create_connection(("127.0.0.1", admin.PORT), timeout=5)
        sock.settimeout(0.02)
        try:
            sock.sendall(spoil(chance, chance.choice(REQUESTS)))
            if chance.randrange(2):
                sock.recv(chance.randrange(1, 5000))
        except OSError:
            pass
        sock.close()
    results.equal("what is broken does no harm", (admin.get_unix("/ready")[0], daemon.child.poll()), (200, None))


def test(results, scratch, group):
    collector = Collector(scratch, interval=f"{INTERVAL}s")
    daemon = Daemon(scratch, group, configuration())
    daemon.wait_ready(collector, "backend")
    test_dribblers(results, collector)
    page = prometheus.scrape(admin.PORT)
    results.true("what reports cost is measured", 0 < page.value("report_last_duration_seconds") <
                 page.value("report_duration_seconds_total") < 1)
    results.true("so is what was closed", page.value("admin_connections_closed_total") > 100)
    test_stalled(results)
    test_spoilt(results, daemon)
    test_dear(results, scratch, group)
    daemon.finish()
    collector.stop()


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
