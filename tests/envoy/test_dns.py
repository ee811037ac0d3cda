#!/usr/bin/python3
# test: quiet timeout=120
"""A name whose address changes while requests run: s38. Envoy and loadtap ask the same DNS server."""

import sys
import threading
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "e2e"))

import compare
import proxy
from lib import namespace, tap
from lib.dns import Dns
from lib.upstream import Upstream
from run import Run
from scenarios import judge
from traffic import asks

OLD, NEW = "127.0.1.1", "127.0.1.2"
PORTS = {"logical": 20001, "strict": 20002}
LISTENERS = {"logical": 30001, "strict": 30002}


def brief(view, client, cluster):
    return [compare.brief(stats) for stats in view.management.reports(client, cluster)[:3]]


def addresses(stats):
    """{ip: "I2 S2"} of the endpoints."""
    return {entry["address"]["socket_address"]["address"]: " ".join(compare.numbers(entry))
            for locality in stats["upstream_locality_stats"] for entry in locality["upstream_endpoint_stats"]}


def s38_logical_dns_address_changes(view):
    """One endpoint, the current one: of what the old one counted Envoy tells nothing more."""
    view.expect("Envoy", brief(view, "envoy", "logical"), ["I4 S4", "", ""])
    view.expect("loadtap", brief(view, "loadtap", "logical"), ["I8 S7 A1", "S1", ""])
    for client, says in (("envoy", "I4 S4"), ("loadtap", "I8 S7 A1")):
        view.expect(client, addresses(view.management.reports(client, "logical")[0]), {NEW: says})


def d09_nothing_lost_when_dns_drops_an_endpoint(view):
    """STRICT_DNS: Envoy forgets the old endpoint with what it had counted."""
    view.expect("Envoy", brief(view, "envoy", "strict"), ["I4 S4", "", ""])
    view.expect("loadtap", brief(view, "loadtap", "strict"), ["I8 S7 A1", "S1", ""])
    view.expect("its endpoints", addresses(view.management.reports("loadtap", "strict")[0]),
                {OLD: "I4 S3 A1", NEW: "I4 S4"})


def cluster(name):
    return proxy.cluster(name, [proxy.group((f"{name}.test", PORTS[name]))], type=f"{name.upper()}_DNS",
                         dns_refresh_rate="0.2s", dns_lookup_family="V4_ONLY")


def test(results, scratch, group):
    dns, upstream = Dns(scratch), Upstream()
    dns.records = {f"{name}.test": [OLD] for name in LISTENERS}
    for port in PORTS.values():
        for address in (OLD, NEW):
            upstream.listen(port, address)
    run = Run(scratch, group, [cluster(name) for name in LISTENERS],
              [proxy.http_listener(port, name) for name, port in LISTENERS.items()])
    run.begin(clusters=list(LISTENERS), interval=2, endpoints=True)
    run.at(0.3)
    for port in LISTENERS.values():
        asks("/ok", times=3)(port)
        threading.Thread(target=asks("/slow?s=2.2"), args=(port,), daemon=True).start()
    run.at(0.6)
    dns.records = {f"{name}.test": [NEW] for name in LISTENERS}
    run.at(1.3)
    for port in LISTENERS.values():
        asks("/ok", times=4)(port)
    run.at(6.4)
    run.stop()
    for check in (s38_logical_dns_address_changes, d09_nothing_lost_when_dns_drops_an_endpoint):
        judge(results, run, check)
    run.check(results)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
