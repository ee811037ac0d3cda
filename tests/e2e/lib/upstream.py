"""An HTTP/1 upstream whose behaviour the request chooses, and which counts what it did.

The first segment of the path names the behaviour, `n` and `status` in the query its parameters:
/chunked?n=5000&status=503. One thread for each connection, any number of ports.
"""

import collections
import socket
import struct
import threading
import time
import urllib.parse

from lib.process import PATIENCE

FAKE = (b"HTTP/1.1 500 Fake\r\nContent-Length: 0\r\n\r\n"
        b"GET /fake HTTP/1.1\r\nHost: x\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")


class Gone(Exception):
    """The peer closed, or the behaviour ended the connection."""


Request = collections.namedtuple("Request", "method path query version headers head")


class Connection:
    """One accepted socket with what was read and not used yet."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise Gone
        self.buffer += data

    def line_end(self, mark):
        while mark not in self.buffer:
            self.more()
        part, self.buffer = self.buffer.split(mark, 1)
        return part

    def skip(self, count):
        while count > len(self.buffer):
            count -= len(self.buffer)
            self.buffer = b""
            self.more()
        self.buffer = self.buffer[count:]

    def request(self):
        head = self.line_end(b"\r\n\r\n").lstrip(b"\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        method, target, version = first.split(" ")
        headers = {}
        for line in rest:
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        parts = urllib.parse.urlsplit(target)
        query = dict(urllib.parse.parse_qsl(parts.query))
        return Request(method, parts.path, query, version, headers, head)

    def body(self, request):
        if "chunked" in request.headers.get("transfer-encoding", ""):
            while size := int(self.line_end(b"\r\n").split(b";")[0], 16):
                self.skip(size + 2)
            while self.line_end(b"\r\n"):
                pass
        else:
            self.skip(int(request.headers.get("content-length", 0)))

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone


class Upstream:
    """counts[port]: issued, success, error, and none for requests without a result."""

    def __init__(self):
        self.counts = collections.defaultdict(collections.Counter)
        self.lock = threading.Lock()
        self.listeners = []

    def listen(self, port, address="127.0.0.1", handler=None):
        """handler(connection, count) replaces HTTP, e.g. for a server that speaks first."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, port), family=family, backlog=1024)
        self.listeners.append(listener)
        threading.Thread(target=self._accept, args=(listener, port, handler or self._http),
                         daemon=True).start()

    def close(self):
        for listener in self.listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def _accept(self, listener, port, handler):
        def count(what):
            with self.lock:
                self.counts[port][what] += 1

        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock, handler, count),
                             daemon=True).start()

    @staticmethod
    def _serve(sock, handler, count):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(30 * PATIENCE)
        try:
            with sock:
                handler(Connection(sock), count)
        except (Gone, OSError):
            pass

    @staticmethod
    def _http(connection, count):
        while True:
            request = connection.request()
            count("issued")
            name = request.path.strip("/").split("/")[0].replace("-", "_")
            behaviour = BEHAVIOURS.get(name, _ok)
            if not getattr(behaviour, "early", False):
                connection.body(request)
            behaviour(Answer(connection, request, count))
            if request.headers.get("connection", "").lower() == "close":
                return
            if request.version == "HTTP/1.0" and "keep-alive" not in str(request.headers):
                return


class Answer:
    """What a behaviour needs to respond to one request."""

    def __init__(self, connection, request, count):
        self.connection = connection
        self.sock = connection.sock
        self.request = request
        self.count = count
        self.status = int(request.query.get("status", 200))
        self.size = int(request.query.get("n", 10))

    def result(self):
        """Counted before the head is sent: the client may close as soon as it has it."""
        self.count("success" if self.status < 500 else "error")

    def head(self, *headers):
        self.result()
        lines = [f"HTTP/1.1 {self.status} Status", *headers, "", ""]
        return "\r\n".join(lines).encode()

    def send(self, data):
        if self.request.method == "HEAD":
            data = data[:data.index(b"\r\n\r\n") + 4]
        self.sock.sendall(data)

    def close(self):
        raise Gone


def _ok(answer):
    answer.send(answer.head(f"Content-Length: {answer.size}") + b"x" * answer.size)


def _fake(answer):
    answer.send(answer.head(f"Content-Length: {len(FAKE)}") + FAKE)


def _chunked(answer):
    body = b"".join(b"%x;ext=\"a;b\"\r\n%s\r\n" % (len(part), part)
                    for part in _parts(b"y" * answer.size + FAKE, 700))
    answer.send(answer.head("Transfer-Encoding: chunked", "Trailer: X-End")
                + body + b"0\r\nX-End: HTTP/1.1 500 no\r\n\r\n")


def _parts(data, size):
    return [data[start:start + size] for start in range(0, len(data), size)]


def _until_close(answer):
    answer.send(answer.head("Connection: close") + b"z" * answer.size + FAKE)
    answer.close()


def _close(answer):
    answer.send(answer.head("Connection: close", "Content-Length: 5") + b"close")
    answer.close()


def _no_body(answer):
    """204 and 304; a 304 may carry the length of the body that it leaves out."""
    length = ["Content-Length: 1234"] if answer.status == 304 else []
    answer.send(answer.head(*length))


def _interim(answer):
    for status in answer.request.query.get("interim", "100").split(","):
        answer.sock.sendall(b"HTTP/1.1 %s Interim\r\nLink: </x>\r\n\r\n" % status.encode())
        time.sleep(0.02)
    _ok(answer)


def _interim_reset(answer):
    answer.count("none")
    answer.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    time.sleep(0.05)
    answer.connection.reset()


def _interim_fin(answer):
    answer.count("none")
    answer.sock.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
    time.sleep(0.05)
    answer.close()


def _upgrade(answer):
    answer.status = 101
    answer.sock.sendall(answer.head("Connection: Upgrade", "Upgrade: echo") + FAKE)
    while data := answer.sock.recv(4096):
        answer.sock.sendall(data)
    answer.close()


def _bytewise(answer):
    response = answer.head("Content-Length: 3", "X-Pad: HTTP/1.1 500 x") + b"abc"
    for number in range(len(response)):
        answer.sock.sendall(response[number:number + 1])
        time.sleep(0.002)


def _slow(answer):
    time.sleep(float(answer.request.query.get("s", 1)))
    _ok(answer)


def _slow_body(answer):
    """The head and a part at once, the rest later."""
    answer.sock.sendall(answer.head(f"Content-Length: {answer.size}") + b"x")
    time.sleep(float(answer.request.query.get("s", 1)))
    answer.sock.sendall(b"x" * (answer.size - 1))


def _moved(answer):
    answer.status = 302
    answer.send(answer.head(f"Location: {answer.request.query['to']}", "Content-Length: 0"))


def _reset(answer):
    answer.count("error")
    answer.connection.reset()


def _fin(answer):
    answer.count("error")
    answer.close()


def _reset_after(answer):
    answer.sock.sendall(answer.head("Content-Length: 1000") + b"part")
    time.sleep(0.05)
    answer.connection.reset()


def _fin_after(answer):
    answer.sock.sendall(answer.head("Content-Length: 1000") + b"part")
    answer.close()


def _early(answer):
    answer.sock.sendall(answer.head("Content-Length: 5") + b"early")
    answer.connection.body(answer.request)


def _early_close(answer):
    answer.sock.sendall(answer.head("Connection: close", "Content-Length: 5") + b"early")
    time.sleep(0.05)
    answer.close()


def _timeout_after(answer):
    """A normal response, then an unprompted 408 on the idle connection."""
    _ok(answer)
    time.sleep(0.05)
    answer.sock.sendall(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n"
                        b"Connection: close\r\n\r\n")
    answer.close()


def _garbage(answer):
    answer.count("error")
    answer.sock.sendall(b"SSH-2.0-not a status line\r\n\r\n")
    time.sleep(0.2)
    answer.close()


def _hang(answer):
    """Waits for the client to give up."""
    answer.count("none")
    while answer.sock.recv(4096):
        pass
    answer.close()


_early.early = _early_close.early = True
BEHAVIOURS = {name[1:]: item for name, item in list(globals().items())
              if name.startswith("_") and not name.startswith("__") and callable(item)}
