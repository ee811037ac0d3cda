"""Kinds of upstream behaviour, each with what is reported of it in all: I issued, S successful, E error
and D dropped requests. Where two numbers stand, Envoy says the first and loadtap the second."""

import time

from cases import Case, Group
from lib.client import Client, request
from traffic import (asks, asks_and_closes, call_as, calls, cancel, leave, sessions, side_by_side,
                     streams, websocket)

GRPC_ERRORS = (2, 4, 12, 13, 14, 15, 17)


class Row:
    def __init__(self, name, says, ask, loadtap=None, **case):
        self.name, self.envoy = name, says
        self.loadtap = says if loadtap is None else loadtap
        self.case = Case(name, ask, **case)


def h2(name, says, ask, **case):
    return Row(name, says, ask, kind="http2", **case)


def retry(on, times, **more):
    return {"timeout": "5s", "retry_policy": {"retry_on": on, "num_retries": times, **more}}


def limited(**limits):
    return {"circuit_breakers": {"thresholds": [limits]}}


def one_waits_for_the_other(port):
    with Client(port) as client, Client(port) as waiting:
        client.send(request("/hang"))
        time.sleep(0.2)
        waiting.send(request("/hang"))
        time.sleep(0.2)
        waiting.sock.close()
        time.sleep(0.2)


def until_it_ends(port):
    with Client(port) as client:
        client.drain()


def reset_soon(connection, _count):
    time.sleep(0.2)
    connection.reset()


HTTP1 = [
    Row("200", "I1 S1", asks("/ok")),
    Row("404", "I1 S1", asks("/ok?status=404")),
    Row("503", "I1 E1", asks("/ok?status=503")),
    Row("chunked", "I1 S1", asks_and_closes("/chunked", headers=("Connection: close",))),
    Row("until-the-connection-closes", "I1 S1",
        asks_and_closes("/until-close", headers=("Connection: close",))),
    Row("304-with-a-length", "I1 S1", asks("/no-body?status=304")),
    Row("HEAD", "I1 S1", asks("/ok?n=5000", method="HEAD")),
    Row("a-hundred-on-one-connection", "I100 S100", asks("/ok", times=100)),
    Row("a-hundred-on-ten-connections", "I100 S100", side_by_side(10, asks("/ok", times=10))),
    Row("slow-over-a-tick", "I1 S1", asks("/slow?s=2")),
    Row("slow-body-over-a-tick", "I1 S1", asks("/slow-body?s=3")),
    Row("continue-when-expected", "I1 S1",
        asks_and_closes("/interim", "POST", b"hello", ("Expect: 100-continue", "Connection: close"))),
    Row("100-then-RST", "I1", asks("/interim-reset")),
    Row("103-then-200", "I1 S1", asks("/interim?interim=103")),
    Row("103-then-FIN", "I1", asks("/interim-fin")),
    Row("RST", "I1 E1", asks("/reset")),
    Row("FIN", "I1 E1", asks("/fin")),
    Row("no-HTTP", "I1 E1", asks("/garbage")),
    Row("RST-in-the-body", "I1 S1", asks_and_closes("/reset-after")),
    Row("FIN-in-the-body", "I1 S1", asks_and_closes("/fin-after")),
    Row("503-then-RST", "I1 E1", asks_and_closes("/reset-after?status=503")),
    Row("early-response", "I1 S1", asks("/early", method="POST", body=bytes(200000))),
    Row("early-413-and-close", "I1 S1",
        asks_and_closes("/early-close?status=413", "POST", bytes(2000000), ("Connection: close",))),
    Row("websocket", "I1 S1", websocket("/upgrade", 4)),
    Row("websocket-denied", "I1 S1", websocket("/ok?status=403", 0)),
    Row("refused", "E1", asks("/ok"), served=False),
    Row("refused-five-times", "E5", asks("/ok", times=5), served=False),
    Row("client-leaves", "I1", leave("/hang", 0.5)),
    Row("client-leaves-in-the-body", "I1 S1", leave("/slow-body?s=3", 0.5)),
]

HTTP2 = [
    h2("fifty-streams", "I50 S50", streams("/slow?s=0.3", 50)),
    h2("h2-503", "I1 E1", streams("/ok?status=503")),
    h2("h2-100-then-200", "I1 S1", streams("/interim")),
    h2("h2-103-then-RST_STREAM", "I1", streams("/interim-reset")),
    h2("RST_STREAM", "I1 E1", streams("/reset?code=2")),
    h2("REFUSED_STREAM", "I1 E1", streams("/reset?code=7")),
    h2("RST_STREAM-in-the-body", "I1 S1", streams("/reset-after")),
    h2("GOAWAY-below-the-stream", "I1 E1", streams("/refused-and-close")),
    h2("h2-FIN", "I1 E1", streams("/fin")),
    h2("no-HTTP2", "I1 E1", streams("/garbage")),
    h2("NO_ERROR-after-an-early-response", "I1 S1",
       streams("/reset-at-the-end", method="POST", body=bytes(5), end=False)),
    h2("h2-client-leaves", "I1", cancel(lambda client: client.ask("/hang"), 0.5)),
]

GRPC = [
    *[h2(f"grpc-status-{code}", f"I1 {'E1' if code in GRPC_ERRORS else 'S1'}", calls(f"/grpc?grpc={code}"))
      for code in range(18)],
    h2("grpc-status-no-number", "I1 E1", calls("/grpc?grpc=abc")),
    h2("grpc-trailers-without-status", "I1 E1", calls("/grpc?grpc=none")),
    h2("grpc-trailers-only-0", "I1 S1", calls("/grpc?only&grpc=0")),
    h2("grpc-trailers-only-12", "I1 E1", calls("/grpc?only&grpc=12")),
    h2("grpc-trailers-only-without-status", "I1 E1", calls("/grpc?only&grpc=none")),
    h2("grpc-404", "I1 E1", calls("/ok?status=404")),
    h2("grpc-503", "I1 E1", calls("/no-body?status=503")),
    h2("grpc-data-ends-the-stream", "I1 E1", calls("/ok")),
    h2("grpc-status-in-the-head-too", "I1 E1", calls("/grpc?first=0&grpc=14")),
    h2("grpc-RST_STREAM", "I1 E1", calls("/reset-after")),
    h2("grpc-client-leaves", "I1", cancel(lambda client: client.call("/hang-after"), 0.5)),
    h2("grpc-long-call", "I1 S1", calls("/grpc?s=4")),
    h2("grpc-proto", "I1 E1", call_as("application/grpc+proto", "/grpc?grpc=14")),
    h2("grpc-web", "I1 S1", call_as("application/grpc-web", "/grpc?grpc=14")),
    h2("grpc-with-a-parameter", "I1 S1", call_as("application/grpc;x=1", "/grpc?grpc=14")),
    h2("grpc-refused", "E1", calls("/grpc"), served=False),
]

TCP = [
    Row("sessions", "I3", sessions(3, 4), kind="tcp"),
    Row("session-ended-by-RST", "I1", until_it_ends, kind="tcp", handler=reset_soon),
    Row("session-refused", "", until_it_ends, kind="tcp", served=False),
]

# What is decided by the proxy. Some of it shows on the socket as what it is.
PROXY = [
    Row("route-timeout", "I1 E1", asks("/hang"), loadtap="I1", route={"timeout": "0.5s"}),
    Row("route-timeout-in-the-body", "I1 S1", asks_and_closes("/slow-body?s=2"), route={"timeout": "0.5s"}),
    h2("grpc-route-timeout", "I1", calls("/hang-after"), route={"timeout": "0.5s"}),
    Row("idle-timeout", "I1", asks("/hang"), route={"timeout": "0s", "idle_timeout": "0.5s"}),
    Row("max-stream-duration", "I1", asks("/hang"),
        route={"timeout": "0s", "max_stream_duration": {"max_stream_duration": "0.5s"}}),
    Row("per-try-timeout", "I3 E3", asks("/hang"), loadtap="I3", route=retry("5xx", 2, per_try_timeout="0.4s")),
    Row("per-try-idle-timeout", "I2 E2", asks("/hang"), loadtap="I2",
        route=retry("5xx", 1, per_try_idle_timeout="0.4s")),
    Row("503-tried-again", "I3 E3", asks("/ok?status=503"), route=retry("5xx", 2)),
    Row("409-tried-again", "I2 S1 E1", asks("/ok?status=409"), loadtap="I2 S2",
        route=retry("retriable-4xx", 1)),
    Row("refused-tried-again", "E3", asks("/ok"), served=False, route=retry("connect-failure", 2)),
    h2("grpc-status-tried-again", "I2 E2", calls("/grpc?only&grpc=14"), route=retry("unavailable", 1)),
    Row("hedged", "I2 S1", asks("/slow?s=0.9"), route={
        "timeout": "5s", "hedge_policy": {"hedge_on_per_try_timeout": True},
        "retry_policy": {"retry_on": "5xx", "num_retries": 1, "per_try_timeout": "0.4s"}}),
    Row("redirected-by-the-proxy", "I2 S1", asks("/moved?to=http://upstream/ok"), loadtap="I2 S2",
        route={"internal_redirect_policy": {"max_internal_redirects": 1}}),
    Row("no-healthy-host", "", asks("/ok"), groups=[Group(unhealthy=1)],
        common_lb_config={"healthy_panic_threshold": {"value": 0}}),
    Row("max-requests", "I1 S1 E2 D2", side_by_side(3, asks("/slow?s=1")), loadtap="I1 S1",
        **limited(max_requests=1)),
    Row("max-pending-requests", "I2 S2 D1", side_by_side(3, asks("/slow?s=0.5"), gap=0.1), loadtap="I2 S2",
        **limited(max_connections=1, max_pending_requests=1)),
    Row("client-leaves-the-queue", "I1", one_waits_for_the_other, **limited(max_connections=1)),
]

ROWS = [*HTTP1, *HTTP2, *GRPC, *TCP, *PROXY]
