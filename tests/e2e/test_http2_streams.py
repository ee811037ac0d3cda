#!/usr/bin/python3
# test: serial timeout=300
"""h2load with 1 to 4,000 streams on a connection, against nghttpd and nginx: REQUESTS (20000) each,
a tenth of nginx's answered with 503; counts equal h2load's and nginx's log."""

import collections
import os
import signal
import time

from lib import namespace, proxy, tap
from lib.h2load import h2load
from lib.process import Process
from lib.watch import Watch, counts

REQUESTS = int(os.environ.get("REQUESTS", "20000"))
# connections, streams on each
SHAPES = [(1, 1), (10, 1), (1, 64), (4, 64), (1, 1000), (2, 1000), (1, 4000), (3, 4000)]
NGINX = """
log_format line "$server_port $status";
access_log {scratch}/nginx.log line buffer=64k;
http2_max_concurrent_streams 5000;
server {{
  {listens}
  location /ok {{ return 200 "ok"; }}
  location /unavailable {{ return 503; }}
}}
"""


def start_nginx(scratch, ports):
    listens = "".join(f"listen 127.0.0.1:{port} http2;" for port in ports)
    return proxy.nginx(scratch, NGINX.format(scratch=scratch, listens=listens), ports)


def start_nghttpd(scratch, port):
    """One for each shape, as each has one port."""
    with open(f"{scratch}/ok", "w") as out:
        out.write("ok")
    return Process(scratch, f"nghttpd-{port}", [
        "nghttpd", "--no-tls", "-a", "127.0.0.1", "-m", "5000", "-d", scratch, str(port)],
        ports=[port])


def load(port, connections, streams, paths):
    """Every shape sends all of its streams at least twice."""
    return h2load("-n", max(REQUESTS, 2 * connections * streams), "-c", connections, "-m", streams,
                  "-t", min(2, connections),
                  *[f"http://127.0.0.1:{port}{path}" for path in paths])


def served(scratch):
    """{port: counts} by nginx's log."""
    rows = collections.defaultdict(counts)
    with open(f"{scratch}/nginx.log") as lines:
        tally = collections.Counter(lines)
    for line, count in tally.items():
        port, status = map(int, line.split())
        rows[port]["issued"] += count
        rows[port]["success" if status < 500 else "error"] += count
    return rows


def test(results, scratch, group):
    nginx_ports = {shape: 20001 + number for number, shape in enumerate(SHAPES)}
    nghttpd_ports = {shape: 21001 + number for number, shape in enumerate(SHAPES)}
    nginx = start_nginx(scratch, nginx_ports.values())
    servers = [start_nghttpd(scratch, port) for port in nghttpd_ports.values()]
    watch = Watch(scratch, group, [("127.0.0.1", port) for port in
                                   (*nginx_ports.values(), *nghttpd_ports.values())])
    started = time.monotonic()
    expected = {}
    for shape in SHAPES:
        name = "{} connections, {} streams: h2load to".format(*shape)
        port = nginx_ports[shape]
        paths = ["/ok"] * 9 + ["/unavailable"]
        expected[f"{name} nginx"] = ("127.0.0.1", port), load(port, *shape, paths)
        port = nghttpd_ports[shape]
        expected[f"{name} nghttpd"] = ("127.0.0.1", port), load(port, *shape, ["/ok"])
    results.say(f"{time.monotonic() - started:.1f} s of load")
    nginx.stop(signal.SIGQUIT, 30)
    results.equal("nginx's log is what h2load says", served(scratch), {
        port: row for (_, port), row in expected.values() if port in nginx_ports.values()})
    watch.compare(results, expected)
    watch.end(results)
    for server in servers:
        server.stop()


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
