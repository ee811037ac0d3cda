#!/usr/bin/python3
# test: quiet timeout=120
"""Streams that end, and what the next one brings. Envoy and loadtap on the same traffic; the streams of
both end at the same instant."""

import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "e2e"))

import compare
from cases import Case, Cases
from lib import namespace, tap
from management import CLIENTS, OK, UNAVAILABLE
from run import Run
from scenarios import judge
from traffic import asks

CLUSTER = "backend"
GAP = 5.0  # Envoy's wait, and loadtap's as long as the server is not gone for long
CLOSE_OK, CLOSE_UNAVAILABLE, STALL, CUT = 2.5, 10.1, 17.3, 19.5


def stream(view, client, number):
    return view.management.streams[client][number - 1]


def first_report(view, client, number):
    message = stream(view, client, number).messages[0]
    return message, message.clusters.get(CLUSTER, {})


def next_stream(view, number, ended, says):
    """The stream after the one that ended at this time of the run: its first message has the load of all
    the time since the last report, and the node."""
    for client in CLIENTS:
        message, stats = first_report(view, client, number)
        last = stream(view, client, number - 1).messages[-1]
        view.near(f"{client}: wait", message.time - view.run.zero - ended, GAP)
        view.expect(f"{client}: node", message.request["node"] == last.request["node"], True)
        view.expect(client, compare.brief(stats), says)
        off = compare.is_off(view.management, compare.seconds(stats), last.time, message.time)
        view.expect(f"{client}: interval does not span the gap", off, False)


def s23_server_closes_ok(view):
    next_stream(view, 2, CLOSE_OK, "I5 S5")


def s24_server_unavailable(view):
    next_stream(view, 3, CLOSE_UNAVAILABLE, "I7 S7")


def s25_server_that_answers_a_node_once(view):
    """No response on the second stream nor on the third: reports go on at the old interval, with the old
    granularity."""
    for client in CLIENTS:
        for number in (2, 3):
            times = [message.time for message in stream(view, client, number).messages]
            view.expect(f"{client}: stream {number} was answered", stream(view, client, number).answers, [])
            view.expect(f"{client}: reports on it", len(times) >= 2, True)
            for begin, end in zip(times, times[1:]):
                view.near(f"{client}: interval on stream {number}", end - begin, 1)
    shown = [compare.endpoints(first_report(view, client, 2)[1]) for client in CLIENTS]
    view.expect("endpoints", shown[0] == shown[1] != [], True)


def d08_windows_sent_again(view):
    """The server stops reading, and resets the connection later: what was sent meanwhile is gone. The
    first report of loadtap's next stream has it again."""
    for client, first, total in (("envoy", "I5 S5", "I23 S23"), ("loadtap", "I9 S9", "I30 S30")):
        view.expect(client, compare.brief(first_report(view, client, 4)[1]), first)
        view.expect(f"{client}, of 30", compare.total(view.management.reports(client, CLUSTER)), total)
    log = view.run.daemon.log()
    view.expect("loadtap says so", "sent again: stream=3 " in log and "issued=4 success=4" in log, True)


def d11_last_report_at_the_end(view):
    """Three requests, and both are ended before their next report."""
    for client, says in (("envoy", ["I5 S5"]), ("loadtap", ["I9 S9", "I3 S3"])):
        view.expect(client, [compare.brief(stats) for stats in
                             view.management.reports(client, CLUSTER, 4)], says)


def d12_headers_to_count_once(view):
    """The fourth stream's first report covers again what the third one's reports from one on said."""
    headers = [one.headers for one in view.management.streams["loadtap"]]
    view.expect("runs", len({one["loadtap-run"] for one in headers}), 1)
    view.expect("streams", [one["loadtap-stream"] for one in headers], ["1", "2", "3", "4"])
    resent = [one.get("loadtap-resent") for one in headers]
    arrived = len(stream(view, "loadtap", 3).messages)
    view.expect("sent again", resent, [None, None, None, f"3.{arrived + 1}"])


def initial_metadata_as_envoys(view):
    """What a name that ends in "-bin" has goes out in base64, whatever it is."""
    for client in CLIENTS:
        headers = stream(view, client, 1).headers
        view.expect(client, [headers.get(name) for name in ("x-tenant", "x-text-bin", "x-coded-bin")],
                    ["a b", "aGVsbG8=", "YUdWc2JHOD0="])


def script(run, port):
    def send(at, count):
        run.at(at)
        asks("/ok", times=count)(port)

    management = run.management
    send(0.4, 6)
    run.at(CLOSE_OK)
    management.close(OK)
    send(3.5, 5)
    run.at(CLOSE_UNAVAILABLE)
    management.close(UNAVAILABLE)
    send(12.0, 7)
    run.at(STALL)
    management.stop_reading()
    send(17.5, 2)
    send(18.5, 2)
    run.at(CUT)
    management.reset()
    send(21, 5)
    send(CUT + GAP + 0.3, 3)
    run.at(CUT + GAP + 0.5)


def test(results, scratch, group):
    cases = Cases([Case(CLUSTER, None)])
    run = Run(scratch, group, cases.clusters(), cases.listeners())
    run.begin(clusters=[CLUSTER], interval=1, endpoints=True)
    script(run, cases.cases[0].port)
    run.stop()
    for check in (s23_server_closes_ok, s24_server_unavailable, s25_server_that_answers_a_node_once,
                  d08_windows_sent_again, d11_last_report_at_the_end, d12_headers_to_count_once,
                  initial_metadata_as_envoys):
        judge(results, run, check)
    run.check(results, ["management server"])


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
