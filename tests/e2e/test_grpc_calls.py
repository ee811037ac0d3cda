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


def run_pairs(scratch, plans, first_port, age=None):
    """Each pair runs plans(pair). Returns {pair: (member, the client's own count, the server's)}."""
    found = {}
    for port, pair in enumerate(PAIRS, first_port):
        process = serve(scratch, pair[1], port, age and age[pair[1]])
        said = run(pair[0], port, plans(pair))
        found[pair] = ("127.0.0.1", port), said, served(process)
    return found


def watch_pairs(scratch, group, first_port):
    return Watch(scratch, group, [("127.0.0.1", first_port + number) for number in range(len(PAIRS))])


def compare(results, scratch, group, title, plans, first_port):
    """The client's own count, the server's and the report's are one."""
    watch = watch_pairs(scratch, group, first_port)
    found = run_pairs(scratch, plans, first_port)
    results.equal(f"{title}: servers and clients agree",
                  {pair: own for pair, (_, _, own) in found.items()},
                  {pair: said for pair, (_, said, _) in found.items()})
    watch.compare(results, {f"{title}: " + "{} to {}".format(*pair): (member, said)
                            for pair, (member, said, _) in found.items()})
    watch.end(results)


def every_kind(results, scratch, group):
    compare(results, scratch, group, "every kind", lambda _: KINDS, 21001)


def with_goaway(results, scratch, group):
    """Connections last 100 ms. A response that a closing connection cuts off is a success to the server
    only; a call that GOAWAY refuses is issued again, which the client does not tell."""
    watch = watch_pairs(scratch, group, 22001)
    found = run_pairs(scratch, lambda _: SHORT, 22001, {"grpc-go": "100ms", "grpcio": "0.1"})
    members = [member for member, _, _ in found.values()]
    watch.settle(members, lambda rows: sum(row["issued"] for row in rows) >= sum(
        said["issued"] for _, said, _ in found.values()))
    for (pair, (_, said, own)), row in zip(found.items(), watch.rows(members)):
        again = row["issued"] - said["issued"]
        results.true("with GOAWAY in between: {} to {}".format(*pair),
                     said["success"] <= row["success"] <= own["success"] and again >= 0
                     and row["error"] == row["issued"] - row["success"] and not row["active"],
                     f"reported {row}, the client {said}, the server {own}")
        results.say("{} to {}: {} refused and issued again".format(*pair, again))
    watch.end(results)


def many(results, scratch, group):
    """grpcio, in Python, is slow."""
    def plans(pair):
        return [f"{CALLS if 'grpcio' not in pair else CALLS // 10}:unary:"]

    compare(results, scratch, group, f"{CALLS} unary calls", plans, 23001)


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
