#!/usr/bin/env python3
"""What a person asks the daemon in a terminal: loadtap top, once and live, and loadtap explain."""

import json
import os
import signal
import subprocess

from lib import admin, namespace, tap
from lib.client import Client, request
from lib.daemon import Daemon, bootstrap, cluster
from lib.process import until
from lib.reports import BUILD, Collector
from lib.screen import Screen
from lib.upstream import Upstream

LOADTAP = os.path.join(BUILD, "loadtap")
GOOD, BAD, SHARED = 20001, 20002, 20003
HERE = {"region": "eu", "zone": "a", "sub_zone": ""}
FORMER_SCREEN, RED = "\x1b[?1049l", "\x1b[31m"


def run(*arguments):
    """(exit status, standard output, standard error)"""
    done = subprocess.run([LOADTAP, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=30)
    return done.returncode, done.stdout, done.stderr


def configuration():
    config = bootstrap([
        cluster("good", [(HERE, 0, [("127.0.0.1", GOOD), ("127.0.0.1", SHARED)])]),
        cluster("bad", [(None, 1, [("localhost", BAD), ("localhost", SHARED)])], kind="STRICT_DNS")])
    config["admin"] = admin.interface()
    return config


def ask(port, times, status=200):
    with Client(port) as client:
        for _ in range(times):
            client.send(request(f"/ok?status={status}")).answer()


# --- once ---------------------------------------------------------------------------------------


def test_once(results, upstream):
    ask(GOOD, 30)
    ask(BAD, 5)
    ask(BAD, 15, status=503)

    def rows(*more):
        status, out, err = run("top", "--once", "--json", "--interval", "0.2", *more)
        if status:
            raise RuntimeError(err)
        return json.loads(out)

    until(lambda: sum(row["successful_requests"] + row["error_requests"] for row in rows()["rows"]) == 50,
          10, "all results")
    answer = rows("--sort", "issued")
    shown = [(row["address"], row["cluster"], row["issued_requests"], row["successful_requests"],
              row["error_requests"], row["requests_in_progress"], row["requests_per_second"], row["exact"])
             for row in answer["rows"] if row["issued_requests"]]

    def served(port):
        return tuple(upstream.counts[port][key] for key in ("issued", "success", "error"))

    results.equal("top --once --json tells what the upstreams served", shown, [
        (f"127.0.0.1:{GOOD}", "good", *served(GOOD), 0, 0.0, True),
        (f"127.0.0.1:{BAD}", "bad", *served(BAD), 0, 0.0, True)])
    results.equal("... and of the stream", answer["stream"]["state"], "connected")
    results.equal("a filter", [row["cluster"] for row in rows("--filter", "GOOD")["rows"]], ["good", "good"])
    status, out, _ = run("top", "--once", "-i", "0.1", "--sort", "error", "--admin", f"localhost:{admin.PORT}")
    lines = out.splitlines()
    results.equal("without --json it is a table", (status, lines[0].split()[:4], lines[1].split()[:2]),
                  (0, ["CLUSTER", "ADDRESS", "LOCALITY", "RQ/S"], ["bad", f"127.0.0.1:{BAD}"]))


def test_refused(results, scratch):
    results.equal("no terminal", run("top"),
                  (1, "", "loadtap top: there is no terminal: --once prints it once\n"))
    nothing = os.path.join(scratch, "nothing.sock")
    for command in (["top", "--once"], ["explain", "good"]):
        status, out, err = run(*command, "--admin", nothing)
        results.true(f"{command[0]}: nobody answers", status == 1 and not out and nothing in err
                     and "does loadtap run?" in err, err)
    results.equal("an interval that is none", run("top", "-i", "0"),
                  (1, "", "loadtap top: --interval: found '0', expected 0.1 to 3600\n"))


# --- live ----------------------------------------------------------------------------------------


def addresses(lines):
    """Of the rows, in their order."""
    return [line.split()[1] for line in lines[3:-1] if line.strip()]


def test_live(results):
    screen = Screen([LOADTAP, "top", "--interval", "0.2"])
    lines = screen.wait_for(lambda lines: len(addresses(lines)) == 4, "rows")
    results.equal("80 x 24", (len(lines), max(len(line) for line in lines) <= 80), (24, True))
    results.true("the stream", lines[0].startswith("stream to load_reporting_cluster: connected, next report in"),
                 lines[0])
    results.equal("by rate at first", lines[2].split()[2], "vRQ/S")
    screen.type("a")
    lines = screen.wait_for(lambda lines: "^ADDRESS" in lines[2], "another order")
    results.equal("by address", addresses(lines), sorted(addresses(lines)))
    screen.type("a")
    lines = screen.wait_for(lambda lines: "vADDRESS" in lines[2], "the order turned round")
    results.equal("... turned round", addresses(lines), sorted(addresses(lines), reverse=True))
    screen.type("i")
    lines = screen.wait_for(lambda lines: "vISSUED" in lines[2], "by issued requests")
    results.equal("by issued requests", addresses(lines)[:2], [f"127.0.0.1:{GOOD}", f"127.0.0.1:{BAD}"])
    screen.type("/bad\r")
    lines = screen.wait_for(lambda lines: "filter: bad" in lines[1], "the filter")
    results.equal("a filter", addresses(lines), [f"127.0.0.1:{BAD}"])
    before = int(lines[3].split()[-1])
    ask(BAD, 3)
    lines = screen.wait_for(lambda lines: int(lines[3].split()[-1]) >= before + 3, "the new count")
    results.equal("it goes on counting", int(lines[3].split()[-1]), before + 3)
    screen.type("\x1b")
    lines = screen.wait_for(lambda lines: len(addresses(lines)) == 4, "all rows")
    results.equal("Escape takes the filter away", lines[1].rstrip(), "4 endpoints")
    screen.resize(130, 30)
    screen.child.send_signal(signal.SIGWINCH)
    lines = screen.wait_for(lambda lines: len(lines) == 30, "the larger screen")
    results.true("a larger screen shows more", "LOCALITY" in lines[2] and "SUCCESS" in lines[2])
    screen.type("q")
    results.equal("q ends it", screen.end(), 0)
    results.true("the terminal is as before", screen.is_as_before() and FORMER_SCREEN in screen.read())
    screen.close()


def test_signals(results):
    for name, end in (("SIGTERM", lambda screen: screen.child.terminate()),
                      ("SIGHUP", lambda screen: screen.child.send_signal(signal.SIGHUP)),
                      ("Ctrl-C", lambda screen: screen.type("\x03")),
                      ("Ctrl-\\", lambda screen: screen.type("\x1c"))):
        screen = Screen([LOADTAP, "top"])
        screen.wait_for(lambda lines: len(addresses(lines)) == 4, "rows")
        changed = not screen.is_as_before()
        end(screen)
        results.equal(f"{name} ends it", screen.end(), 0)
        results.true(f"{name}: the terminal is as before",
                     changed and screen.is_as_before() and screen.read().rstrip().endswith(FORMER_SCREEN))
        screen.close()
    screen = Screen([LOADTAP, "top"])
    screen.wait_for(lambda lines: len(addresses(lines)) == 4, "rows")
    screen.type("\x1a")
    until(screen.stopped, 10, "Ctrl-Z")
    results.true("Ctrl-Z: the shell gets its terminal as it was", screen.is_as_before())
    pictures = screen.read().count("\x1b[H")
    screen.child.send_signal(signal.SIGCONT)
    until(lambda: screen.read().count("\x1b[H") > pictures, 10, "the screen again")
    results.true("... and fg brings the table again", not screen.is_as_before())
    screen.type("q")
    screen.end()
    screen.close()


def test_colours(results):
    for name, wanted, environment in (("errors are red", True, {"NO_COLOR": ""}),
                                      ("not with NO_COLOR", False, {"NO_COLOR": "1"}),
                                      ("nor on a terminal without", False, {"TERM": "dumb"})):
        screen = Screen([LOADTAP, "top", "-i", "60"], **environment)
        screen.wait_for(lambda lines: len(addresses(lines)) == 4, "rows")
        results.equal(name, RED in screen.read(), wanted)
        screen.type("q")
        screen.end()
        screen.close()


def test_daemon_gone(results, daemon):
    screen = Screen([LOADTAP, "top", "-i", "0.2"])
    screen.wait_for(lambda lines: len(addresses(lines)) == 4, "rows")
    results.equal("loadtap ends", daemon.finish(), 0)
    lines = screen.wait_for(lambda lines: "does loadtap run?" in lines[0], "the trouble")
    results.equal("without the daemon it says so, and shows what it knew", len(addresses(lines)), 4)
    screen.type("q")
    results.equal("... and ends", screen.end(), 0)
    screen.close()


# --- explain ----------------------------------------------------------------------------------------


def without_interval(message):
    """It grows until the message is sent."""
    copy = json.loads(json.dumps(message))
    for entry in copy.get("cluster_stats", ()):
        entry.pop("load_report_interval", None)
    return copy


def test_explain(results, path):
    status, out, err = run("explain", f"127.0.0.1:{SHARED}", "-c", path)
    lines = out.splitlines()
    with open(path) as file:
        text = file.read()
    results.equal("explain an address that two clusters have", (status, err, lines[0], lines[3]), (
        0, "", "cluster good, locality eu/a/, priority 0: traffic to the address counts here",
        "cluster bad, no locality, priority 1: another cluster has the address too, and stands before it in "
        "the configuration: traffic counts there"))
    places = [line.strip().split(": ", 1) for line in (lines[1], lines[4])]
    results.equal("... with the lines of the bootstrap", places, [
        [f"{path}:{line_of(text, SHARED, number)}",
         f"static_resources.clusters[{number}].load_assignment.endpoints[0].lb_endpoints[1]: {host}"]
        for number, host in ((0, "127.0.0.1"),
                             (1, "localhost, which DNS or the hosts file resolves to it"))])
    results.equal("explain an address that is none of ours", run("explain", "127.0.0.1:1"),
                  (1, "", "loadtap explain: no cluster has 127.0.0.1:1: connections to it are not counted\n"))
    results.equal("explain a cluster that there is not", run("explain", "nobody"),
                  (1, "", "loadtap explain: No cluster is called nobody; /clusters lists them.\n"))
    results.equal("explain an address without its port", run("explain", "127.0.0.1"),
                  (1, "", "loadtap explain: an address has a port behind it: 10.0.0.1:80, [::1]:80\n"))
    status, out, _ = run("explain", "bad")
    results.true("explain a cluster", status == 0 and out.startswith("cluster bad: STRICT_DNS, protocol auto\n")
                 and f"    127.0.0.1:{BAD}: issued " in out and '"cluster_name": "bad"' in out, out)


def line_of(text, port, which):
    """Of the which-th endpoint with this port; each stands in a line of its own."""
    found = [number for number, line in enumerate(text.splitlines(), 1) if f'"port_value": {port}' in line]
    return found[which]


def next_reports():
    """What explain says of each cluster, as one request."""
    whole = None
    for name in ("good", "bad"):
        status, out, err = run("explain", name, "--json")
        message, = json.loads(out)["next"]["load_stats_requests"]
        if whole is None:
            whole = message
        else:
            whole["cluster_stats"] += message["cluster_stats"]
    return without_interval(whole)


def test_next(results, collector, daemon):
    """All is quiet, so what explain said is what comes when the daemon ends."""
    expected = next_reports()
    had = sum(1 for _ in collector.messages())
    test_daemon_gone(results, daemon)
    until(lambda: sum(1 for _ in collector.messages()) > had, 10, "the last report")
    sent = without_interval(list(collector.messages())[-1]["request"])
    sent["cluster_stats"] = [entry for entry in sent["cluster_stats"] if entry["cluster_name"] in ("good", "bad")]
    results.true("explain had something to tell", len(expected["cluster_stats"]) == 2
                 and all(entry["upstream_locality_stats"] for entry in expected["cluster_stats"]))
    results.equal("explain said what the next report says", expected, sent)


def test(results, scratch, group):
    upstream = Upstream()
    for port in (GOOD, BAD):
        upstream.listen(port)
    path = os.path.join(scratch, "lines.json")
    with open(path, "w") as out:
        out.write(json.dumps(configuration()).replace('{"endpoint"', '\n{"endpoint"'))
    collector = Collector(scratch, interval="3600s")
    daemon = Daemon(scratch, group, path)
    until(lambda: "load reporting: stream=1" in daemon.log(), 15, "a response")
    test_once(results, upstream)
    test_refused(results, scratch)
    test_live(results)
    test_signals(results)
    test_colours(results)
    test_explain(results, path)
    test_next(results, collector, daemon)
    collector.stop()


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
