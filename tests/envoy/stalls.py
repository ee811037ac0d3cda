"""When the machine stood still, or this process had no turn: what happens then is seen late."""

import os
import threading
import time

TURN = 0.005  # seconds
BEFORE = 0.3  # a stall may have held up what is seen so much later


class Stalls:
    def __init__(self):
        self.found = []  # (begin, end)
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), -20)
        last = time.monotonic()
        while True:
            time.sleep(TURN)
            now = time.monotonic()
            if now - last > 2 * TURN:
                self.found.append((last, now))
            last = now

    def before(self, *times):
        """How long in all, in what may have mattered to what was seen at these times."""
        return sum(end - begin for when in times for begin, end in self.found
                   if begin < when and end > when - BEFORE)
