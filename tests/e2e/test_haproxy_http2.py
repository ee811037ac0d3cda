#!/usr/bin/python3
"""Through an unmodified HAProxy that speaks HTTP/2 to its upstreams (proto h2), errors included.

First what tests/e2e/lib/proxied.py asks over HTTP/1; then HTTP/2 and gRPC from end to end; then a
load of REQUESTS (20000), where HAProxy's log and the access log of the upstream, an nginx, are what
was served.
"""

import collections
import concurrent.futures
import os
import re
import signal
import time

from lib import namespace, proxied, proxy, tap
from lib.client2 import Client2
from lib.h2load import h2load
from lib.upstream2 import Upstream2
from lib.watch import Watch, counted, counts

REQUESTS = int(os.environ.get("REQUESTS", "20000"))
OPTIONS = {
    "HAProxy to HTTP/2": "http-reuse always",
    "HAProxy to HTTP/2, http-reuse never": "http-reuse never",
}
LISTEN = """
listen l{upstream}
  bind 127.0.0.1:{listen} {front}
  {option}
  server s 127.0.0.1:{upstream} proto h2
"""


def from_HTTP_1(results, scratch, group):
    def start(rows):
        body = "".join(LISTEN.format(listen=listen, upstream=port, option=OPTIONS[variant], front="")
                       for _, variant, _, _, listen, port in rows)
        return proxy.haproxy(scratch, body, [row[4] for row in rows])

    proxied.compare(results, scratch, group, proxied.places(OPTIONS), start, Upstream2())


def unary(client):
    for _ in range(5):
        client.wait(*[client.call(f"/grpc?grpc={code}") for code in range(17)])


def trailers_only(client):
    client.wait(*[client.call(f"/grpc?only&grpc={code}") for code in (*range(17), "none")])


def streams_of_messages(client):
    client.wait(*[client.call("/grpc?messages=50&n=2000") for _ in range(20)])


def http_statuses_of_gRPC(client):
    client.wait(*[client.call(f"/ok?status={status}") for status in (200, 404, 503)])


def resets(client):
    client.wait(client.ask("/reset"), client.call("/reset"), client.call("/reset-after"),
                client.ask("/reset-after"))


def cancels(client):
    asked = [client.ask("/hang"), client.call("/hang"), client.ask("/hang-after"),
             client.call("/hang-after")]
    client.heads(*asked[2:]).cancel(*asked)


def many_at_once(client):
    for _ in range(4):  # HAProxy allows 100 on one connection
        client.wait(*[client.ask(f"/ok?status={503 if number % 5 == 0 else 200}&n=2000")
                      for number in range(90)])


def large_bodies(client):
    for _ in range(5):
        client.wait(client.ask("/ok?n=1000000", "POST", bytes(1000000)))


def refused_streams(client):
    client.wait(client.ask("/goaway"), client.ask("/ok"), client.ask("/ok"))


def a_lost_connection(client):
    asked = [client.ask("/hang"), client.call("/hang-after")]
    client.heads(asked[1]).wait(*asked, client.ask("/kill"))


FROM_HTTP_2 = (unary, trailers_only, streams_of_messages, http_statuses_of_gRPC, resets, cancels,
               many_at_once, large_bodies, refused_streams, a_lost_connection)


def run_case(case, port):
    with Client2(port) as client:
        case(client)
        time.sleep(0.1)  # for what the proxy passes on


def from_HTTP_2(results, scratch, group):
    upstream = Upstream2()
    places = [(case, 31001 + number, 21001 + number) for number, case in enumerate(FROM_HTTP_2)]
    for _, _, port in places:
        upstream.listen(port)
    haproxy = proxy.haproxy(scratch, "".join(
        LISTEN.format(listen=listen, upstream=port, option="http-reuse always", front="proto h2")
        for _, listen, port in places), [listen for _, listen, _ in places])
    watch = Watch(scratch, group, [("127.0.0.1", port) for _, _, port in places])
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        futures = {case.__name__: pool.submit(run_case, case, listen) for case, listen, _ in places}
    results.equal("HTTP/2 from end to end: every client had its answers",
                  {name: repr(future.exception()) for name, future in futures.items()
                   if future.exception()}, {})
    watch.compare(results, {
        f"HTTP/2 from end to end: {case.__name__.replace('_', ' ')}":
            (("127.0.0.1", port), counted(upstream.counts[port])) for case, _, port in places})
    watch.end(results)
    haproxy.stop()


ORIGIN = """
log_format line "$status";
access_log {scratch}/origin.log line buffer=64k;
server {{
  listen 127.0.0.1:22001 http2;
  location /ok {{ return 200 "ok"; }}
  location /unavailable {{ return 503; }}
  location /missing {{ return 404; }}
  location /cut {{ return 444; }}
}}
"""

# With more threads HAProxy leaves out a line when two meet at the log.
LOAD = """
global
  nbthread 1
log stdout format raw local0
frontend load
  log global
  log-format "%ST %ts"
  bind 127.0.0.1:32001 proto h2
  default_backend origin
backend origin
  http-reuse always
  server s 127.0.0.1:22001 proto h2
"""


def a_load(results, scratch, group):
    origin = proxy.nginx(scratch, ORIGIN.format(scratch=scratch), [22001], name="origin")
    haproxy = proxy.haproxy(scratch, LOAD, [32001])
    watch = Watch(scratch, group, [("127.0.0.1", 22001)])
    paths = [*["/ok"] * 7, "/unavailable", "/ok?again", "/missing"]
    with open(f"{scratch}/paths", "w") as out:
        out.writelines(f"http://127.0.0.1:32001{path}\n" for path in paths)
    asked = h2load("-n", REQUESTS, "-c", 20, "-m", 20, "-i", f"{scratch}/paths")
    haproxy.stop(signal.SIGUSR1)
    origin.stop(signal.SIGQUIT, 30)
    with open(haproxy.out_path) as out:
        logged = by_status(re.match(r"(\d{3}) ", line)[1] for line in out if line[:3].isdigit())
    with open(f"{scratch}/origin.log") as lines:
        served = by_status(lines)
    results.equal("HAProxy's log and the upstream's are what h2load says", (logged, served),
                  (asked, asked))
    watch.compare(results, {"a load through HAProxy": (("127.0.0.1", 22001), logged)})
    watch.end(results)


def by_status(statuses):
    tally = collections.Counter(int(status) < 500 for status in statuses)
    return counts(sum(tally.values()), tally[True], tally[False])


def test(results, scratch, group):
    for part in (from_HTTP_1, from_HTTP_2, a_load):
        folder = os.path.join(scratch, part.__name__)
        os.mkdir(folder)
        part(results, folder, group)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
