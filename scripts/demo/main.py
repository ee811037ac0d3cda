#!/usr/bin/env python3
"""The demo: an unmodified nginx between clients and two upstreams, and an application that calls a
gRPC server; loadtap reports what it sees.

    clients ─► nginx ─► 127.0.0.2:8080, 127.0.0.3:8080       loadtap ─► loadtap-collector
    gRPC client ──────► 127.0.0.4:50051                      (watches the sockets to the upstreams)

At the end the reports are compared with nginx's access log and with the upstreams' own counts.
"""

import collections
import json
import os
import signal
import sys
import time

from clients import Clients
from lib import namespace, proxy
from lib.daemon import Daemon
from lib.process import Process, until
from lib.reports import ROOT, Collector, Sums, address_of, COUNTS
from view import View

HERE = os.path.dirname(os.path.abspath(__file__))
CLUSTER, GRPC_CLUSTER = CLUSTERS = ("local_service", "grpc_service")
ADDRESSES = ("127.0.0.2", "127.0.0.3")
PORT = 8080
GRPC_ADDRESS, GRPC_PORT = "127.0.0.4", 50051
GRPC_ENDPOINT = f"{GRPC_ADDRESS}:{GRPC_PORT}"
ENDPOINTS = [*(f"{address}:{PORT}" for address in ADDRESSES), GRPC_ENDPOINT]
CONFIG = os.path.join(ROOT, "configs", "envoy-lrs-sandbox.yaml")
HOSTS = ["127.0.0.2 http_service", "127.0.0.3 http_service", f"{GRPC_ADDRESS} grpc_service",
         "127.0.0.1 lrs_server"]

# Beside the file as it is: --config-yaml appends to its list of clusters, as Envoy's does.
MORE_CONFIG = f"""
static_resources:
  clusters:
  - name: {GRPC_CLUSTER}
    type: STRICT_DNS
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{http2_protocol_options: {{}}}}
    load_assignment:
      cluster_name: {GRPC_CLUSTER}
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: grpc_service, port_value: {GRPC_PORT}}}}}}}
"""

NGINX = """
log_format tries "$upstream_addr|$upstream_status|$upstream_bytes_sent";
access_log {log} tries;
upstream backend {{
  server http_service:8080 max_fails=3 fail_timeout=2s;
  keepalive 16;
}}
server {{
  listen 127.0.0.1:80;
  location /service {{
    proxy_pass http://backend;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_next_upstream error timeout non_idempotent;
  }}
}}
"""

# (seconds after the previous step, headline, what is done with the second upstream)
SCRIPT = (
    (5, "upstream 127.0.0.3 is stopped with requests in progress", "stop"),
    (5, "upstream 127.0.0.3 is back", "start"),
    (5, None, None),
)


class Upstreams:
    def __init__(self, scratch):
        self.scratch = scratch
        self.running = {}
        self.outputs = collections.defaultdict(list)
        for address in ADDRESSES:
            self.start(address)

    def start(self, address):
        program = os.path.join(HERE, "upstream.py")
        name = f"upstream-{address}-{len(self.outputs[address])}"
        process = Process(self.scratch, name, [sys.executable, program, address, str(PORT)])
        until(lambda: process.child.poll() is not None or _serves(address), 10, name)
        self.running[address] = process
        self.outputs[address].append(process.out_path)

    def stop(self, address):
        self.running.pop(address).stop()

    def end(self):
        """Stops them all. {endpoint: Sums} by their own counts."""
        for address in list(self.running):
            self.stop(address)
        served = collections.defaultdict(Sums)
        for address, paths in self.outputs.items():
            for path in paths:
                with open(path) as words:
                    served[f"{address}:{PORT}"].update(json.load(words))
        return served


def _serves(address):
    """Whether that address listens; a probing connect would be counted."""
    wanted = "".join(f"{int(part):02X}" for part in reversed(address.split("."))) + f":{PORT:04X}"
    with open("/proc/net/tcp") as lines:
        return any(f" {wanted} " in line and " 0A " in line for line in lines)


class Calls:
    """The gRPC server, and the application that calls it."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.server = Process(scratch, "grpc-upstream", [
            os.path.join(HERE, "grpc_upstream.py"), GRPC_ADDRESS, str(GRPC_PORT)],
            ports=[GRPC_PORT])
        self.client = None

    def start(self):
        self.client = Process(self.scratch, "grpc-client", [
            os.path.join(HERE, "grpc_client.py"), GRPC_ENDPOINT])

    def stop(self):
        """Waits until the last call has ended."""
        self.client.stop()

    def end(self):
        """The server's own counts, those of the single statuses too."""
        self.server.stop()
        with open(self.server.out_path) as words:
            return Sums(json.load(words))


def nginx_tries(log):
    """{endpoint: Sums} by the access log: every try, refused connects counted apart."""
    tries = collections.defaultdict(Sums)
    with open(log) as lines:
        for line in lines:
            fields = [field.replace(" : ", ", ").split(", ") for field in line.strip().split("|")]
            for endpoint, status, sent in zip(*fields):
                row = tries[endpoint]
                if sent in ("0", "-"):
                    row["refused"] += 1
                    row["error"] += 1
                else:
                    row["issued"] += 1
                    row["success" if int(status) < 500 else "error"] += 1
    return tries


class Watcher:
    """Shows the reports of the collector that were not shown yet."""

    def __init__(self, view, collector):
        self.view = view
        self.collector = collector
        self.shown = 0
        self.largest = 1

    def look(self):
        for number, spoken in enumerate(self._reports(), 1):
            if number > self.shown:
                self.shown = number
                self._show(number, spoken)

    def skip(self):
        """Does not show what came until now."""
        self.shown = sum(1 for _ in self._reports())

    def _reports(self):
        """Of each report that has them, the entries of the clusters that are shown."""
        for message in self.collector.messages():
            spoken = [stats for stats in message["request"].get("cluster_stats", ())
                      if stats["cluster_name"] in CLUSTERS]
            if spoken:
                yield spoken

    def _show(self, number, spoken):
        rows = {endpoint: Sums() for endpoint in ENDPOINTS}
        connections = Sums()
        for locality in (entry for stats in spoken
                         for entry in stats.get("upstream_locality_stats", ())):
            connections.add(locality, {"connections": "total_active_connections",
                                       "connected": "total_new_connections",
                                       "failed": "total_fail_connections"})
            for entry in locality.get("upstream_endpoint_stats", ()):
                rows[address_of(entry)].add(
                    entry, {**COUNTS, "active": "total_requests_in_progress"})
        self.largest = max(self.largest, *(row["issued"] + 1 for row in rows.values()))
        self.view.report(number, sorted(rows.items()), connections, self.largest)


def follow(watcher, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        watcher.look()
        time.sleep(0.05)


def play(view, watcher, upstreams, keep):
    """The script; with KEEP=1 again and again until Ctrl-C."""
    started = time.monotonic()
    try:
        while True:
            for seconds, headline, action in SCRIPT:
                follow(watcher, seconds)
                if headline:
                    view.headline(time.monotonic() - started, headline)
                    getattr(upstreams, action)(ADDRESSES[1])
            if not keep:
                break
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        view.say()
    view.headline(time.monotonic() - started, "the clients stop")


def verdict(view, collector, upstreams, calls, log):
    tries = nginx_tries(log)
    reported = {**collector.endpoints(CLUSTER), **collector.endpoints(GRPC_CLUSTER)}
    served = upstreams.end()
    agree = True
    view.say()
    for endpoint in ENDPOINTS[:-1]:
        refused = tries[endpoint]["refused"]
        own = Sums(served[endpoint])
        own["error"] += refused  # connections that it was not there to see
        remark = f"{refused} of the errors are refused connects" if refused else ""
        agree &= view.comparison(endpoint, [
            ("reported by loadtap", reported.get(endpoint, Sums()), ""),
            ("nginx's access log", tries[endpoint], remark),
            ("the upstream itself", own, "with nginx's refused connects" if refused else "")])
    own = calls.end()
    agree &= view.comparison(f"{GRPC_ENDPOINT} (gRPC)", [
        ("reported by loadtap", reported.get(GRPC_ENDPOINT, Sums()), ""),
        ("the server itself", own, f"{own['UNAVAILABLE']} UNAVAILABLE; "
                                   f"{own['NOT_FOUND']} NOT_FOUND are no errors")])
    total = sum(reported.values(), Sums())
    agree = agree and total["issued"] > 0
    view.say()
    view.say(f"{total['issued']} requests: " + ("every count is equal." if agree else
             "THE COUNTS DIFFER."), "green" if agree else "red")
    return agree


def demo(scratch, keep):
    view = View()
    log = os.path.join(scratch, "access.log")
    view.say("nginx proxies to two upstreams, an application calls a gRPC server; loadtap reads their",
             "dim")
    view.say("sockets in the kernel and reports to a management server every second, configured by an",
             "dim")
    view.say(f"Envoy bootstrap: {os.path.relpath(CONFIG, ROOT)} (and --config-yaml for gRPC)", "dim")
    upstreams, calls = Upstreams(scratch), Calls(scratch)
    nginx = proxy.nginx(scratch, NGINX.format(log=log), [80])
    collector = Collector(scratch, interval="1s")
    daemon = Daemon(scratch, None, CONFIG, added=MORE_CONFIG)
    daemon.wait_ready(collector, *CLUSTERS)
    view.columns()
    watcher = Watcher(view, collector)
    watcher.skip()
    clients = Clients(80, number=12, think_seconds=0.03)
    clients.start()
    calls.start()
    play(view, watcher, upstreams, keep)
    clients.stop()
    calls.stop()
    nginx.stop(signal.SIGQUIT)
    follow(watcher, 2.2)  # the report with the last request, and one more
    agree = verdict(view, collector, upstreams, calls, log)
    if daemon.finish() != 0 or not agree:
        view.say(f"loadtap said:\n{daemon.log()}", "dim")
        agree = False
    collector.stop()
    return agree


def main():
    scratch, _ = namespace.enter(HOSTS)
    try:
        sys.exit(0 if demo(scratch, os.environ.get("KEEP", "") not in ("", "0")) else 1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
