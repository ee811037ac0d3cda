"""loadtap and the bootstraps that the tests give to it."""

import json
import os
import signal

from lib.process import Process
from lib.reports import BUILD


def endpoint(address, port):
    return {"endpoint": {"address": {"socket_address": {"address": address, "port_value": port}}}}


def cluster(name, groups, kind="STATIC", protocol=None, **more):
    """groups: [(locality or None, priority, [(address, port), …]), …]"""
    endpoints = []
    for locality, priority, members in groups:
        group = {"lb_endpoints": [endpoint(*member) for member in members], "priority": priority}
        if locality:
            group["locality"] = locality
        endpoints.append(group)
    message = {"name": name, "type": kind, **more,
               "load_assignment": {"cluster_name": name, "endpoints": endpoints}}
    if protocol:
        message["metadata"] = {"filter_metadata": {"loadtap": {"protocol": protocol}}}
    return message


def bootstrap(clusters, lrs_port=18000):
    """A bootstrap with these clusters, reported to 127.0.0.1:lrs_port."""
    lrs = cluster("load_reporting_cluster", [(None, 0, [("127.0.0.1", lrs_port)])],
                  typed_extension_protocol_options={
                      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                          "@type": "type.googleapis.com/"
                                   "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                          "explicit_http_config": {"http2_protocol_options": {}}}})
    return {
        "node": {"id": "e2e", "cluster": "e2e"},
        "static_resources": {"clusters": [*clusters, lrs]},
        "cluster_manager": {"load_stats_config": {
            "api_type": "GRPC", "transport_api_version": "V3",
            "grpc_services": [{"envoy_grpc": {"cluster_name": "load_reporting_cluster"}}]}},
    }


def settings(group, own):
    """What --config-yaml adds: the cgroup to attach to, and other settings of loadtap's own."""
    return {"bootstrap_extensions": [{"name": "loadtap", "typed_config": {
        "@type": "type.googleapis.com/loadtap.v1.Settings", "cgroup_path": group, **own}}]}


class Daemon(Process):
    def __init__(self, scratch, group, config, level="info", added=None, program="loadtap",
                 options=(), wrapper=(), **own):
        """config: a path, or a bootstrap as a dictionary. group None: the cgroup2 root, and no
        settings of its own. added: what --config-yaml says instead of settings. program: in BUILD. options: more
        flags. wrapper: a command that starts it."""
        if isinstance(config, dict):
            path = os.path.join(scratch, "bootstrap.json")
            with open(path, "w") as out:
                json.dump(config, out)
            config = path
        command = [*wrapper, os.path.join(BUILD, program), "-c", config, "-l", level, *options]
        if group:
            added = json.dumps(settings(group, own))
        if added:
            command += ["--config-yaml", added]
        super().__init__(scratch, "loadtap", command)

    def wait_ready(self, collector, *clusters):
        """Until the collector has a report of each cluster: from then on every request counts."""
        for name in clusters:
            try:
                collector.wait_ready(name)
            except TimeoutError as error:
                raise RuntimeError(f"{error}; loadtap said:\n{self.log()}") from None

    def reads_http2(self):
        """Whether this kernel allows it; loadtap says at its start if not."""
        return "HTTP/2 is opaque on this kernel" not in self.log()

    def finish(self):
        """Ends it as a service manager would; returns the exit status. No system call may have been refused."""
        status = self.stop(signal.SIGTERM)
        refused = [line for line in self.log().splitlines() if "refused by the seccomp filter" in line]
        if refused:
            raise RuntimeError("\n".join(refused))
        return status
