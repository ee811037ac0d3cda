"""What is asked through a proxy, and the comparison with what the upstreams counted.

Each case of each variant has a listening port of the proxy and an upstream endpoint of its own.
"""

import concurrent.futures
import time

from lib.client import Client, chunked, request
from lib.daemon import Daemon, bootstrap, cluster
from lib.reports import Collector
from lib.upstream import FAKE, Upstream

CLUSTER = "proxied"
PROXY_PORT = 30001
UPSTREAM_PORT = 20001
CASES = []


def case(refused=0):
    def register(function):
        CASES.append((function.__name__.replace("_", " "), function, refused))
        return function
    return register


def ask(port, *messages):
    """One after another, on one connection as long as the proxy keeps it."""
    client = None
    for message in messages:
        client = client or Client(port)
        head = client.send(message).answer(message.split(b" ", 1)[0].decode())
        if b"connection: close" in head.lower():
            client.sock.close()
            client = None
    if client:
        client.sock.close()


def ask_and_close(port, message):
    with Client(port) as client:
        client.send(message).drain()


ONCE = ("Connection: close",)


@case()
def GET(port):
    ask(port, *[request("/ok")] * 50)


@case()
def a_connection_for_each_request(port):
    for _ in range(50):
        ask_and_close(port, request("/ok", headers=ONCE))


@case()
def POST(port):
    ask(port, *[request("/ok", "POST", FAKE * 100)] * 20)


@case()
def POST_chunked(port):
    ask(port, *[chunked("/ok", [FAKE * 10] * 20)] * 20)


@case()
def chunked_responses(port):
    for size in (0, 1, 1000, 100000):
        ask_and_close(port, request(f"/chunked?n={size}", headers=ONCE))


@case()
def large_bodies(port):
    ask_and_close(port, request("/ok", "POST", bytes(10 << 20), headers=ONCE))
    ask_and_close(port, request(f"/ok?n={10 << 20}", headers=ONCE))


@case()
def statuses(port):
    ask(port, *[request(f"/ok?status={status}") for status in (200, 404, 429, 500, 503, 301) * 5])


@case()
def HEAD_and_no_body(port):
    messages = [request("/ok?n=5000", "HEAD"), request("/no-body?status=204"),
                request("/no-body?status=304"), request("/ok?n=5")]
    ask(port, *messages * 5)


@case()
def delimited_by_close(port):
    for _ in range(10):
        ask_and_close(port, request("/until-close?n=3000", headers=ONCE))


@case()
def connection_close_by_the_upstream(port):
    for _ in range(10):
        ask(port, request("/close"))


@case()
def byte_by_byte(port):
    ask(port, *[request("/bytewise")] * 3)


@case()
def reset_before_the_head(port):
    for _ in range(5):
        ask(port, request("/reset"))


@case()
def FIN_before_the_head(port):
    for _ in range(5):
        ask(port, request("/fin"))


@case()
def FIN_inside_the_body(port):
    for _ in range(5):
        ask_and_close(port, request("/fin-after", headers=ONCE))


@case()
def early_response(port):
    ask_and_close(port, request("/early-close?status=413", "POST", b"a" * 5000, headers=ONCE))


@case()
def client_goes_away(port):
    for _ in range(5):
        client = Client(port).send(request("/hang"))
        time.sleep(0.1)
        client.reset()


@case(refused=5)
def refused(port):
    for _ in range(5):
        ask(port, request("/ok"))


def places(variants):
    """[(label, variant, case function, refused, proxy port, upstream port)]"""
    rows = []
    for variant in variants:
        for name, function, refused_connects in CASES:
            number = len(rows)
            rows.append((f"{variant}: {name}", variant, function, refused_connects,
                         PROXY_PORT + number, UPSTREAM_PORT + number))
    return rows


def compare(results, scratch, group, rows, start_proxy, upstream=None):
    """start_proxy(rows) -> Process. Prints one result for each row."""
    upstream = upstream or Upstream()
    for row in rows:
        if not row[3]:
            upstream.listen(row[5])
    proxy = start_proxy(rows)
    collector = Collector(scratch)
    members = [("127.0.0.1", row[5]) for row in rows]
    daemon = Daemon(scratch, group, bootstrap([cluster(CLUSTER, [(None, 0, members)])]))
    daemon.wait_ready(collector, CLUSTER)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(row[2], row[4]) for row in rows]

    def served(row):
        counts = upstream.counts[row[5]]
        return {"issued": counts["issued"], "success": counts["success"],
                "error": counts["error"] + row[3], "active": 0}

    def reported(row):
        sums = collector.endpoints(CLUSTER)[f"127.0.0.1:{row[5]}"]
        return sums.of("issued", "success", "error", "active")

    collector.settle(CLUSTER, lambda: all(reported(row) == served(row) for row in rows))
    for row, future in zip(rows, futures):
        if future.exception():
            results.true(row[0], False, f"the client failed: {future.exception()!r}")
        else:
            results.equal(row[0], reported(row), served(row))
    results.true("the upstreams served requests",
                 all(served(row)["issued"] or row[3] for row in rows))
    results.equal("loadtap ends cleanly", daemon.finish(), 0)
    proxy.stop()
    collector.stop()
