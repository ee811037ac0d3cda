#!/usr/bin/env python3
"""The logs of both programs: each line in the form that was asked for, from the first to the last; what
repeats itself is left out, and how often that was is said."""

import json
import os
import re
import signal

from lib import namespace, tap
from lib.daemon import Daemon
from lib.delivery import CLUSTER, config
from lib.process import Process, until
from lib.reports import BUILD, Collector

PORT = 18000
TIMES = 30
TEXT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warning|error) .+")
JSON_FORMAT = {"application_log_config": {"log_format": {"json_format": {"Message": "%j"}}}}


def is_event(line):
    event = json.loads(line)
    return list(event) == ["time", "level", "message"] and bool(TEXT.fullmatch(
        f"{event['time']} {event['level']} {event['message']}"))


def check(results, title, process, is_good):
    lines = process.log().splitlines()
    results.true(f"{title}: every line", len(lines) > 3 and all(is_good(line) for line in lines),
                 process.log())


def run(results, scratch, group, title, is_good, words=(), more=()):
    """loadtap and the collector, from their start to their end."""
    place = os.path.join(scratch, title.replace(" ", "-"))
    os.mkdir(place)
    collector = Collector(place, PORT, options=("--send-all", *words))
    daemon = Daemon(place, group, {**config(PORT), **dict(more)}, options=words)
    collector.wait_ready(CLUSTER)
    results.equal(f"{title}: both end", (daemon.finish(), collector.stop()), (0, 0))
    check(results, f"{title}, loadtap", daemon, is_good)
    if words or not more:
        check(results, f"{title}, the collector", collector.process, is_good)


def test_wrong_configuration(results, scratch):
    """Also before there is a log to speak of."""
    path = os.path.join(scratch, "wrong.yaml")
    with open(path, "w") as out:
        out.write('node: {id: "a\\"b"}\nnonsense: 1\n')
    process = Process(scratch, "wrong", [os.path.join(BUILD, "loadtap"), "-c", path, "--log-format",
                                         "json"])
    results.equal("a wrong configuration ends it", process.child.wait(10), 1)
    results.true("the reason is JSON too", is_event(process.log()) and "nonsense" in process.log(),
                 process.log())


def test_repetitions(results, scratch, group):
    """loadtap answers each SIGUSR1 with the same lines."""
    place = os.path.join(scratch, "repetitions")
    os.mkdir(place)
    collector = Collector(place, PORT)
    daemon = Daemon(place, group, config(PORT))
    collector.wait_ready(CLUSTER)
    before = daemon.log().count("error bound: ")
    for _ in range(TIMES):
        daemon.child.send_signal(signal.SIGUSR1)
        # One that is pending already is not sent twice.
        until(lambda: not pending(daemon.child.pid), 10, "a signal that is taken")
    results.equal("it ends", daemon.finish(), 0)
    found = re.findall(r"left out, as it was written (\d+) times: (\d+) times: error bound: ", daemon.log())
    results.true("what is left out is counted", found and all(
        int(written) == 5 and 0 < int(left_out) <= TIMES for written, left_out in found), daemon.log())
    lines = [line.split(" ", 2)[2] for line in daemon.log().splitlines() if " error bound: " in line
             and "left out" not in line]
    results.true("the same line is written a few times", before + 5 <= len(lines) and all(
        lines.count(line) <= 6 for line in set(lines)), str(lines))
    collector.stop()


def pending(pid):
    with open(f"/proc/{pid}/status") as status:
        masks = dict(line.split(":\t", 1) for line in status if line.startswith(("SigPnd", "ShdPnd")))
    return any(int(mask, 16) >> (signal.SIGUSR1 - 1) & 1 for mask in masks.values())


def test(results, scratch, group):
    run(results, scratch, group, "text", TEXT.fullmatch)
    run(results, scratch, group, "JSON by the flag", is_event, words=("--log-format", "json"))
    run(results, scratch, group, "JSON by the bootstrap", is_event, more=JSON_FORMAT)
    test_wrong_configuration(results, scratch)
    test_repetitions(results, scratch, group)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
