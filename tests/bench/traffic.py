"""The traffic that is measured. One more kind of traffic is one more line."""

from dataclasses import dataclass

from clients import GrpcGo, H2load, Wrk

IP = "127.0.0.1"
# HTTP1 and OTHER are nginx; H2 and GRPC_SHAPE nghttpd; GRPC is grpc-go; the last are connections.c.
HTTP1, OTHER, H2, GRPC_SHAPE, GRPC, MANY, MANY_H2 = range(8080, 8087)
UPSTREAMS = (HTTP1, H2, GRPC_SHAPE, GRPC, MANY, MANY_H2)  # all but OTHER
PATHS = tuple(f"/{number:02}/a-path-of-its-own" for number in range(64))
WORD64 = "0123456789abcdef" * 4


@dataclass
class Traffic:
    name: str
    kind: str  # what ONLY selects
    port: int
    client: object

    def run(self, attached, seconds, timed=False, ahead=0):
        """`ahead` is added to the port: a proxy that stands before the server."""
        return self.client.run(attached, f"{IP}:{self.port + ahead}", seconds, timed)


# What a browser sends, after a proxy added its own.
TYPICAL = [f"-H{line}" for line in (
    "X-Real-IP: 203.0.113.7", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.5", "Accept-Encoding: gzip, deflate, br",
    "Referer: https://shop.example.com/shop/articles?page=1", f"Cookie: session={WORD64 * 2}")]

# A unary call as gRPC sends it; the answer has its grpc-status in trailers.
CALL = {"path": "/bench.Echo/Call", "body": "message",
        "headers": ("content-type: application/grpc", "te: trailers")}

KEEP_ALIVE = Traffic("HTTP/1.1 keep-alive, small heads", "http1", HTTP1, Wrk())
TYPICAL_HEADS = Traffic("HTTP/1.1 keep-alive, typical heads", "http1", HTTP1,
                        Wrk("/typical", headers=TYPICAL))
PIPELINED = Traffic("HTTP/1.1, 16 requests pipelined", "http1", HTTP1, Wrk(pipeline=16))
BODIES = Traffic("HTTP/1.1, bodies of 1 MiB", "http1", HTTP1, Wrk("/body", connections=4))
CONNECTIONS = Traffic("a connection per request", "http1", HTTP1,
                      Wrk(headers=["-HConnection: close"]))
NO_UPSTREAM = Traffic("no upstream, small heads", "other", OTHER, Wrk())
H2_ONE = Traffic("HTTP/2, 1 stream", "h2", H2, H2load(connections=16))
H2_64 = Traffic("HTTP/2, 64 streams", "h2", H2, H2load(streams=64))
H2_64_PATHS = Traffic("HTTP/2, 64 streams, 64 paths", "h2", H2, H2load(streams=64, paths=PATHS))
H2_1000 = Traffic("HTTP/2, 1,000 streams", "h2", H2, H2load(streams=1000))
H2_BODIES = Traffic("HTTP/2, bodies of 1 MiB", "h2", H2, H2load("/body"))
H2_UPLOADS = Traffic("HTTP/2, uploads of 1 MiB", "h2", H2, H2load(body="body"))
GRPC_UNARY = Traffic("gRPC unary, grpc-go", "grpc", GRPC, GrpcGo())
GRPC_ONE = Traffic("gRPC shape, 1 stream", "grpc", GRPC_SHAPE, H2load(connections=16, **CALL))
GRPC_64 = Traffic("gRPC shape, 64 streams", "grpc", GRPC_SHAPE, H2load(streams=64, **CALL))

COST = [KEEP_ALIVE, TYPICAL_HEADS, PIPELINED, BODIES, CONNECTIONS, NO_UPSTREAM, H2_ONE, H2_64,
        H2_64_PATHS, H2_1000, H2_BODIES, H2_UPLOADS, GRPC_UNARY, GRPC_ONE, GRPC_64]
THROUGHPUT = [KEEP_ALIVE, TYPICAL_HEADS, PIPELINED, CONNECTIONS, H2_ONE, H2_64, H2_1000, GRPC_UNARY,
              GRPC_64]
