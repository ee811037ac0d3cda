#!/usr/bin/env python3
"""/metrics of the collector: nodes add up, gauges of a stream that has ended fall to 0 and counters
never do, names of any kind, a bound on label sets, and clients of HTTP that behave badly."""

import socket
import time

from lib import admin, namespace, prometheus, tap
from lib.client import closed_after
from lib.process import until
from lib.reporters import Reporter, cluster, locality
from lib.reports import Collector

PORT, METRICS = 18000, 19000
ODD = 'a "quoted" \\ back\nslash é'
ALL = ("node_cluster", "cluster", "region", "zone", "sub_zone", "priority")


def start(scratch, name, *options):
    made = Collector(scratch, port=PORT, name=name,
                     options=("--metrics", f"127.0.0.1:{METRICS}", *options))
    until(lambda: scraped(), 10, "metrics")
    return made


def scraped():
    try:
        return prometheus.scrape(METRICS)
    except OSError:
        return None


def after(condition, what):
    """The first page on which condition(page) is true; a page is kept for a second."""
    pages = []

    def look():
        pages.append(prometheus.scrape(METRICS))
        return condition(pages[-1])
    until(look, 10, what)
    return pages[-1]


def messages(count):
    return after(lambda page: page.value("collector_messages_total") >= count, f"{count} messages")


def test_nodes_add_up(results, scratch):
    collector = start(scratch, "sums")
    one = Reporter(scratch, "grpc-go", "one", PORT).send(node=("one", "edge"))
    two = Reporter(scratch, "grpcio", "two", PORT).send(node=("two", "edge"))
    other = Reporter(scratch, "grpcio", "other", PORT).send(node=("three", ODD))
    here = {"region": "r", "zone": "z", "sub_zone": "s"}
    for client, base in ((one, 100), (two, 1000)):
        client.asked()
        for _ in range(2):
            client.send([cluster("b", locality(**here, issued=base, success=base - 3, error=2, active=1,
                                               connections=base // 10, connected=5, failed=1),
                                 locality(issued=1, priority=1), dropped=4)])
    other.send([cluster(ODD, locality(zone=ODD, issued=7, active=9))])
    page = messages(8)
    row = ("edge", "b", "r", "z", "s", "0")
    for name, expected in {"issued_requests_total": 2200, "successful_requests_total": 2188,
                           "error_requests_total": 8, "requests_in_progress": 2,
                           "active_connections": 110, "new_connections_total": 20,
                           "fail_connections_total": 4}.items():
        results.equal(f"two nodes: {name}", page.sum(name, *ALL)[row], expected)
    results.equal("a priority of its own",
                  page.sum("issued_requests_total", *ALL)["edge", "b", "", "", "", "1"], 4)
    results.equal("dropped requests, of the cluster alone",
                  page.get("loadtap_dropped_requests_total"),
                  {frozenset({("node_cluster", "edge"), ("cluster", "b")}): 16})
    results.equal("any name can be a label's value",
                  page.sum("requests_in_progress", *ALL)[ODD, ODD, "", ODD, "", "0"], 9)
    results.equal("promtool has nothing to say", prometheus.lint(METRICS), (0, ""))
    results.equal("streams and connections", (page.value("collector_streams"),
                                              page.value("collector_connections"),
                                              page.value("collector_label_sets")), (3, 3, 4))

    one.send([cluster("b", locality(**here, connections=10))])
    page = messages(9)
    results.equal("the newest report of each stream is in the gauges",
                  (page.sum("requests_in_progress", "cluster")["b",],
                   page.sum("active_connections", "cluster")["b",]), (1, 110))
    two.kill()
    page = after(lambda page: page.value("collector_streams") == 2, "the end of a stream")
    results.equal("a node that is gone is in no gauge", (
        page.sum("requests_in_progress", "cluster")["b",],
        page.sum("active_connections", "cluster")["b",]), (0, 10))
    results.equal("and stays in the counters",
                  page.sum("issued_requests_total", *ALL)[row], 2200)
    one.send()
    page = messages(10)
    results.equal("a cluster that is not named any more has nothing under way",
                  page.sum("active_connections", "cluster")["b",], 0)
    results.equal("streams end well", (one.finish(), other.finish()), (0, 0))
    results.equal("the collector ends", collector.stop(), 0)


def test_bound(results, scratch):
    collector = start(scratch, "bound", "--metrics-label-sets", "3")
    client = Reporter(scratch, "grpc-go", "many", PORT).send(node=("n", "c"))
    for _ in range(2):
        client.send([cluster(f"cluster-{i}", locality(issued=1, active=1)) for i in range(5)])
    page = messages(3)
    results.equal("no more label sets than allowed", page.value("collector_label_sets"), 3)
    results.equal("what is beyond is counted as one",
                  page.value("issued_requests_total", overflow="true"), 4)
    results.equal("its gauges too", page.value("requests_in_progress", overflow="true"), 2)
    results.equal("and a metric says so", page.value("collector_overflow_total"), 4)
    results.equal("no count is lost", page.sum("issued_requests_total"), {(): 10})
    client.finish()
    collector.stop()


def test_sent_again(results, scratch):
    """As loadtap's streams say it (configs/README.md): a stream ends, and what it had not confirmed is in
    the next one's first report again."""
    collector = start(scratch, "again")
    lost = Reporter(scratch, "grpc-go", "lost", PORT, header=["loadtap-run=r", "loadtap-stream=1"])
    lost.send([cluster("b", locality(issued=1))], node=("n", "c"))
    for issued in (10, 100):
        lost.send([cluster("b", locality(issued=issued))])
    messages(3)
    lost.kill()
    again = Reporter(scratch, "grpcio", "again", PORT, header=[
        "loadtap-run=r", "loadtap-stream=2", "loadtap-resent=1.2"])
    again.send([cluster("b", locality(issued=1110))], node=("n", "c"))
    page = messages(4)
    results.equal("what is sent again is counted once", page.sum("issued_requests_total"), {(): 1111})
    again.finish()
    collector.stop()


def dial():
    return socket.create_connection(("127.0.0.1", METRICS), timeout=15)


def is_closed(sock):
    sock.setblocking(False)
    try:
        return not sock.recv(1)
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_bad_clients(results, scratch):
    collector = start(scratch, "http")
    client = Reporter(scratch, "grpc-go", "good", PORT).send(node=("n", "c"))
    client.asked()
    for path, method, status in (("/", "GET", 200), ("/nothing", "GET", 404), ("/metrics", "POST", 405),
                                 ("/metrics?x=1", "GET", 200)):
        results.equal(f"{method} {path}", prometheus.get(METRICS, path, method)[0], status)
    with dial() as large:
        large.sendall(b"GET /metrics HTTP/1.1\r\nx: " + 9000 * b"x")
        results.true("a head that does not end", b" 400 " in large.recv(1000))
    start_time = time.monotonic()
    slow, silent = dial(), [dial() for _ in range(5)]
    for _ in range(22):  # each half second a byte, so that no time between two is long
        try:
            slow.sendall(b"G")
        except ConnectionError:
            break
        time.sleep(0.5)
    results.true("a deadline for a request as a whole",
                 9 < min(closed_after(slow, start_time), time.monotonic() - start_time) < 13)
    results.true("silent ones are closed too",
                 all(closed_after(sock, start_time) < 15 for sock in silent))
    crowd = [dial() for _ in range(200)]
    results.equal("a crowd does not keep out the next one", prometheus.get(METRICS)[0], 200)
    results.equal("of a crowd, 32 are kept, the newest", [is_closed(sock) for sock in crowd],
                  [True] * 169 + [False] * 31)
    client.send()
    messages(2)
    results.equal("streams are not hurt", client.finish(), 0)
    for sock in (slow, *silent, *crowd):
        sock.close()
    results.equal("the collector ends", collector.stop(), 0)


def test_foreign_pages(results, scratch):
    collector = start(scratch, "foreign")
    rebound = {"Host": f"evil.example:{METRICS}", "Accept-Language": "en"}
    results.equal("what a web page gets by a name that leads here", [
        admin.get(path, port=METRICS, headers=rebound)[0] for path in ("/", "/live", "/live/events", "/metrics")],
        [403] * 4)
    results.equal("what a scraper gets by a name of ours", admin.get(
        "/metrics", port=METRICS, headers={"Host": "metrics.svc"})[0], 200)
    collector.stop()


def test(results, scratch, _):
    test_foreign_pages(results, scratch)
    test_nodes_add_up(results, scratch)
    test_bound(results, scratch)
    test_sent_again(results, scratch)
    test_bad_clients(results, scratch)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
