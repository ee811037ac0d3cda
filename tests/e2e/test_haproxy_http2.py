#!/usr/bin/python3
"""Through an unmodified HAProxy that speaks HTTP/2 to its upstreams (proto h2), errors included.

First what tests/e2e/lib/proxied.py asks over HTTP/1; then HTTP/2 and gRPC from end to end; then a
load of REQUESTS (20000), where HAProxy's log and the access log of the upstream, an nginx, are what
was served.
"""

import collections
import os
import re
import signal

from lib import namespace, proxied, proxied2, proxy, tap
from lib.h2load import h2load
from lib.upstream2 import Upstream2
from lib.watch import Watch, counts

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


def from_HTTP_2(results, scratch, group):
    def start(places):
        return proxy.haproxy(scratch, "".join(
            LISTEN.format(listen=listen, upstream=port, option="http-reuse always", front="proto h2")
            for listen, port in places), [listen for listen, _ in places])

    proxied2.compare(results, scratch, group, "HTTP/2 from end to end", start, 31001, 21001)


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
