#!/usr/bin/python3
"""grpc_upstream.py ADDRESS PORT: a small gRPC server (Debian: python3-grpcio) that counts what it does.

/demo.Shop/Get answers with the status that it is asked for; /demo.Shop/Watch sends a message now and
then and ends so after a while. The counts are its last words: by Envoy's rules only statuses that
stand for a failing server are errors, so UNAVAILABLE is one and NOT_FOUND is not.
"""

import collections
import concurrent.futures
import json
import signal
import sys
import threading
import time

import grpc

ERRORS = {grpc.StatusCode[name] for name in (
    "UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS")}
WATCH_MESSAGES, WATCH_PAUSE_SECONDS = 8, 0.15


class Shop:
    def __init__(self):
        self.counts = collections.Counter(issued=0, success=0, error=0)
        self.lock = threading.Lock()

    def _issued(self):
        with self.lock:
            self.counts["issued"] += 1

    def _end(self, wanted, context):
        status = grpc.StatusCode[wanted.decode()]
        with self.lock:
            self.counts["error" if status in ERRORS else "success"] += 1
            self.counts[status.name] += 1
        if status is not grpc.StatusCode.OK:
            context.abort(status, "as you wished")

    def get(self, wanted, context):
        self._issued()
        self._end(wanted, context)
        return b"x" * 3000

    def watch(self, wanted, context):
        self._issued()
        for _ in range(WATCH_MESSAGES):
            yield b"y" * 500
            time.sleep(WATCH_PAUSE_SECONDS)
        self._end(wanted, context)


def main(address, port):
    shop = Shop()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=16))
    # Without serializers messages are bytes: no .proto is needed.
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("demo.Shop", {
        "Get": grpc.unary_unary_rpc_method_handler(shop.get),
        "Watch": grpc.unary_stream_rpc_method_handler(shop.watch)}),))
    if not server.add_insecure_port(f"{address}:{port}"):
        sys.exit(f"cannot listen on {address}:{port}")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    server.start()
    stop.wait()
    server.stop(1).wait()
    print(json.dumps(shop.counts), flush=True)


main(*sys.argv[1:])
