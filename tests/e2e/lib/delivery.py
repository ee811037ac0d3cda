"""A way from a daemon to what its management server wrote down, on which things can go wrong, and what is
on it counted once, by the script that people run."""

import importlib.util
import json
import os
import threading
import time

from lib.client import Client, request
from lib.cutter import Cutter
from lib.daemon import Daemon, bootstrap, cluster
from lib.process import Process
from lib.reports import COUNTS, ROOT, Collector, Sums
from lib.upstream import Upstream

CLUSTER, UPSTREAM, PROXIED = "steady", 20001, 20002
ANSWERED_SECONDS = 60  # whoever gives up on an answer leaves a request of which nobody knows a result


def _script(path):
    spec = importlib.util.spec_from_file_location("script", os.path.join(ROOT, path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


count_once = _script("scripts/count_once.py")


def config(port, keepalive=True):
    """Reports to `port`; with keepalive, a server that is silent for a second is left."""
    made = bootstrap([cluster(CLUSTER, [(None, 0, [("127.0.0.1", UPSTREAM)])])], port)
    if not keepalive:
        return made
    (options,) = made["static_resources"]["clusters"][-1]["typed_extension_protocol_options"].values()
    options["explicit_http_config"]["http2_protocol_options"]["connection_keepalive"] = {
        "interval": "0.3s", "timeout": "0.7s", "interval_jitter": {"value": 0}}
    return made


def _envoy(folder, program, made):
    types = "type.googleapis.com/envoy.extensions.filters"
    manager = {
        "@type": f"{types}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "cuts", "http_filters": [{"name": "router", "typed_config": {
            "@type": f"{types}.http.router.v3.Router"}}],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {
                "cluster": CLUSTER, "timeout": f"{ANSWERED_SECONDS}s"}}]}]}}
    made["static_resources"]["listeners"] = [{
        "name": "all", "address": {"socket_address": {"address": "127.0.0.1", "port_value": PROXIED}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}]}]
    path = os.path.join(folder, "envoy.json")
    with open(path, "w") as out:
        json.dump(made, out)
    return Process(folder, "envoy", [program, "-c", path, "--log-level", "error", "--concurrency", "1",
                                     "--use-dynamic-base-id"], ports=[PROXIED])


class Way:
    """daemon -> cutter -> collector. Numbers from 0 give each its ports. `program`: in BUILD; a path:
    an Envoy, which is proxy and client at once."""

    def __init__(self, scratch, group, name, number, program="loadtap", interval="0.25s",
                 keepalive=True):
        self.name = name
        folder = os.path.join(scratch, name.replace(" ", "-"))
        os.mkdir(folder)
        self.collector = Collector(folder, 18000 + number, interval)
        self.cutter = Cutter(19000 + number, 18000 + number)
        made = config(19000 + number, keepalive)
        self.daemon = (_envoy(folder, program, made) if os.path.isabs(program) else
                       Daemon(folder, group, made, program=program))

    def wait_ready(self):
        self.collector.wait_ready(CLUSTER)

    @staticmethod
    def _sum(entries):
        total = Sums({name: 0 for name in COUNTS})
        for stats in entries:
            for locality in stats.get("upstream_locality_stats", ()):
                total.add(locality, COUNTS)
        return dict(total)

    def once(self):
        return self._sum(stats for _, stats in count_once.counted(list(self.collector.messages()))
                         if stats["cluster_name"] == CLUSTER)

    def twice(self):
        """With what was sent again and received both times."""
        return self._sum(self.collector.clusters(CLUSTER))

    def settled(self, truth, seconds=25):
        """once(), which should become the truth, and stay it for two reports."""
        self.collector.settle(CLUSTER, lambda: self.once() == truth, seconds)
        return self.once()


class Load:
    """Steady traffic to one upstream, one request in five a 503; a connection for each 50."""

    def __init__(self, port=UPSTREAM, threads=2, pause=0.003):
        self.upstream = Upstream()
        self.upstream.listen(UPSTREAM)
        self.port, self.pause = port, pause
        self.stopping = threading.Event()
        self.broke = []
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def _run(self):
        try:
            self._requests()
        except OSError as error:
            self.broke.append(error)

    def _requests(self):
        while not self.stopping.is_set():
            with Client(self.port, seconds=ANSWERED_SECONDS) as client:
                for number in range(50):
                    client.send(request(f"/ok?status={503 if number % 5 == 0 else 200}")).answer()
                    time.sleep(self.pause)

    def stop(self):
        """What the upstream counted; fails if a request had no answer."""
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        if self.broke:
            raise self.broke[0]
        return {name: self.upstream.counts[UPSTREAM][name] for name in COUNTS}
