"""One connection of a management server, by hand: frames of HTTP/2 as bytes, so that it can break any rule."""

import select
import socket
import struct
import time

from lib.protobuf import nested, varint

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
ACK = END_STREAM = 1
END_HEADERS = 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    length = len(payload) if length is None else length
    return struct.pack(">I", length)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def setting(number, value):
    return struct.pack(">HI", number, value)


def field(number, value):
    """bytes, or a number that may be negative."""
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value)


def response(seconds=0, nanos=200_000_000, names=None):
    """A LoadStatsResponse; names None: send_all_clusters."""
    wanted = field(4, 1) if names is None else b"".join(field(1, name) for name in names)
    return wanted + field(2, field(1, seconds) + field(2, nanos))


def message(body, flag=0, length=None):
    return struct.pack(">BI", flag, len(body) if length is None else length) + body


def text(name, value):
    """A literal header field."""
    out = b"\x00"
    for part in (name, value):
        size = len(part)
        out += (bytes([size]) if size < 127 else b"\x7f" + varint(size - 127)) + part
    return out


def head(status, *fields, flags=END_HEADERS):
    return frame(HEADERS, flags, 1, text(b":status", status) + b"".join(text(*pair) for pair in fields))


GRPC_HEAD = head(b"200", (b"content-type", b"application/grpc"))


def data(body, flags=0, size=16384):
    return b"".join(frame(DATA, flags, 1, body[at:at + size]) for at in range(0, len(body), size))


def issued(request):
    return sum(count for stats in nested(request, 2) for locality in nested(stats, 2)
               for count in nested(locality, 8))


class Gone(Exception):
    """The client closed the connection."""


class Peer:
    """count(issued) is called for each report once it was confirmed to the client."""

    def __init__(self, sock, count):
        self.sock = sock
        self.count = count
        self.raw = self.body = b""
        self.began = False
        self.unconfirmed = []

    def send(self, *parts):
        try:
            self.sock.sendall(b"".join(parts))
        except OSError:
            raise Gone from None

    def greet(self, *more):
        """SETTINGS with large windows, and a response that wants everything."""
        self.send(frame(SETTINGS, payload=setting(4, 1 << 30)),
                  frame(WINDOW_UPDATE, payload=struct.pack(">I", 1 << 30)), GRPC_HEAD, *more)

    def want_all(self):
        self.send(data(message(response())))

    def serve(self, seconds, until=lambda: False):
        """Takes and confirms reports for a time."""
        end = time.monotonic() + seconds
        while not until() and (left := end - time.monotonic()) > 0:
            if select.select([self.sock], [], [], min(left, 0.1))[0]:
                self._read()

    def _read(self):
        try:
            got = self.sock.recv(1 << 20)
        except OSError:
            got = b""
        if not got:
            raise Gone
        self.raw += got
        if not self.began and len(self.raw) >= len(PREFACE):
            self.began, self.raw = True, self.raw[len(PREFACE):]
        while self.began and len(self.raw) >= 9:
            length = int.from_bytes(self.raw[:3], "big")
            if len(self.raw) < 9 + length:
                return
            kind, flags = self.raw[3], self.raw[4]
            payload, self.raw = self.raw[9:9 + length], self.raw[9 + length:]
            self._frame(kind, flags, payload)

    def _frame(self, kind, flags, payload):
        if kind == DATA:
            self.body += payload
            self._messages()
        elif kind == SETTINGS and not flags & ACK:
            self.send(frame(SETTINGS, ACK))
            for each in self.unconfirmed:
                self.count(each)
            self.unconfirmed = []
        elif kind == PING and not flags & ACK:
            self.send(frame(PING, ACK, 0, payload))

    def _messages(self):
        while len(self.body) >= 5:
            length = int.from_bytes(self.body[1:5], "big")
            if len(self.body) < 5 + length:
                return
            self.unconfirmed.append(issued(self.body[5:5 + length]))
            self.body = self.body[5 + length:]

    def flood(self, piece, seconds=15, reads=True):
        """Sends it without end, reading all that comes; ends when the client has closed."""
        self.sock.setblocking(False)
        at, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            readable, writable, _ = select.select([self.sock] if reads else [], [self.sock], [], 1)
            try:
                if readable and not self.sock.recv(1 << 20):
                    raise Gone
                if writable:
                    at = (at + self.sock.send(piece[at:])) % len(piece)
            except BlockingIOError:
                pass
            except OSError:
                raise Gone from None

    def wait_closed(self, seconds):
        """Takes nothing seriously any more. Raises Gone, or TimeoutError."""
        self.sock.settimeout(seconds)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if not self.sock.recv(1 << 20):
                    raise Gone
            except socket.timeout:
                break
            except OSError:
                raise Gone from None
        raise TimeoutError("the client keeps the connection")
