#!/usr/bin/python3
# test: quiet timeout=120
"""Clusters that come, change and go: s11, s13. Envoy's come from a file by CDS (path_config_source), loadtap's
with the bootstrap that is loaded anew."""

import os
import signal
import sys
import urllib.request
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "e2e"))

import compare
import proxy
from lib import namespace, tap
from lib.daemon import Daemon
from lib.process import until
from lib.upstream import Upstream
from management import CLIENTS
from run import Run
from scenarios import judge
from traffic import asks

PORTS = {"kept": 20001, "late": 20002, "later": 20003}
LISTENERS = {name: port + 10000 for name, port in PORTS.items()}
CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"


class Changing(Run):
    """A run whose clusters are another file for each client."""

    def __init__(self, scratch, group, clusters):
        self.folder, self.number = scratch, 0
        for name, content in self._contents(clusters).items():
            self._write(scratch, name, content)
        listeners = [proxy.http_listener(port, name) for name, port in LISTENERS.items()]
        for listener in listeners:  # to clusters that are not there yet
            listener["filter_chains"][0]["filters"][0]["typed_config"]["route_config"][
                "validate_clusters"] = False
        super().__init__(scratch, group, [], listeners, more={"dynamic_resources": {"cds_config": {
            "resource_api_version": "V3",
            "path_config_source": {"path": os.path.join(scratch, "cds.json")}}}})

    def start_daemon(self, scratch, group, own):
        return Daemon(scratch, group, os.path.join(scratch, "changing.json"), **own)

    def _contents(self, clusters):
        self.number += 1
        return {"cds.json": {"version_info": str(self.number),
                             "resources": [{"@type": CLUSTER, **cluster} for cluster in clusters]},
                "changing.json": {key: value for key, value in proxy.bootstrap(clusters, []).items()
                                  if key != "admin"}}

    def _versions(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{proxy.ADMIN}/stats?filter=cds.update_success") as page:
            return int(page.read().split(b":")[1])

    def change(self, clusters):
        """Returns when both have the clusters."""
        before = self._versions(), self.daemon.log().count("loaded anew")
        for name, content in self._contents(clusters).items():
            self._write(self.folder, name, content)
        self.daemon.child.send_signal(signal.SIGHUP)
        until(lambda: self._versions() > before[0] and self.daemon.log().count("loaded anew") > before[1],
              5, "the clusters")


def cluster(name, **more):
    return proxy.cluster(name, [proxy.group(("127.0.0.1", PORTS[name]))], **more)


def brief(view, client, name):
    """{number of the report: "I2 S2"} of those that the cluster is in, and its intervals."""
    messages = view.management.messages(client)
    found = [(number, message.clusters[name]) for number, message in enumerate(messages)
             if name in message.clusters]
    return ({number: compare.brief(stats) for number, stats in found},
            {number: round(compare.seconds(stats), 1) for number, stats in found})


def s11_unknown_becomes_known(view):
    """All of its traffic, the interval since it was first named."""
    for client in CLIENTS:
        says, lasts = brief(view, client, "late")
        view.expect(client, says[1], "I7 S7")
        view.near(f"{client}: its interval", lasts[1], 3)


def s13_added_under_send_all(view):
    """Not in the report of the period in which it came; what it had counted by then is discarded."""
    for client in CLIENTS:
        says, lasts = brief(view, client, "later")
        view.expect(f"{client}: first seen in", min(says), 3)
        view.expect(client, says[3], "I3 S3")
        view.near(f"{client}: its interval", lasts[3], 2)


def d14_nothing_lost_when_a_cluster_changes(view):
    """Three before the change, five behind it."""
    for client, says in (("envoy", "I5 S5"), ("loadtap", "I8 S8")):
        view.expect(client, brief(view, client, "late")[0][4], says)
        view.near(f"{client}: its interval", brief(view, client, "late")[1][4], 2)


def d15_nothing_lost_when_a_cluster_goes(view):
    """Two before it went: Envoy has no entry any more, loadtap one last."""
    for client, says in (("envoy", None), ("loadtap", "I2 S2")):
        found = brief(view, client, "later")[0]
        view.expect(client, found.get(5), says)
        view.expect(f"{client}: from then on", max(found), 5 if says else 4)


def test(results, scratch, group):
    upstream = Upstream()
    for port in PORTS.values():
        upstream.listen(port)
    kept, late, later = map(cluster, PORTS)
    ask = {name: asks("/ok", times=1) for name in PORTS}
    run = Changing(scratch, group, [kept])

    def traffic(name, times):
        for _ in range(times):
            ask[name](LISTENERS[name])

    run.begin(clusters=["kept", "late"], interval=3, endpoints=True)
    run.at(0.4)
    traffic("late", 1)  # Envoy has no cluster for it: 503
    run.at(0.8)
    run.change([kept, late])
    run.at(1.8)
    traffic("late", 7)
    run.at(3.3)
    run.management.respond(send_all=True, interval=2, endpoints=True)
    run.at(3.7)
    run.change([kept, late, later])
    run.at(4.5)
    traffic("later", 7)
    run.at(6)
    traffic("later", 3)
    run.at(7.6)
    traffic("late", 3)
    run.at(7.9)
    run.change([kept, cluster("late", connect_timeout="2s"), later])
    run.at(8.7)
    traffic("late", 5)
    run.at(9.6)
    traffic("later", 2)
    run.at(9.9)
    run.change([kept, cluster("late", connect_timeout="2s")])
    run.at(13.8)
    run.stop()
    for check in (s11_unknown_becomes_known, s13_added_under_send_all,
                  d14_nothing_lost_when_a_cluster_changes, d15_nothing_lost_when_a_cluster_goes):
        judge(results, run, check)
    results.equal("both say the same of a cluster that stays", compare.both(run.management, "kept"), [])
    run.check(results)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
