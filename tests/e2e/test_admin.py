#!/usr/bin/env python3
"""The admin interface of the daemon: pages at the bootstrap's address and at the Unix socket, and that they
tell what is reported."""

import ctypes
import ctypes.util
import os
import re
import stat
import subprocess

from lib import admin, namespace, prometheus, tap
from lib.client import Client, request
from lib.daemon import Daemon, bootstrap, cluster
from lib.process import until
from lib.reports import Collector
from lib.upstream import Upstream

PORT = 20001
ADDRESS = f"127.0.0.1:{PORT}"
AWAY = "192.0.2.1"  # of this machine: the peer of a connection to it is that address, so not loopback
GUARDED = [("POST", "/logging?level=info"), ("GET", "/config_dump")]
HERE = {"region": "r", "zone": "z", "sub_zone": "s"}


def configuration(address="0.0.0.0", port=admin.PORT):
    config = bootstrap([cluster("backend", [(HERE, 1, [("127.0.0.1", PORT)])]),
                        cluster("named", [(None, 0, [("localhost", PORT + 1)])], kind="STRICT_DNS")])
    config["admin"] = {"address": {"socket_address": {"address": address, "port_value": port}}}
    return config


def test_pages(results):
    results.equal("/ready", admin.get("/ready")[::2], (200, "LIVE\n"))
    results.equal("/livez", admin.get("/livez")[::2], (200, "OK\n"))
    results.equal("the Unix socket has the same", admin.get_unix("/ready")[::2], (200, "LIVE\n"))
    mode = stat.S_IMODE(os.stat(admin.SOCKET).st_mode)
    results.equal("its mode", oct(mode), oct(0o660))
    results.equal("no such page", admin.get("/nothing")[0], 404)
    lines = admin.get("/clusters")[2].splitlines()
    results.true("/clusters as Envoy has it", {f"backend::{ADDRESS}::rq_total::5",
                                               f"backend::{ADDRESS}::rq_error::2",
                                               f"backend::{ADDRESS}::priority::1",
                                               f"backend::{ADDRESS}::undialled::false",
                                               f"backend::{ADDRESS}::zone::z"} <= set(lines))


def test_clusters(results):
    found = {entry["name"]: entry for entry in admin.get_json("/clusters?format=json")["clusters"]}
    results.equal("all clusters", sorted(found), ["backend", "load_reporting_cluster", "named"])
    locality, = found["backend"]["localities"]
    results.equal("where", (locality["locality"], locality["priority"], locality["index"]), (HERE, 1, 0))
    endpoint, = locality["endpoints"]
    results.equal("whom", (endpoint["address"], endpoint["leaving"], endpoint["counted"],
                           endpoint["undialled"], endpoint["exact"], endpoint["error_bound"]),
                  (ADDRESS, False, True, False, True, {}))
    counts = endpoint["counters"] | endpoint["gauges"]
    results.equal("how much", {name: counts[name] for name in (
        "issued_requests", "successful_requests", "error_requests", "requests_in_progress",
        "new_connections", "active_connections")}, {
            "issued_requests": 6, "successful_requests": 3, "error_requests": 2,
            "requests_in_progress": 1, "new_connections": 2, "active_connections": 1})
    names = {endpoint["address"]: endpoint["names"]
             for endpoint in found["named"]["localities"][0]["endpoints"]}
    results.equal("names that resolve to it", names.get(f"127.0.0.1:{PORT + 1}"), ["localhost"])


def test_lrs(results):
    lrs = admin.get_json("/lrs?format=json")
    results.equal("the stream", (lrs["state"], lrs["stream"], lrs["management_server"]),
                  ("connected", 1, "load_reporting_cluster"))
    response = lrs["last_response"]
    results.equal("what is asked for", (response["load_reporting_interval_seconds"],
                                        response["send_all_clusters"], len(response["clusters"])),
                  (3600, True, 3))
    results.true("the next report is to come", 3500 < lrs["next_report_seconds"] <= 3600)
    results.true("text tells it too", "state: connected" in admin.get("/lrs")[2].splitlines())


def test_next(results):
    for path in ("/lrs?next", "/lrs?next", "/explain?cluster=backend", f"/explain?address={ADDRESS}"):
        answer = admin.get_json(path)
        message, = answer.get("next", answer)["load_stats_requests"]
        entry = next(entry for entry in message["cluster_stats"] if entry["cluster_name"] == "backend")
        locality, = entry["upstream_locality_stats"]
        results.equal(f"{path}: the next report, which looking does not change", {
            key: locality.get(key) for key in ("total_issued_requests", "total_error_requests",
                                               "total_requests_in_progress", "priority")}, {
                "total_issued_requests": "6", "total_error_requests": "2",
                "total_requests_in_progress": "1", "priority": 1})
    results.equal("/explain knows what there is", [admin.get(f"/explain?{query}")[0] for query in (
        "cluster=nobody", "address=1.2.3.4", "", "address=1.2.3.4:5")], [404, 400, 400, 200])
    host, = admin.get_json(f"/explain?address={ADDRESS}")["hosts"]
    results.equal("and why", (host["cluster"], host["locality"], host["places"]), ("backend", HERE, [{
        "path": "static_resources.clusters[0].load_assignment.endpoints[0].lb_endpoints[0]",
        "host": "127.0.0.1", "found_by": "address"}]))
    host, = admin.get_json(f"/explain?address=127.0.0.1:{PORT + 1}")["hosts"]
    results.equal("a name that leads to it", (host["places"][0]["host"], host["places"][0]["found_by"]),
                  ("localhost", "DNS"))


def answers():
    try:
        return admin.get_unix("/ready")[0] == 200
    except OSError:
        return False


POSTS = ("/logging", "/reload", "/quitquitquit")


def post(path, host="127.0.0.1", **headers):
    return admin.get(path, host=host, method="POST", headers={
        name.replace("_", "-"): value for name, value in headers.items()})


def test_metrics(results):
    page = prometheus.scrape(admin.PORT)
    text = admin.get("/metrics")[2]
    results.equal("promtool has nothing to say", prometheus.lint_text(text), (0, ""))
    results.true("promtool would", prometheus.lint_text(text.replace("requests_total", "requests"))[0] != 0)
    results.equal("/stats/prometheus has the same metrics",
                  re.findall("# TYPE .*", admin.get("/stats/prometheus")[2]), re.findall("# TYPE .*", text))
    labels = {"cluster": "backend", "region": "r", "zone": "z", "sub_zone": "s", "priority": "1",
              "endpoint": ADDRESS}
    results.equal("an endpoint's numbers", [page.value(f"endpoint_{name}", **labels) for name in (
        "issued_requests_total", "error_requests_total", "requests_in_progress", "active_connections")],
        [6, 2, 1, 1])
    results.equal("the stream's", [page.value(f"lrs_{name}") for name in (
        "connected", "streams_total", "responses_total", "clusters", "interval_seconds")], [1, 1, 1, 3, 3600])
    results.true("what it costs", all(page.value(name) > 0 for name in (
        "cpu_seconds_total", "resident_memory_bytes", "start_time_seconds", "endpoint_slots",
        "endpoint_slots_used")), text)
    test_run_time(results, page)


def test_run_time(results, page):
    """The kernel is asked for it by a call, which the sysctl does not show: nor does it to the service, whose /proc
    has no sysctls."""
    with open("/proc/sys/kernel/bpf_stats_enabled") as setting:
        if setting.read().strip() == "0":
            results.equal("no BPF run time where the kernel has not measured it",
                          page.value("bpf_run_seconds_total"), None)
    asked = ctypes.CDLL(ctypes.util.find_library("bpf")).bpf_enable_stats(0)
    if asked < 0:  # Linux before 5.8
        results.skip("BPF run time", "the kernel has no BPF_ENABLE_STATS")
        return
    with Client(PORT) as client:
        client.send(request("/ok")).answer()
    text = admin.get_unix("/metrics")[2]
    os.close(asked)
    results.true("BPF run time, where it has", re.search(
        r"^loadtap_bpf_run_seconds_total 0\.0*[1-9]", text, re.M) and
        re.search(r"^loadtap_bpf_runs_total [1-9]", text, re.M), text)


def test_label_sets(results, scratch, group):
    """Two endpoints more than are told apart."""
    folder = os.path.join(scratch, "sets")
    os.mkdir(folder)
    config = bootstrap([cluster("many", [(None, 0, [("127.0.0.1", PORT + i) for i in range(5)]),
                                         (None, 0, [("127.0.0.1", PORT)])])])
    config["admin"] = configuration(port=admin.PORT + 1)["admin"]
    daemon = Daemon(folder, group, config, metrics_label_sets=4, admin_socket="none",
                    admin_open_to_network=True)
    until(lambda: "stream up" in daemon.log(), 15, "the stream")
    page = prometheus.scrape(admin.PORT + 1)
    rows = page["loadtap_endpoint_issued_requests_total"]
    results.equal("told apart, and the others as one", sorted(len(labels) for labels in rows),
                  [1, 6, 6, 6, 6])
    results.equal("how many those are", page.value("endpoint_label_sets_overflow"), 2)
    results.equal("an address that stands twice is one set: promtool agrees",
                  prometheus.lint(admin.PORT + 1), (0, ""))
    results.equal("opened to the network: all that is refused otherwise", [
        admin.get(path, port=admin.PORT + 1, host=AWAY, method=method)[0] for method, path in GUARDED], [200, 200])
    results.equal("but for web pages of somebody else", admin.get(
        "/config_dump", port=admin.PORT + 1, host=AWAY, headers={"Host": "evil.example"})[0], 403)
    daemon.finish()


def test_methods(results):
    for path in POSTS:
        status, headers, _ = admin.get(path)
        results.equal(f"GET {path}", (status, headers["Allow"]), (405, "POST"))
    status, headers, _ = post("/clusters")
    results.equal("POST /clusters", (status, headers["Allow"]), (405, "GET, HEAD"))
    results.equal("HEAD", admin.get("/ready", method="HEAD")[::2], (200, ""))
    results.equal("methods that nothing has", [admin.get("/ready", method=method)[0] for method in (
        "PUT", "DELETE", "OPTIONS")], [405] * 3)
    results.equal("a body that is too large", admin.get(
        "/logging?level=info", method="POST", body="x" * 5000)[0], 413)


def test_who_may(results):
    results.equal("from the network: pages", [admin.get(path, host=AWAY)[0] for path in (
        "/clusters", "/metrics", "/stats")], [200] * 3)
    for method, path in GUARDED:
        status, _, text = admin.get(path, host=AWAY, method=method)
        results.true(f"from the network: {method} {path} is refused, with the way out",
                     status == 403 and "admin_open_to_network" in text, (status, text))
    here = f"127.0.0.1:{admin.PORT}"
    for name, status, headers in (
            ("a program", 200, {}),
            ("our own page", 200, {"Origin": f"http://{here}", "Sec_Fetch_Site": "same-origin"}),
            ("a page of somebody else", 403, {"Origin": "http://evil.example"}),
            ("a page without an origin", 403, {"Origin": "null"}),
            ("a form of somebody else", 403, {"Sec_Fetch_Site": "cross-site"}),
            ("a name that leads here (DNS rebinding)", 403, {
                "Host": "evil.example", "Origin": "http://evil.example"}),
            ("the same at our port", 403, {"Host": f"evil.example:{admin.PORT}"}),
            ("localhost", 200, {"Host": f"localhost:{admin.PORT}"})):
        results.equal(f"POST by {name}", post("/logging?level=info", **headers)[0], status)
    rebound = {"Host": f"evil.example:{admin.PORT}", "Accept-Language": "en"}
    results.equal("what a page gets to read by a name that leads here, cached pages too", [
        admin.get(path, headers=rebound)[0] for path in ("/metrics", "/clusters", "/stats", "/", "/live/events")],
        [403] * 5)
    results.equal("what a scraper does by a name of ours", admin.get("/metrics", headers={"Host": "metrics.svc"})[0],
                  200)
    results.equal("by the Unix socket", admin.get_unix("/logging?level=info", method="POST")[0], 200)


def test_envoys_pages(results, daemon):
    links = admin.get("/")[2]
    results.true("/ has the links", all(f"href='{path}'" in links for path in (
        "/clusters", "/metrics", "/config_dump", "/lrs")) and "POST /reload" in links)
    info = admin.get_json("/server_info")
    results.equal("/server_info", (info["state"], info["node"]["id"]), ("LIVE", "e2e"))
    first, second = admin.get_json("/config_dump")["configs"]
    results.equal("/config_dump", (
        first["@type"], first["bootstrap"]["node"]["id"],
        [entry["cluster"]["name"] for entry in second["static_clusters"]]),
        ("type.googleapis.com/envoy.admin.v3.BootstrapConfigDump", "e2e",
         ["backend", "named", "load_reporting_cluster"]))
    results.equal("/certs, where there are none", admin.get_json("/certs"),
                  {"certificates": [{"ca_cert": [], "cert_chain": []}]})
    stats = admin.get("/stats")[2].splitlines()
    results.true("/stats", {"cluster.backend.upstream_rq_total: 6",
                            "loadtap.lrs_streams_total: 1"} <= set(stats), stats)
    results.equal("/logging wants a level", post("/logging?level=loud")[0], 400)
    post("/logging?level=debug")
    until(lambda: " debug " in daemon.log(), 10, "a line at debug")
    results.true("the level is another one at once", True)
    post("/logging?level=info")
    status, _, text = post("/reload")
    results.true("/reload says what it did", status == 200 and text.strip(), (status, text))


def test(results, scratch, group):
    subprocess.run(["ip", "address", "add", f"{AWAY}/32", "dev", "lo"], check=True)
    upstream = Upstream()
    upstream.listen(PORT)
    collector = Collector(scratch, interval="3600s")
    daemon = Daemon(scratch, group, configuration())
    until(lambda: "load reporting: stream=1" in daemon.log(), 15, "a response")
    with Client(PORT) as client:
        for number in range(5):
            client.send(request(f"/ok?status={503 if number < 2 else 200}")).answer()
    test_pages(results)
    with Client(PORT) as client:
        client.send(request("/slow?s=100"))
        until(lambda: "rq_active::1" in admin.get("/clusters")[2], 10, "a request in progress")
        test_clusters(results)
        test_lrs(results)
        test_next(results)
        test_envoys_pages(results, daemon)
        test_metrics(results)
    test_label_sets(results, scratch, group)
    test_methods(results)
    test_who_may(results)
    other = os.path.join(scratch, "second")
    os.mkdir(other)
    second = Daemon(other, group, configuration())
    until(lambda: "stream up" in second.log(), 15, "a second daemon's stream")
    log = second.log()
    results.equal("taken: a clear line for each, and counting goes on",
                  [len(re.findall(f" {level} admin: cannot listen on {where}: Address already in use; "
                                  "counting goes on", log)) for level, where in (
                      ("error", f"0.0.0.0:{admin.PORT}"), ("warning", admin.SOCKET))], [1, 1])
    results.equal("the second one ends", second.finish(), 0)
    results.true("and leaves the first one's socket", os.path.exists(admin.SOCKET))
    results.equal("/quitquitquit answers", post("/quitquitquit")[0], 200)
    results.equal("and ends loadtap", daemon.child.wait(10), 0)
    results.true("with a last report", "last report: stream=1" in daemon.log())
    collector.stop()
    config = configuration()
    config["admin"] = {"address": {"pipe": {"path": admin.SOCKET}}}
    third = Daemon(other, group, config)
    until(lambda: answers(), 15, "a third daemon, over what the first one may have left")
    results.true("ready does not mean that the management server answers",
                 "stream up" not in third.log().split("admin: ")[-1])
    results.equal("the third one ends", third.finish(), 0)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
