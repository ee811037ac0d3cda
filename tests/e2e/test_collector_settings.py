#!/usr/bin/env python3
"""The collector's --settings: by node, and told to open streams when they change; a file that is wrong
is refused, and the old one stays."""

import os
import signal
import subprocess

from lib import namespace, tap
from lib.process import until
from lib.reporters import Reporter
from lib.reports import BUILD, ROOT, Collector

PORT = 18000
EXAMPLE = os.path.join(ROOT, "configs/collector.yaml")
FIRST = """
nodes:
- {node_ids: [one], clusters: [a, b]}
- {node_clusters: [edge], load_reporting_interval: 2s}
default: {report_endpoint_granularity: true}
"""
SECOND = FIRST.replace("[a, b]", "[a]").replace("default: {", "default: {load_reporting_interval: 3s, ")


def put(path, text):
    with open(path, "w") as out:
        out.write(text)


def reload(collector, word):
    had = collector.process.log().count(word)
    collector.process.child.send_signal(signal.SIGHUP)
    until(lambda: collector.process.log().count(word) > had, 5, word)


def test_by_node(results, scratch):
    path = os.path.join(scratch, "settings.yaml")
    put(path, FIRST)
    collector = Collector(scratch, port=PORT, interval="1s", options=("--settings", path))
    nodes = {"one": ("one", "edge"), "two": ("two", "edge"), "three": ("three", "core")}
    clients = {name: Reporter(scratch, stack, name, PORT).send(node=node)
               for (name, node), stack in zip(nodes.items(), ("grpc-go", "grpcio", "grpc-go"))}

    def asked(count=1):
        return {name: client.asked(count)[-1] for name, client in clients.items()}

    before = {"one": (["a", "b"], 1.0, True), "two": (None, 2.0, True), "three": (None, 1.0, True)}
    results.equal("each node is asked for its own", asked(), before)

    put(path, "nodes:\n- node_ids: [one]\n  load_reporting_interval: fast\n")
    reload(collector, "the settings stay as they were")
    results.true("a wrong file is refused, with the place", f"{path}:3:28: nodes[0].load_reporting_"
                 'interval: found the string "fast", expected a duration' in collector.process.log(),
                 collector.process.log())
    os.unlink(path)
    reload(collector, "the settings stay as they were")
    results.true("so is one that is gone",
                 f"{path}: cannot be read: No such file or directory" in collector.process.log())

    put(path, SECOND)
    reload(collector, "read again")
    clients["one"].asked(2), clients["three"].asked(2)
    clients["two"].send()
    until(lambda: sum(1 for _ in collector.messages()) == 4, 5, "a fourth message")
    results.equal("open streams are told what changes, and nothing else",
                  {name: len(client.said("response")) for name, client in clients.items()},
                  {"one": 2, "two": 1, "three": 2})
    results.equal("and so is what they are asked for", asked(),
                  {"one": (["a"], 3.0, True), "two": (None, 2.0, True), "three": (None, 3.0, True)})

    clients["two"].send(node=("one", "edge"))
    results.equal("a stream that says it is another node is asked anew", clients["two"].asked(2)[-1],
                  (["a"], 3.0, True))
    results.equal("streams end well", {client.finish() for client in clients.values()}, {0})
    results.equal("the collector ends", collector.stop(), 0)


def test_at_the_start(results, scratch):
    path = os.path.join(scratch, "wrong.yaml")
    put(path, "default:\n  interval: 5s\n")
    done = subprocess.run([os.path.join(BUILD, "loadtap-collector"), "--listen", "127.0.0.1:0",
                           "--settings", path], capture_output=True, text=True, check=False)
    results.equal("a wrong file at the start ends it", done.returncode, 1)
    results.true("with the reason", f"{path}:2:3: default.interval: found the unknown key 'interval', "
                 "expected a field of NodeSettings" in done.stderr, done.stderr)


def test_example(results, scratch):
    collector = Collector(scratch, port=PORT, interval="1s", name="example",
                          options=("--settings", EXAMPLE))
    found = []
    for node in (("edge-1", "edge"), ("edge-2", "edge"), ("x", "y")):
        client = Reporter(scratch, "grpc-go", f"example-{node[0]}", PORT).send(node=node)
        found += client.asked()
        client.finish()
    results.equal("the example file", found, [
        (None, 0.5, True), (["backend", "grpc-backend"], 10.0, False), (None, 10.0, False)])
    collector.stop()


def test(results, scratch, _):
    test_by_node(results, scratch)
    test_at_the_start(results, scratch)
    test_example(results, scratch)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
