#!/usr/bin/env python3
"""loadtap as a container of a pod: it finds the pod's cgroup from within its own cgroup namespace, and counts
the requests of the pod's other containers and no others.

All programs share a network namespace here, so nothing but the cgroup tells their sockets apart.
"""

import json
import os
import signal
import subprocess
import urllib.request

from lib import containers, namespace, tap
from lib.daemon import bootstrap, cluster, settings
from lib.process import Process, until
from lib.reports import BUILD, Collector
from lib.upstream import Upstream

# Ports of no other test: before Linux 6.16, who watches all network namespaces cannot tell loopback ones apart.
CLUSTER, PORT, UNDIALLED, ADMIN = "pod", 20717, 20718, 9901
URL = f"http://127.0.0.1:{PORT}/ok"
OWN, OTHER = containers.UIDS
# What the container is given, as in configs/kubernetes.
CAPABILITIES = ["setpriv", "--no-new-privs", "--inh-caps=-all", "--ambient-caps=-all",
                "--bounding-set=-all,+bpf,+net_admin,+perfmon"]


class Place:
    """Two pods of one node, by kubelet's names, and what each container sends."""

    def __init__(self, group, pod_name, suffix):
        self.sidecar, self.app, self.init = (
            containers.make(group, pod_name(OWN), name + suffix) for name in ("aa", "bb", "cc/init"))
        self.other = containers.make(group, pod_name(OTHER), "dd" + suffix)
        self.outside = containers.make(group, "system.slice", "proxy.service")

    def send(self):
        containers.ask(self.app, *[URL] * 5)
        containers.ask(self.init, *[URL] * 2)
        containers.ask(self.sidecar, URL)
        containers.ask(self.other, *[URL] * 3)
        containers.ask(self.outside, *[URL] * 4)


IN_POD, IN_ALL = 8, 15


def loadtap(scratch, own):
    path = os.path.join(scratch, "bootstrap.json")
    with open(path, "w") as out:
        json.dump({**bootstrap([cluster(CLUSTER, [(None, 0, [("127.0.0.1", PORT)])]),
                                cluster("idle", [(None, 0, [("127.0.0.1", UNDIALLED)])])]),
                   "admin": {"address": {"socket_address": {"address": "0.0.0.0", "port_value": ADMIN}}},
                   **settings("", own)}, out)
    return [*CAPABILITIES, os.path.join(BUILD, "loadtap"), "-c", path]


def admin(path):
    """Status and text of a page, as kubelet and Prometheus would get them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{ADMIN}{path}", timeout=10) as answer:
        return answer.status, answer.read().decode()


def counted(results, scratch, name, place, own, expected, until_said="", **container):
    """Runs loadtap in the sidecar's container while all send; what it said."""
    collector = Collector(scratch, name=name)
    daemon = Process(scratch, f"loadtap-{name}",
                     containers.command(place.sidecar, scratch, loadtap(scratch, own), **container))
    try:
        collector.wait_ready(CLUSTER)
    except TimeoutError as error:
        raise RuntimeError(f"{error}; loadtap said:\n{daemon.log()}") from None
    results.equal(f"{name}: probes", [admin("/ready")[0], admin("/livez")[0]], [200, 200])
    place.send()
    collector.settle(CLUSTER, lambda: collector.total(CLUSTER)["success"] == expected)
    until(lambda: until_said in daemon.log(), 30, until_said)
    if until_said:
        until(lambda: "\nloadtap_undialled_endpoints 1\n" in admin("/metrics")[1], 30, "it in /metrics")
        results.true(f"{name}: /clusters shows it",
                     f"idle::127.0.0.1:{UNDIALLED}::undialled::true\n" in admin("/clusters")[1])
    total = collector.total(CLUSTER)
    results.equal(f"{name}: requests", total.of("issued", "success", "error"),
                  {"issued": expected, "success": expected, "error": 0})
    os.killpg(daemon.child.pid, signal.SIGTERM)  # unshare itself does not pass it on
    results.equal(f"{name}: loadtap ends cleanly", daemon.child.wait(20), 0)
    collector.stop()
    return daemon.log()


def refused(results, scratch, place):
    done = subprocess.run(containers.command(place.sidecar, scratch, loadtap(scratch, {"pod_cgroup": True}),
                                             shown=False), stderr=subprocess.PIPE, text=True, timeout=60)
    results.true("without the host's tree: refused, with the way out",
                 done.returncode == 1 and "have the host's /sys/fs/cgroup mounted too" in done.stderr,
                 done.stderr)


def test(results, scratch, group):
    Upstream().listen(PORT)
    systemd = Place(group, containers.systemd_pod, ".scope")
    cgroupfs = Place(group, containers.cgroupfs_pod, "")
    pod = {"pod_cgroup": True}
    said = counted(results, scratch, "systemd's names", systemd, pod, IN_POD)
    results.true("it says which cgroup", f"{containers.systemd_pod(OWN)};" in said, said)
    counted(results, scratch, "cgroupfs's names", cgroupfs, pod, IN_POD)
    counted(results, scratch, "hybrid, private namespace", systemd, pod, IN_POD, hybrid=True)
    counted(results, scratch, "hybrid, the host's namespace", cgroupfs, pod, IN_POD, hybrid=True,
            private=False)
    refused(results, scratch, systemd)
    said = counted(results, scratch, "the whole node", systemd, {"undialled_endpoint_time": "1s"}, IN_ALL,
                   until_said=f"nobody has dialled 127.0.0.1:{UNDIALLED}")
    results.true("nothing is out of its sight", "only what this container is shown" not in said, said)
    results.true("an endpoint that nobody dials is named",
                 f"cluster idle: nobody has dialled 127.0.0.1:{UNDIALLED} for 1 s" in said, said)
    said = counted(results, scratch, "the container alone", systemd, {}, 1, shown=False)
    results.true("it warns of what is out of its sight", "only what this container is shown" in said, said)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
