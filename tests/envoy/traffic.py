"""What clients ask through a case's listener. Each of these makes a function of its port."""

import threading
import time

from lib.client import Client, request
from lib.client2 import Client2
from lib.proxied import ask, ask_and_close


def asks(*paths, times=1, **more):
    """One after another on one HTTP/1 connection; more: as request() has it."""
    return lambda port: ask(port, *[request(path, **more) for path in paths] * times)


def later(seconds, traffic):
    """What takes long goes where nothing else does."""
    def wait_first(port):
        time.sleep(seconds)
        traffic(port)
    return wait_first


def asks_and_closes(path, *arguments, **more):
    return lambda port: ask_and_close(port, request(path, *arguments, **more))


def side_by_side(count, traffic, gap=0):
    """The same traffic by so many clients at once, or each so much later than the one before."""
    def all_of_it(port):
        threads = [threading.Thread(target=traffic, args=(port,), daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
            time.sleep(gap)
        for thread in threads:
            thread.join(20)
    return all_of_it


def leave(path, seconds):
    """The client goes away before the response is complete."""
    def traffic(port):
        with Client(port) as client:
            client.send(request(path))
            time.sleep(seconds)
    return traffic


def websocket(path, seconds):
    def traffic(port):
        with Client(port) as client:
            client.send(request(path, headers=("Connection: Upgrade", "Upgrade: websocket")))
            client.until(b"\r\n\r\n")
            time.sleep(seconds)
    return traffic


def sessions(count, seconds):
    """TCP sessions, held so long."""
    def traffic(port):
        clients = [Client(port).send(b"ping").until(b"ping") for _ in range(count)]
        time.sleep(seconds)
        for client in clients:
            client.sock.close()
    return traffic


def streams(path, count=1, **more):
    """HTTP/2 requests at once; more: as Client2.ask() has it."""
    def traffic(port):
        with Client2(port) as client:
            client.wait(*[client.ask(path, **more) for _ in range(count)])
    return traffic


def calls(*paths):
    """gRPC calls, one after another."""
    def traffic(port):
        with Client2(port) as client:
            for path in paths:
                client.wait(client.call(path))
    return traffic


def call_as(content_type, path):
    fields = (("content-type", content_type), ("te", "trailers"))
    return streams(path, method="POST", body=bytes(5), headers=fields)


def cancel(ask_for, seconds):
    """ask_for(client) -> stream, which the client resets so much later."""
    def traffic(port):
        with Client2(port) as client:
            stream = ask_for(client)
            time.sleep(seconds)
            client.cancel(stream)
            time.sleep(0.1)
    return traffic
