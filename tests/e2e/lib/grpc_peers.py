"""gRPC calls between grpcio and grpc-go: the programs grpcgo/peer.go and grpcio_peer.py."""

import os
import subprocess

from lib.process import Process
from lib.reports import BUILD, ROOT
from lib.watch import counts

GO = os.path.join(BUILD, "tests/e2e/grpcgo/peer")
PYTHON = os.path.join(ROOT, "tests/e2e/grpcio_peer.py")
STACKS = {"grpc-go": (GO, "-"), "grpcio": (PYTHON, "--")}
PAIRS = [(client, server) for client in STACKS for server in STACKS]
LOCAL = "127.0.0.1"
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


def serve(scratch, stack, port, age=None, address=LOCAL):
    program, dash = STACKS[stack]
    command = [program, f"{dash}listen", f"{address}:{port}"]
    return Process(scratch, f"{stack}-{port}", command + ([f"{dash}age", age] if age else []),
                   ports=[port])


def call(stack, port, plans, streams=20, address=LOCAL):
    program, dash = STACKS[stack]
    return [program, f"{dash}call", f"{address}:{port}", f"{dash}streams", str(streams), *plans]


def run(client, port, plans, streams=20, address=LOCAL):
    """Calls to their end; what the client was answered, as a report has it."""
    text = subprocess.run(call(client, port, plans, streams, address), stdout=subprocess.PIPE,
                          text=True, timeout=1000, check=True).stdout
    codes = {code: int(count) for code, count in (line.split() for line in text.splitlines())}
    errors = sum(count for code, count in codes.items() if code in ERRORS)
    total = sum(codes.values())
    return counts(total, total - errors - codes.get("none", 0), errors)


def served(process):
    """Ends a server; its own count."""
    process.stop()
    with open(process.out_path) as out:
        words = out.read().split()
    own = dict(zip(words[::2], map(int, words[1::2])))
    return counts(own["issued"], own["success"], own["error"])
