#!/usr/bin/python3
"""Through an unmodified nginx with grpc_pass, which speaks HTTP/2 to its upstreams: what
tests/e2e/lib/proxied2.py asks, on a connection for each request and on kept ones; then calls of
grpcio and grpc-go, against the servers' own count."""

import os

from lib import grpc_peers, namespace, proxied2, proxy, tap
from lib.watch import Watch

SERVER = """
upstream u{upstream} {{ server 127.0.0.1:{upstream} max_fails=0; {keep} }}
server {{
  listen 127.0.0.1:{listen} http2;
  location / {{ grpc_pass grpc://u{upstream}; }}
}}
"""
SETTINGS = "access_log off; grpc_next_upstream off; large_client_header_buffers 32 64k;\n" \
    "grpc_buffer_size 64k; http2_max_concurrent_streams 1000;\n"


def start_nginx(scratch, places, keep):
    body = "".join(SERVER.format(listen=listen, upstream=port, keep=keep) for listen, port in places)
    return proxy.nginx(scratch, SETTINGS + body, [listen for listen, _ in places])


def a_connection_for_each(results, scratch, group):
    proxied2.compare(results, scratch, group, "a connection for each request",
                     lambda places: start_nginx(scratch, places, ""), 31001, 21001)


def kept_connections(results, scratch, group):
    proxied2.compare(results, scratch, group, "kept connections",
                     lambda places: start_nginx(scratch, places, "keepalive 20;"), 32001, 22001)


def gRPC_stacks(results, scratch, group):
    places = {pair: (33001 + number, 23001 + number) for number, pair in enumerate(grpc_peers.PAIRS)}
    servers = {pair: grpc_peers.serve(scratch, pair[1], port) for pair, (_, port) in places.items()}
    nginx = start_nginx(scratch, places.values(), "keepalive 20;")
    watch = Watch(scratch, group, [("127.0.0.1", port) for _, port in places.values()])
    for (client, server), (listen, _) in places.items():
        grpc_peers.run(client, listen, grpc_peers.KINDS)
    watch.compare(results, {"{} to {}".format(*pair): (
        ("127.0.0.1", port), grpc_peers.served(servers[pair])) for pair, (_, port) in places.items()})
    watch.end(results)
    nginx.stop()


def test(results, scratch, group):
    for part in (a_connection_for_each, kept_connections, gRPC_stacks):
        folder = os.path.join(scratch, part.__name__)
        os.mkdir(folder)
        part(results, folder, group)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
