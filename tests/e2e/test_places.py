#!/usr/bin/env python3
"""Where counts go: localities and priorities, endpoints, names with several addresses, IPv6."""

from lib import namespace, tap
from lib.client import Client, request
from lib.daemon import Daemon, bootstrap, cluster
from lib.reports import Collector, address_of
from lib.upstream import Upstream

NEAR = {"region": "r", "zone": "near", "sub_zone": "s"}
FAR = {"region": "r", "zone": "far"}
HOSTS = ["127.0.0.2 two_addresses", "127.0.0.3 two_addresses"]
# port, address served, address dialled, requests, of them 503
TRAFFIC = [
    (20001, "127.0.0.1", "127.0.0.1", 7, 2),
    (20002, "127.0.0.1", "127.0.0.1", 5, 0),
    (20003, "127.0.0.1", "127.0.0.1", 3, 3),
    (20004, "127.0.0.1", "127.0.0.1", 2, 0),
    (20010, "127.0.0.2", "127.0.0.2", 4, 1),
    (20010, "127.0.0.3", "127.0.0.3", 6, 0),
    (20020, "::1", "::1", 9, 1),
    (20021, "127.0.0.1", "::ffff:127.0.0.1", 8, 0),
]


def send(port, address, total, errors):
    with Client(port, address) as client:
        for number in range(total):
            client.send(request(f"/ok?status={503 if number < errors else 200}")).answer()


def key(address, port):
    return f"{address}:{port}"


def test(results, scratch, group):
    upstream = Upstream()
    for port, address, *_ in TRAFFIC:
        upstream.listen(port, address)
    collector = Collector(scratch)
    local = "127.0.0.1"
    daemon = Daemon(scratch, group, bootstrap([
        cluster("places", [(NEAR, 0, [(local, 20001), (local, 20002)]), (FAR, 0, [(local, 20003)]),
                           (NEAR, 1, [(local, 20004), (local, 20005)])]),
        cluster("named", [(None, 0, [("two_addresses", 20010)])], kind="STRICT_DNS"),
        cluster("six", [(None, 0, [("::1", 20020), (local, 20021)])]),
        cluster("unknown", [(None, 0, [("no-such-name.invalid", 80)])], kind="STRICT_DNS"),
    ]))
    daemon.wait_ready(collector, "places", "named")
    for port, _, address, total, errors in TRAFFIC:
        send(port, address, total, errors)

    expected = {}
    for port, address, _, total, errors in TRAFFIC:
        expected[key(address, port)] = {"issued": total, "success": total - errors,
                                        "error": errors, "active": 0}

    def rows():
        return {address: sums.of("issued", "success", "error", "active")
                for name in ("places", "named", "six")
                for address, sums in collector.endpoints(name).items()}

    collector.settle("places", lambda: rows() == expected)
    results.equal("endpoints", rows(), expected)
    results.equal("localities and priorities",
                  {place: sums.of("issued", "success", "error", "connected", "connections")
                   for place, sums in collector.localities("places").items()},
                  {("r/near/s", 0): {"issued": 12, "success": 10, "error": 2, "connected": 2,
                                     "connections": 0},
                   ("r/far/", 0): {"issued": 3, "success": 0, "error": 3, "connected": 1,
                                   "connections": 0},
                   ("r/near/s", 1): {"issued": 2, "success": 2, "error": 0, "connected": 1,
                                     "connections": 0}})
    check_order(results, collector)
    results.true("an unresolvable name is an idle cluster",
                 all(not stats.get("upstream_locality_stats")
                     for stats in collector.clusters("unknown")))
    results.equal("loadtap ends cleanly", daemon.finish(), 0)
    collector.stop()


def check_order(results, collector):
    """Priority ascending, then region, zone and sub-zone; endpoints as in the configuration."""
    good = True
    for stats in collector.clusters("places"):
        places = [(int(item.get("priority", 0)), item.get("locality", {}).get("zone", ""))
                  for item in stats.get("upstream_locality_stats", ())]
        endpoints = [address_of(entry) for item in stats.get("upstream_locality_stats", ())
                     for entry in item.get("upstream_endpoint_stats", ())
                     if int(item.get("priority", 0)) == 0]
        good = good and places == sorted(places) and len(endpoints) == len(set(endpoints))
    results.true("localities come in Envoy's order", good)


if __name__ == "__main__":
    tap.run(test, *namespace.enter(HOSTS))
