"""What is asked over HTTP/2 through a proxy that speaks HTTP/2 to its upstreams as well, and the
comparison with what the upstreams counted. Each case has a listening port of the proxy and an
upstream endpoint of its own.
"""

import concurrent.futures
import time

from lib.client2 import Client2
from lib.upstream2 import Upstream2
from lib.watch import Watch, counted


def unary(client):
    for _ in range(5):
        client.wait(*[client.call(f"/grpc?grpc={code}") for code in range(17)])


def trailers_only(client):
    client.wait(*[client.call(f"/grpc?only&grpc={code}") for code in (*range(17), "none")])


def streams_of_messages(client):
    client.wait(*[client.call("/grpc?messages=50&n=2000") for _ in range(20)])


def http_statuses_of_gRPC(client):
    client.wait(*[client.call(f"/ok?status={status}") for status in (200, 404, 503)])


def resets(client):
    client.wait(client.ask("/reset"), client.call("/reset"), client.call("/reset-after"),
                client.ask("/reset-after"))


def cancels(client):
    asked = [client.ask("/hang"), client.call("/hang"), client.ask("/hang-after"),
             client.call("/hang-after")]
    client.heads(*asked[2:]).cancel(*asked)


def many_at_once(client):
    for _ in range(4):  # HAProxy allows 100 on one connection
        client.wait(*[client.ask(f"/ok?status={503 if number % 5 == 0 else 200}&n=2000")
                      for number in range(90)])


def large_bodies(client):
    for _ in range(5):
        client.wait(client.ask("/ok?n=1000000", "POST", bytes(1000000)))


def refused_streams(client):
    client.wait(client.ask("/goaway"), client.ask("/ok"), client.ask("/ok"))


def a_lost_connection(client):
    asked = [client.ask("/hang"), client.call("/hang-after")]
    client.heads(asked[1]).wait(client.ask("/kill"))


CASES = (unary, trailers_only, streams_of_messages, http_statuses_of_gRPC, resets, cancels,
         many_at_once, large_bodies, refused_streams, a_lost_connection)


def run_case(case, port):
    with Client2(port) as client:
        case(client)
        time.sleep(0.1)  # for what the proxy passes on


def compare(results, scratch, group, title, start_proxy, first_listen, first_upstream):
    """start_proxy([(listening port, upstream port)]) -> Process"""
    upstream = Upstream2()
    places = {case: (first_listen + number, first_upstream + number)
              for number, case in enumerate(CASES)}
    for _, port in places.values():
        upstream.listen(port)
    proxy = start_proxy(places.values())
    watch = Watch(scratch, group, [("127.0.0.1", port) for _, port in places.values()])
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        futures = {case.__name__: pool.submit(run_case, case, listen)
                   for case, (listen, _) in places.items()}
    results.equal(f"{title}: every client had its answers",
                  {name: repr(future.exception()) for name, future in futures.items()
                   if future.exception()}, {})
    watch.compare(results, {f"{title}: {case.__name__.replace('_', ' ')}":
                            (("127.0.0.1", port), counted(upstream.counts[port]))
                            for case, (_, port) in places.items()})
    watch.end(results)
    proxy.stop()
