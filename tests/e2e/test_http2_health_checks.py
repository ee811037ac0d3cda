#!/usr/bin/python3
"""Active health checks over HTTP/2 are not requests: Envoy's by user agent, HAProxy's by the path that
the cluster's health_checks name, gRPC's by the path of its health service, with a host or any."""

import time

from lib import namespace, proxy, tap
from lib.client2 import GRPC, Client2
from lib.daemon import cluster
from lib.upstream2 import Upstream2
from lib.watch import Watch, counts

LISTEN = """
listen checked
  bind 127.0.0.1:30001
  option httpchk GET /healthz
  server s 127.0.0.1:20001 proto h2 check check-proto h2 inter 50ms
"""
CHECK = {"timeout": "1s", "interval": "1s", "unhealthy_threshold": 1, "healthy_threshold": 1}
HEALTH = "/grpc.health.v1.Health/Check"
BY_PATH, BY_AGENT, BY_GRPC, BY_GRPC_HOST, BY_HOST = range(20001, 20006)
# A cluster for each, as a cluster's checks are those of all its endpoints.
CHECKS = {
    BY_PATH: [{**CHECK, "http_health_check": {"path": "/healthz"}}],
    BY_AGENT: [],
    BY_GRPC: [{**CHECK, "grpc_health_check": {}}],
    BY_GRPC_HOST: [{**CHECK, "grpc_health_check": {"authority": "probe"}}],
    BY_HOST: [{**CHECK, "http_health_check": {"path": "/up", "host": "probe"}}],
}


def ask_all(client, times, path, *headers, host="upstream"):
    for _ in range(times):
        client.wait(client.ask(path, headers=headers, host=host))


def by_path(client):
    ask_all(client, 10, "/healthz")
    ask_all(client, 10, "/ok")
    ask_all(client, 10, "/healthz2")
    ask_all(client, 10, "/ok?status=503&/healthz")


def by_agent(client):
    agents = [("user-agent", name) for name in ("Envoy/HC", "Envoy/HCX", "envoy/hc", "Envoy/H")]
    for _ in range(10):
        for agent in agents:
            ask_all(client, 1, "/ok", agent)
            ask_all(client, 1, "/ok?status=503", agent)
    client.wait(*[client.call("/grpc?grpc=14", headers=[agents[0]]) for _ in range(20)])


def by_grpc(client):
    for host in ("upstream", "probe", "Probe"):
        client.wait(*[client.ask(HEALTH, "POST", bytes(5), GRPC, host=host) for _ in range(5)])
    client.wait(client.call(f"{HEALTH}2"), client.call("/grpc.health.v1.Health/Watch"))


def by_host(client):
    for host in ("probe", "PROBE", "upstream", "probe:80"):
        ask_all(client, 5, "/up", host=host)
    ask_all(client, 5, "/up?x", host="probe")


# The upstream answers gRPC that it does not know without a status: errors.
CASES = {
    BY_PATH: ("HAProxy's checks by path", by_path, counts(30, 20, 10)),
    BY_AGENT: ("Envoy's user agent", by_agent, counts(60, 30, 30)),
    BY_GRPC: ("gRPC's health service", by_grpc, counts(2, 0, 2)),
    BY_GRPC_HOST: ("gRPC's health service of an authority", by_grpc, counts(12, 0, 12)),
    BY_HOST: ("path and host", by_host, counts(20, 20)),
}


def test(results, scratch, group):
    upstream = Upstream2()
    for port in CASES:
        upstream.listen(port)
    haproxy = proxy.haproxy(scratch, LISTEN, [30001])
    watch = Watch(scratch, group, [], [
        cluster(name, [(None, 0, [("127.0.0.1", port)])], health_checks=CHECKS[port])
        for port, (name, _, _) in CASES.items()])
    for port, (_, case, _) in CASES.items():
        with Client2(port) as client:
            case(client)
    time.sleep(0.5)  # some more checks of HAProxy
    watch.compare(results, {name: (("127.0.0.1", port), expected)
                            for port, (name, _, expected) in CASES.items()})
    results.true("HAProxy did check", upstream.counts[BY_PATH]["issued"] > 40 + 5,
                 str(upstream.counts[BY_PATH]))
    watch.end(results)
    haproxy.stop()


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
