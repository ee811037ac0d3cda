#!/usr/bin/env python3
"""Bytes that a proxy may never send, straight from a raw client to the upstream.

Each case has an endpoint of its own; all run at once, and at the end each endpoint's sums are
compared with what the case says: issued, success, error, in progress.
"""

import concurrent.futures
import os
import socket
import time

from lib import namespace, tap
from lib.client import Client, chunked, request
from lib.daemon import Daemon, bootstrap, cluster
from lib.reports import Collector
from lib.upstream import FAKE, Upstream

BIG = os.urandom(1 << 20) * 10
CLIENT_HELLO = bytes.fromhex("16030100700100006c0303") + bytes(101)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")
CASES = []


def case(issued=0, success=0, error=0, active=0, server=None):
    """Registers a case. What its function returns is kept open until the reports were read."""
    def register(function):
        expected = {"issued": issued, "success": success, "error": error, "active": active}
        CASES.append((function.__name__.replace("_", " "), function, expected, server))
        return function
    return register


def banner(connection, _):
    connection.sock.sendall(b"220 ready\r\n")
    while connection.sock.recv(4096):
        connection.sock.sendall(b"250 ok\r\n")


def too_late(connection, _):
    time.sleep(0.05)
    connection.sock.sendall(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n")


def after_proxy_v2(connection, count):
    connection.skip(28)
    Upstream._http(connection, count)


def after_proxy_v1(connection, count):
    connection.line_end(b"\r\n")
    Upstream._http(connection, count)


def swallow(connection, _):
    while connection.sock.recv(4096):
        pass


@case(issued=1, success=1)
def one_GET(port):
    with Client(port) as client:
        client.send(request("/ok")).heads(1)


@case(issued=100, success=100)
def keep_alive_100_requests_on_one_socket(port):
    with Client(port) as client:
        for number in range(1, 101):
            client.send(request("/ok")).heads(number)


@case(issued=160, success=150, error=10)
def pipeline_16_deep_with_some_5xx(port):
    with Client(port) as client:
        for number in range(1, 11):
            batch = [request("/ok")] * 8 + [request("/ok?status=503")] + [request("/chunked")] * 7
            client.send(b"".join(batch)).heads(16 * number)


@case(issued=200, success=200)
def pipeline_200_deep(port):
    with Client(port) as client:
        client.send(request("/ok") * 200).heads(200)


@case(issued=90, success=90)
def pipeline_of_HEAD_GET_and_POST(port):
    with Client(port) as client:
        batch = (request("/ok?n=5000", "HEAD") + request("/chunked", "HEAD")
                 + request("/ok", "POST", FAKE))
        client.send(batch * 30).heads(90)


@case(issued=1, success=1)
def request_byte_by_byte(port):
    with Client(port) as client:
        client.send_cut(request("/ok", "POST", FAKE[:40])).heads(1)


@case(issued=2, success=2)
def response_byte_by_byte(port):
    with Client(port) as client:
        client.send(request("/bytewise")).until(b"abc")
        client.send(request("/ok")).heads(2)


GET = request("/ok", headers=("Accept: */*",))


@case(issued=len(GET) - 1, success=len(GET) - 1)
def request_cut_at_every_byte(port):
    with Client(port) as client:
        for cut in range(1, len(GET)):
            client.send(GET[:cut])
            time.sleep(0.001)
            client.send(GET[cut:]).heads(cut)


CHUNKED = chunked("/ok", [b"a" * 10, FAKE])


@case(issued=len(CHUNKED) - 1, success=len(CHUNKED) - 1)
def chunked_request_cut_at_every_byte(port):
    with Client(port) as client:
        for cut in range(1, len(CHUNKED)):
            client.send(CHUNKED[:cut])
            time.sleep(0.001)
            client.send(CHUNKED[cut:]).heads(cut)


@case(issued=3, success=3)
def bodies_that_look_like_messages(port):
    with Client(port) as client:
        client.send(request("/fake", "POST", FAKE)).heads(1)
        client.send(chunked("/chunked?n=3000", [FAKE, FAKE])).heads(2)
        client.send(request("/ok")).heads(3)


@case(issued=3, success=3)
def large_bodies(port):
    with Client(port) as client:
        client.send(request("/ok", "POST", BIG)).heads(1)
        client.send(request(f"/ok?n={len(BIG)}")).until(b"x" * 10000 * 1000)
        client.send(request("/ok")).heads(3)


@case(issued=200, success=200)
def HTTP_1_0_connection_for_each_request(port):
    for _ in range(200):
        with Client(port) as client:
            client.send(request("/ok", version="HTTP/1.0")).drain()


@case(issued=2, success=2)
def delimited_by_close(port):
    for path in ("/until-close", "/until-close?n=100000"):
        with Client(port) as client:
            client.send(request(path)).drain()


@case(issued=4, success=4)
def responses_without_a_body(port):
    with Client(port) as client:
        for number, status in enumerate((204, 304, 204, 200), 1):
            client.send(request(f"/{'ok' if status == 200 else 'no-body'}?status={status}"))
            client.heads(number)


@case(issued=6, success=4, error=2)
def statuses(port):
    with Client(port) as client:
        for number, status in enumerate((200, 301, 404, 499, 500, 599), 1):
            client.send(request(f"/ok?status={status}")).heads(number)


@case(issued=2, success=1, error=1)
def interim_responses_come_first(port):
    with Client(port) as client:
        client.send(request("/interim?interim=100,103,102")).heads(1)
        client.send(request("/interim?interim=100&status=500")).heads(2)


@case(issued=1)
def interim_response_then_reset(port):
    with Client(port) as client:
        client.send(request("/interim-reset")).drain()


@case(issued=1, success=1, active=1)
def upgrade_stays_in_progress(port):
    client = Client(port)
    client.send(request("/upgrade", headers=("Connection: Upgrade", "Upgrade: echo"))).until(FAKE)
    return client.send(FAKE)


@case(issued=1, success=1)
def upgrade_ends_with_its_connection(port):
    with Client(port) as client:
        client.send(request("/upgrade", headers=("Connection: Upgrade", "Upgrade: echo")))
        client.until(FAKE).send(FAKE)


@case(issued=1, error=1)
def reset_before_the_head(port):
    with Client(port) as client:
        client.send(request("/reset")).drain()


@case(issued=1, error=1)
def FIN_before_the_head(port):
    with Client(port) as client:
        client.send(request("/fin")).drain()


@case(issued=2, success=1, error=1)
def reset_after_the_head(port):
    for path in ("/reset-after", "/reset-after?status=503"):
        with Client(port) as client:
            client.send(request(path)).drain()


@case(issued=2, success=1, error=1)
def FIN_inside_the_body(port):
    for path in ("/fin-after", "/fin-after?status=503"):
        with Client(port) as client:
            client.send(request(path)).drain()


@case(issued=1, error=1)
def response_that_is_not_HTTP(port):
    with Client(port) as client:
        client.send(request("/garbage")).drain()


@case(issued=2, success=2)
def early_response_then_the_rest_of_the_body(port):
    with Client(port) as client:
        client.send(request("/early", "POST", headers=("Content-Length: 5000",)) + b"a" * 100)
        client.heads(1).send(b"a" * 4900 + request("/ok")).heads(2)


@case(issued=1, success=1)
def early_response_and_close(port):
    with Client(port) as client:
        client.send(request("/early-close?status=413", "POST",
                            headers=("Content-Length: 5000",)) + b"a" * 100).drain()


@case(issued=1, success=1)
def unprompted_408_after_a_response(port):
    with Client(port) as client:
        client.send(request("/timeout-after")).drain()


@case(server=too_late)
def unprompted_408_on_a_fresh_connection(port):
    with Client(port) as client:
        client.drain()


@case()
def connection_without_a_byte(port):
    with Client(port):
        time.sleep(0.05)


@case(issued=1)
def abort_inside_the_request_head(port):
    """Envoy counts a request from the moment that it has a connection, before its bytes leave."""
    with Client(port) as client:
        client.send(b"GET /ok HTTP/1.1\r\nHost: x\r\n")
        time.sleep(0.05)


@case(issued=2)
def abort_before_the_response(port):
    for end in (Client.reset, lambda client: client.sock.close()):
        client = Client(port).send(request("/hang"))
        time.sleep(0.1)
        end(client)


@case(issued=1, success=1)
def abort_inside_the_response_body(port):
    client = Client(port).send(request("/ok?n=20000000")).heads(1)
    client.reset()


@case(issued=1)
def abort_inside_the_request_body(port):
    client = Client(port)
    client.send(request("/ok", "POST", headers=("Content-Length: 5000",)) + b"a" * 100)
    time.sleep(0.05)
    client.reset()


@case(issued=1, active=1)
def unanswered_request_stays_in_progress(port):
    return Client(port).send(request("/hang"))


@case(issued=3, success=1, error=2)
def pipeline_cut_off_by_connection_close(port):
    with Client(port) as client:
        client.send(request("/close") + request("/ok") * 2).drain()


@case(issued=2, success=2)
def empty_line_before_the_request(port):
    with Client(port) as client:
        client.send(request("/ok")).heads(1)
        client.send(b"\r\n" + request("/ok")).heads(2)


@case(issued=2, success=2, server=after_proxy_v1)
def PROXY_v1_header(port):
    with Client(port) as client:
        client.send(b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\r\n" + request("/ok")).heads(1)
        client.send(request("/ok")).heads(2)


@case(issued=2, success=2, server=after_proxy_v2)
def PROXY_v2_header(port):
    header = (b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + socket.inet_aton("192.0.2.1")
              + socket.inet_aton("192.0.2.2") + b"\x04\xd2\x00\x50")
    with Client(port) as client:
        client.send(header)
        time.sleep(0.01)
        client.send(request("/ok")).heads(1)
        client.send(request("/ok")).heads(2)


@case(server=swallow)
def TLS_is_opaque(port):
    with Client(port) as client:
        client.send(CLIENT_HELLO + FAKE)
        time.sleep(0.05)


@case(server=swallow)
def HTTP_2_preface_is_opaque(port):
    with Client(port) as client:
        client.send(PREFACE)
        time.sleep(0.05)


@case(server=banner)
def server_that_speaks_first_is_a_session(port):
    with Client(port) as client:
        client.until(b"220 ready\r\n").send(b"QUIT\r\n").until(b"250 ok\r\n")


@case(server=swallow)
def other_bytes_are_a_session(port):
    with Client(port) as client:
        client.send(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")
        time.sleep(0.05)


@case(error=5, server="none")
def refused_connects(port):
    for _ in range(5):
        try:
            Client(port)
        except ConnectionRefusedError:
            pass


FIRST_PORT = 20001


def compare(results, scratch, group):
    upstream, ports = Upstream(), {}
    for number, (name, _, _, server) in enumerate(CASES):
        ports[name] = FIRST_PORT + number
        if server != "none":
            upstream.listen(ports[name], handler=server)
    members = [("127.0.0.1", port) for port in ports.values()]
    collector = Collector(scratch)
    daemon = Daemon(scratch, group, bootstrap([cluster("raw", [(None, 0, members)])]))
    daemon.wait_ready(collector, "raw")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        futures = {name: pool.submit(function, ports[name]) for name, function, _, _ in CASES}
    kept = [future.result() for future in futures.values() if not future.exception()]

    def counts(name):
        row = collector.endpoints("raw")[f"127.0.0.1:{ports[name]}"]
        return row.of("issued", "success", "error", "active")

    collector.settle("raw", lambda: all(counts(name) == expected for name, _, expected, _ in CASES))
    for name, _, expected, _ in CASES:
        error = futures[name].exception()
        if error:
            results.true(name, False, f"the client failed: {error!r}")
        else:
            results.equal(name, counts(name), expected)
        if counts(name) != expected:
            results.say(f"  the upstream itself counted {dict(upstream.counts[ports[name]])}")
    del kept
    results.equal("connections failed", collector.total("raw")["failed"], 5)
    results.equal("loadtap ends cleanly", daemon.finish(), 0)
    collector.stop()


if __name__ == "__main__":
    tap.run(compare, *namespace.enter())
