#!/usr/bin/python3
# test: timeout=240
"""HTTP/1, HTTP/2 and gRPC over a link that loses 5 % of all packets and sends others late or twice.

Each way has an endpoint of its own beyond the link. What is reported equals what the clients were
answered and the servers served, or the error bound (bpf/abi.h) says that it may not, and then it differs
by no more than that. RUNS=20 repeats it on links of other luck, LOAD=1 asks for more.
"""

import concurrent.futures
import os
import signal

from lib import grpc_peers, http2_clients, namespace, proxy, tap
from lib.client import Client, request
from lib.client2 import Client2
from lib.h2load import h2load
from lib.link import FAR, Link
from lib.process import Process
from lib.reports import BUILD, COUNTS
from lib.upstream import FAKE, Upstream
from lib.upstream2 import Upstream2
from lib.watch import ROW, Watch, counted, counts

RUNS = int(os.environ.get("RUNS", "1"))
LOAD = float(os.environ.get("LOAD", "0.3"))
PERCENT = 5
PROXY = 32001
UNCLASSIFIED, GAP = "loadtap.unclassified_requests", "loadtap.gap_bytes"

NGINX = """
log_format line "$server_port $status";
access_log {scratch}/origin.log line buffer=64k;
server {{
  listen {far}:20001 http2;
  listen {far}:20002 http2;
  root {scratch};
  location = /ok {{ return 200 "ok"; }}
  location = /unavailable {{ return 503; }}
}}
"""

HAPROXY = """
listen l
  bind 127.0.0.1:{proxy} proto h2
  http-reuse always
  timeout connect 20s
  server s {far}:20002 proto h2
"""

CALLS = ["400:unary:", "100:unary:status=14", "100:unary:status=5", "50:unary:head=1&status=13",
         "100:replies:messages=20&size=3000", "20:replies:messages=3&status=8",
         "20:requests:requests=30&size=5000", "50:both:requests=5&early=1&status=7",
         "10:unary:size=500000", "10:unary:metadata=20000"]


def times(count):
    return max(1, int(count * LOAD))


def load(scratch, address, port, connections):
    paths = ["/ok", "/ok?again", "/unavailable", "/ok", "/missing", "/large"]
    with open(f"{scratch}/paths-{port}", "w") as out:
        out.writelines(f"http://{address}:{port}{path}\n" for path in paths)
    return h2load("-n", times(200) * len(paths), "-c", connections, "-m", 50, "-i",
                  f"{scratch}/paths-{port}")


def from_h2load(scratch, port):
    return load(scratch, FAR, port, 8)


def through_HAProxy(scratch, _):
    """It speaks HTTP/2 over the link; the clients are on this side of it."""
    return load(scratch, "127.0.0.1", PROXY, 8)


def from_Go(_, port):
    paths = ["/ok", "/missing", "/unavailable", "POST:/read", "/headers", "/trailers", "/large"]
    total = times(100) * len(paths)
    statuses = http2_clients.go(f"{FAR}:{port}", paths, total)
    if sum(statuses.values()) != total or "reset" in statuses:
        raise RuntimeError(f"{statuses} of {total}")
    errors = sum(count for status, count in statuses.items() if status >= "500")
    return counts(total, total - errors, errors)


def calls(client):
    def ask(_, port):
        plans = [f"{times(int(plan.split(':')[0]))}:{plan.split(':', 1)[1]}" for plan in CALLS]
        return grpc_peers.run(client, port, plans, 40, FAR)
    return ask


def many_streams(_, port):
    """A thousand at once, and a table that turns over."""
    errors = 0
    with Client2(port, FAR) as client:
        for start in range(times(2)):
            asked = [client.ask(f"/ok?status={500 if number % 10 == 0 else 200}",
                                headers=[(f"x-{number}", f"value {start}")])
                     for number in range(1000)]
            client.wait(*asked)
            errors += 100
    return counts(10 * errors, 9 * errors, errors)


def HTTP_1(_, port):
    """Pipelined and not; large bodies that look like messages."""
    for _ in range(times(4)):
        with Client(port, FAR) as client:
            for number in range(1, 11):
                client.send(b"".join([request("/ok?n=900")] * 7 + [request("/ok?status=500")]))
                client.heads(8 * number)
        with Client(port, FAR) as client:
            client.send(request("/ok", "POST", FAKE * 2000)).answer()
            client.send(request("/ok?n=300000")).answer()
    return counts(times(4) * 82, times(4) * 72, times(4) * 10)


WAYS = {
    "h2load to nginx": (20001, from_h2load),
    "HAProxy to nginx": (20002, through_HAProxy),
    "Go to Go": (20003, from_Go),
    "grpc-go to grpc-go": (20004, calls("grpc-go")),
    "grpcio to grpcio": (20005, calls("grpcio")),
    "Python to Python": (20006, many_streams),
    "HTTP/1": (20007, HTTP_1),
}


def start(scratch):
    """The servers beyond the link: those that are programs, and those of this one."""
    with open(f"{scratch}/large", "wb") as out:
        out.write(bytes(30000))
    upstream, upstream2 = Upstream(), Upstream2()
    upstream2.listen(20006, FAR)
    upstream.listen(20007, FAR)
    return {
        "nginx": proxy.nginx(scratch, NGINX.format(scratch=scratch, far=FAR), [20001, 20002]),
        "Go": Process(scratch, "go", [f"{BUILD}/tests/e2e/http2go/server", "-listen", f"{FAR}:20003"],
                      ports=[20003]),
        "grpc-go": grpc_peers.serve(scratch, "grpc-go", 20004, address=FAR),
        "grpcio": grpc_peers.serve(scratch, "grpcio", 20005, address=FAR),
    }, upstream, upstream2


def in_nginx_log(scratch):
    rows = {"20001": counts(), "20002": counts()}
    with open(f"{scratch}/origin.log") as lines:
        for port, status in map(str.split, lines):
            rows[port]["issued"] += 1
            rows[port]["success" if status < "500" else "error"] += 1
    return rows


def served(scratch, processes, upstream, upstream2):
    """Ends the servers; what they counted."""
    processes["nginx"].stop(signal.SIGQUIT, 30)
    processes["Go"].stop()
    with open(processes["Go"].out_path) as out:
        go = counts(*map(int, out.read().split()[2::2]))
    by_port = in_nginx_log(scratch)
    return {
        "h2load to nginx": by_port["20001"], "HAProxy to nginx": by_port["20002"], "Go to Go": go,
        "grpc-go to grpc-go": grpc_peers.served(processes["grpc-go"]),
        "grpcio to grpcio": grpc_peers.served(processes["grpcio"]),
        "Python to Python": counted(upstream2.counts[20006]), "HTTP/1": counted(upstream.counts[20007]),
    }


def within(row, bound, truth):
    """Is a row as its error bound has it? A request that a gap hid is not issued, and has no result; of
    one that is unclassified only the result is missing."""
    hidden = truth["issued"] - row["issued"]
    unknown = bound[UNCLASSIFIED]
    return (0 <= hidden <= bound[GAP] and not row["active"]
            and row["issued"] == row["success"] + row["error"] + unknown
            and all(0 <= truth[name] - row[name] <= unknown + hidden for name in ("success", "error")))


class Tally:
    """Of all runs: rows that are exact, and by how much the others may be off, and are."""

    def __init__(self):
        self.runs = self.exact_runs = self.rows = self.exact = 0
        self.bounds = []

    def add(self, rows):
        """rows: {way: (row, bound, truth)}"""
        off = {way: values for way, values in rows.items() if values[0] != values[2]}
        self.runs += 1
        self.exact_runs += not off
        self.rows += len(rows)
        self.exact += len(rows) - len(off)
        for way, (row, bound, truth) in rows.items():
            if any(bound.values()) or way in off:
                self.bounds.append(f"run {self.runs}, {way}: reported {tuple(row.values())} of "
                                   f"{tuple(truth.values())}, bound {dict(bound)}")

    def say(self, results):
        results.say(f"{self.exact_runs} of {self.runs} runs are exact, {self.exact} of {self.rows} "
                    "endpoints in them")
        for line in self.bounds:
            results.say(line)


def run(results, scratch, group, seed, tally):
    link = Link(scratch, seed, PERCENT)
    with link.far():
        servers = start(scratch)
    haproxy = proxy.haproxy(scratch, HAPROXY.format(far=FAR, proxy=PROXY), [PROXY])
    members = [(FAR, port) for port, _ in WAYS.values()]
    watch = Watch(scratch, group, members, report_error_bound=True)
    with concurrent.futures.ThreadPoolExecutor(len(WAYS)) as pool:
        futures = {way: pool.submit(ask, scratch, port) for way, (port, ask) in WAYS.items()}
    haproxy.stop()
    results.equal("every client was answered", {way: repr(future.exception())
                  for way, future in futures.items() if future.exception()}, {})
    asked = {way: future.result() for way, future in futures.items() if not future.exception()}
    own = served(scratch, *servers)
    results.equal("the servers served that", {way: own[way] for way in asked}, asked)

    def bounds():
        found = watch.collector.metrics("watched")[0]
        return [found[f"{FAR}:{port}"] for port, _ in WAYS.values()]

    def compared():
        return {way: values for way, *values in zip(WAYS, watch.rows(members), bounds(), own.values())}

    watch.settle(members, lambda _: all(within(*values) for values in compared().values()))
    for way, (row, bound, truth) in compared().items():
        exact = not any(bound.values())
        results.true(f"{way}: {'exact' if exact else 'within the error bound'}",
                     row == truth if exact else within(row, bound, truth),
                     f"{row}, bound {dict(bound)}, truth {truth}")
    tally.add(compared())
    watch.daemon.finish()
    watch.collector.stop()
    moved = link.stop()
    results.true(f"{PERCENT} % of the packets were lost, others late",
                 moved["lost"] > moved["passed"] * PERCENT / 150 and moved["late"], moved)
    results.say(f"run {seed}: {moved}")


def test(results, scratch, group):
    tally = Tally()
    for seed in range(1, RUNS + 1):
        folder = os.path.join(scratch, str(seed))
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        run(results, folder, group, seed, tally)
    tally.say(results)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
