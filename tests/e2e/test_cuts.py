#!/usr/bin/env python3
# test: quiet timeout=300
"""CUTS (6) cuts of the stream at random moments under constant load: what the collectors wrote down,
counted once, is what the upstream counted, to the last request. SEED repeats a course.

Beside the daemon one without the roll-back, which has to lose some, and with ENVOY=path an Envoy, through
which the load then goes, so that its loss can be seen; all three are cut at the same moments.
"""

import os
import random
import signal
import time

from lib import namespace, tap
from lib.delivery import CLUSTER, PROXIED, UPSTREAM, Load, Way
from lib.process import until

CUTS = int(os.environ.get("CUTS", "6"))
SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))
ENVOY = os.path.abspath(os.environ["ENVOY"]) if os.environ.get("ENVOY") else None
DOWN_SECONDS = 20 if CUTS > 20 else 6  # at most


def killed(way, chance):
    """The server, at any moment; another is there soon."""
    way.collector.kill()
    yield chance.uniform(0, 1)
    way.collector.start()


def reset(way, chance):
    """Anywhere in what the client says next, most often inside a message."""
    way.cutter.reset(after=chance.randrange(1, 400))
    yield 0.5


def frozen(way, chance):
    """The server, for a while; what it was sent meanwhile it gets late, perhaps a second time."""
    way.collector.process.child.send_signal(signal.SIGSTOP)
    yield chance.uniform(0.2, 4)
    way.collector.process.child.send_signal(signal.SIGCONT)


def frozen_and_killed(way, chance):
    """What it was sent meanwhile it never gets."""
    way.collector.process.child.send_signal(signal.SIGSTOP)
    yield chance.uniform(1, 4)
    way.collector.kill()
    way.collector.start()


def refused(way, chance):
    way.cutter.refuse()
    yield chance.uniform(0, DOWN_SECONDS)
    way.cutter.listen()


KINDS = (killed, reset, frozen, frozen_and_killed, refused)


def cut(ways, kind, seed):
    """The same to each way: every one draws the same numbers."""
    steps = [kind(way, random.Random(seed)) for way in ways]
    while pauses := [pause for step in steps if (pause := next(step, None)) is not None]:
        time.sleep(pauses[0])


def messages(way):
    return sum(1 for _ in way.collector.clusters(CLUSTER))


def wait_back(way):
    had = messages(way)
    until(lambda: messages(way) > had + 1, 80, f"reports again: {way.name}")


def test(results, scratch, group):
    chance = random.Random(SEED)
    results.say(f"SEED={SEED} CUTS={CUTS}")
    load = Load(PROXIED if ENVOY else UPSTREAM)
    way = Way(scratch, group, "loadtap", 0)
    mutant = Way(scratch, group, "without roll-back", 1, program="tests/e2e/no_roll_back")
    ways = [way, mutant] + ([Way(scratch, group, "Envoy", 2, program=ENVOY)] if ENVOY else [])
    for each in ways:
        each.wait_ready()
    load.start()
    kinds = [KINDS[number % len(KINDS)] for number in range(CUTS)]
    chance.shuffle(kinds)
    for kind in kinds:
        time.sleep(chance.uniform(0.2, 1.2))
        cut(ways, kind, chance.random())
        wait_back(way)
    truth = load.stop()
    results.equal("counted once, all arrived", way.settled(truth, 90), truth)
    lost = mutant.settled(truth, 1)
    results.true("without the roll-back it does not", lost["issued"] < truth["issued"], str(lost))
    ended = way.daemon.log().count("stream down")
    results.true("the stream was cut so often", ended >= CUTS * 2 // 3, f"{ended} ends")
    results.say(f"{truth['issued']} requests, {ended} streams ended, "
                f"{way.twice()['issued'] - truth['issued']} received twice; "
                f"without the roll-back {truth['issued'] - lost['issued']} are lost")
    if ENVOY:
        sums = ways[2].settled(truth, 1)
        results.say(f"Envoy: {truth['issued'] - sums['issued']} of {truth['issued']} are lost")
    for each in ways:
        results.equal(f"{each.name}: ends cleanly", each.daemon.stop(), 0)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
