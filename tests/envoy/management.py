"""The management server of a run: both clients stream to it, and the test tells it what to say.

Each client is known by the user agent in its first message. What a message holds is decoded when the
test asks, so that the time of arrival is not that of the decoding. Needs Debian's python3-h2.
"""

import asyncio
import functools
import os
import socket
import struct
import threading
import time

import h2.events
import h2.exceptions

import wire
from lib import http2, protobuf
from lib.process import until
from stalls import Stalls

CLIENTS = ("envoy", "loadtap")
OK, UNAVAILABLE = 0, 14
WINDOW = 1 << 20  # Envoy's messages have 61 KB: none shall wait for room


class Message:
    def __init__(self, data):
        self.time = time.monotonic()
        self.data = data

    @functools.cached_property
    def decoded(self):
        return wire.Decoder(self.data)

    @property
    def request(self):
        return self.decoded.message

    @property
    def clusters(self):
        """{cluster_name: ClusterStats}: Envoy's order of clusters is random."""
        return {stats["cluster_name"]: stats for stats in self.request.get("cluster_stats", [])}

    def sender(self):
        node = dict(protobuf.fields(self.data))[1]
        return dict(protobuf.fields(node))[6].decode()


class Stream:
    def __init__(self, connection, number, headers):
        self.connection, self.number, self.headers = connection, number, dict(headers)
        self.began = time.monotonic()
        self.ended = None
        self.client = None
        self.buffer = b""
        self.messages = []
        self.answers = []  # when it was answered

    def take(self, data):
        """gRPC's framing: a flag, a length, the message."""
        self.buffer += data
        while len(self.buffer) >= 5:
            length = struct.unpack("!I", self.buffer[1:5])[0]
            if len(self.buffer) < 5 + length:
                return
            self.messages.append(Message(self.buffer[5:5 + length]))
            self.buffer = self.buffer[5 + length:]

    def end(self):
        self.ended = self.ended or time.monotonic()


class Connection(asyncio.Protocol):
    def __init__(self, management):
        self.management = management
        self.streams = {}

    def connection_made(self, transport):
        self.transport = transport
        self.management.connections.add(self)
        self.h2 = http2.connection(client=False, INITIAL_WINDOW_SIZE=WINDOW)
        self.flush()

    def flush(self):
        self.transport.write(self.h2.data_to_send())

    def data_received(self, data):
        try:
            for event in self.h2.receive_data(data):
                self.take(event)
        except h2.exceptions.ProtocolError:
            self.transport.abort()
        self.flush()

    def take(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.RequestReceived):
            self.streams[event.stream_id] = Stream(self, event.stream_id, event.headers)
            self.h2.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/grpc")])
        elif isinstance(event, h2.events.DataReceived) and stream:
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            stream.take(event.data)
            if stream.messages and not stream.client:
                stream.client = stream.messages[0].sender()
                self.management.streams[stream.client].append(stream)
        elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)) and stream:
            stream.end()

    def connection_lost(self, _):
        self.management.connections.discard(self)
        for stream in self.streams.values():
            stream.end()

    def reset(self):
        self.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class Management:
    """What it does it does to the last stream of each client, or of `only` one; at the same instant."""

    def __init__(self, port=18000):
        self.port = port
        self.streams = {client: [] for client in CLIENTS}
        self.connections = set()
        self.stalls = Stalls()
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, daemon=True).start()
        self.listen()

    def _run(self):
        """Ahead of everything else, so that a message's time is that of its arrival."""
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), -20)
        self.loop.run_forever()

    def _do(self, function, *arguments):
        async def call():
            result = function(*arguments)
            return await result if asyncio.iscoroutine(result) else result
        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(10)

    def _last(self, only):
        return [self.streams[client][-1] for client in CLIENTS
                if self.streams[client] and only in (None, client)]

    def listen(self):
        async def serve():
            self.server = await self.loop.create_server(lambda: Connection(self), "127.0.0.1", self.port)
        self._do(serve)

    def refuse(self):
        """New connections are refused, those that there are end by RST."""
        def down():
            self.server.close()
            for connection in list(self.connections):
                connection.reset()
        self._do(down)

    def wait_streams(self, number, clients=CLIENTS, seconds=15):
        """Until each client's stream of this number, from 1, has brought a message."""
        until(lambda: all(len(self.streams[client]) >= number for client in clients), seconds,
              f"stream {number} of {clients}")

    def respond(self, only=None, **response):
        """As wire.response()."""
        body = wire.response(**response)

        def send():
            for stream in self._last(only):
                stream.answers.append(time.monotonic())
                stream.connection.h2.send_data(stream.number, struct.pack("!BI", 0, len(body)) + body)
                stream.connection.flush()
        self._do(send)

    def close(self, status, only=None):
        def send():
            for stream in self._last(only):
                stream.connection.h2.send_headers(stream.number, [("grpc-status", str(status))],
                                                  end_stream=True)
                stream.connection.flush()
                stream.end()
        self._do(send)

    def stop_reading(self, only=None):
        self._do(lambda: [stream.connection.transport.pause_reading() for stream in self._last(only)])

    def reset(self, only=None):
        self._do(lambda: [stream.connection.reset() for stream in self._last(only)])

    def messages(self, client, stream=None):
        """All that this client sent, on one stream or on all of them."""
        chosen = self.streams[client] if stream is None else [self.streams[client][stream - 1]]
        return [message for one in chosen for message in one.messages]

    def reports(self, client, cluster, stream=None):
        """The ClusterStats of a cluster, oldest first."""
        return [message.clusters[cluster] for message in self.messages(client, stream)
                if cluster in message.clusters]
