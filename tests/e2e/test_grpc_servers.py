#!/usr/bin/env python3
"""Management servers on grpcio and grpc-go: the stream and its reports work with both, also where
they end each stream after some messages; what comes twice, loadtap logged as sent again."""

import os
import time

from lib import namespace, outage, tap
from lib.client import Client, request
from lib.daemon import Daemon, bootstrap, cluster
from lib.process import Process, until
from lib.reports import BUILD
from lib.upstream import Upstream

CLUSTER, UPSTREAM, PORT = "backend", 20001, 18000
HERE = os.path.dirname(os.path.abspath(__file__))
SERVERS = {
    "grpcio": ([os.path.join(HERE, "grpcio_server.py"), "--interval", "0.25"], "--"),
    "grpc-go": ([os.path.join(BUILD, "tests/e2e/grpcgo/server"), "-interval", "0.25s"], "-"),
}


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    """(number, value) of each field; the messages here have no fixed-width ones."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        value, at = varint(data, at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        yield key >> 3, value


def nested(data, number):
    return [value for field, value in fields(data) if field == number]


class Server(Process):
    def __init__(self, scratch, name, end_after):
        command, dash = SERVERS[name]
        super().__init__(scratch, name, [*command, f"{dash}listen", f"127.0.0.1:{PORT}",
                                         f"{dash}cluster", CLUSTER,
                                         f"{dash}end-after", str(end_after)], ports=[PORT])

    def said(self, word):
        with open(self.out_path) as out:
            return [line.split()[1:] for line in out if line.endswith("\n") and
                    line.startswith(word)]

    def issued(self):
        """The sum over all reports."""
        return sum(count for words in self.said("request")
                   for stats in nested(bytes.fromhex(words[0]), 2)
                   for locality in nested(stats, 2) for count in nested(locality, 8))


def serve(results, scratch, group, name, end_after):
    """Traffic until the second stream has reported, or, where streams do not end, 4 reports came."""
    title = f"{name}, streams of {end_after} messages" if end_after else f"{name}, one stream"
    scratch = os.path.join(scratch, f"{name}-{end_after}")
    os.mkdir(scratch)
    server = Server(scratch, name, end_after)
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
