"""Many idle connections, and many new ones a second: no count is lost, and what one takes in memory."""

import json
import os
import resource
import subprocess
import time

from lib.process import Process, until
from lib.reports import BUILD
from memory import small_objects
from traffic import IP, MANY, MANY_H2

PROCESSES = 8  # of connections.c, which share the work
PAIR = 10 << 10  # bytes of kernel memory that both ends of a connection take, roughly
PROGRAM = os.path.join(BUILD, "tests/bench/connections")
PORTS = {"http1": MANY, "http2": MANY_H2}
TITLE = "connections"
COUNTS = ("opened", "established", "failed", "closed", "issued", "success", "finished", "unseen")


def possible(count):
    """How many connections this machine can hold for it, and why not `count`; "" if it can."""
    # The servers' shares differ by chance, and the new ones come on top.
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1] * PROCESSES * 3 // 4
    with open("/proc/meminfo") as lines:
        free = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    memory = free * 1024 // 2 // PAIR
    most = min(count, files, memory) // PROCESSES * PROCESSES
    if most == count:
        return most, ""
    return most, "open files" if files < memory else "free memory"


class Held:
    """Open connections of one variant, each with one answered request."""

    def __init__(self, attached, protocol, count):
        self.process = subprocess.Popen([PROGRAM, protocol, "hold", IP, str(PORTS[protocol]),
                                         str(count)], text=True, preexec_fn=attached.enter,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        self.said = json.loads(line) if line else {"connections": 0, "seconds": 0}
        time.sleep(1)  # what is freed is freed a little later
        self.memory = small_objects()

    def release(self):
        self.process.stdin.close()
        self.process.wait()


def measure(bare, loadtap, table, count, rate, seconds):
    """Returns by protocol the bytes of kernel memory that loadtap adds to a connection: what there is
    while they are held, with and without."""
    added = {}
    for protocol, port in PORTS.items():
        server = Process(bare.scratch, protocol, [PROGRAM, protocol, "serve", IP, str(port)],
                         ports=[port])
        try:
            held = Held(bare, protocol, count)
            held.release()
            seen = _with_loadtap(loadtap, protocol, table, count, rate, seconds)
            added[protocol] = (seen.memory - held.memory) / max(seen.said["connections"], 1)
        finally:
            server.stop()
    return added


def _with_loadtap(loadtap, protocol, table, count, rate, seconds):
    start = loadtap.read()

    def counted():
        now = loadtap.read()
        return {name: now[name] - start[name] for name in COUNTS}

    held = Held(loadtap, protocol, count)
    _row(table, f"{protocol}: {count:,} opened, and idle", held.said, counted(),
         held.said["connections"], 0)
    said = json.loads(loadtap.run([PROGRAM, protocol, "churn", IP, str(PORTS[protocol]), str(rate),
                                   str(seconds)], {}))
    total = held.said["connections"] + said["connections"]
    _settle(lambda: counted()["closed"] >= said["connections"])
    _row(table, f"{protocol}: beside them {rate:,} new ones a second", said, counted(), total,
         said["connections"])
    held.release()
    _settle(lambda: counted()["closed"] >= total)
    _row(table, f"{protocol}: all closed", {"connections": 0, "seconds": 0}, counted(), total, total)
    return held


def _settle(reached):
    """A close takes a moment to be known; what is still wrong then is shown."""
    try:
        until(reached, 20, "the last connections to close")
    except TimeoutError:
        pass


def _row(table, name, said, counts, opened, closed):
    expected = {"opened": opened, "established": opened, "failed": 0, "closed": closed,
                "issued": opened, "success": opened, "finished": opened, "unseen": 0}
    wrong = ", ".join(f"{name} {counts[name]} instead of {number}"
                      for name, number in expected.items() if counts[name] != number)
    table.row(TITLE, name, {
        "made": (f"{said['connections']:,}", said["connections"]), "seconds": said["seconds"],
        "in all": (f"{opened:,}", opened), "opened": (f"{counts['opened']:,}", counts["opened"]),
        "closed": (f"{counts['closed']:,}", counts["closed"]),
        "requests": (f"{counts['success']:,}", counts["success"]), "wrong": wrong or "nothing"})
