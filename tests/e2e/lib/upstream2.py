"""An HTTP/2 upstream whose behaviour the request chooses, and which counts what it did.

Paths as in lib/upstream.py: /ok?n=5000&status=503. Results are counted by the rules that loadtap
follows: what the upstream ends before a result is an error, what the client ends is none. One event
loop in a thread of its own, any number of ports. Needs Debian's python3-h2.
"""

import asyncio
import collections
import re
import socket
import struct
import threading
import urllib.parse

import h2.errors
import h2.events
import h2.exceptions
import hyperframe.frame

from lib import http2

GRPC = re.compile(r"application/grpc(\+.*)?")
GRPC_ERRORS = {"2", "4", "12", "13", "14", "15"}
GRPC_SUCCESSES = {str(code) for code in range(17)} - GRPC_ERRORS


class Connection(asyncio.Protocol):
    """One accepted connection and its open streams."""

    def __init__(self, count, settings):
        self.count = count
        self.settings = settings
        self.answers = {}
        self.refuse_above = None  # set by a GOAWAY
        self.tasks = set()

    def connection_made(self, transport):
        self.transport = transport
        self.h2 = http2.connection(client=False, **self.settings)
        self.flush()

    def data_received(self, data):
        try:
            for event in self.h2.receive_data(data):
                self.take(event)
        except h2.exceptions.ProtocolError:
            self.count("broken")
            self.transport.close()
        self.flush()

    def take(self, event):
        answer = self.answers.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.RequestReceived):
            self.start(event)
        elif isinstance(event, h2.events.DataReceived):
            if event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded) and answer:
            answer.whole.set()
        elif isinstance(event, h2.events.StreamReset) and answer:
            answer.gone()
        elif isinstance(event, (h2.events.WindowUpdated, h2.events.RemoteSettingsChanged)):
            for waiting in self.answers.values():
                waiting.window.set()

    def start(self, event):
        answer = Answer(self, event.stream_id, event.headers)
        self.count("issued")
        if self.refuse_above is not None and event.stream_id > self.refuse_above:
            self.count("error")
            return
        self.answers[event.stream_id] = answer
        answer.task = asyncio.ensure_future(self.respond(answer))
        self.tasks.add(answer.task)
        answer.task.add_done_callback(self.tasks.discard)

    async def respond(self, answer):
        behaviour = BEHAVIOURS.get(answer.path.strip("/").split("/")[0].replace("-", "_"), _ok)
        try:
            if not getattr(behaviour, "early", False):
                await answer.whole.wait()
            await behaviour(answer)
            self.flush()
            if not self.transport.is_closing():
                await answer.whole.wait()
        except (h2.exceptions.ProtocolError, asyncio.CancelledError):
            pass  # the stream or the connection is gone
        self.answers.pop(answer.stream, None)

    def flush(self):
        if not self.transport.is_closing():
            self.transport.write(self.h2.data_to_send())

    def lost(self):
        """Decides what the upstream ends with the connection."""
        for answer in list(self.answers.values()):
            answer.lost()

    def close(self):
        """FIN: whatever has no result is an error."""
        self.lost()
        self.flush()
        self.transport.close()

    def reset(self):
        self.lost()
        self.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def goaway(self, last, code=0):
        """The frame only: h2 would take the connection as closed."""
        self.flush()
        self.transport.write(hyperframe.frame.GoAwayFrame(
            0, last_stream_id=last, error_code=code).serialize())
        self.refuse_above = last
        for answer in list(self.answers.values()):
            if answer.stream > last:
                answer.lost()
                answer.task.cancel()

    def connection_lost(self, _):
        for answer in list(self.answers.values()):
            answer.gone()


class Answer:
    """One request and what a behaviour needs to respond to it."""

    def __init__(self, connection, stream, headers):
        self.connection = connection
        self.stream = stream
        self.fields = dict(headers)
        parts = urllib.parse.urlsplit(self.fields.get(":path", "/"))
        self.path = parts.path
        self.query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        self.size = int(self.query.get("n", 10))
        self.grpc = bool(GRPC.fullmatch(self.fields.get("content-type", "")))
        self.interim = self.decided = self.headed = False
        self.whole = asyncio.Event()
        self.window = asyncio.Event()

    def decide(self, result):
        if not self.decided:
            self.decided = True
            self.connection.count(result)

    def by_status(self, status):
        """Counts what a head with this status decides."""
        if int(status) >= 500:
            self.decide("error")
        elif not self.grpc:
            self.decide("success")

    def by_grpc_status(self, value):
        self.decide("success" if value in GRPC_SUCCESSES else "error")

    def lost(self):
        """The upstream ends it. After a 1xx and before the head that is no result."""
        self.decide("none" if self.interim and not self.headed else "error")

    def gone(self):
        """The client gave this stream up."""
        self.decide("none")
        self.task.cancel()

    def fields_of(self, status, headers):
        wanted = [(":status", str(status)), *headers]
        for number in range(int(self.query.get("h", 0)) // 1000):
            wanted.append((f"x-big-{number}", f"{self.stream % 10}" * 990))
        return wanted

    def head(self, *headers, status=None, end=False):
        """The final head; with end, gRPC's trailers-only is decided by what is in it."""
        self.headed = True
        status = status or self.query.get("status", "200")
        if self.grpc and end and int(status) < 500:
            self.by_grpc_status(dict(headers).get("grpc-status"))
        self.by_status(status)
        self.connection.h2.send_headers(self.stream, self.fields_of(status, headers), end_stream=end)
        self.connection.flush()

    def inform(self, status):
        self.interim = True
        self.connection.h2.send_headers(self.stream, [(":status", status), ("link", "</x>")])
        self.connection.flush()

    async def data(self, data, end=False, pad=None):
        """Within the windows. Data that ends a gRPC call leaves it without a status: an error."""
        h2_connection = self.connection.h2
        while data:
            self.window.clear()
            room = min(h2_connection.local_flow_control_window(self.stream) - (pad or 0),
                       h2_connection.max_outbound_frame_size - (pad or 0) - 1)
            if room <= 0:
                await self.window.wait()
                continue
            h2_connection.send_data(self.stream, data[:room], pad_length=pad)
            self.connection.flush()
            data = data[room:]
        if end:
            self.decide("error")
            h2_connection.end_stream(self.stream)
            self.connection.flush()

    def trailers(self, *fields):
        self.by_grpc_status(dict(fields).get("grpc-status"))
        self.connection.h2.send_headers(self.stream, fields, end_stream=True)
        self.connection.flush()

    def reset(self, code=h2.errors.ErrorCodes.INTERNAL_ERROR):
        self.lost()
        self.connection.h2.reset_stream(self.stream, code)
        self.connection.flush()


async def _ok(answer):
    headers = [] if "bare" in answer.query else [("content-length", str(answer.size))]
    answer.head(*headers)
    body = answer.size if answer.fields[":method"] != "HEAD" else 0
    await answer.data(b"x" * body, end=True)


async def _chunked(answer):
    """Many small frames and trailers."""
    answer.head()
    for start in range(0, answer.size, 700):
        await answer.data(b"y" * min(700, answer.size - start))
    answer.trailers(("x-end", "HTTP/1.1 500 no"))


async def _padded(answer):
    answer.head()
    await answer.data(b"p" * answer.size, end=True, pad=200)


async def _until_close(answer):
    await _ok(answer)
    answer.connection.goaway(answer.stream)


async def _close(answer):
    await _until_close(answer)
    answer.connection.close()


async def _no_body(answer):
    answer.head(end=True)


async def _interim(answer):
    for status in answer.query.get("interim", "100").split(","):
        answer.inform(status)
        await asyncio.sleep(0.02)
    await _ok(answer)


async def _interim_reset(answer):
    answer.inform("103")
    await asyncio.sleep(0.02)
    answer.reset()


async def _bytewise(answer):
    """Every byte of the response in a packet of its own; nothing else is sent meanwhile."""
    connection = answer.connection
    connection.flush = lambda: None
    await _ok(answer)
    for byte in connection.h2.data_to_send():
        connection.transport.write(bytes([byte]))
        await asyncio.sleep(0.002)
    del connection.flush
    connection.flush()


async def _slow(answer):
    await asyncio.sleep(float(answer.query.get("s", 1)))
    await _ok(answer)


async def _reset(answer):
    answer.reset(int(answer.query.get("code", 2)))


async def _refused_at(answer):
    """REFUSED_STREAM by the endpoint with this port only."""
    if answer.connection.transport.get_extra_info("sockname")[1] == int(answer.query["port"]):
        answer.reset(h2.errors.ErrorCodes.REFUSED_STREAM)
    else:
        await _ok(answer)


async def _reset_after(answer):
    answer.head()
    await answer.data(b"part")
    await asyncio.sleep(0.02)
    answer.reset()


async def _reset_at_the_end(answer):
    """The whole response, and that no more of the request is wanted."""
    await _ok(answer)
    answer.reset(h2.errors.ErrorCodes.NO_ERROR)


async def _kill(answer):
    answer.connection.reset()


async def _fin(answer):
    answer.connection.close()


async def _fin_after(answer):
    answer.head(("content-length", "1000"))
    await answer.data(b"part")
    answer.connection.close()


async def _kill_after(answer):
    answer.head(("content-length", "1000"))
    await answer.data(b"part")
    await asyncio.sleep(0.05)
    answer.connection.reset()


async def _early_close(answer):
    await _reset_at_the_end(answer)


async def _goaway(answer):
    """Refuses every stream above this one, answers this one, and closes."""
    answer.connection.goaway(answer.stream)
    await asyncio.sleep(0.05)
    await _ok(answer)
    answer.connection.close()


async def _refused(answer):
    """Refuses this stream and those above it."""
    answer.connection.goaway(answer.stream - 2)


async def _refused_and_close(answer):
    asyncio.get_event_loop().call_later(0.1, answer.connection.close)
    answer.connection.goaway(max(0, answer.stream - 2))


async def _garbage(answer):
    answer.connection.lost()
    answer.connection.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)
    await asyncio.sleep(0.1)
    answer.connection.close()


async def _hang(answer):
    await asyncio.Event().wait()


async def _hang_after(answer):
    """The head and some data, then nothing more until the client gives up."""
    answer.head()
    await answer.data(b"part")
    await asyncio.Event().wait()


async def _grpc(answer):
    """/grpc?grpc=5&messages=3: a call with head, messages and trailers, these s seconds later. "only":
    without messages."""
    status = [("grpc-status", value) for value in [answer.query.get("grpc", "0")] if value != "none"]
    kind = ("content-type", "application/grpc")
    if "only" in answer.query:
        return answer.head(kind, *status, end=True)
    first = [("grpc-status", answer.query["first"])] if "first" in answer.query else []
    answer.head(kind, *first)
    for _ in range(int(answer.query.get("messages", 1))):
        await answer.data(b"\0" + struct.pack(">I", answer.size) + b"m" * answer.size)
    await asyncio.sleep(float(answer.query.get("s", 0)))
    return answer.trailers(*status, ("grpc-message", "as asked"))


for behaviour in (_early_close, _reset_at_the_end, _goaway, _refused, _refused_and_close, _kill, _reset):
    behaviour.early = True
BEHAVIOURS = {name[1:]: item for name, item in list(globals().items())
              if name.startswith("_") and asyncio.iscoroutinefunction(item)}


class Upstream2:
    """counts[port or name]: issued, success, error, and none for requests without a result."""

    def __init__(self, **settings):
        """settings: those of HTTP/2 by their names, e.g. HEADER_TABLE_SIZE=0."""
        self.settings = {"MAX_CONCURRENT_STREAMS": 5000, **settings}
        self.counts = collections.defaultdict(collections.Counter)
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def listen(self, port, address="127.0.0.1", name=None):
        """name: of its counts, in place of the port."""
        def count(what):
            self.counts[name or port][what] += 1

        made = self.loop.create_server(lambda: Connection(count, self.settings), address, port,
                                       backlog=1024)
        asyncio.run_coroutine_threadsafe(made, self.loop).result(10)
