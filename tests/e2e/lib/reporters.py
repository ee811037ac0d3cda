"""Clients of the Load Reporting Service on gRPC's own libraries, and the messages for them."""

import os
import subprocess

from lib.process import until
from lib.protobuf import block, fields, nested, scalar
from lib.reports import BUILD

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
STACKS = {"grpcio": ([os.path.join(HERE, "grpcio_reporter.py")], "--"),
          "grpc-go": ([os.path.join(BUILD, "tests/e2e/grpcgo/reporter")], "-"),
          "grpc-java": (["java", f"@{HERE}/grpcjava/java.options", f"{HERE}/grpcjava/Reporter.java"], "--")}
PLAIN_ONLY = {"grpc-java"}  # Debian's Netty has no ALPN
# Of UpstreamLocalityStats.
NUMBERS = {"success": 2, "active": 3, "error": 4, "issued": 8, "connections": 9, "connected": 10,
           "failed": 11}


def locality(region="", zone="", sub_zone="", priority=0, **numbers):
    place = b"".join(block(at, text) for at, text in enumerate((region, zone, sub_zone), 1) if text)
    return block(1, place) + scalar(6, priority) + b"".join(
        scalar(NUMBERS[name], value) for name, value in numbers.items())


def cluster(name, *localities, dropped=0):
    return block(1, name) + b"".join(block(2, each) for each in localities) + scalar(3, dropped) + \
        block(4, scalar(1, 1))


def request(clusters=(), node=None):
    """node: (id, cluster)"""
    who = block(1, block(1, node[0]) + block(2, node[1])) if node else b""
    return who + b"".join(block(2, each) for each in clusters)


def asked(response):
    """A LoadStatsResponse as (clusters or None, seconds, endpoints)."""
    values = dict(fields(response))
    duration = dict(fields(values.get(2, b"")))
    names = [name.decode() for name in nested(response, 1)]
    return (None if values.get(4) else names,
            duration.get(1, 0) + duration.get(2, 0) / 1e9, bool(values.get(3)))


class Reporter:
    """One stream; options as the programs have them: tls_ca="f" is --tls-ca f, a
    list is the option once for each."""

    def __init__(self, scratch, stack, name, port, host="127.0.0.1", **options):
        program, dash = STACKS[stack]
        words = [word for key, values in options.items()
                 for value in ([values] if isinstance(values, str) else values)
                 for word in (dash + key.replace("_", "-"), value)]
        self.path = os.path.join(scratch, f"{name}.out")
        with open(self.path, "wb") as out:
            self.child = subprocess.Popen([*program, f"{dash}call", f"{host}:{port}", *words],
                                          stdin=subprocess.PIPE, stdout=out)

    def send(self, *arguments, **options):
        self.child.stdin.write(request(*arguments, **options).hex().encode() + b"\n")
        self.child.stdin.flush()
        return self

    def said(self, word):
        with open(self.path) as out:
            return [line.split(maxsplit=1)[1].strip() for line in out
                    if line.startswith(word + " ") and line.endswith("\n")]

    def asked(self, count=1):
        """What the collector asked for, once it has done so `count` times."""
        until(lambda: len(self.said("response")) >= count, 20, f"response {count} in {self.path}")
        return [asked(bytes.fromhex(line)) for line in self.said("response")]

    def finish(self):
        """Half-closes; the status that the stream ended with."""
        self.child.stdin.close()
        return self.ended()

    def ended(self):
        self.child.wait(10)
        return int(self.said("end")[0].split()[0])

    def kill(self):
        self.child.kill()
        self.child.wait()
