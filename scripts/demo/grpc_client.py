#!/usr/bin/python3
"""grpc_client.py TARGET: an application that calls a gRPC server (Debian: python3-grpcio) straight.

A steady mix of unary calls and a streaming one, all on one connection, until SIGTERM; calls in
progress are then waited for.
"""

import random
import signal
import sys
import threading
import time

import grpc

CALLERS, THINK_SECONDS = 6, 0.05
STATUSES = ["OK"] * 20 + ["NOT_FOUND"] * 3 + ["UNAVAILABLE"] * 2


def caller(call, think_seconds, stopping):
    while not stopping.is_set():
        try:
            call(random.choice(STATUSES).encode())
        except grpc.RpcError:
            pass  # the status that was asked for
        time.sleep(random.uniform(0, 2 * think_seconds))


def main(target):
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    with grpc.insecure_channel(target) as channel:
        get, watch = channel.unary_unary("/demo.Shop/Get"), channel.unary_stream("/demo.Shop/Watch")
        threads = [threading.Thread(target=caller, args=(get, THINK_SECONDS, stopping))
                   for _ in range(CALLERS)]
        threads.append(threading.Thread(
            target=caller, args=(lambda status: list(watch(status)), 0, stopping)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


main(*sys.argv[1:])
