#!/usr/bin/env python3
# test: quiet
"""A management server that fails in every way, with a daemon for each, all watching the same steady
traffic: what the collectors wrote down, counted once, is what the upstream counted.

Beside them a daemon that was built without the roll-back: for it this must not hold.
"""

import signal
import time

from lib import cutter, namespace, tap
from lib.cutter import frame
from lib.delivery import CLUSTER, Load, Way
from lib.process import until

BAD_SECONDS = 4
UNIMPLEMENTED, UNAVAILABLE = 12, 14
GOAWAY = frame(cutter.GOAWAY, payload=b"\0\0\0\1" + bytes(4))  # the stream may go on
REFUSING = frame(cutter.GOAWAY, payload=bytes(8))  # it was never looked at
GARBAGE = frame(cutter.DATA, 0, cutter.STREAM, b"\0\0\0\0\3" + b"\xff" * 3)
NO_WINDOW = frame(cutter.SETTINGS, payload=b"\0\4" + bytes(4))  # INITIAL_WINDOW_SIZE 0
NO_HTTP2 = b"HTTP/1.1 400 Bad Request\r\n\r\n"


def signalled(number):
    return lambda way: way.collector.process.child.send_signal(number)


def started(way):
    way.collector.start()


def killed(way):
    way.collector.kill()


def replaced(way):
    killed(way)
    started(way)


def refused(way):
    way.cutter.refuse()


def listening(way):
    way.cutter.listen()


def frozen(way):
    way.cutter.frozen = True


def thawed(way):
    way.cutter.frozen = False


def black_hole(way):
    way.cutter.swallowing = True


def hole_closed(way):
    way.cutter.swallowing = False
    way.cutter.reset()


def cut_inside(way):
    way.cutter.reset(after=20)


def said(data):
    return lambda way: way.cutter.inject(data)


def answered(script):
    """Instead of the server, on every connection."""
    def begin(way):
        way.cutter.script = script
        way.cutter.reset()
    return begin


def server_back(way):
    way.cutter.script = None
    way.cutter.reset()


def nothing(_):
    pass


# name: what goes wrong, and how it ends; whether the daemon's stream ends of it
FAULTS = {
    "killed": (killed, started, True),
    "refused": (refused, listening, True),
    "frozen": (signalled(signal.SIGSTOP), signalled(signal.SIGCONT), True),
    "frozen and killed": (signalled(signal.SIGSTOP), replaced, True),
    "never reads": (frozen, thawed, True),
    "black hole": (black_hole, hole_closed, True),
    "reset inside a message": (cut_inside, nothing, True),
    "GOAWAY": (said(GOAWAY), nothing, False),
    "refusing GOAWAY": (said(REFUSING), nothing, True),
    "UNAVAILABLE": (said(cutter.trailers(UNAVAILABLE)), nothing, True),
    "UNIMPLEMENTED": (answered(cutter.refusal(UNIMPLEMENTED)), server_back, True),
    "garbage": (said(GARBAGE), nothing, True),
    "no HTTP 2": (answered(NO_HTTP2), server_back, True),
    "window of 0": (answered(NO_WINDOW), server_back, True),
}
MUTANT = "without roll-back"


def back(way, reports):
    return sum(1 for _ in way.collector.clusters(CLUSTER)) > reports


def test(results, scratch, group):
    load = Load()
    ways = {name: Way(scratch, group, name, number) for number, name in enumerate(FAULTS)}
    mutant = Way(scratch, group, MUTANT, len(ways), program="tests/e2e/no_roll_back")
    everyone = {**ways, MUTANT: mutant}
    faults = {**FAULTS, MUTANT: FAULTS["frozen and killed"]}
    for way in everyone.values():
        way.wait_ready()
    load.start()
    time.sleep(1)
    for name, way in everyone.items():
        faults[name][0](way)
    time.sleep(BAD_SECONDS)
    had = {name: sum(1 for _ in way.collector.clusters(CLUSTER)) for name, way in everyone.items()}
    for name, way in everyone.items():
        faults[name][1](way)
    for name, way in everyone.items():
        until(lambda: back(way, had[name] + 1), 25, f"reports again: {name}")
    time.sleep(0.5)
    truth = load.stop()
    results.true("there was load", truth["success"] > 1000 and truth["error"] > 200, str(truth))
    for name, way in ways.items():
        results.equal(f"{name}: counted once, all arrived", way.settled(truth), truth)
        results.equal(f"{name}: the stream ended", "stream down" in way.daemon.log(), faults[name][2])
    lost = mutant.settled(truth, 1)
    results.true("without the roll-back it does not", lost["issued"] < truth["issued"], str(lost))
    doubled = [name for name, way in ways.items() if way.twice() != truth]
    results.true("some of it was received twice", doubled, str(doubled))
    results.say(f"{truth['issued']} requests; received twice where {', '.join(doubled)}; "
                f"without the roll-back {truth['issued'] - lost['issued']} are lost")
    for name, way in everyone.items():
        results.equal(f"{name}: loadtap ends cleanly", way.daemon.finish(), 0)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
