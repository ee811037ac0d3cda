"""Many clusters and endpoints, all of which change between two reports: what a report costs, beside Envoy
with the same clusters, and beside grpc-go, which only sends the same messages."""

import json
import os
import socket
import struct
import subprocess
import threading
import time

import envoy
from lib.daemon import Daemon, bootstrap, cluster
from lib.lrs_peer import DATA, WINDOW_UPDATE, Gone, Peer, data, field, frame, message
from lib.process import Process, until
from lib.reports import BUILD
from spread import Spread
from table import column

TITLE = "scale, endpoints"
PORT, ENVOY_PORT, UPSTREAM, PROXY = 18200, 18202, 20200, 18201
SIZES = ((1, 100), (100, 100), (1000, 100))  # clusters, and endpoints of each
INTERVAL, ENVOY_INTERVAL = 2, 60
REPORTS = 9
TURNS, IN_TURN = 7, 3  # beside Envoy: so many of loadtap's reports, then one of Envoy's
QUIET = 12  # seconds before Envoy's tick, without traffic
TARGET_RSS = {100: 8, 100_000: 40}  # MB
NGINX = """
worker_processes 1;
error_log stderr crit;
pid nginx.pid;
daemon off;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_timeout 0;
  server {{ listen 0.0.0.0:{port} backlog=4096; location / {{ return 200 "ok\\n"; }} }}
}}
"""


class Sink(Peer):
    """Asks for everything with its endpoints, and keeps when messages came and how large they were."""

    def __init__(self, sock, came):
        super().__init__(sock, lambda issued: None)
        self.came = came

    def begin(self, interval):
        self.greet(data(message(field(4, 1) + field(2, field(1, interval)) + field(3, 1))))
        self.serve(3600)

    def _frame(self, kind, flags, payload):
        super()._frame(kind, flags, payload)
        if kind == DATA and payload:  # Envoy's windows do not last for ever
            more = struct.pack(">I", len(payload))
            self.send(frame(WINDOW_UPDATE, payload=more), frame(WINDOW_UPDATE, 0, 1, more))

    def _messages(self):
        while len(self.body) >= 5 and len(self.body) >= 5 + int.from_bytes(self.body[1:5], "big"):
            length = int.from_bytes(self.body[1:5], "big")
            self.came.append((time.monotonic(), self.body[5:5 + length]))
            self.body = self.body[5 + length:]


class Server:
    """A management server; `came`: [(when, message)]."""

    def __init__(self, port, interval):
        self.came = []
        self.interval = interval
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with sock:
                try:
                    Sink(sock, self.came).begin(self.interval)
                except Gone:
                    pass

    def wait(self, reports):
        had = len(self.came)
        until(lambda: len(self.came) >= had + reports, self.interval * reports + 60, "reports")

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def clusters(count, endpoints):
    return [cluster(f"cluster-{number}", [(None, 0, [
        (f"127.{1 + number // 250}.{number % 250}.{1 + each}", UPSTREAM) for each in range(endpoints)])])
        for number in range(count)]


def spent(pid):
    """Milliseconds of the main thread."""
    with open(f"/proc/{pid}/task/{pid}/schedstat") as line:
        return int(line.read().split()[0]) / 1e6


def status(pid, key):
    with open(f"/proc/{pid}/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(key + ":"))


def resident(pid):
    return status(pid, "VmRSS") * 1024 / 1e6


def around(server, pid):
    """Milliseconds of the main thread for the next report, beside what it takes without one."""
    wait = server.came[-1][0] + server.interval - 1.0 - time.monotonic()
    if wait < -0.3:
        raise RuntimeError("too late to measure the next report: the machine is busy")
    time.sleep(max(0, wait))
    marks = [spent(pid)]
    time.sleep(0.6)
    marks.append(spent(pid))
    server.wait(1)
    time.sleep(0.4)
    marks.append(spent(pid))
    return (marks[2] - marks[1]) - (marks[1] - marks[0])


# --- loadtap ------------------------------------------------------------------------------------


class Pump:
    """Counts at each row of the daemon's maps, as 100,000 endpoints in use would."""

    def __init__(self, pid, rows):
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "tests/bench/pump"), *self._maps(pid), str(rows)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    @staticmethod
    def _maps(pid):
        """The ids of those with counters."""
        found = {}
        for name in os.listdir(f"/proc/{pid}/fdinfo"):
            with open(f"/proc/{pid}/fdinfo/{name}") as lines:
                ids = [line.split()[1] for line in lines if line.startswith("map_id:")]
            for each in ids:
                said = subprocess.run(["bpftool", "-j", "map", "show", "id", each], check=True, text=True,
                                      stdout=subprocess.PIPE).stdout
                found[json.loads(said).get("name")] = each
        return [found[f"{name}_counters"] for name in ("begun", "ended", "side")]

    def count(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)


class Loadtap:
    """The daemon with that many clusters and endpoints, and its management server."""

    def __init__(self, scratch, group, size):
        self.size = size
        self.server = Server(PORT, INTERVAL)
        self.daemon = Daemon(scratch, group, bootstrap(clusters(*size), PORT), level="warning")
        self.pid = self.daemon.child.pid
        self.pump = None

    def begin(self):
        self.server.wait(2)
        self.pump = Pump(self.pid, self.size[0] * self.size[1])

    def reports(self, count):
        """(the milliseconds of each, the messages of the last)"""
        self.server.wait(1)
        each = []
        for _ in range(count):
            self.pump.count()
            begin = len(self.server.came)
            each.append(around(self.server, self.pid))
        return each, [body for _, body in self.server.came[begin:]]

    def wakes(self):
        """How often it went to sleep in the time of a report, from the end of one to the end of the next."""
        self.server.wait(1)
        time.sleep(0.5)
        before = status(self.pid, "voluntary_ctxt_switches")
        self.server.wait(1)
        time.sleep(0.5)
        return status(self.pid, "voluntary_ctxt_switches") - before

    def stop(self):
        if self.pump:
            self.pump.stop()
        self.daemon.finish()
        self.server.stop()


# --- Envoy --------------------------------------------------------------------------------------


def _envoy_config(size):
    made = bootstrap(clusters(*size), ENVOY_PORT)
    types = "type.googleapis.com/envoy.extensions.filters"
    manager = {
        "@type": f"{types}.network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "scale",
        "http_filters": [{"name": "router", "typed_config": {"@type": f"{types}.http.router.v3.Router"}}],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster_header": "x-cluster"}}]}]}}
    made["static_resources"]["listeners"] = [{
        "name": "in", "address": {"socket_address": {"address": "127.0.0.1", "port_value": PROXY}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}]}]
    made["stats_flush_interval"] = "299s"
    return made


class Envoy:
    """Envoy with the same clusters before nginx, and its management server."""

    def __init__(self, scratch, size):
        config = os.path.join(scratch, "scale-envoy.json")
        with open(config, "w") as out:
            json.dump(_envoy_config(size), out)
        with open(os.path.join(scratch, "scale-nginx.conf"), "w") as out:
            out.write(NGINX.format(port=UPSTREAM))
        self.size = size
        self.server = Server(ENVOY_PORT, ENVOY_INTERVAL)
        self.nginx = Process(scratch, "scale-nginx", ["nginx", "-p", scratch, "-c", "scale-nginx.conf"],
                             ports=[UPSTREAM])
        self.proxy = Process(scratch, "scale-envoy", [envoy.PROGRAM, "-c", config, "--log-level", "error",
                                                      "--concurrency", "1", "--use-dynamic-base-id"])
        self.pid = self.proxy.child.pid
        self.idle = 0

    def begin(self):
        until(lambda: len(self.server.came) >= 2, ENVOY_INTERVAL + 120, "Envoy's reports")
        self.idle = resident(self.pid)

    def traffic(self):
        """Each endpoint has requests: a cluster's are taken in turn. How many in all."""
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clusters.lua")
        said = subprocess.run(["wrk", "-t1", "-c16", f"-d{ENVOY_INTERVAL - QUIET}s", f"-s{script}",
                               f"http://127.0.0.1:{PROXY}/"], env={**os.environ, "COUNT": str(self.size[0])},
                              check=True, text=True, stdout=subprocess.PIPE).stdout
        return int(said.split(" requests in")[0].split()[-1])

    def report(self):
        """(its milliseconds, its messages)"""
        begin = len(self.server.came)
        return around(self.server, self.pid), [body for _, body in self.server.came[begin:]]

    def stop(self):
        self.proxy.stop()
        self.nginx.stop()
        self.server.stop()


# --- grpc-go ------------------------------------------------------------------------------------


def _grpc_go(scratch, sent):
    """Milliseconds for messages that are as large."""
    server = Server(PORT, INTERVAL)
    path = os.path.join(scratch, "message")
    with open(path, "wb") as out:
        out.write(max(sent, key=len))
    try:
        said = subprocess.run([os.path.join(BUILD, "tests/bench/grpc/reports"), f"127.0.0.1:{PORT}", path,
                               str(REPORTS), "500"], check=True, text=True, stdout=subprocess.PIPE).stdout
        return json.loads(said)["ns"] / 1e6 * sum(map(len, sent)) / max(map(len, sent))
    finally:
        server.stop()


# --- one beside the other -----------------------------------------------------------------------


def _row(table, who, endpoints, each, sent, more):
    table.row(TITLE, f"{endpoints:,}: {who}", {
        "ms/report": column(each, 2), "bytes": f"{sum(map(len, sent)):,}", "messages": len(sent),
        **{"RSS, MB": "", "wakes/interval": "", "requests": "", **more}})


def _in_turns(ours, theirs, endpoints, table):
    """(loadtap's reports, their messages, in each turn what one was of Envoy's). An Envoy's report that lacks
    endpoints counts as if they had cost as much as the others."""
    each, envoys, shares, requests = [], [], [], []
    for _ in range(TURNS):
        requests.append(theirs.traffic())
        taken, sent = ours.reports(IN_TURN)
        envoys.append(theirs.report())
        each += taken
        shares.append(Spread(taken).median / (envoys[-1][0] * endpoints / min(requests[-1], endpoints)))
    _row(table, "Envoy", endpoints, Spread(ms for ms, _ in envoys), envoys[-1][1], {
        "RSS, MB": f"{theirs.idle:.1f}", "requests": min(requests)})
    return each, sent, Spread(shares)


def _measure_size(size, scratch, group, why, table):
    """(loadtap's MB, its share of Envoy's time or None)"""
    endpoints, share, theirs = size[0] * size[1], None, None
    ours = Loadtap(scratch, group, size)
    try:
        ours.begin()
        if size == SIZES[-1] and not why:
            theirs = Envoy(scratch, size)
            theirs.begin()
            each, sent, share = _in_turns(ours, theirs, endpoints, table)
        else:
            each, sent = ours.reports(REPORTS)
        megabytes = resident(ours.pid)
        _row(table, "loadtap", endpoints, Spread(each), sent, {
            "RSS, MB": f"{megabytes:.1f}", "wakes/interval": ours.wakes()})
    finally:
        if theirs:
            theirs.stop()
        ours.stop()
    _row(table, "grpc-go, sending alone", endpoints, Spread([_grpc_go(scratch, sent)]), sent, {})
    return megabytes, share


def measure(scratch, group, table):
    """{endpoints: (loadtap's MB, its share of Envoy's time for a report, or None)}"""
    why = envoy.missing()
    found = {size[0] * size[1]: _measure_size(size, scratch, group, why, table) for size in SIZES}
    if why:
        table.say(f"SKIP Envoy beside it: {why}", {"skip": "Envoy", "why": why})
    return found
