#!/usr/bin/python3
"""loadtap started late: HTTP/2 and gRPC on connections that are open already, idle or busy.

Connections are exact, and so is what is issued and in progress from the first request on. What the header
tables have from before hides results, and whether a request is gRPC: those are unclassified, until the
tables have turned over. grpc-go's never do.
"""

import collections
import os
import struct
import threading

from lib import grpc_peers, namespace, tap
from lib.client2 import GRPC, Client2
from lib.process import until
from lib.upstream2 import Upstream2
from lib.watch import Watch, counted, counts

PLAIN, CALLS, HELD, LOAD, GO = (("127.0.0.1", port) for port in range(20001, 20006))
UNCLASSIFIED = "loadtap.unclassified_requests"
STREAMS = 12


class Late:
    """Reports, and what the upstream counted, both from when loadtap came."""

    def __init__(self, results, watch, upstream):
        self.results, self.watch, self.upstream = results, watch, upstream
        self.before = {port: dict(counter) for port, counter in upstream.counts.items()}

    def served(self, member, active=0):
        before = collections.Counter(self.before.get(member[1]))
        return {**counted(self.upstream.counts[member[1]] - before), "active": active}

    def bound(self, member):
        return self.watch.collector.metrics("watched")[0]["{}:{}".format(*member)]

    def within(self, name, member, least=0):
        """Issued exactly; at least so many results are known, the others are unclassified. Returns how
        many are known."""
        truth = self.served(member)
        self.watch.settle([member], lambda rows: agrees(rows[0], self.bound(member), truth))
        [row], bound = self.watch.rows([member]), self.bound(member)
        known = row["success"] + row["error"]
        self.results.true(name, agrees(row, bound, truth) and known >= least,
                          f"{row}, bound {dict(bound)}, truth {truth}")
        return known


def agrees(row, bound, truth):
    return (row["issued"] == truth["issued"] and row["active"] == truth["active"]
            and row["issued"] == row["success"] + row["error"] + bound[UNCLASSIFIED]
            and row["success"] <= truth["success"] and row["error"] <= truth["error"])


def turn_over(client):
    """Until nothing in either header table is from before."""
    for size in range(1000, 1300):
        client.wait(client.ask(f"/ok?n={size}"))


def on_idle_connections(results, scratch, group):
    upstream = Upstream2()
    for _, port in (PLAIN, CALLS, HELD):
        upstream.listen(port)
    clients = {member: Client2(member[1]) for member in (PLAIN, CALLS, HELD)}
    plain, calls, held = clients.values()
    for status in (200, 503, 418):
        plain.wait(*[plain.ask(f"/ok?status={status}") for _ in range(10)])
    for code in (0, 14):
        calls.wait(*[calls.call(f"/grpc?grpc={code}") for _ in range(10)])
    older = held.ask("/hang-after")
    held.heads(older)
    watch = Watch(scratch, group, list(clients), report_error_bound=True)
    late = Late(results, watch, upstream)
    results.equal("idle connections are seen at once",
                  watch.collector.total("watched")["connections"], 3)
    results.equal("nothing else is", watch.rows(clients), [counts()] * 3)

    plain.wait(*[plain.ask(f"/ok?status={status}") for status in (500, 504, 200, 503) * 5])
    late.within("a 5xx that the tables tell is known", PLAIN, 10)
    calls.wait(*[calls.call(f"/grpc?grpc={code}") for code in (0, 14, 0, 2) * 5])
    late.within("gRPC: the same, by grpc-status", CALLS)
    for client, member, paths, name in (
            (plain, PLAIN, ["/ok?status=503", "/ok?status=418", "/ok"], "HTTP/2"),
            (calls, CALLS, ["/grpc?grpc=0", "/grpc?grpc=14", "/grpc?only&grpc=5"], "gRPC")):
        turn_over(client)
        known = late.within(f"{name}: the tables turn over", member)
        ask = client.call if member is CALLS else client.ask
        client.wait(*[ask(path) for path in paths * 20])
        results.equal(f"{name}: and then all results are known",
                      late.within(f"{name}: after that", member) - known, 60)

    asked = [held.ask("/hang") for _ in range(5)] + [held.call("/hang-after") for _ in range(5)]
    held.heads(*asked[5:])
    watch.compare(results, {"in progress: what was asked since": (HELD, counts(10, 0, 0, 10))})
    held.cancel(*asked, older)
    watch.compare(results, {"and no more once it is cancelled": (HELD, counts(10))})
    for client in clients.values():
        client.sock.close()
    watch.collector.settle("watched", lambda: not watch.collector.total("watched")["connections"])
    results.equal("the connections end", watch.collector.total("watched")["connections"], 0)
    results.equal("loadtap ends cleanly", watch.daemon.finish(), 0)
    watch.collector.stop()


def ask(client, number):
    return client.ask(f"/ok?status={503 if number % 3 == 0 else 200}")


def call_go(client, number):
    query = b"status=14" if number % 3 == 0 else b""
    body = struct.pack(">BI", 0, len(query)) + query
    return client.ask("/loadtap.test.Calls/unary", "POST", body, GRPC)


class Busy:
    """A client that goes on over its connection until it is told to end."""

    def __init__(self, member, request):
        self.member, self.request = member, request
        self.rounds, self.going = 0, True
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        with Client2(self.member[1]) as client:
            while self.going:
                client.wait(*[self.request(client, number) for number in range(STREAMS)])
                self.rounds += 1

    def end(self):
        """Returns how many rounds there were."""
        self.going = False
        self.thread.join()
        return self.rounds


def under_load(results, scratch, group):
    """Clients go on over the same connections while loadtap starts."""
    upstream = Upstream2()
    upstream.listen(LOAD[1])
    server = grpc_peers.serve(scratch, "grpc-go", GO[1])
    busy = [Busy(LOAD, ask) for _ in range(3)] + [Busy(GO, call_go)]
    until(lambda: all(client.rounds > 3 for client in busy), 10, "load")
    watch = Watch(scratch, group, [LOAD, GO], report_error_bound=True)
    since = [client.rounds for client in busy]
    until(lambda: all(client.rounds > start + 20 for client, start in zip(busy, since)), 20, "more")
    asked = [STREAMS * client.end() for client in busy]
    own = grpc_peers.served(server)
    results.equal("each call was answered", own["issued"], asked[3])

    def rows():
        bounds = watch.collector.metrics("watched")[0]
        return [(row, bounds["{}:{}".format(*member)])
                for member, row in zip((LOAD, GO), watch.rows([LOAD, GO]))]

    def ended(_=None):
        """What loadtap saw before its first report is issued in none, but may end in one."""
        return all(not row["active"] and 0 <= row["success"] + row["error"] + bound[UNCLASSIFIED]
                   - row["issued"] <= 3 * STREAMS for row, bound in rows())

    watch.settle([LOAD, GO], ended)
    results.true("each request is a result, or unclassified", ended(), rows())
    for name, (row, _), most, least in zip(("HTTP/2", "gRPC"), rows(), (sum(asked[:3]), asked[3]),
                                           (3 * 20 * STREAMS, 20 * STREAMS)):
        results.true(f"{name}: all requests since then, and no more than there were",
                     least <= row["issued"] <= most, row)
    results.say(rows())
    results.equal("loadtap ends cleanly", watch.daemon.finish(), 0)
    for (_, port), connections in ((LOAD, 3), (GO, 1)):
        results.true(f"{connections} joined, says the error bound", any(
            f":{port} " in line and f"joined_connections={connections}" in line
            for line in watch.daemon.log().splitlines()), watch.daemon.log())
    watch.collector.stop()


def test(results, scratch, group):
    for part in (on_idle_connections, under_load):
        folder = os.path.join(scratch, part.__name__)
        os.mkdir(folder)
        part(results, folder, group)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
