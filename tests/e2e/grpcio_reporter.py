#!/usr/bin/python3
"""A client of the Load Reporting Service on grpcio (Debian: python3-grpcio).

It sends each line of standard input, a LoadStatsRequest in hexadecimal, and half-closes at its end. On
stdout, a line each: "response HEX"; "end CODE TEXT"."""

import argparse
import sys

import grpc

METHOD = "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats"


def content(path):
    with open(path, "rb") as file:
        return file.read()


def dial(options):
    if not options.tls_ca:
        return grpc.insecure_channel(options.call)
    identity = [content(path) if path else None for path in (options.tls_key, options.tls_cert)]
    credentials = grpc.ssl_channel_credentials(content(options.tls_ca), *identity)
    name = [("grpc.ssl_target_name_override", options.tls_name)] if options.tls_name else []
    return grpc.secure_channel(options.call, credentials, name)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--call", required=True, help="ADDRESS:PORT of the management server")
    parser.add_argument("--tls-ca", help="PEM file; TLS is spoken")
    parser.add_argument("--tls-cert", help="PEM file")
    parser.add_argument("--tls-key", help="PEM file")
    parser.add_argument("--tls-name", help="whom the server's certificate has to name")
    parser.add_argument("--header", action="append", default=[], metavar="NAME=VALUE",
                        help="sent with the stream")
    options = parser.parse_args()
    headers = [tuple(text.split("=", 1)) for text in options.header]
    with dial(options) as channel:
        call = channel.stream_stream(METHOD)((bytes.fromhex(line.strip()) for line in sys.stdin),
                                             metadata=headers)
        try:
            for response in call:
                print("response", response.hex(), flush=True)
        except grpc.RpcError:
            pass
        print("end", call.code().value[0], call.details(), flush=True)


if __name__ == "__main__":
    main()
