#!/usr/bin/python3
"""A management server on grpcio (Debian: python3-grpcio), to see that loadtap and gRPC's C core agree.

It answers the first message of each stream with one fixed LoadStatsResponse. On stdout, a line each:
"listening PORT", "stream METADATA", "request HEX", "ended". `--end-after N` ends each stream with
UNAVAILABLE once N requests have come. Messages are raw bytes, so no generated code is needed."""

import argparse
import concurrent.futures
import signal
import sys

import grpc

from lib.protobuf import block, scalar

SERVICE = "envoy.service.load_stats.v3.LoadReportingService"


def say(*words):
    print(*words, flush=True)


def load_stats_response(options):
    seconds, nanos = divmod(round(options.interval * 1e9), 1_000_000_000)
    clusters = b"".join(block(1, name.encode()) for name in options.cluster)
    interval = block(2, scalar(1, seconds) + scalar(2, nanos))
    return clusters + interval + scalar(3, options.endpoints) + scalar(4, options.send_all)


def who(context):
    """The client, as its certificate names it."""
    return [("tls-peer", name.decode())
            for name in context.auth_context().get("x509_common_name", ())]


def handler(options):
    response = load_stats_response(options)

    def stream_load_stats(requests, context):
        say("stream", " ".join(f"{key}={value}" for key, value in
                               [*context.invocation_metadata(), *who(context)]))
        try:
            for count, request in enumerate(requests, 1):
                say("request", request.hex())
                if count == 1:
                    yield response
                if count == options.end_after:
                    context.abort(grpc.StatusCode.UNAVAILABLE, "told to end")
        finally:
            say("ended")

    method = grpc.stream_stream_rpc_method_handler(stream_load_stats)
    return grpc.method_handlers_generic_handler(SERVICE, {"StreamLoadStats": method})


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds")
    parser.add_argument("--cluster", action="append", default=[])
    parser.add_argument("--send-all", action="store_true")
    parser.add_argument("--endpoints", action="store_true", help="report_endpoint_granularity")
    parser.add_argument("--end-after", type=int, default=0, help="requests; 0: never")
    parser.add_argument("--tls-cert", help="PEM file; TLS is spoken")
    parser.add_argument("--tls-key", help="PEM file")
    parser.add_argument("--tls-client-ca", help="PEM file; clients have to have a certificate")
    return parser.parse_args()


def content(path):
    with open(path, "rb") as file:
        return file.read()


def add_port(server, options):
    if not options.tls_cert:
        return server.add_insecure_port(options.listen)
    authority = content(options.tls_client_ca) if options.tls_client_ca else None
    return server.add_secure_port(options.listen, grpc.ssl_server_credentials(
        [(content(options.tls_key), content(options.tls_cert))], authority, authority is not None))


def main():
    options = parse_options()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=8))
    server.add_generic_rpc_handlers((handler(options),))
    port = add_port(server, options)
    if port == 0:
        sys.exit(f"cannot listen on {options.listen}")
    signal.signal(signal.SIGTERM, lambda *_: server.stop(0))
    server.start()
    say("listening", port)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
