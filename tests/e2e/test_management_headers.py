#!/usr/bin/env python3
"""What a management server sees of a stream's headers: authority, initial_metadata, and those of
google_grpc, which names a host instead of a cluster and may have a token."""

import os

from lib import namespace, tap
from lib.certificates import Authority
from lib.daemon import Daemon, bootstrap, cluster
from lib.grpc_servers import SERVERS, Server
from lib.process import until

CLUSTER, PORT = "backend", 18000
METADATA = [{"key": "x-tenant", "value": "shop"}, {"key": "X-Region", "value": "eu"}]
TOKEN = "a.token-that_is/long=="


def config(**service):
    made = bootstrap([cluster(CLUSTER, [(None, 0, [("127.0.0.1", 20001)])])], PORT)
    made["cluster_manager"]["load_stats_config"]["grpc_services"] = [service]
    return made


def google(**more):
    """A target whose name has two addresses, of which the first refuses; and no cluster for it."""
    made = config(google_grpc={"stat_prefix": "lrs", "target_uri": f"dns:///lrs.test:{PORT}", **more},
                  initial_metadata=METADATA)
    made["static_resources"]["clusters"].pop()
    return made


def stream(results, place, group, title, server, made):
    """The metadata that the server saw; None where no report came."""
    os.makedirs(place, exist_ok=True)
    daemon = Daemon(place, group, made)
    try:
        until(lambda: len(server.said("request")) >= 3, 15, "reports")
    except TimeoutError as error:
        results.true(title, False, f"{error}; loadtap said:\n{daemon.log()}")
    results.equal(f"{title}: loadtap ends cleanly", daemon.finish(), 0)
    results.true(f"{title}: no token in the log", TOKEN not in daemon.log())
    seen = server.streams()
    server.stop()
    return seen[0] if seen else {}


def test_envoy_grpc(results, scratch, group):
    for name in SERVERS:
        place = os.path.join(scratch, f"envoy-{name}")
        os.mkdir(place)
        seen = stream(results, place, group, f"envoy_grpc, {name}",
                      Server(place, name, PORT, cluster=CLUSTER),
                      config(envoy_grpc={"cluster_name": "load_reporting_cluster",
                                         "authority": "lrs.local"}, initial_metadata=METADATA))
        results.equal(f"envoy_grpc, {name}: initial_metadata", (seen.get("x-tenant"), seen.get("x-region")),
                      ("shop", "eu"))
        if name == "grpc-go":
            results.equal(f"envoy_grpc, {name}: authority", seen.get(":authority"), "lrs.local")


def test_google_grpc(results, scratch, group):
    authority = Authority(scratch, "authority")
    certificate, key = authority.issue("server", "DNS:lrs.test")
    ssl = {"channel_credentials": {"ssl_credentials": {"root_certs": {"filename": authority.ca}}}}
    token = {"call_credentials": [{"access_token": TOKEN}]}
    for title, options, more in (
            ("google_grpc, plain", {}, {}),
            ("google_grpc, TLS and token", {"tls_cert": certificate, "tls_key": key}, {**ssl, **token})):
        place = os.path.join(scratch, title.split(", ")[1].replace(" ", "-"))
        os.mkdir(place)
        seen = stream(results, place, group, title,
                      Server(place, "grpc-go", PORT, cluster=CLUSTER, **options), google(**more))
        results.equal(f"{title}: authority", seen.get(":authority"), f"lrs.test:{PORT}")
        results.equal(f"{title}: initial_metadata", seen.get("x-tenant"), "shop")
        if more:
            results.equal(f"{title}: SNI", seen.get("tls-name"), "lrs.test")
        results.equal(f"{title}: authorization", seen.get("authorization"),
                      f"Bearer+{TOKEN}" if more else None)


def test_google_grpc_fails(results, scratch, group):
    authority = Authority(scratch, "authority-2")
    certificate, key = authority.issue("server", "DNS:other.test")
    place = os.path.join(scratch, "fails")
    os.mkdir(place)
    server = Server(place, "grpc-go", PORT, cluster=CLUSTER, tls_cert=certificate, tls_key=key)
    ssl = {"channel_credentials": {"ssl_credentials": {"root_certs": {"filename": authority.ca}}}}
    nobody = google()
    nobody["cluster_manager"]["load_stats_config"]["grpc_services"][0]["google_grpc"][
        "target_uri"] = "nobody.test:1"
    for title, made, wanted in (
            ("a certificate for another host", google(**ssl),
             "it has DNS other.test, expected DNS \"lrs.test\""),
            ("a name that nobody knows", nobody, "management server: cannot resolve nobody.test: ")):
        os.mkdir(os.path.join(place, title))
        daemon = Daemon(os.path.join(place, title), group, made)
        until(lambda d=daemon: " warning management server: " in d.log(), 15, "a word about it")
        results.true(f"google_grpc, {title}: the log says it", wanted in daemon.log(), daemon.log())
        results.equal(f"google_grpc, {title}: loadtap ends cleanly", daemon.finish(), 0)
    server.stop()


def test(results, scratch, group):
    test_envoy_grpc(results, scratch, group)
    test_google_grpc(results, scratch, group)
    test_google_grpc_fails(results, scratch, group)


if __name__ == "__main__":
    tap.run(test, *namespace.enter(("127.0.0.9 lrs.test", "127.0.0.1 lrs.test")))
