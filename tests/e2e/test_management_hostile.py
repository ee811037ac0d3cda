#!/usr/bin/env python3
# test: timeout=150
"""Hostile and careless management servers, a row of the table for each. Some daemons meet them one after
the other, while requests are counted all the time: memory, processor time and log stay bounded, the log
says once what happened, and at the end every request has arrived."""

import collections
import os
import re
import socket
import struct
import threading
import time

from lib import namespace, tap
from lib.client import Client, request
from lib.daemon import Daemon, bootstrap, cluster
from lib.lrs_peer import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, GRPC_HEAD, HEADERS, PING,
                          PRIORITY, PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE, Gone, Peer, data, field,
                          frame, head, message, response, setting, text)
from lib.process import PATIENCE, until
from lib.upstream import Upstream

LANES = 8
SERVE = 1.1  # seconds of peace before each: at info the log has settings at most once a second
STALL = 30  # seconds that loadtap waits for a server that takes nothing
RSS_GROWTH = 14e6  # a response of 4 MiB, and what it is read into while it grows
CPU_PER_CASE = 0.15  # seconds
FORGED = b"\n2026-01-01T00:00:00.000Z error forged \x1b[2J\xc2\x9b2J"
SENDS_TOO_MUCH = "sends more than a client has to put up with"
LIES = "acknowledgements of what it never took"
STUCK = "management server is stuck"

# act(peer): what the server does. fresh: instead of its greeting. says: what the log has to say. stays: the
# stream goes on. seconds: at most until it is replaced.
Case = collections.namedtuple("Case", "name act says fresh stays seconds", defaults=(False, False, 10))


def send(*parts):
    return lambda peer: peer.send(*parts)


def flood(*parts, reads=True):
    piece = b"".join(parts)
    return lambda peer: peer.flood(piece * (1 + 65536 // len(piece)), reads=reads)


def fresh(name, says, *parts):
    return Case(name, send(frame(SETTINGS), *parts), says, fresh=True)


def greeted_flood(name, says, piece, reads=True):
    def act(peer):
        peer.send(frame(SETTINGS))
        flood(piece, reads=reads)(peer)

    return Case(name, act, says, fresh=True)


def stays(name, says, *parts):
    return Case(name, send(*parts), says, stays=True)


def careless(name, says, body):
    return stays(name, says, data(message(body)))


def shut_window(peer):
    peer.send(frame(SETTINGS, payload=setting(4, 0)))
    while True:
        peer.serve(1)


def hang_up(peer):
    peer.sock.close()
    raise Gone


def bytewise(body):
    return data(message(body), size=1)


def headers(payload, flags=END_HEADERS, stream=1):
    return frame(HEADERS, flags, stream, payload)


LARGE = 4 * 1024 * 1024 - 64
CASES = [
    # What it asks for.
    careless("interval unset", "load_reporting_interval of 0 s 0 ns is not usable", field(4, 1)),
    careless("interval -1 s", "load_reporting_interval of -1 s", response(-1, 0)),
    careless("interval 10^12 s", "load_reporting_interval of 1000000000000 s", response(10**12, 0)),
    careless("interval of nanos out of range", "load_reporting_interval of 1 s 2000000000 ns",
             response(1, 2_000_000_000)),
    careless("a million names", "names match no cluster here, such as 'x'",
             response(names=[b"backend"]) + field(1, b"x") * (LARGE // 3 - 30)),
    careless("empty names", "names match no cluster here, such as ''",
             response(names=[b"backend"]) + field(1, b"") * (LARGE // 2 - 30)),
    careless("the same name again and again", "clusters=1 ", response(names=[b"backend"] * 300_000)),
    careless("one name of 4 MB", "1 names match no cluster here, such as 'y", response(names=[b"backend", b"y" * (LARGE - 50)])),
    careless("a name that forges a line", "1 names match no cluster here, such as '", response(names=[FORGED, b"backend"])),
    careless("unknown fields", None, response() + (field(100, 7) + field(101, b"?" * 9)) * 200_000),
    stays("a response in DATA frames of a byte", None, bytewise(response())),
    stays("settings at their extremes", None,
          *(frame(SETTINGS, payload=setting(number, value)) for number, value in (
              (1, 0), (1, 2**32 - 1), (3, 0), (5, 2**24 - 1), (6, 0), (0xabcd, 1)))),
    stays("a hundred GOAWAY", None,
          frame(GOAWAY, payload=struct.pack(">II", 2**31 - 1, 0) + b"\n" * 200) * 100),
    # Framing of messages.
    Case("4 GiB of length", send(data(message(b"", length=2**32 - 1))), "a message of more than 4194304 bytes"),
    Case("a compressed message", send(data(message(b"x", flag=1))), "sent a compressed message"),
    Case("truncated protobuf", send(data(message(response()[:-2]))), "sent something that is no LoadStatsResponse"),
    Case("invalid protobuf", send(data(message(b"\xff" * 100))), "sent something that is no LoadStatsResponse"),
    Case("responses without end", flood(data(message(response()) * 50)), SENDS_TOO_MUCH),
    Case("wishes that alternate without end",
         flood(data(message(response()) + message(response(names=[b"backend"])))), SENDS_TOO_MUCH),
    Case("4 MB by the byte", lambda peer: (peer.send(data(message(b"", length=4 << 20))),
                                           flood(data(bytes(1000), size=1))(peer)), SENDS_TOO_MUCH),
    Case("more than the window", flood(data(message(b"", length=1 << 22) + b"\0" * 60000)), "broke HTTP/2"),
    # Headers.
    fresh("trailers before headers", "UNAVAILABLE (14): go away",
          headers(text(b":status", b"200") + text(b"content-type", b"application/grpc") +
                  text(b"grpc-status", b"14") + text(b"grpc-message", b"go away"), END_HEADERS | END_STREAM)),
    fresh("trailers that forge a line", "UNAVAILABLE (14): ?2026", GRPC_HEAD,
          headers(text(b"grpc-status", b"14") + text(b"grpc-message", b"%0a2026 error forged%1b[2J" + b"m" * 9000),
                  END_HEADERS | END_STREAM)),
    fresh("a control character in a header", "management server", GRPC_HEAD,
          headers(text(b"grpc-status", b"14") + text(b"grpc-message", FORGED), END_HEADERS | END_STREAM)),
    fresh("HTTP 404", "HTTP status 404", head(b"404", flags=END_HEADERS | END_STREAM)),
    fresh("HTTP 503 with a page", "HTTP status 503", head(b"503", (b"content-type", b"text/html")), data(b"sorry")),
    fresh("HTTP 302", "HTTP status 302", head(b"302", (b"location", b"http://127.0.0.1/"))),
    fresh("another content-type", "content-type text/html", head(b"200", (b"content-type", b"text/html"))),
    fresh("no status", "management server", headers(text(b"content-type", b"application/grpc"))),
    fresh("DATA before headers", "management server", data(message(response()))),
    fresh("headers of 60 KB", "headers of more than 16384 bytes",
          frame(HEADERS, 0, 1, text(b":status", b"200") + text(b"a", b"b" * 12000)),
          *(frame(CONTINUATION, 0, 1, text(b"a", b"b" * 12000)) for _ in range(4)),
          frame(CONTINUATION, END_HEADERS, 1)),
    greeted_flood("endless 1xx", SENDS_TOO_MUCH, head(b"100") * 10),
    Case("endless CONTINUATION", lambda peer: (
        peer.send(frame(SETTINGS), frame(HEADERS, 0, 1, text(b":status", b"200"))),
        flood(frame(CONTINUATION, 0, 1))(peer)), "management server", fresh=True),
    # Frames.
    greeted_flood("PING flood", None, frame(PING, payload=b"12345678")),
    greeted_flood("PING flood that reads nothing", None, frame(PING, payload=b"12345678"), reads=False),
    greeted_flood("SETTINGS flood", None, frame(SETTINGS)),
    greeted_flood("PRIORITY flood", SENDS_TOO_MUCH, frame(PRIORITY, 0, 1, b"\0\0\0\0\1")),
    greeted_flood("flood of unknown frames", SENDS_TOO_MUCH, frame(0xEE, 0xFF, 1, b"?" * 20)),
    greeted_flood("RST_STREAM flood", "management server", frame(RST_STREAM, 0, 1, b"\0\0\0\x08")),
    greeted_flood("GOAWAY flood", SENDS_TOO_MUCH, frame(GOAWAY, payload=struct.pack(">II", 2**31 - 1, 0))),
    Case("empty DATA flood", flood(frame(DATA, 0, 1)), SENDS_TOO_MUCH),
    fresh("WINDOW_UPDATE over the top", "broke HTTP/2", frame(WINDOW_UPDATE, payload=b"\x7f\xff\xff\xff") * 2),
    fresh("WINDOW_UPDATE of nothing", "broke HTTP/2", frame(WINDOW_UPDATE, payload=bytes(4))),
    fresh("a window above 2^31", "management server", frame(SETTINGS, payload=setting(4, 2**32 - 1))),
    fresh("a frame of 16 MB", "management server", frame(DATA, 0, 1, b"x", length=2**24 - 1)),
    fresh("HEADERS on a stream of nobody", "broke HTTP/2", headers(text(b":status", b"200"), stream=3)),
    Case("PUSH_PROMISE", send(frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 2) + b"\x82\x86\x84")),
         "broke HTTP/2"),
    # No HTTP/2 at all.
    Case("HTTP/1", send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"), "does not speak HTTP/2", fresh=True),
    Case("TLS", send(bytes.fromhex("160303007a0200007603035a") + b"\x5a" * 115), "does not speak HTTP/2", fresh=True),
    *(Case(f"hangs up at once, {number}", hang_up, "management server", fresh=True) for number in (1, 2, 3)),
    Case("resets", lambda peer: (peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)),
                                 hang_up(peer)), "management server", fresh=True),
    # Its word is taken: what it says to have is not sent again. In a lane of its own.
    greeted_flood(LIES, None, frame(SETTINGS, ACK)),
    # Nothing at all: each in a lane of its own.
    Case("accepts and is silent", lambda peer: None, STUCK, fresh=True, seconds=STALL + 10),
    Case("takes nothing more", lambda peer: time.sleep(STALL), STUCK, seconds=10),
    Case("a window of 0 for ever", shut_window, STUCK, seconds=STALL + 10),
]


class Lane:
    """A daemon, and the server and upstream that it has to itself."""

    def __init__(self, number, cases, scratch, group, upstream):
        self.cases = list(cases)
        self.todo = collections.deque(cases)
        self.replaced = {}
        self.received = self.sent = 0
        self.ending = False
        self.place = os.path.join(scratch, f"lane-{number}")
        os.mkdir(self.place)
        self.upstream = 20100 + number
        upstream.listen(self.upstream)
        self.listener = socket.create_server(("127.0.0.1", 18100 + number))
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()
        self.daemon = Daemon(self.place, group, bootstrap(
            [cluster("backend", [(None, 0, [("127.0.0.1", self.upstream)])])], 18100 + number),
            admin_socket="none")  # eight of them would want the same one
        self.load = threading.Thread(target=self._load, daemon=True)
        self.start = None

    def _count(self, issued):
        self.received += issued

    def _accept(self):
        while True:
            sock, _ = self.listener.accept()
            with sock:
                try:
                    self._meet(Peer(sock, self._count))
                except Gone:
                    pass

    def _meet(self, peer):
        if self.todo and self.todo[0].fresh and self.start:
            self._suffer(self.todo.popleft(), peer)
            return
        peer.greet()
        while True:
            peer.want_all()
            if self.start is None:
                peer.serve(600, until=lambda: self.start)
                continue
            peer.serve(SERVE)
            if not self.todo:
                peer.serve(600)
            if self.todo[0].fresh:
                return
            self._suffer(self.todo.popleft(), peer)

    def _suffer(self, case, peer):
        """A hostility, and whether it cost the server its stream; nothing is confirmed meanwhile."""
        try:
            case.act(peer)
            if not case.stays:
                peer.wait_closed(case.seconds * PATIENCE)
            elif case.says:  # what settings say is told at most each second, of the last ones
                peer.serve(3 * PATIENCE, until=lambda: case.says in self.daemon.log())
        except Gone:
            self.replaced[case.name] = True
            raise
        except TimeoutError:
            self.replaced[case.name] = False
            raise Gone from None
        self.replaced[case.name] = False

    def _load(self):
        while not self.ending:
            with Client(self.upstream) as client:
                for _ in range(50):
                    client.send(request("/ok")).answer()
                    self.sent += 1
                    time.sleep(0.04)

    def usage(self):
        """(CPU seconds, most resident bytes)"""
        pid = self.daemon.child.pid
        with open(f"/proc/{pid}/schedstat") as line:
            seconds = int(line.read().split()[0]) / 1e9
        with open(f"/proc/{pid}/status") as lines:
            most = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
        return seconds, most * 1024

    def wait_started(self):
        until(lambda: "load reporting begins" in self.daemon.log(), 30, "the daemon's start")
        self.load.start()

    def begin(self):
        with open(f"/proc/{self.daemon.child.pid}/clear_refs", "w") as refs:
            refs.write("5")  # what it had most is what it has now
        self.start = self.usage()

    def done(self):
        return not self.todo and len(self.replaced) == len(self.cases)

    def end(self):
        self.ending = True
        self.load.join()


def check_sum(results, lane):
    try:
        until(lambda: lane.received >= lane.sent, 15, "every count")
    except TimeoutError as error:
        results.say(error)
    results.equal("every request has arrived", lane.received, lane.sent)


def check(results, lane):
    log = lane.daemon.log()
    for case in lane.cases:
        results.equal(f"{case.name}: the stream is {'kept' if case.stays else 'replaced'}",
                      lane.replaced.get(case.name), not case.stays)
        if case.says:
            results.true(f"{case.name}: the log says it", case.says in log, log)
    warnings = [line.split(" ", 2)[2] for line in log.splitlines() if " warning " in line]
    results.true("nothing is told twice", len(warnings) == len(set(warnings)), "\n".join(warnings))
    results.true("no line is forged", all(re.match(r"20\d\d-\d\d-\d\dT\S+Z (info|warning) ", line) and
                                          "\x1b" not in line and "\x9b" not in line
                                          for line in log.split("\n")[:-1]), log)
    results.true("the log is bounded", len(log) < 2000 + 1500 * len(lane.cases), log)
    seconds, most = (now - then for now, then in zip(lane.usage(), lane.start))
    results.say(f"{len(lane.cases)} cases: {seconds:.2f} s CPU, {most / 1e6:.1f} MB more at most, "
                f"{len(log)} bytes of log")
    results.true("processor time is bounded", seconds < CPU_PER_CASE * len(lane.cases) + 0.5, f"{seconds} s")
    results.true("memory is bounded", most < RSS_GROWTH, f"{most} bytes more")


def lanes_of(cases):
    alone = [case for case in cases if case.says == STUCK or case.name == LIES]
    rest = [case for case in cases if case not in alone]
    return [[case] for case in alone] + [rest[first::LANES] for first in range(LANES)]


def test(results, scratch, group):
    upstream = Upstream()
    only = os.environ.get("ONLY")
    cases = [case for case in CASES if not only or only in case.name]
    lanes = [Lane(number, mine, scratch, group, upstream)
             for number, mine in enumerate(lanes_of(cases)) if mine]
    for lane in lanes:
        lane.wait_started()
    for lane in lanes:
        lane.begin()
    for lane in lanes:
        until(lane.done, 90, "each hostility")
        lane.end()
    for lane in lanes:
        if lane.cases[0].name != LIES:
            check_sum(results, lane)
        check(results, lane)
        results.equal("loadtap ends cleanly", lane.daemon.finish(), 0)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
