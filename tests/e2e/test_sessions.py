#!/usr/bin/env python3
"""A cluster with `protocol: tcp`: a session is one issued request, active until it is closed, and
never a success or an error; a refused connect is none. HAProxy in TCP mode and raw clients."""

from lib import namespace, proxy, tap
from lib.client import Client, request
from lib.daemon import Daemon, bootstrap, cluster
from lib.process import until
from lib.reports import Collector
from lib.upstream import Upstream

CLUSTER = "sessions"
ECHO, BANNER, RESET, REFUSED, PROXIED = range(20001, 20006)
LISTEN = f"""
listen tcp
  mode tcp
  bind 127.0.0.1:30001
  server s 127.0.0.1:{PROXIED}
"""


def echo(connection, _):
    while data := connection.sock.recv(65536):
        connection.sock.sendall(data)


def banner(connection, _):
    connection.sock.sendall(b"220 ready\r\n")
    echo(connection, _)


def reset(connection, _):
    connection.more()
    connection.reset()


def try_refused():
    for _ in range(3):
        try:
            Client(REFUSED)
        except ConnectionRefusedError:
            pass


def test(results, scratch, group):
    upstream = Upstream()
    for port, handler in ((ECHO, echo), (BANNER, banner), (RESET, reset), (PROXIED, echo)):
        upstream.listen(port, handler=handler)
    haproxy = proxy.haproxy(scratch, LISTEN, [30001])
    collector = Collector(scratch)
    members = [("127.0.0.1", port) for port in (ECHO, BANNER, RESET, REFUSED, PROXIED)]
    daemon = Daemon(scratch, group, bootstrap([
        cluster(CLUSTER, [(None, 0, members)], protocol="tcp")]))
    daemon.wait_ready(collector, CLUSTER)

    def compare(name, expected):
        """expected: {port: (issued, active)}"""
        wanted = {port: {"issued": issued, "success": 0, "error": 0, "active": active}
                  for port, (issued, active) in expected.items()}

        def rows():
            sums = collector.endpoints(CLUSTER)
            return {port: sums[f"127.0.0.1:{port}"].of("issued", "success", "error", "active")
                    for port in expected}

        collector.settle(CLUSTER, lambda: rows() == wanted)
        results.equal(name, rows(), wanted)

    held = [Client(ECHO).send(request("/not-http-here")) for _ in range(3)]
    held += [Client(BANNER).until(b"220 ready\r\n"), Client(ECHO)]
    held += [Client(30001).send(b"x" * 100000) for _ in range(4)]
    compare("sessions are active while they are open",
            {ECHO: (4, 4), BANNER: (1, 1), PROXIED: (4, 4)})
    for client in held:
        client.sock.close()
    Client(RESET).send(b"x").drain()
    try_refused()
    compare("closed, reset and refused ones are not",
            {ECHO: (4, 0), BANNER: (1, 0), PROXIED: (4, 0), RESET: (1, 0), REFUSED: (0, 0)})
    until(lambda: collector.total(CLUSTER)["failed"] == 3, 5, "failed connections")
    results.equal("connections", collector.total(CLUSTER).of("connected", "failed", "connections"),
                  {"connected": 10, "failed": 3, "connections": 0})
    results.equal("loadtap ends cleanly", daemon.finish(), 0)
    haproxy.stop()
    collector.stop()


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
