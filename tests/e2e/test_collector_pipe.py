#!/usr/bin/env python3
# test: quiet
"""A collector whose standard output is a pipe that nobody reads: it takes no report that has no place there,
it ends when it is told to, and says what was not written; and nothing of what was counted is lost."""

import fcntl
import os
import signal
import time

from lib import namespace, tap
from lib.delivery import Load, Way
from lib.process import until

PIPE_BYTES = 4096


class Pipe:
    """In the place of the file that the collector's next life writes."""

    def __init__(self, collector):
        self.path = os.path.join(collector.scratch, f"{collector.name}-{len(collector.lives) + 1}.out")
        os.mkfifo(self.path)
        self.reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(self.reader, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def read(self):
        try:
            return os.read(self.reader, 1 << 20)
        except BlockingIOError:
            return b""

    def drain(self, kept):
        """What is left; from now on a file has it, behind what was read before."""
        while data := self.read():
            kept += data
        os.close(self.reader)
        os.unlink(self.path)
        with open(self.path, "wb") as out:
            out.write(kept)
        return kept


def stuck(collector):
    """How often it said so."""
    return collector.process.log().count("output: nobody reads it; no report is taken")


def test(results, scratch, group):
    load = Load()
    way = Way(scratch, group, "a pipe", 0)
    way.wait_ready()
    load.start()
    collector = way.collector
    collector.stop()

    pipe = Pipe(collector)
    collector.start()
    until(lambda: stuck(collector) == 1, 20, "a pipe that is full")
    kept = pipe.read()
    until(lambda: stuck(collector) == 2, 20, "a pipe that is full again")
    results.true("what is read later is whole", b"\n" in kept and kept.startswith(b"{"))

    began = time.monotonic()
    collector.process.child.send_signal(signal.SIGTERM)
    status = collector.process.child.wait(20)
    seconds = time.monotonic() - began
    results.true("it ends within 5 s", seconds < 5, f"{seconds:.1f} s")
    results.equal("its exit status says that something is missing", status, 1)
    log = collector.process.log()
    for line in ("error output: nobody reads it; what cannot be written is not taken",
                 "refused: it cannot be written down", "error sums: 2 lines are not written"):
        results.true(f"its log says: {line}", line in log, log)

    kept = pipe.drain(kept)
    results.true("lines are cut only at the end", all(
        line.startswith(b'{"received"') and line.endswith(b"}") for line in kept.split(b"\n")[:-1]))
    collector.start()
    way.wait_ready()
    truth = load.stop()
    results.equal("counted once, nothing is lost", way.settled(truth), truth)
    results.equal("loadtap ends cleanly", way.daemon.finish(), 0)
    results.equal("the collector ends", collector.stop(), 0)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
