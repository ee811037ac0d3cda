#!/usr/bin/env python3
# test: serial timeout=300
"""Many requests in every shape, the management server killed meanwhile: every count exact.

RUNS=20 repeats it. Each run sends REQUESTS (200000) keep-alive requests, half of them through
nginx and half through HAProxy, and beside them 16-deep pipelines, HTTP/1.0 connections, chunked and
large bodies. The upstream is an nginx: its access log is what was served.
"""

import collections
import itertools
import os
import shutil
import signal
import threading
import time

from lib import load, namespace, outage, proxy, tap
from lib.client import Client, request
from lib.daemon import Daemon, bootstrap, cluster
from lib.reports import COUNTS, Collector, Sums

RUNS = int(os.environ.get("RUNS", "1"))
REQUESTS = int(os.environ.get("REQUESTS", "200000"))
CLUSTER = "exact"
MARK = load.MARK.decode()

# What is sent over each way: (upstream port, port dialled).
WAYS = {
    "nginx keep-alive": (20001, 30001),
    "HAProxy keep-alive": (20002, 30002),
    "nginx HTTP/1.0": (20003, 30003),
    "HAProxy httpclose": (20004, 30004),
    "direct pipelines": (20005, 20005),
    "nginx bodies": (20006, 30006),
    "HAProxy bodies": (20007, 30007),
    "direct HTTP/1.0": (20008, 20008),
}

# /read answers when it has the whole body; nginx alone would answer at once.
ORIGIN = """
log_format line "$server_port $status";
access_log {scratch}/origin.log line buffer=64k;
server {{
  {listens}
  root {scratch}/files;
  location /ok {{ return 200 "ok {mark}"; }}
  location /unavailable {{ return 503 "busy {mark}"; }}
  location /missing {{ return 404 "none {mark}"; }}
  location /chunked {{ ssi on; ssi_types *; }}
  location /read {{ proxy_pass http://unix:{scratch}/origin.sock; }}
}}
server {{
  listen unix:{scratch}/origin.sock;
  access_log off;
  location / {{ return 200 "read {mark}"; }}
}}
"""

NGINX = """
access_log off;
upstream keep {{ server 127.0.0.1:20001 max_fails=0; keepalive 64; }}
upstream body {{ server 127.0.0.1:20006 max_fails=0; keepalive 16; }}
server {{ listen 127.0.0.1:30001; location / {{
  proxy_pass http://keep; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
server {{ listen 127.0.0.1:30006; location / {{
  proxy_pass http://body; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
server {{ listen 127.0.0.1:30003; location / {{ proxy_pass http://127.0.0.1:20003; }} }}
"""

HAPROXY = """
listen keep
  bind 127.0.0.1:30002
  http-reuse always
  server s 127.0.0.1:20002
listen body
  bind 127.0.0.1:30007
  http-reuse always
  server s 127.0.0.1:20007
listen close
  bind 127.0.0.1:30004
  option http-server-close
  server s 127.0.0.1:20004
"""


def write_files(scratch):
    os.makedirs(f"{scratch}/files", exist_ok=True)
    for name, size in (("large", 4 << 20), ("chunked", 50000), ("chunked-large", 1 << 20)):
        with open(f"{scratch}/files/{name}", "w") as out:
            out.write("HTTP/1.1 500 x\r\n\r\n" * (size // 18) + MARK)


def cycle(*messages):
    return itertools.cycle(messages).__next__


def small():
    """Nine in ten are served; the tenth is a 503, and now and then there is a 404."""
    served = [request("/ok")] * 8
    return cycle(*served, request("/unavailable"), request("/read", "POST", b"p" * 500),
                 *served, request("/unavailable"), request("/missing"))


def bodies():
    return cycle(request("/chunked"), request("/large"), request("/read", "POST", b"b" * 300000),
                 request("/chunked-large"), request("/chunked"), request("/unavailable"))


def http_1_0(port, count):
    message = request("/ok", version="HTTP/1.0")
    for _ in range(count):
        with Client(port) as client:
            client.send(message).drain()


def send_all():
    """Starts every way at once. Returns the threads and the list of what went wrong."""
    ports = {name: way[1] for name, way in WAYS.items()}
    half, tenth = REQUESTS // 2, REQUESTS // 20
    jobs = [
        (load.run, ports["nginx keep-alive"], half, small(), 16, 16),
        (load.run, ports["HAProxy keep-alive"], half, small(), 16, 16),
        (load.run, ports["nginx HTTP/1.0"], tenth, small(), 8, 4),
        (load.run, ports["HAProxy httpclose"], tenth, small(), 8, 4),
        (load.run, ports["direct pipelines"], 2 * tenth, small(), 4, 16),
        (load.run, ports["nginx bodies"], tenth // 20, bodies(), 4, 1),
        (load.run, ports["HAProxy bodies"], tenth // 20, bodies(), 4, 1),
        (http_1_0, ports["direct HTTP/1.0"], tenth),
    ]
    errors = []
    threads = [threading.Thread(target=_guard, args=(errors, *job)) for job in jobs]
    for thread in threads:
        thread.start()
    return threads, errors


def _guard(errors, function, *arguments):
    try:
        function(*arguments)
    except Exception as error:  # reported by the caller
        errors.append(f"port {arguments[0]}: {error!r}")


def interrupt(collector, threads):
    """Kills the management server while the load runs, each time once its stream has reports."""
    kills = 0
    while any(thread.is_alive() for thread in threads):
        try:
            collector.wait_ready(CLUSTER, reports=4, seconds=20)
        except TimeoutError:
            return kills
        collector.kill()
        kills += 1
        time.sleep(0.5)
        collector.start()
    return kills


def served(scratch):
    """{endpoint: Sums} by the upstream's access log."""
    sums = collections.defaultdict(Sums)
    with open(f"{scratch}/origin.log") as lines:
        tally = collections.Counter(lines)
    for line, count in tally.items():
        port, status = line.split()
        row = sums[f"127.0.0.1:{port}"]
        row["issued"] += count
        row["success" if int(status) < 500 else "error"] += count
    return sums


def flat(sums):
    """One dictionary, so that a difference is shown by way and count."""
    return {f"{way}, {name}": sums[f"127.0.0.1:{ports[0]}"][name]
            for way, ports in WAYS.items() for name in (*COUNTS, "active")}


def one_run(results, scratch, group, label):
    write_files(scratch)
    listens = "".join(f"listen 127.0.0.1:{port} backlog=4096;" for port, _ in WAYS.values())
    origin = proxy.nginx(scratch, ORIGIN.format(scratch=scratch, mark=MARK, listens=listens),
                         [port for port, _ in WAYS.values()], name="origin")
    proxies = [proxy.nginx(scratch, NGINX.format(), [30001, 30003, 30006]),
               proxy.haproxy(scratch, HAPROXY, [30002, 30004, 30007])]
    collector = Collector(scratch, interval="0.5s")
    members = [("127.0.0.1", port) for port, _ in WAYS.values()]
    daemon = Daemon(scratch, group, bootstrap([cluster(CLUSTER, [(None, 0, members)])]), "debug")
    daemon.wait_ready(collector, CLUSTER)

    started = time.monotonic()
    threads, errors = send_all()
    kills = interrupt(collector, threads)
    for thread in threads:
        thread.join()
    took = time.monotonic() - started
    results.equal(f"{label}: every request was answered", errors, [])
    for process in proxies:
        process.stop()
    origin.stop(signal.SIGQUIT, 30)

    truth = served(scratch)

    def received():
        return outage.once(daemon.log(), collector, CLUSTER)

    def exact():
        return flat(received()) == flat(truth)

    collector.settle(CLUSTER, exact, seconds=20)
    results.equal(f"{label}: counts equal the upstream's log", flat(received()), flat(truth))
    compare_repeats(results, label, daemon.log())
    results.true(f"{label}: the management server was killed", kills > 0)
    total = sum(truth.values(), Sums())
    results.say(f"{label}: {total['issued']} requests in {took:.1f} s, {kills} kills, "
                f"{len(outage.streams(collector))} streams")
    results.equal(f"{label}: loadtap ends cleanly", daemon.finish(), 0)
    collector.stop()


def compare_repeats(results, label, log):
    """What the daemon logged as sent again is what those reports held when they were first sent."""
    again = outage.sent_again(log, CLUSTER)
    logged = {row[:3]: row[3].of(*COUNTS) for row in again}
    first = {row[:3]: outage.sent_first(log, *row[:3]).of(*COUNTS) for row in again}
    results.equal(f"{label}: what was sent again is what was logged", logged, first)


def test(results, scratch, group):
    for number in range(1, RUNS + 1):
        folder = os.path.join(scratch, f"run-{number}")
        os.mkdir(folder)
        one_run(results, folder, group, f"run {number}")
        shutil.rmtree(folder)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
