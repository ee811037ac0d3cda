#!/usr/bin/python3
"""gRPC calls on grpcio (Debian: python3-grpcio), both sides; behaves and prints as grpcgo/peer.go.

    grpcio_peer.py --listen ADDRESS:PORT [--age 0.3]
    grpcio_peer.py --call ADDRESS:PORT [--streams 10] COUNT:METHOD:QUERY...
"""

import argparse
import collections
import concurrent.futures
import signal
import sys
import threading
import urllib.parse

import grpc

SERVICE = "/loadtap.test.Calls/"
ERRORS = {2, 4, 12, 13, 14, 15}
CODES = {code.value[0]: code for code in grpc.StatusCode}
COMMON = [("grpc.max_metadata_size", 1 << 20), ("grpc.max_concurrent_streams", 5000)]


class Tally:
    def __init__(self):
        self.lock = threading.Lock()
        self.counts = collections.Counter()

    def add(self, what):
        with self.lock:
            self.counts[what] += 1


def parse(query):
    return dict(urllib.parse.parse_qsl(query.decode(), keep_blank_values=True))


class Handler(grpc.GenericRpcHandler):
    """Every method: also those of other services, as gRPC would answer them."""

    def __init__(self):
        self.served = Tally()

    def service(self, details):
        if details.method.startswith(SERVICE):
            method = details.method[len(SERVICE):]
            return grpc.stream_stream_rpc_method_handler(
                lambda requests, context: self.call(method, requests, context))
        self.served.add("issued")
        self.served.add("error")
        return None

    def call(self, method, requests, context):
        self.served.add("issued")
        ended = threading.Event()
        if not context.add_callback(ended.set):
            ended.set()
        query = parse(next(requests))
        if "early" not in query:
            for _ in requests:
                pass
        status = int(query.get("status", 0))
        if "metadata" in query:
            context.send_initial_metadata([("x-big", "m" * int(query["metadata"]))])
        elif "head" in query:
            context.send_initial_metadata([])
        messages = int(query.get("messages", 1)) if method == "replies" else not status
        for _ in range(messages):
            yield bytes(int(query.get("size", 10)))
        if "hold" in query:
            ended.wait()
            self.served.add("none")
            return
        self.served.add("error" if status in ERRORS else "success")
        if status:
            context.abort(CODES[status], "as asked")


def serve(options):
    handler = Handler()
    age = [("grpc.max_connection_age_ms", round(options.age * 1000)),
           ("grpc.max_connection_age_grace_ms", 10000)] if options.age else []
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=64),
                         handlers=[handler], options=COMMON + age)
    if not server.add_insecure_port(options.listen):
        sys.exit(f"cannot listen on {options.listen}")
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    server.start()
    ended.wait()
    server.stop(10).wait()
    print(*[f"{name} {handler.served.counts[name]}"
            for name in ("issued", "success", "error", "none")])


def call(channel, method, text):
    """The code, or none where this client gave up."""
    query = parse(text)
    path = "/nowhere/at-all" if method == "nowhere" else SERVICE + method
    sent = [("x-big", "s" * int(query["send"]))] if "send" in query else None
    if method in ("unary", "nowhere"):
        try:
            channel.unary_unary(path)(text, metadata=sent, wait_for_ready=True)
            return 0
        except grpc.RpcError as error:
            return error.code().value[0]
    replies = channel.stream_stream(path)(requests(query, text), metadata=sent, wait_for_ready=True)
    try:
        for _ in replies:
            if "cancel" in query:
                replies.cancel()
                return "none"
    except grpc.RpcError:
        pass
    return replies.code().value[0]


def requests(query, text):
    yield text
    for _ in range(int(query.get("requests", 1)) - 1):
        yield bytes(int(query.get("size", 10)))
    if "early" in query:
        threading.Event().wait(1)


def call_all(options):
    results = Tally()
    with grpc.insecure_channel(options.call, COMMON) as channel, \
            concurrent.futures.ThreadPoolExecutor(options.streams) as pool:
        for plan in options.calls:
            count, method, query = plan.split(":", 2)
            for _ in range(int(count)):
                pool.submit(lambda m=method, q=query.encode(): results.add(call(channel, m, q)))
        pool.shutdown()
    for name, count in results.counts.items():
        print(name, count)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen")
    parser.add_argument("--age", type=float, default=0, help="seconds of a connection, then GOAWAY")
    parser.add_argument("--call")
    parser.add_argument("--streams", type=int, default=10, help="calls at once")
    parser.add_argument("calls", nargs="*", metavar="COUNT:METHOD:QUERY")
    options = parser.parse_args()
    if options.listen:
        serve(options)
    else:
        call_all(options)


if __name__ == "__main__":
    main()
