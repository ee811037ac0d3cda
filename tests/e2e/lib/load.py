"""Load: an exact number of requests over keep-alive connections, pipelined to a given depth."""

import selectors
import socket
import time

MARK = b"<end>"  # every response of the load ends with it and has it nowhere else


RECONNECTS = 20


class _Pump:
    """One connection. Closed by the proxy, it opens another and asks again, as a browser does."""

    def __init__(self, address, share, depth, make):
        self.address = address
        self.left = share
        self.waiting = 0
        self.depth = depth
        self.make = make
        self.reconnects = 0
        self.connect()

    def connect(self):
        self.tail = b""
        self.sock = socket.create_connection(self.address, timeout=30)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fill(self):
        """Sends the next batch once everything before it was answered."""
        batch = min(self.depth, self.left)
        if batch:
            self.sock.sendall(b"".join(self.make() for _ in range(batch)))
        self.left -= batch
        self.waiting = batch

    def read(self):
        """Returns how many responses ended; None: the proxy closed."""
        try:
            data = self.sock.recv(1 << 20)
        except ConnectionResetError:
            data = b""
        if not data:
            return None
        text = self.tail + data
        ended = text.count(MARK)
        self.tail = text[1 - len(MARK):]
        self.waiting -= ended
        return ended

    def reconnect(self):
        self.reconnects += 1
        if self.reconnects > RECONNECTS:
            raise ConnectionError(f"closed {RECONNECTS} times with responses outstanding")
        self.sock.close()
        self.left += self.waiting
        self.connect()


def run(port, total, make, connections=8, depth=1, address="127.0.0.1", seconds=300):
    """Sends make() `total` times and waits for every response. Returns the seconds it took."""
    started = time.monotonic()
    selector = selectors.DefaultSelector()
    for number in range(connections):
        share = total // connections + (number < total % connections)
        pump = _Pump((address, port), share, depth, make)
        _go_on(selector, pump)
    ended = 0
    while ended < total:
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"{ended} of {total} responses after {seconds} s")
        for key, _ in selector.select(1):
            ended += _step(selector, key.data)
    return time.monotonic() - started


def _step(selector, pump):
    ended = pump.read()
    if ended is not None and pump.waiting:
        return ended
    selector.unregister(pump.sock)
    if ended is None:
        pump.reconnect()
    _go_on(selector, pump)
    return ended or 0


def _go_on(selector, pump):
    if pump.left:
        pump.fill()
        selector.register(pump.sock, selectors.EVENT_READ, pump)
    else:
        pump.sock.close()
