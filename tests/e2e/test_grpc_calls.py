#!/usr/bin/python3
# test: timeout=300
"""gRPC calls between grpcio and grpc-go, each as client and as server: every code and kind of call, with
GOAWAY in between, with a server that is killed; and CALLS (20000) unary ones, a tenth where Python
takes part. Each pair has an endpoint of its own."""

import os
import signal
import time

from lib import namespace, tap
from lib.grpc_peers import KINDS, PAIRS, call, run, serve, served
from lib.process import Process
from lib.watch import Watch, counts

CALLS = int(os.environ.get("CALLS", "20000"))
SHORT = ["3000:unary:", "500:unary:status=14", "200:replies:messages=5", "3000:unary:status=5"]


def compare(results, scratch, group, title, plans, first_port, streams=20, age=None):
    """Each pair runs plans(pair); the client's own count, the server's and the report's are one."""
    places = {pair: first_port + number for number, pair in enumerate(PAIRS)}
    watch = Watch(scratch, group, [("127.0.0.1", port) for port in places.values()])
    expected, own = {}, {}
    for (client, server), port in places.items():
        process = serve(scratch, server, port, age and age[server])
        name = f"{title}: {client} to {server}"
        expected[name] = ("127.0.0.1", port), run(client, port, plans((client, server)), streams)
        own[name] = served(process)
    if age:  # a response that its connection's end cut off is a success to the server only
        own = {name: {**expected[name][1], "issued": row["issued"]} for name, row in own.items()}
    results.equal(f"{title}: servers and clients agree",
                  own, {name: row for name, (_, row) in expected.items()})
    watch.compare(results, expected)
    watch.end(results)


def every_kind(results, scratch, group):
    compare(results, scratch, group, "every kind", lambda _: KINDS, 21001)


def with_goaway(results, scratch, group):
    compare(results, scratch, group, "with GOAWAY in between", lambda _: SHORT, 22001,
            age={"grpc-go": "100ms", "grpcio": "0.1"})


def many(results, scratch, group):
    """grpcio, in Python, is slow."""
    def plans(pair):
        return [f"{CALLS if 'grpcio' not in pair else CALLS // 10}:unary:"]

    compare(results, scratch, group, f"{CALLS} unary calls", plans, 23001, streams=50)


def held(results, scratch, group):
    """Calls that wait for their end are in progress; then the server is killed."""
    places = {pair: 24001 + number for number, pair in enumerate(PAIRS)}
    watch = Watch(scratch, group, [("127.0.0.1", port) for port in places.values()])
    servers = [serve(scratch, server, port) for (_, server), port in places.items()]
    clients = [Process(scratch, f"client-{port}",
                       call(client, port, ["10:unary:", "10:replies:hold=1&messages=2"]))
               for (client, _), port in places.items()]
    watch.compare(results, {f"held: {client} to {server}, in progress":
                            (("127.0.0.1", port), counts(20, 10, 0, 10))
                            for (client, server), port in places.items()})
    for process in servers:
        process.stop(signal.SIGKILL)
    for process in clients:
        process.child.wait(20)
    # A client dials again before it gives up: each refused connect is an error as well.
    watch.compare_total(results, "held: the servers killed",
                        lambda total: counts(80, 40, 40 + total["failed"]))
    watch.end(results)


def test(results, scratch, group):
    for part in (every_kind, with_goaway, held, many):
        folder = os.path.join(scratch, part.__name__)
        os.mkdir(folder)
        started = time.monotonic()
        part(results, folder, group)
        results.say(f"{part.__name__}: {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
