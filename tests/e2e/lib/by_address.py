"""Upstreams that share a port, each with an address of its own."""

import collections

from lib.upstream import Upstream


class Upstreams:
    """Counts by address what it was asked, and what it answered."""

    def __init__(self, port, addresses):
        self.port = port
        self.counts = collections.defaultdict(collections.Counter)
        self.upstream = Upstream()
        for address in addresses:
            self.upstream.listen(port, address, self._handler(address))

    def _handler(self, address):
        def serve(connection, _):
            while True:
                asked = connection.request()
                connection.body(asked)
                status = int(asked.query["status"])
                with self.upstream.lock:
                    self.counts[address].update(
                        ["issued", "success" if status < 500 else "error"])
                connection.sock.sendall(
                    f"HTTP/1.1 {status} Status\r\nContent-Length: 2\r\n\r\nok".encode())
        return serve

    def rows(self):
        with self.upstream.lock:
            return {f"{address}:{self.port}": {key: row[key] for key in ("issued", "success", "error")}
                    for address, row in self.counts.items()}
