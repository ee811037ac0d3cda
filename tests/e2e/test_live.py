#!/usr/bin/env python3
# test: quiet timeout=240
"""The live pages in a real browser: what they show is what was counted, in dark and light and on a phone;
names that are markup stay text; nothing is loaded from elsewhere. SHOT=FILE keeps a picture, after SECONDS."""

import os
import random
import struct
import threading
import time
import zlib

from lib import admin, namespace, tap
from lib.browser import Browser
from lib.client import Client, request
from lib.daemon import Daemon, bootstrap, cluster
from lib.process import PATIENCE, until
from lib.reports import Collector
from lib.upstream import Upstream

LIVE = f"http://127.0.0.1:{admin.PORT}/live"
COLLECTOR = "http://127.0.0.1:19000/live"
ODD = "payments" if "SHOT" in os.environ else "<img src=x onerror=alert(1)>"
SECONDS = float(os.environ.get("SECONDS", "5"))
# address, port, seconds between two requests, share of errors
PLACES = [("127.0.0.2", 8080, .01, 0), ("127.0.0.3", 8080, .015, .03), ("127.0.0.4", 8080, .03, 0),
          ("127.0.0.5", 8443, .05, .1)]


def configuration():
    config = bootstrap([
        cluster("checkout", [({"region": "eu-west1", "zone": "b"}, 0, [("127.0.0.2", 8080), ("127.0.0.3", 8080)]),
                             ({"region": "eu-west1", "zone": "c"}, 1, [("127.0.0.4", 8080)])]),
        cluster("search", [(None, 0, [("search.local", 8443)])], kind="STRICT_DNS"),
        cluster(ODD, [(None, 0, [("127.0.0.9", 9000)])])])
    config["node"] = {"id": "edge-7", "cluster": "edge"}
    config["admin"] = admin.interface()
    return config


class Traffic:
    def __init__(self):
        self.go_on = True
        self.threads = [threading.Thread(target=self._send, args=place) for place in PLACES]
        for thread in self.threads:
            thread.start()

    def _send(self, address, port, pause, errors):
        chance = random.Random(port)
        with Client(port, address) as client:
            while self.go_on:
                status = 503 if chance.random() < errors else 200
                client.send(request(f"/ok?status={status}")).answer()
                time.sleep(pause * chance.uniform(.5, 1.5) * (1.3 + time.time() % 20 / 20))

    def end(self):
        self.go_on = False
        for thread in self.threads:
            thread.join()


def rows(page):
    """{name: [requests/s, errors, in progress, connections]} as they stand there; a row's note is left out."""
    return page.evaluate("""Object.fromEntries([...document.querySelectorAll("#clusters .row")].map(row =>
        [(row.querySelector("h2") || row.querySelector(".name")).firstChild.textContent,
         [...row.children].slice(2).map(cell => cell.firstChild.textContent)]))""")


def wait_for(page, condition, what):
    until(lambda: page.evaluate(condition), 20, what)


def sums(column):
    """The page's own cells of a column: of endpoints, and of clusters."""
    return f"""["end", "total"].map(kind => [...document.querySelectorAll(`#clusters .${{kind}}`)].reduce(
        (sum, row) => sum + Number(row.children[{column}].firstChild.textContent), 0))"""


def test_content(results, page):
    shown = rows(page)
    results.equal("clusters, places, endpoints", sorted(shown), sorted([
        "checkout", "eu-west1 / b", "eu-west1 / c, priority 1", "127.0.0.2:8080", "127.0.0.3:8080",
        "127.0.0.4:8080", "search", "127.0.0.5:8443", ODD, "127.0.0.9:9000", "load_reporting_cluster",
        "127.0.0.1:18000"]))
    results.true("rates", float(shown["127.0.0.2:8080"][0]) > 5 and float(shown["checkout"][0]) >
                 float(shown["eu-west1 / b"][0]) > float(shown["127.0.0.2:8080"][0]), shown)
    results.equal("nothing where nothing is", shown["127.0.0.9:9000"], ["0", "0 %", "0", "0"])
    results.equal("connections", [shown[name][3] for name in ("checkout", "eu-west1 / b", "search")],
                  ["3", "2", "1"])
    results.true("a share of errors", shown["search"][1] not in ("–", "0 %"), shown)
    results.equal("the connections of all", page.evaluate(sums(5)), [4, 4])
    results.true("charts", page.evaluate(
        "[...document.querySelectorAll('#tiles polyline')].every(line => line.getAttribute('points'))"))
    text = page.evaluate("document.querySelector('#status').innerText").split()
    results.true("the stream, and the time to the next report", "connected" in text and
                 "load_reporting_cluster" in text and "next" in text, text)
    results.equal("a name that is markup is a name", page.evaluate("document.images.length"), 0)


def test_layout(results, page, name):
    results.equal(f"{name}: nothing sticks out", page.evaluate(
        "document.documentElement.scrollWidth - innerWidth"), 0)
    results.equal(f"{name}: no error", page.errors, [])


def brightness(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")


def test_offline(results, page):
    """All that the page asks for is itself, and its events."""
    loaded = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    results.equal("nothing but its events is loaded", [url for url in loaded if url != LIVE + "/events"], [])
    _, headers, text = admin.get("/live")
    policy = headers["Content-Security-Policy"]
    results.true("a policy without unsafe-inline", "default-src 'none'" in policy and
                 "script-src 'sha256-" in policy and "unsafe" not in policy, policy)
    results.true("no address of elsewhere in it", "http" not in text.replace("http://www.w3.org/2000/svg", ""))
    results.true("it is linked first on /", admin.get("/")[2].find("href='/live'") ==
                 admin.get("/")[2].find("href="))


def test_streams(results):
    """One client more than can be is refused, and leaves the others alone."""
    import http.client
    streams = []
    for _ in range(9):
        connection = http.client.HTTPConnection("127.0.0.1", admin.PORT, timeout=10)
        connection.request("GET", "/live/events")
        streams.append((connection, connection.getresponse()))
    statuses = [answer.status for _, answer in streams]
    results.true("a bound on streams", statuses.count(200) <= 7 and statuses[-1] == 503, statuses)
    results.equal("HEAD of a stream ends", admin.get("/live/events", method="HEAD")[::2], (200, ""))
    results.true("events go on", all(streams[0][1].readline().startswith(start) for start in (
        b"data: {", b"\n", b"data: {", b"\n", b"data: {")))
    for connection, _ in streams:
        connection.close()


def is_picture(path):
    """A PNG whose pixels are not all the same."""
    with open(path, "rb") as file:
        data = file.read()
    pixels, at = b"", 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        pixels += data[at + 8:at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    return len(set(zlib.decompress(pixels))) > 20 and len(data)


def shoot(page, scratch, name):
    folder = os.environ.get("SHOT", scratch)
    path = os.path.join(folder, f"{name}.png")
    page.screenshot(path)
    return path


def test_daemon(results, scratch, browser):
    light, dark, phone = browser.page(), browser.page(), browser.page()
    light.open(LIVE)
    dark.open(LIVE, scheme="dark")
    phone.open(LIVE, width=360, height=740)
    for page in (light, dark, phone):
        wait_for(page, "document.querySelectorAll('#tiles polyline').length > 2", "charts")
    time.sleep(SECONDS * PATIENCE)  # a rate is taken over five
    test_content(results, light)
    test_offline(results, light)
    for name, page in (("live", light), ("live-dark", dark), ("live-phone", phone)):
        test_layout(results, page, name)
        results.true(f"{name}: a picture", is_picture(shoot(page, scratch, name)))
    results.true("light is light, and dark is dark", min(brightness(light)) > 200 > 60 > max(brightness(dark)))
    return light


def test_end(results, page, daemon):
    daemon.finish()
    wait_for(page, "document.querySelector('#state').className === 'bad'", "the page to notice")
    results.true("the page says that nobody answers", "no answer" in page.evaluate(
        "document.querySelector('#state').innerText"))


def test_collector(results, scratch, browser):
    page = browser.page()
    page.open(COLLECTOR)
    wait_for(page, "document.querySelectorAll('#clusters .end').length > 2", "clusters")
    time.sleep(SECONDS * PATIENCE)
    shown = rows(page)
    results.equal("the collector's page: nodes and clusters", sorted(shown), sorted([
        "edge-7", "checkout", "search", "load_reporting_cluster", ODD]))
    results.true("with rates", float(shown["edge-7"][0]) > 5, shown)
    test_layout(results, page, "collector")
    results.true("collector: a picture", is_picture(shoot(page, scratch, "live-collector")))


def test(results, scratch, group):
    upstream = Upstream()
    for address, port, *_ in PLACES:
        upstream.listen(port, address)
    collector = Collector(scratch, interval="2s", options=(
        "--send-all", "--endpoints", "--metrics", "127.0.0.1:19000"))
    daemon = Daemon(scratch, group, configuration())
    until(lambda: "load reporting: stream=1" in daemon.log(), 15, "a response")
    traffic, browser = Traffic(), Browser(scratch)
    try:
        page = test_daemon(results, scratch, browser)
        test_collector(results, scratch, browser)
    finally:
        traffic.end()
    test_streams(results)
    test_end(results, page, daemon)
    browser.stop()
    collector.stop()


if __name__ == "__main__":
    tap.run(test, *namespace.enter(["127.0.0.5 search.local"]))
