#!/usr/bin/env python3
"""A node that is named by the environment, as Kubernetes' downward API does it."""

import os
import subprocess

from lib import admin, namespace, tap
from lib.client import Client, request
from lib.daemon import Daemon, bootstrap, cluster
from lib.process import until
from lib.reports import BUILD, Collector
from lib.upstream import Upstream

EXPAND = "--config-expand-env"
ENVIRONMENT = {"POD": "web-0", "SPACE": "shop", "ZONE": "eu-1", "UPSTREAM_PORT": "20001"}
NODE = {"id": "${POD}.${SPACE}", "cluster": "e2e", "locality": {"zone": "${ZONE}"},
        "metadata": {"${POD}": "$${POD}"}}


def nodes(collector):
    return [entry["request"]["node"] for entry in collector.messages() if entry["request"].get("node")]


def refused(path, without):
    """What loadtap says of the file where one variable is missing; None if it takes it."""
    environment = {name: value for name, value in os.environ.items() if name != without}
    done = subprocess.run([os.path.join(BUILD, "loadtap"), "--mode", "validate", EXPAND, "-c", path],
                          env=environment, stderr=subprocess.PIPE, text=True, timeout=30)
    return done.stderr if done.returncode else None


def explain(path, *more):
    """Exit status and all that is said, in a shell that has none of the variables."""
    environment = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    done = subprocess.run([os.path.join(BUILD, "loadtap"), "explain", "127.0.0.1:20001", "-c", path, *more],
                          env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
    return done.returncode, done.stdout


def elsewhere(results, path):
    """An operator's shell has not the daemon's environment."""
    for flags in ((), (EXPAND,)):
        status, said = explain(path, *flags)
        results.true("explain without the variables says the way out", status == 1
                     and f"--admin SOCKET asks without the file ({admin.SOCKET}" in said, said)
    status, said = explain(path, "--admin", admin.SOCKET)
    results.true("... which is one", status == 0 and "env" in said, said)


def test(results, scratch, group):
    os.environ.update(ENVIRONMENT)
    Upstream().listen(20001)
    collector = Collector(scratch)
    config = {**bootstrap([cluster("env", [(None, 0, [("127.0.0.1", "${UPSTREAM_PORT}")])])]),
              "node": NODE}
    daemon = Daemon(scratch, group, config, options=[EXPAND])
    daemon.wait_ready(collector, "env")
    with Client(20001) as client:
        client.send(request("/ok")).answer()
    collector.settle("env", lambda: collector.total("env")["success"] == 1)
    node = until(lambda: nodes(collector), 10, "a node")[0]
    results.equal("the node", {name: node.get(name) for name in ("id", "locality", "metadata")},
                  {"id": "web-0.shop", "locality": {"zone": "eu-1"}, "metadata": {"${POD}": "${POD}"}})
    results.equal("the endpoint's port",
                  {name: row["issued"] for name, row in collector.endpoints("env").items()},
                  {"127.0.0.1:20001": 1})
    path = os.path.join(scratch, "bootstrap.json")
    elsewhere(results, path)
    results.equal("loadtap ends cleanly", daemon.finish(), 0)
    collector.stop()

    results.equal("all variables are there", refused(path, None), None)
    said = refused(path, "ZONE") or ""
    results.true("one is missing: the error has place and way out",
                 said.startswith(f"{path}:1:") and "node.locality.zone: found ${ZONE}" in said
                 and "set it, or write $${ZONE}" in said, said)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
