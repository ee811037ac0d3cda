"""Cases: each a cluster of its own, with a listener of Envoy's that leads to it, upstreams, and what a
client asks through it. Many share a run."""

import collections
import threading

import proxy
from lib.upstream import Upstream
from lib.upstream2 import Upstream2

LISTENER_PORT, UPSTREAM_PORT = 30001, 20001
MEMBERS_MAX = 8
# Endpoints of one locality; the last `unhealthy` of them get no traffic.
Group = collections.namedtuple("Group", "locality priority count unhealthy", defaults=(None, 0, 1, 0))


def echo(connection, _count):
    while data := connection.sock.recv(4096):
        connection.sock.sendall(data)


class Case:
    def __init__(self, name, ask, kind="http1", groups=(Group(),), before=None, served=True, route=None,
                 handler=echo, ip="127.0.0.1", **options):
        """ask(port) is the traffic, before(port) what goes on until the first response. served: False
        leaves the upstream's ports closed. route: settings of Envoy's route; options: of the cluster. handler:
        of a "tcp" upstream."""
        self.name, self.ask, self.before, self.kind, self.groups = name, ask, before, kind, groups
        self.served, self.route, self.options = served, route or {}, dict(options)
        self.handler, self.ip = handler, ip
        self.failed = []

    def settle(self, number):
        """Its ports, by its place among the cases."""
        self.port = LISTENER_PORT + number
        self.first = UPSTREAM_PORT + MEMBERS_MAX * (number + 1) - 1

    def ports(self):
        """Falling, so that sorted endpoints are not in their order."""
        return [self.first - number for number in range(sum(group.count for group in self.groups))]

    def cluster(self):
        ports, made = self.ports(), []
        for group in self.groups:
            members = [(self.ip, ports.pop(0)) for _ in range(group.count)]
            healthy = group.count - group.unhealthy
            members[healthy:] = [(*member, "UNHEALTHY") for member in members[healthy:]]
            made.append(proxy.group(*members, locality=group.locality, priority=group.priority))
        more = dict(proxy.HTTP2) if self.kind == "http2" else {}
        if self.kind == "tcp":
            more["metadata"] = {"filter_metadata": {"loadtap": {"protocol": "tcp"}}}
        return proxy.cluster(self.name, made, **more, **self.options)

    def listener(self):
        if self.kind == "tcp":
            return proxy.tcp_listener(self.port, self.name)
        return proxy.http_listener(self.port, self.name, **self.route)

    def run(self, ask):
        try:
            ask(self.port)
        except Exception as error:  # whatever it was, it is the case's result
            self.failed.append(f"the client failed: {error!r}")


class Cases:
    def __init__(self, cases):
        self.cases = cases
        self.upstream, self.upstream2 = Upstream(), Upstream2()
        for number, case in enumerate(cases):
            case.settle(number)
            for port in case.ports() if case.served else []:
                self.listen(case, port)

    def listen(self, case, port):
        if case.kind == "http2":
            self.upstream2.listen(port)
        else:
            self.upstream.listen(port, case.ip, case.handler if case.kind == "tcp" else None)

    def clusters(self):
        return [case.cluster() for case in self.cases]

    def listeners(self):
        return [case.listener() for case in self.cases]

    def names(self):
        return [case.name for case in self.cases]

    def start(self, what):
        """Each case's `ask` or `before`, side by side."""
        for case in self.cases:
            ask = getattr(case, what)
            if ask:
                threading.Thread(target=case.run, args=(ask,), daemon=True).start()
