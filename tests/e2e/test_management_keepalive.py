#!/usr/bin/env python3
"""connection_keepalive: a management server that froze is noticed and left, with nothing lost; one
for which PINGs come too often (grpc-go ends the connection) is asked less often."""

import os
import re
import signal
import time

from lib import namespace, outage, tap
from lib.client import Client, request
from lib.daemon import Daemon, bootstrap, cluster
from lib.grpc_servers import Server
from lib.process import until
from lib.reports import Collector
from lib.upstream import Upstream

CLUSTER, UPSTREAM, PORT = "backend", 20001, 18000


def config(interval, timeout):
    made = bootstrap([cluster(CLUSTER, [(None, 0, [("127.0.0.1", UPSTREAM)])])], PORT)
    (options,) = made["static_resources"]["clusters"][-1]["typed_extension_protocol_options"].values()
    options["explicit_http_config"]["http2_protocol_options"]["connection_keepalive"] = {
        "interval": f"{interval}s", "timeout": f"{timeout}s", "interval_jitter": {"value": 0}}
    return made


def requests(count):
    with Client(UPSTREAM) as client:
        for _ in range(count):
            client.send(request("/")).answer()


def test_frozen(results, scratch, group):
    collector = Collector(scratch, PORT)
    daemon = Daemon(scratch, group, config(0.5, 1))
    daemon.wait_ready(collector, CLUSTER)
    time.sleep(2.5)
    results.true("a server that answers is kept", "stream down" not in daemon.log(), daemon.log())
    requests(20)
    collector.process.child.send_signal(signal.SIGSTOP)
    frozen = time.monotonic()
    requests(30)
    until(lambda: "stream down" in daemon.log(), 10, "the end of the stream")
    results.true("a frozen server is left after interval and timeout",
                 1 <= time.monotonic() - frozen < 8, str(time.monotonic() - frozen))
    results.true("the log says why", "management server is silent: no answer to a PING "
                 "(connection_keepalive) in 1000 ms" in daemon.log(), daemon.log())
    collector.process.child.send_signal(signal.SIGCONT)
    collector.wait_ready(CLUSTER, reports=3)

    def received():
        sums = outage.once(daemon.log(), collector, CLUSTER)[f"127.0.0.1:{UPSTREAM}"]
        return sums["issued"]

    collector.settle(CLUSTER, lambda: received() == 50)
    results.equal("every count arrived", received(), 50)
    results.equal("frozen: loadtap ends cleanly", daemon.finish(), 0)
    collector.stop()


def test_too_often(results, scratch, group):
    place = os.path.join(scratch, "too-often")
    os.mkdir(place)
    server = Server(place, "grpc-go", PORT, cluster=CLUSTER)
    daemon = Daemon(place, group, config(0.3, 5))
    slower = re.compile(r"too many PINGs for it; from now on one in (\d+) ms")
    until(lambda: len(slower.findall(daemon.log())) >= 2, 30, "a word about too many PINGs")
    results.equal("each time the interval is doubled", slower.findall(daemon.log())[:2],
                  ["600", "1200"])
    results.true("the log says why the stream ended",
                 "closed the connection: ENHANCE_YOUR_CALM too_many_pings" in daemon.log(), daemon.log())
    results.equal("too often: loadtap ends cleanly", daemon.finish(), 0)
    server.stop()


def test(results, scratch, group):
    upstream = Upstream()
    upstream.listen(UPSTREAM)
    test_frozen(results, scratch, group)
    test_too_often(results, scratch, group)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
