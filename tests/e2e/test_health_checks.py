#!/usr/bin/env python3
"""Active health checks are not requests: Envoy's own by user agent, HAProxy's by the path that the
cluster's health_checks name, bare connects because they carry nothing."""

import time

from lib import namespace, proxy, tap
from lib.client import Client, request
from lib.daemon import Daemon, bootstrap, cluster
from lib.proxied import ask
from lib.reports import Collector
from lib.upstream import Upstream

CLUSTER = "checked"
BY_PATH, BY_AGENT, BARE, BY_HOST = range(20001, 20005)
LISTEN = """
listen http
  bind 127.0.0.1:30001
  option httpchk GET /healthz
  http-reuse always
  server s 127.0.0.1:20001 check inter 50ms
listen bare
  bind 127.0.0.1:30003
  server s 127.0.0.1:20003 check inter 50ms
"""
CHECK = {"timeout": "1s", "interval": "1s", "unhealthy_threshold": 1, "healthy_threshold": 1}


def test(results, scratch, group):
    upstream = Upstream()
    for port in (BY_PATH, BY_AGENT, BARE, BY_HOST):
        upstream.listen(port)
    haproxy = proxy.haproxy(scratch, LISTEN, [30001, 30003])
    collector = Collector(scratch)
    checks = {
        CLUSTER: ([BY_PATH], [{**CHECK, "http_health_check": {"path": "/healthz"}}]),
        "agent": ([BY_AGENT, BARE], []),
        "host": ([BY_HOST], [{**CHECK, "http_health_check": {"path": "/up", "host": "probe"}}]),
    }
    daemon = Daemon(scratch, group, bootstrap([
        cluster(name, [(None, 0, [("127.0.0.1", port) for port in ports])], health_checks=rules)
        for name, (ports, rules) in checks.items()]))
    daemon.wait_ready(collector, CLUSTER)

    agent = ("User-Agent: Envoy/HC",)
    with Client(BY_AGENT) as client:
        for _ in range(10):
            client.send(request("/any", headers=agent)).answer()
            client.send(request("/any?status=503", headers=agent)).answer()
            client.send(request("/any", headers=("User-Agent: Envoy/HCX",))).answer()
    with Client(BY_HOST) as client:
        for host in (b"probe", b"Probe", b"other"):
            client.send(request("/up").replace(b"upstream", host)).answer()
        client.send(request("/up/more").replace(b"upstream", b"probe")).answer()
    ask(30001, *[request("/ok")] * 20, request("/healthz2"), request("/x?y=/healthz"))
    ask(30003, *[request("/ok?status=500")] * 5)
    time.sleep(0.5)  # some more checks of HAProxy

    def row(name, port):
        sums = collector.endpoints(name)[f"127.0.0.1:{port}"]
        return sums.of("issued", "success", "error", "active")

    expected = [
        ("HAProxy's checks by path", CLUSTER, BY_PATH, (22, 22, 0)),
        ("Envoy's user agent", "agent", BY_AGENT, (10, 10, 0)),
        ("bare connects", "agent", BARE, (5, 0, 5)),
        ("path and host", "host", BY_HOST, (3, 3, 0)),
    ]
    wanted = {name: dict(zip(("issued", "success", "error"), counts), active=0)
              for name, _, _, counts in expected}
    collector.settle(CLUSTER, lambda: all(row(place, port) == wanted[name]
                                          for name, place, port, _ in expected))
    for name, place, port, _ in expected:
        results.equal(name, row(place, port), wanted[name])
    results.true("HAProxy did check", upstream.counts[BY_PATH]["issued"] > 22 + 5,
                 str(upstream.counts[BY_PATH]))
    results.equal("loadtap ends cleanly", daemon.finish(), 0)
    haproxy.stop()
    collector.stop()


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
