"""A raw HTTP/1 client: it puts exactly the given bytes on the wire."""

import re
import socket
import struct
import time

from lib.process import PATIENCE


def request(path, method="GET", body=b"", headers=(), version="HTTP/1.1"):
    lines = [f"{method} {path} {version}", "Host: upstream", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def chunked(path, parts, headers=()):
    """A POST with a chunked body, extensions and a trailer."""
    head = request(path, "POST", headers=("Transfer-Encoding: chunked", *headers))
    body = b"".join(b"%X;a=\"1\"\r\n%s\r\n" % (len(part), part) for part in parts)
    return head + body + b"0\r\nX-Trailer: GET / HTTP/1.1\r\n\r\n"


def closed_after(sock, start, seconds=15):
    """Seconds from `start` until the server closes."""
    sock.settimeout(seconds)
    try:
        while sock.recv(65536):
            pass
    except ConnectionError:
        pass
    return time.monotonic() - start


class Client:
    """One connection. Every call ends within `seconds`."""

    def __init__(self, port, address="127.0.0.1", seconds=10):
        self.sock = socket.create_connection((address, port), timeout=seconds * PATIENCE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)
        return self

    def send_cut(self, data, size=1, pause=0.001):
        """In pieces of `size` bytes, each in a packet of its own."""
        for start in range(0, len(data), size):
            self.sock.sendall(data[start:start + size])
            time.sleep(pause)
        return self

    def heads(self, count):
        """Reads until `count` status lines of the upstream were seen."""
        while self.received.count(b" Status\r\n") < count:
            self._more()
        return self

    def answer(self, method="GET"):
        """Reads one response with a Content-Length, or with no body; returns its head."""
        self.until(b"\r\n\r\n")
        head, self.received = self.received.split(b"\r\n\r\n", 1)
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if length and method != "HEAD" and b" 304 " not in head:
            while len(self.received) < int(length[1]):
                self._more()
            self.received = self.received[int(length[1]):]
        return head

    def until(self, mark):
        while mark not in self.received:
            self._more()
        return self

    def drain(self):
        """Reads until the upstream closes or resets."""
        try:
            while data := self.sock.recv(65536):
                self.received += data
        except ConnectionError:
            pass
        return self

    def _more(self):
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError(f"closed after {self.received[:200]!r}")
        self.received += data

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
