#!/usr/bin/python3
"""HTTP/2 and gRPC by a client and an upstream that do what the case says, on one connection each.

Each case has an endpoint of its own; all run at once. At the end the sums of each are compared with
what the case says (issued, success, error, in progress) and with what the upstream counted.
"""

import concurrent.futures
import struct
import time

import hpack
import hyperframe.frame as frames

from lib import namespace, tap
from lib.client2 import GRPC, Client2
from lib.upstream2 import Upstream2
from lib.watch import Watch, counted, counts

CASES = []
FIRST_PORT = 20001


def case(*expected, **settings):
    """expected: issued, success, error, active; settings: of the upstream. What the function returns
    is kept open until the reports were read."""
    def register(function):
        CASES.append((function.__name__.replace("_", " "), function, counts(*expected), settings))
        return function
    return register


@case(3, 2, 1)
def one_after_another(port):
    with Client2(port) as client:
        for status in (200, 404, 503):
            client.wait(client.ask(f"/ok?status={status}"))


@case(1000, 900, 100)
def a_thousand_streams_at_once(port):
    with Client2(port) as client:
        client.wait(*[client.ask(f"/ok?status={500 if number % 10 == 0 else 200}")
                      for number in range(1000)])


@case(3000, 3000, 0, 3000)
def three_thousand_streams_that_stay_open(port):
    client = Client2(port)
    client.heads(*[client.ask("/hang-after") for _ in range(3000)])
    return client


@case(3001, 3001)
def an_early_stream_ends_after_three_thousand_others(port):
    with Client2(port) as client:
        first = client.ask("/ok", "POST", end=False)
        client.wait(*[client.ask("/ok") for _ in range(3000)])
        client.h2.end_stream(first)
        client.flush()
        client.wait(first)


@case(40, 40)
def bodies_both_ways(port):
    with Client2(port) as client:
        client.wait(*[client.ask("/ok?n=100000", "POST", b"\0\0\4\1\5" * 40000) for _ in range(20)])
        client.wait(*[client.ask("/padded?n=3000") for _ in range(20)])


@case(8, 8)
def header_blocks_of_many_frames(port):
    with Client2(port) as client:
        big = [(f"x-{number}", "v" * 900) for number in range(100)]
        for size in (0, 20000, 100000, 300000):
            client.wait(client.ask(f"/ok?h={size}", headers=big), client.ask("/ok"))


@case(12, 10, 2)
def cut_into_bytes(port):
    with Client2(port) as client:
        client.put = client.put_cut
        for _ in range(2):
            client.wait(client.ask("/ok"), client.ask("/ok?status=500"), client.call("/grpc"))
            client.wait(client.ask("/ok", "POST", b"body", [("x-big", "b" * 300)]))
            client.wait(client.ask("/chunked?n=2000"), client.ask("/padded"))


@case(4, 3, 1)
def responses_cut_into_bytes(port):
    for query in ("", "?status=404", "?status=503", "?h=2000"):
        with Client2(port) as client:
            client.wait(client.ask(f"/bytewise{query}"))


def changing(port):
    with Client2(port) as client:
        for number in range(600):
            client.wait(client.ask(f"/ok?status={200 + number % 400}", headers=[
                (f"x-new-{number}", f"value {number}"), ("x-kept", "kept")]))


@case(600, 500, 100)
def tables_that_turn_over(port):
    changing(port)


@case(600, 500, 100, HEADER_TABLE_SIZE=0)
def no_table(port):
    changing(port)


@case(600, 500, 100, HEADER_TABLE_SIZE=100)
def a_small_table(port):
    changing(port)


@case(600, 500, 100, HEADER_TABLE_SIZE=65536)
def a_table_of_64_KiB(port):
    changing(port)


@case(80, 40, 40, HEADER_TABLE_SIZE=65536)
def table_sizes_that_change(port):
    with Client2(port) as client:
        for size in (0, 4096, 200, 4096, 64, 65536, 0, 4096):
            client.h2.encoder.header_table_size = size
            for _ in range(5):
                client.wait(client.ask("/ok?status=500"), client.ask("/ok?status=200"))


@case(5, 5)
def interim_heads(port):
    with Client2(port) as client:
        client.wait(client.ask("/interim"), client.ask("/interim?interim=103"),
                    client.ask("/interim?interim=100,102,103"), client.ask("/interim"))
        client.wait(client.ask("/no-body?status=204"))


@case(1)
def interim_head_then_a_reset(port):
    with Client2(port) as client:
        client.wait(client.ask("/interim-reset"))


@case(1, 1, 0, 1)
def in_progress_until_the_body_ends(port):
    client = Client2(port)
    client.heads(client.ask("/hang-after"))
    return client


@case(10, 0, 0, 10)
def in_progress_without_an_answer(port):
    client = Client2(port)
    for _ in range(10):
        client.ask("/hang")
    return client


@case(18, 11, 7)
def grpc_statuses(port):
    with Client2(port) as client:
        client.wait(*[client.call(f"/grpc?grpc={code}") for code in (*range(17), "none")][::-1])


@case(17, 11, 6)
def grpc_trailers_only(port):
    with Client2(port) as client:
        client.wait(*[client.call(f"/grpc?only&grpc={code}") for code in range(17)])


@case(11, 0, 11)
def grpc_without_a_valid_status(port):
    with Client2(port) as client:
        for status in ("none", "17", "abc", "99999999999", "", "-1"):
            client.wait(client.call(f"/grpc?grpc={status}"))
        client.wait(client.call("/grpc?only&grpc=none"), client.call("/ok"), client.call("/ok?n=0"),
                    client.call("/ok?status=404"), client.call("/no-body?status=503"))


@case(2, 1, 1)
def grpc_status_in_the_head_is_ignored(port):
    with Client2(port) as client:
        client.wait(client.call("/grpc?first=0&grpc=14"), client.call("/grpc?first=14&grpc=0"))


@case(6, 4, 2)
def what_grpc_is(port):
    with Client2(port) as client:
        for kind in ("application/grpc", "application/grpc+proto", "application/grpc-web",
                     "application/grpc;x=1", "application/json", "application/GRPC"):
            client.wait(client.ask("/grpc?grpc=14", "POST", bytes(5), [("content-type", kind)]))


@case(50, 50)
def grpc_streams_of_messages(port):
    with Client2(port) as client:
        client.wait(*[client.call("/grpc?messages=40&n=1000") for _ in range(50)])


@case(1, 0, 0, 1)
def grpc_in_progress(port):
    client = Client2(port)
    client.heads(client.call("/hang-after"))
    return client


@case(4, 1, 3)
def resets_by_the_upstream(port):
    with Client2(port) as client:
        client.wait(client.ask("/reset"), client.ask("/reset?code=7"), client.ask("/reset-after"),
                    client.call("/reset-after"))


@case(3, 2, 1)
def no_more_of_the_request_is_wanted(port):
    with Client2(port) as client:
        client.wait(client.ask("/reset-at-the-end", "POST", b"part", end=False),
                    client.ask("/reset-at-the-end?status=413", "POST", b"part", end=False),
                    client.call("/reset-at-the-end", end=False))


@case(4, 1)
def resets_by_the_client(port):
    with Client2(port) as client:
        asked = [client.ask("/hang"), client.call("/hang"), client.ask("/hang-after"),
                 client.call("/hang-after")]
        client.heads(*asked[2:]).cancel(*asked)
        time.sleep(0.1)


def three(client):
    """One without an answer, one non-gRPC and one gRPC behind their heads."""
    asked = [client.ask("/hang"), client.ask("/hang-after"), client.call("/hang-after")]
    return client.heads(*asked[1:])


@case(4, 1, 3)
def the_upstream_closes(port):
    with Client2(port) as client:
        three(client).ask("/fin")
        client.drain()


@case(4, 1, 3)
def the_upstream_resets(port):
    with Client2(port) as client:
        three(client).ask("/kill")
        client.drain()


@case(4, 1, 3)
def the_upstream_sends_no_frames(port):
    with Client2(port) as client:
        three(client)
        client.ask("/garbage")
        client.sock.settimeout(10)
        while client.sock.recv(4096):
            pass


@case(3, 1)
def the_client_closes(port):
    with Client2(port) as client:
        three(client)


@case(3, 1)
def the_client_resets(port):
    three(Client2(port)).reset()


@case(5, 2, 3)
def GOAWAY_refuses_the_later_ones(port):
    with Client2(port) as client:
        client.wait(client.ask("/ok"))
        client.together("/goaway", "/ok", "/ok", "/hang")
        client.drain()


@case(6, 5, 1)
def GOAWAY_lets_the_earlier_ones_end(port):
    with Client2(port) as client:
        earlier = [client.ask("/slow?s=0.3") for _ in range(5)]
        client.ask("/refused")
        client.wait(*earlier)


class Frames:
    """A connection whose frames the case builds, with a fresh encoder."""

    def __init__(self, port):
        self.client = Client2(port)
        self.encoder = hpack.Encoder()

    def block(self, path, huffman=True, headers=()):
        return self.encoder.encode([(":method", "GET"), (":scheme", "http"), (":path", path),
                                    (":authority", "upstream"), *headers], huffman)

    def put(self, *parts):
        self.client.sock.sendall(b"".join(part if isinstance(part, bytes) else part.serialize()
                                          for part in parts))

    def until(self, count):
        """The upstream's frames, acknowledged and unread, until it has ended `count` streams."""
        data = b""
        while ended(data) < count:
            more = self.client.sock.recv(1 << 16)
            if not more:
                raise ConnectionError(f"closed after {len(data)} bytes")
            data += more


def ended(data):
    count = at = 0
    while len(data) >= at + 9:
        length, kind, flags = struct.unpack(">I", b"\0" + data[at:at + 3])[0], data[at + 3], data[at + 4]
        count += (kind < 2 and flags & 1) or kind == 3
        at += 9 + length
    return count


@case(4, 4)
def padding_priority_and_continuations(port):
    wire = Frames(port)
    wire.put(frames.HeadersFrame(1, wire.block("/ok"), pad_length=255, depends_on=0, stream_weight=9,
                                 flags=["END_HEADERS", "END_STREAM", "PADDED", "PRIORITY"]))
    wire.put(frames.HeadersFrame(3, wire.block("/ok"), pad_length=0,
                                 flags=["END_HEADERS", "END_STREAM", "PADDED"]))
    block = wire.block("/ok", headers=[("x-more", "m" * 50)])
    wire.put(frames.HeadersFrame(5, b"", flags=["END_STREAM"]),
             *[frames.ContinuationFrame(5, block[at:at + 1]) for at in range(len(block))],
             frames.ContinuationFrame(5, b"", flags=["END_HEADERS"]))
    wire.put(frames.PriorityFrame(7, depends_on=0, stream_weight=1),
             frames.HeadersFrame(7, wire.block("/ok"), flags=["END_HEADERS"]),
             frames.DataFrame(7, b"x" * 10, pad_length=100, flags=["PADDED"]),
             frames.DataFrame(7, b"", pad_length=0, flags=["PADDED", "END_STREAM"]))
    wire.until(4)


@case(2, 2)
def frames_that_nobody_knows(port):
    wire = Frames(port)
    unknown = b"\x00\x01\x00\xee\xff" + struct.pack(">I", 1) + b"\0\0\0\1\5" * 51 + b"!"
    for stream in (1, 3):
        wire.put(unknown, frames.PingFrame(0, b"12345678"),
                 frames.HeadersFrame(stream, wire.block("/ok"), flags=["END_HEADERS"]), unknown,
                 frames.DataFrame(stream, b"", flags=["END_STREAM"]), unknown)
    wire.until(2)


@case(2, 1, 1)
def trailers_of_a_request(port):
    wire = Frames(port)
    for stream, status in ((1, 200), (3, 500)):
        wire.put(frames.HeadersFrame(stream, wire.block(f"/ok?status={status}"), flags=["END_HEADERS"]),
                 frames.DataFrame(stream, b"body"),
                 frames.HeadersFrame(stream, wire.encoder.encode([("x-end", "5"), (":x", "/ok")]),
                                     flags=["END_HEADERS", "END_STREAM"]))
    wire.until(2)


@case(1200, 1200)
def without_Huffman_and_never_indexed(port):
    wire = Frames(port)
    for number in range(400):
        plain = wire.block(f"/ok?{number}", huffman=False)
        never = wire.block("/ok", headers=[hpack.NeverIndexedHeaderTuple("authorization", f"{number}")])
        again = wire.block("/ok", headers=[("x-entry", "e" * 5000)])  # larger than the table
        for order, block in enumerate((plain, never, again)):
            wire.put(frames.HeadersFrame(6 * number + 2 * order + 1, block,
                                         flags=["END_HEADERS", "END_STREAM"]))
    wire.until(1200)


@case(4, 3, 1)
def stream_ids_up_to_the_last(port):
    wire = Frames(port)
    for stream in (1, 99999, 2**31 - 3, 2**31 - 1):
        status = 500 if stream == 99999 else 200
        wire.put(frames.HeadersFrame(stream, wire.block(f"/ok?status={status}"),
                                     flags=["END_HEADERS", "END_STREAM"]))
    wire.until(4)


@case(0, 0, 5)
def refused_connects(port):
    for _ in range(5):
        try:
            Client2(port)
        except ConnectionRefusedError:
            pass


def compare(results, scratch, group):
    upstreams, members = [], []
    for number, (_, function, _, settings) in enumerate(CASES):
        members.append(("127.0.0.1", FIRST_PORT + number))
        upstreams.append(Upstream2(**settings))
        if function is not refused_connects:
            upstreams[-1].listen(FIRST_PORT + number)
    watch = Watch(scratch, group, members)
    if not watch.daemon.reads_http2():
        results.skip("all cases", "HTTP/2 is opaque on this kernel")
        return
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(function, port)
                   for (_, port), (_, function, _, _) in zip(members, CASES)]
    kept = [future.exception() or future.result() for future in futures]
    for (name, *_), result in zip(CASES, kept):
        if isinstance(result, Exception):
            results.true(f"{name}: the client", False, repr(result))
    watch.compare(results, {name: (member, expected)
                            for (name, _, expected, _), member in zip(CASES, members)})
    for (name, _, expected, _), upstream, (_, port) in zip(CASES, upstreams, members):
        if port in upstream.counts:
            own = {**counted(upstream.counts[port]), "active": expected["active"]}
            results.equal(f"{name}: the upstream's own count", own, expected)
    del kept
    broken = next(member for member, row in zip(members, CASES)
                  if row[1] is the_upstream_sends_no_frames)
    watch.end(results, ["endpoint {}:{} has opaque".format(*broken)])


if __name__ == "__main__":
    tap.run(compare, *namespace.enter())
