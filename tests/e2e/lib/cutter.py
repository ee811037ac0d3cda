"""A way between a daemon and its management server on which anything can go wrong: what is cut, held,
dropped, injected or answered in the server's place, and when, is the test's choice."""

import select
import socket
import struct
import threading
import time

SETTINGS, PING, GOAWAY, RST_STREAM, HEADERS, DATA = 4, 6, 7, 3, 1, 0
STREAM = 1  # the daemon's, on each of its connections


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _literal(name, value):
    """A header field for any decoder at any time: literal, without indexing (RFC 7541, 6.2.2)."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def trailers(status):
    """The end of the daemon's stream, in the middle of it."""
    return frame(HEADERS, 5, STREAM, _literal(b"grpc-status", b"%d" % status))


def refusal(status):
    """A server's first words and all it ever says: not this method, not now."""
    return frame(SETTINGS) + frame(HEADERS, 5, STREAM, b"\x88" + _literal(
        b"content-type", b"application/grpc") + _literal(b"grpc-status", b"%d" % status))


class Link:
    """One connection of the daemon, with one to the server; or, where `script` is not None, with nothing
    but these bytes as an answer."""

    def __init__(self, cutter, client):
        self.cutter = cutter
        self.client = client
        self.server = None
        self.over = self.by_reset = False
        self.left = None  # bytes from the client that still pass
        threading.Thread(target=self._run, daemon=True).start()

    def reset(self):
        self.by_reset = self.over = True

    def _run(self):
        try:
            if self.cutter.script is None:
                self.server = socket.create_connection(("127.0.0.1", self.cutter.target), timeout=5)
            else:
                self.client.sendall(self.cutter.script)
            while not self.over:
                self._move()
        except OSError:
            pass
        for sock in (self.client, self.server):
            if sock and self.by_reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if sock:
                sock.close()

    def _move(self):
        if self.cutter.frozen:
            time.sleep(0.02)
            return
        ready, _, _ = select.select([sock for sock in (self.client, self.server) if sock], [], [], 0.02)
        for sock in ready:
            data = sock.recv(65536)
            if not data:
                self.over = True
            elif not self.cutter.swallowing and self.server:
                self._pass(sock, data)

    def _pass(self, sock, data):
        if sock is self.server:
            self.client.sendall(data)
            return
        if self.left is not None:
            data, self.left = data[:self.left], self.left - len(data)
        self.server.sendall(data)
        if self.left is not None and self.left <= 0:
            time.sleep(0.05)  # the server reads what there is before the reset
            self.reset()


class Cutter:
    def __init__(self, port, target):
        self.port, self.target = port, target
        self.frozen = self.swallowing = False
        self.script = None
        self.links = []
        self.listener = None
        self.listen()

    def listen(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.links = [link for link in self.links if not link.over] + [Link(self, client)]

    def refuse(self):
        """No connection lives, none can be made, until listen()."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.reset()

    def reset(self, after=None):
        """Now, or behind so many more bytes of the client's: in the middle of a message."""
        for link in self.links:
            if after is None:
                link.reset()
            else:
                link.left = after

    def inject(self, data):
        """To the client, in the server's name: between two frames, as servers say little."""
        for link in self.links:
            if not link.over:
                link.client.sendall(data)
