"""An HTTP/2 client that does what it is told, on one connection. Needs Debian's python3-h2."""

import socket
import struct
import time

import h2.events

from lib import http2
from lib.process import PATIENCE

GRPC = (("content-type", "application/grpc"), ("te", "trailers"))


class Client2:
    """Every wait ends within 10 s, or as many times that as PATIENCE says."""

    def __init__(self, port, address="127.0.0.1", **settings):
        """settings: those of HTTP/2 by their names, e.g. HEADER_TABLE_SIZE=0."""
        self.sock = socket.create_connection((address, port), timeout=10 * PATIENCE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.h2 = http2.connection(client=True, **{"ENABLE_PUSH": 0, **settings})
        self.asked, self.status, self.ended = [], {}, set()
        self.put = self.sock.sendall
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def flush(self):
        self.put(self.h2.data_to_send())

    def together(self, *paths):
        """Requests in one packet."""
        packet, put = [], self.put
        self.put = packet.append
        for path in paths:
            self.ask(path)
        self.put = put
        self.put(b"".join(packet))

    def put_cut(self, data, size=1, pause=0.001):
        """In place of put: pieces of `size` bytes, each in a packet of its own."""
        for start in range(0, len(data), size):
            self.sock.sendall(data[start:start + size])
            time.sleep(pause)

    def ask(self, path, method="GET", body=b"", headers=(), end=True, host="upstream"):
        """Sends one request; returns its stream."""
        stream = self.h2.get_next_available_stream_id()
        self.asked.append(stream)
        fields = [(":method", method), (":scheme", "http"), (":authority", host),
                  (":path", path), *headers]
        self.h2.send_headers(stream, fields, end_stream=end and not body)
        self.flush()
        while body:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if room <= 0:
                self.more()
                continue
            self.h2.send_data(stream, body[:room], end_stream=end and len(body) <= room)
            self.flush()
            body = body[room:]
        return stream

    def call(self, path, headers=(), **more):
        """A gRPC request with one empty message."""
        return self.ask(path, "POST", bytes(5), (*GRPC, *headers), **more)

    def more(self):
        """Reads once, and acknowledges. False: the upstream has closed, or reset."""
        try:
            data = self.sock.recv(1 << 20)
            for event in self.h2.receive_data(data) if data else ():
                self.take(event)
            self.flush()
        except ConnectionError:
            return False
        return bool(data)

    def take(self, event):
        if isinstance(event, h2.events.ResponseReceived):
            self.status[event.stream_id] = dict(event.headers)[":status"]
        elif isinstance(event, h2.events.DataReceived):
            if event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
            self.ended.add(event.stream_id)
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.ended.update(stream for stream in self.asked if stream > event.last_stream_id)

    def wait(self, *streams):
        """Until these streams have ended, or are refused."""
        while not self.ended.issuperset(streams):
            if not self.more():
                raise ConnectionError(f"closed; not ended: {set(streams) - self.ended}")
        return self

    def heads(self, *streams):
        """Until the final heads of these streams are here."""
        while not self.status.keys() >= set(streams):
            if not self.more():
                raise ConnectionError("closed before the head")
        return self

    def drain(self):
        """Until the upstream closes or resets."""
        while self.more():
            pass
        return self

    def cancel(self, *streams):
        for stream in streams:
            self.h2.reset_stream(stream, 8)
        self.flush()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
