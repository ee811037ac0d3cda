#!/usr/bin/env python3
"""What a service manager is told (sd_notify): that loadtap is ready, when its programs are attached; that it
lives, as long as it does; that it ends."""

import os
import signal
import time

from lib import namespace, tap
from lib.daemon import Daemon, bootstrap, cluster
from lib.manager import Manager
from lib.process import PATIENCE, until

WATCHDOG = 2.0 * PATIENCE  # seconds


def start(scratch, group, name, manager, *more):
    place = os.path.join(scratch, name)
    os.mkdir(place)
    config = bootstrap([cluster("watched", [(None, 0, [("127.0.0.1", 20001)])])])
    return Daemon(place, group, config, wrapper=["env", f"NOTIFY_SOCKET={manager.name}", *more])


def test(results, scratch, group):
    manager = Manager(os.path.join(scratch, "notify"))
    daemon = start(scratch, group, "watched", manager, f"WATCHDOG_USEC={int(WATCHDOG * 1e6)}")
    manager.wait("READY=1")
    results.true("ready once it is attached, as another user",
                 "; capabilities: " in daemon.log(), daemon.log())
    manager.wait("WATCHDOG=1", 6)  # there is no management server, so nothing else wakes it for long
    times = manager.times("WATCHDOG=1")
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    results.true("it lives: told in time", max(gaps) < WATCHDOG, str(gaps))
    results.true("and not more often than half the time", sum(gaps) / len(gaps) > WATCHDOG / 4, str(gaps))
    daemon.child.send_signal(signal.SIGSTOP)
    before = len(manager.times("WATCHDOG=1"))
    time.sleep(WATCHDOG)
    results.equal("stopped: it says nothing", len(manager.times("WATCHDOG=1")), before)
    daemon.child.send_signal(signal.SIGCONT)
    manager.wait("WATCHDOG=1", before + 1)
    results.equal("it ends cleanly", daemon.finish(), 0)
    results.equal("and says so", len(manager.times("STOPPING=1")), 1)
    results.equal("ready only once", len(manager.times("READY=1")), 1)

    abstract = Manager("\0" + os.path.basename(scratch))
    daemon = start(scratch, group, "other", abstract, f"WATCHDOG_USEC={int(WATCHDOG * 1e6)}",
                   "WATCHDOG_PID=1")
    abstract.wait("READY=1")
    time.sleep(WATCHDOG)
    results.equal("the watchdog of another process is not ours", abstract.times("WATCHDOG=1"), [])
    daemon.finish()

    mute = start(scratch, group, "mute", Manager(os.path.join(scratch, "gone")))
    os.unlink(os.path.join(scratch, "gone"))
    until(lambda: "; capabilities: " in mute.log(), 30, "the programs")
    results.equal("a manager that went away is nothing", mute.finish(), 0)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
