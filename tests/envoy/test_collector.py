#!/usr/bin/python3
"""A real Envoy as a client of loadtap-collector, without TLS and with certificates of both sides."""

import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "e2e"))

import proxy
from lib import namespace, tap
from lib.certificates import Authority
from lib.reports import Collector
from lib.upstream import Upstream

CLUSTER, NAME = "backend", "lrs.test"
LRS, UPSTREAM, AT = 18000, 20001, 20002
CONTEXT = f"{proxy.EXTENSIONS}.transport_sockets.tls.v3.UpstreamTlsContext"


def tls(authority, identity):
    source = [{"filename": path} for path in (authority.ca, *identity)]
    return {"name": "envoy.transport_sockets.tls", "typed_config": {
        "@type": CONTEXT, "sni": NAME, "common_tls_context": {
            "tls_certificates": [{"certificate_chain": source[1], "private_key": source[2]}],
            "validation_context": {"trusted_ca": source[0], "match_typed_subject_alt_names": [
                {"san_type": "DNS", "matcher": {"exact": NAME}}]}}}}


def ask(count):
    """Every third request is answered by 503."""
    for i in range(count):
        subprocess.run(["curl", "-s", "-o", "/dev/null",
                        f"http://127.0.0.1:{AT}/ok?status={200 if i % 3 else 503}"], check=True,
                       timeout=10)


def report(results, scratch, kind, socket, *options):
    collector = Collector(scratch, port=LRS, name=f"collector-{kind}",
                          options=("--send-all", "--endpoints", *options))
    config = proxy.bootstrap([proxy.cluster(CLUSTER, [proxy.group(("127.0.0.1", UPSTREAM))])],
                             [proxy.http_listener(AT, CLUSTER)], LRS)
    if socket:
        config["static_resources"]["clusters"][-1]["transport_socket"] = socket
    path = Path(scratch, f"{kind}.json")
    path.write_text(json.dumps(config))
    envoy = proxy.Envoy(scratch, path, AT)
    collector.wait_ready(CLUSTER)
    ask(30)
    collector.wait_ready(CLUSTER, 2)
    row = collector.endpoints(CLUSTER)[f"127.0.0.1:{UPSTREAM}"]
    results.equal(f"{kind}: every request", row.of("issued", "success", "error"),
                  {"issued": 30, "success": 20, "error": 10})
    envoy.stop()
    results.equal(f"{kind}: the collector ends", collector.stop(), 0)


def test(results, scratch, _):
    authority = Authority(scratch, "authority")
    server, client = authority.issue("server", f"DNS:{NAME}"), authority.issue("client")
    Upstream().listen(UPSTREAM)
    report(results, scratch, "plain", None)
    report(results, scratch, "TLS", tls(authority, client), "--tls-cert", server[0], "--tls-key",
           server[1], "--tls-client-ca", authority.ca)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
