#!/usr/bin/env python3
"""Management servers on grpcio and grpc-go: the stream and its reports work with both, also where
they end each stream after some messages; what comes twice, loadtap logged as sent again."""

import os
import time

from lib import namespace, outage, tap
from lib.client import Client, request
from lib.daemon import Daemon, bootstrap, cluster
from lib.grpc_servers import SERVERS, Server
from lib.process import until
from lib.upstream import Upstream

CLUSTER, UPSTREAM, PORT = "backend", 20001, 18000


def serve(results, scratch, group, name, end_after):
    """Traffic until the second stream has reported, or, where streams do not end, 4 reports came."""
    title = f"{name}, streams of {end_after} messages" if end_after else f"{name}, one stream"
    scratch = os.path.join(scratch, f"{name}-{end_after}")
    os.mkdir(scratch)
    server = Server(scratch, name, PORT, cluster=CLUSTER, end_after=end_after)
    daemon = Daemon(scratch, group, bootstrap([
        cluster(CLUSTER, [(None, 0, [("127.0.0.1", UPSTREAM)])])]))
    until(lambda: len(server.said("request")) >= 2, 10, "the first report")
    sent = 0
    deadline = time.monotonic() + 20
    with Client(UPSTREAM) as client:
        while len(server.said("request")) < end_after + 4 and time.monotonic() < deadline:
            client.send(request("/")).answer()
            sent += 1
            time.sleep(0.002)
    try:
        until(lambda: server.issued() >= sent, 10, f"{sent} requests in the reports")
    except TimeoutError as error:
        results.say(f"{error}; loadtap said:\n{daemon.log()}")
    twice = sum(row[3]["issued"] for row in outage.sent_again(daemon.log(), CLUSTER))
    issued = server.issued()
    results.true(f"{title}: every request", sent <= issued <= sent + twice,
                 f"{issued} issued, {sent} sent, {twice} logged as sent again")
    streams = len(server.said("stream"))
    results.true(f"{title}: streams", streams > 1 if end_after else streams == 1, str(streams))
    results.equal(f"{title}: loadtap ends cleanly", daemon.finish(), 0)
    server.stop()


def test(results, scratch, group):
    upstream = Upstream()
    upstream.listen(UPSTREAM)
    for name in SERVERS:
        for end_after in (0, 4):
            serve(results, scratch, group, name, end_after)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
