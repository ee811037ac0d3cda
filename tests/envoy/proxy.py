"""Envoy as the proxy of a run, and the bootstrap that it shares with loadtap."""

import os

from lib.process import Process
from lib.reports import BUILD

PROGRAM = os.path.join(BUILD, "envoy/bin/envoy")
EXTENSIONS = "type.googleapis.com/envoy.extensions"
OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
HTTP2 = {"typed_extension_protocol_options": {OPTIONS: {
    "@type": f"type.googleapis.com/{OPTIONS}", "explicit_http_config": {"http2_protocol_options": {}}}}}
OWN = {"region": "eu", "zone": "a", "sub_zone": "1"}
NODE = {"id": "n-1", "cluster": "front", "locality": OWN, "client_features": ["of.its.own"],
        "metadata": {"text": "x", "number": 1.5, "on": True, "none": None, "list": [1, "two"],
                     "inner": {"deep": {"er": "y"}}}}
METADATA = [{"key": "X-Tenant", "value": "a b"}, {"key": "x-text-bin", "value": "hello"},
            {"key": "x-coded-bin", "value": "aGVsbG8="}]
ADMIN = 9901


def address(ip, port):
    return {"socket_address": {"address": ip, "port_value": port}}


def group(*members, locality=None, priority=0):
    """One LocalityLbEndpoints. members: (ip, port), and a health_status where there is one."""
    endpoints = []
    for ip, port, *health in members:
        endpoints.append({"endpoint": {"address": address(ip, port)}})
        if health:
            endpoints[-1]["health_status"] = health[0]
    made = {"lb_endpoints": endpoints, "priority": priority}
    return {**made, "locality": locality} if locality else made


def cluster(name, groups, **more):
    return {"name": name, "type": "STATIC", "connect_timeout": "1s", **more,
            "load_assignment": {"cluster_name": name, "endpoints": groups}}


def _typed(name, kind, **fields):
    return {"name": name, "typed_config": {"@type": f"{EXTENSIONS}.{kind}", **fields}}


def _listener(port, *filters):
    return {"name": f"at-{port}", "address": address("127.0.0.1", port),
            "filter_chains": [{"filters": list(filters)}]}


def http_listener(port, name, **route):
    """Everything that comes to the port goes to this cluster."""
    hosts = [{"name": "all", "domains": ["*"], "routes": [
        {"match": {"prefix": "/"}, "route": {"cluster": name, **route}}]}]
    return _listener(port, _typed(
        "http", "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name, upgrade_configs=[{"upgrade_type": "websocket"}],
        route_config={"virtual_hosts": hosts},
        http_filters=[_typed("router", "filters.http.router.v3.Router")]))


def tcp_listener(port, name):
    return _listener(port, _typed("tcp", "filters.network.tcp_proxy.v3.TcpProxy",
                                  stat_prefix=name, cluster=name))


def bootstrap(clusters, listeners, lrs_port=18000):
    service = {"envoy_grpc": {"cluster_name": "load_reporting_cluster"}, "initial_metadata": METADATA}
    lrs = cluster("load_reporting_cluster", [group(("127.0.0.1", lrs_port))], **HTTP2)
    return {"node": NODE, "admin": {"address": address("127.0.0.1", ADMIN)},
            "static_resources": {"clusters": [*clusters, lrs], "listeners": listeners},
            "cluster_manager": {"load_stats_config": {
                "api_type": "GRPC", "transport_api_version": "V3", "grpc_services": [service]}}}


def _why_not():
    """The last line of what tried to install it."""
    try:
        with open(os.path.join(BUILD, "envoy.log")) as log:
            return log.read().strip().splitlines()[-1]
    except (OSError, IndexError):
        return "make envoy installs it"


class Envoy(Process):
    def __init__(self, scratch, config, port):
        """config: a path; port: of one of its listeners."""
        if not os.path.exists(PROGRAM):
            raise RuntimeError(f"{PROGRAM} is not there: {_why_not()}")
        super().__init__(scratch, "envoy", [PROGRAM, "-c", config, "--concurrency", "1",
                                            "--disable-hot-restart", "-l", "warning"], ports=[port])
