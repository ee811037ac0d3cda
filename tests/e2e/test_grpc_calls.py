#!/usr/bin/python3
# test: timeout=300
"""gRPC calls between grpcio and grpc-go, each as client and as server: every code and kind of call, with
GOAWAY in between, with a server that is killed; and CALLS (20000) unary ones, a tenth where Python
takes part. Each pair has an endpoint of its own."""

import os
import signal
import subprocess
import time

from lib import namespace, tap
from lib.process import Process
from lib.reports import BUILD
from lib.watch import Watch, counts

CALLS = int(os.environ.get("CALLS", "20000"))
GO = os.path.join(BUILD, "tests/e2e/grpcgo/peer")
PYTHON = os.path.join(os.path.dirname(os.path.abspath(__file__)), "grpcio_peer.py")
STACKS = {"grpc-go": (GO, "-"), "grpcio": (PYTHON, "--")}
PAIRS = [(client, server) for client in STACKS for server in STACKS]
ERRORS = {"2", "4", "12", "13", "14", "15"}

KINDS = [
    *(f"20:unary:status={code}" for code in range(17)),
    *(f"5:unary:head=1&status={code}" for code in range(1, 17)),
    "50:unary:", "10:nowhere:",
    "20:replies:messages=50&size=3000", "20:replies:messages=3&status=13",
    "20:requests:requests=30&size=5000", "20:both:requests=10&early=1&status=7",
    "20:replies:cancel=1&hold=1&messages=1",
    "10:unary:metadata=40000", "10:unary:send=40000",
    "3:replies:messages=3&size=900000", "3:unary:size=2000000", "3:requests:requests=5&size=900000",
]
SHORT = ["3000:unary:", "500:unary:status=14", "200:replies:messages=5", "3000:unary:status=5"]


def serve(scratch, stack, port, age=None):
    program, dash = STACKS[stack]
    command = [program, f"{dash}listen", f"127.0.0.1:{port}"]
    return Process(scratch, f"{stack}-{port}", command + ([f"{dash}age", age] if age else []),
                   ports=[port])


def call(stack, port, plans, streams=20):
    program, dash = STACKS[stack]
    return [program, f"{dash}call", f"127.0.0.1:{port}", f"{dash}streams", str(streams), *plans]


def read_codes(text):
    """What a client printed, as a report has it."""
    codes = {code: int(count) for code, count in (line.split() for line in text.splitlines())}
    errors = sum(count for code, count in codes.items() if code in ERRORS)
    total = sum(codes.values())
    return counts(total, total - errors - codes.get("none", 0), errors)


def read_own(text):
    """What a server printed."""
    words = text.split()
    own = dict(zip(words[::2], map(int, words[1::2])))
    return counts(own["issued"], own["success"], own["error"])


def compare(results, scratch, group, title, plans, first_port, streams=20, age=None):
    """Each pair runs plans(pair); the client's own count, the server's and the report's are one."""
    places = {pair: first_port + number for number, pair in enumerate(PAIRS)}
    watch = Watch(scratch, group, [("127.0.0.1", port) for port in places.values()])
    expected, own = {}, {}
    for (client, server), port in places.items():
        process = serve(scratch, server, port, age and age[server])
        said = subprocess.run(call(client, port, plans((client, server)), streams),
                              stdout=subprocess.PIPE, text=True, timeout=1000, check=True).stdout
        process.stop()
        name = f"{title}: {client} to {server}"
        expected[name] = ("127.0.0.1", port), read_codes(said)
        with open(process.out_path) as out:
            own[name] = read_own(out.read())
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
