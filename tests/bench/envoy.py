"""Envoy as a proxy before each server: the other way to have load reports."""

import json
import os

from lib.process import Process
from lib.reports import BUILD
from traffic import GRPC, GRPC_SHAPE, H2, HTTP1, IP

VARIANT = "Envoy"
AHEAD = 1000  # its port before a server's port
PROGRAM = os.path.join(BUILD, "envoy/bin/envoy")
HTTP2_PORTS = (H2, GRPC_SHAPE, GRPC)
TYPES = "type.googleapis.com/envoy.extensions"
MANY = 1_000_000


def missing():
    """Why there is none; "" if there is."""
    if os.path.exists(PROGRAM):
        return ""
    try:
        with open(os.path.join(BUILD, "envoy.log")) as log:
            return log.read().strip().splitlines()[-1]
    except (OSError, IndexError):
        return f"{PROGRAM} is not there"


def _address(port):
    return {"socket_address": {"address": IP, "port_value": port}}


def _listener(port):
    router = {"name": "router", "typed_config": {"@type": f"{TYPES}.filters.http.router.v3.Router"}}
    manager = {
        "@type": f"{TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench", "http_filters": [router],
        "http2_protocol_options": {"max_concurrent_streams": 4096},
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": f"to-{port}", "timeout": "0s"}}]}]}}
    return {"name": f"at-{port}", "address": _address(port + AHEAD),
            "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}]}


def _cluster(port):
    endpoint = {"endpoint": {"address": _address(port)}}
    limits = {f"max_{what}": MANY for what in ("connections", "pending_requests", "requests")}
    cluster = {"name": f"to-{port}", "circuit_breakers": {"thresholds": [limits]},
               "load_assignment": {"cluster_name": f"to-{port}",
                                   "endpoints": [{"lb_endpoints": [endpoint]}]}}
    if port in HTTP2_PORTS:
        options = f"{TYPES}.upstreams.http.v3.HttpProtocolOptions".removeprefix("type.googleapis.com/")
        cluster["typed_extension_protocol_options"] = {options: {
            "@type": f"{TYPES}.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}}}}
    return cluster


def start(scratch):
    ports = (HTTP1, *HTTP2_PORTS)
    config = os.path.join(scratch, "envoy.json")
    with open(config, "w") as out:
        json.dump({"static_resources": {"listeners": [_listener(port) for port in ports],
                                        "clusters": [_cluster(port) for port in ports]}}, out)
    return Process(scratch, "envoy", [PROGRAM, "-c", config, "--log-level", "error",
                                      "--use-dynamic-base-id"],
                   ports=[port + AHEAD for port in ports])
