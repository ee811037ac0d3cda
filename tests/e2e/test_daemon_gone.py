#!/usr/bin/env python3
# test: quiet timeout=240
"""The daemon is stopped for STOPPED (5) seconds, and killed KILLS (6) times at any instant of its life,
under load through an unmodified nginx: every request is answered, nginx sees no error, and a daemon
that was only stopped has counted everything. The requests a second are told, not judged."""

import os
import random
import signal
import statistics
import threading
import time

from lib import namespace, proxy, tap
from lib.daemon import Daemon, bootstrap, cluster
from lib.h2load import h2load
from lib.reports import COUNTS
from lib.watch import Watch

STOPPED = int(os.environ.get("STOPPED", "5"))
KILLS = int(os.environ.get("KILLS", "6"))
SLICE = 2000  # requests of one run of the client
ORIGIN, PROXY = 20001, 30001
LIFE_SECONDS = 3  # a start takes about one

NGINX = """
access_log off;
upstream origin {{ server 127.0.0.1:{origin} max_fails=0; keepalive 32; }}
server {{ listen 127.0.0.1:{origin} reuseport; location / {{ return 200 "ok"; }} }}
server {{ listen 127.0.0.1:{proxy} reuseport; location / {{
  proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
"""


def some_requests():
    """Raises where one is not answered. Returns requests a second."""
    start = time.monotonic()
    h2load("--h1", "-n", SLICE, "-c", 16, f"http://127.0.0.1:{PROXY}/")
    return SLICE / (time.monotonic() - start)


class Load:
    """some_requests() again and again, in the background."""

    def __init__(self):
        self.rates, self.error = [], None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        try:
            while not self._ending.is_set():
                self.rates.append(some_requests())
        except Exception as error:  # told by end()
            self.error = error

    def end(self):
        self._ending.set()
        self._thread.join()
        if self.error:
            raise self.error


def in_turn(child, seconds):
    """Requests a second while it runs and while it is stopped, in turns; then `seconds` stopped."""
    rates = {signal.SIGCONT: [], signal.SIGSTOP: []}
    for number in [*rates] * 3:
        child.send_signal(number)
        rates[number].append(some_requests())
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        rates[signal.SIGSTOP].append(some_requests())
    child.send_signal(signal.SIGCONT)
    return list(rates.values())


def stopped(results, scratch, group):
    watch = Watch(scratch, group, [("127.0.0.1", ORIGIN)])
    running, still = in_turn(watch.daemon.child, STOPPED)
    results.say(f"requests a second, medians: {statistics.median(running):.0f} while the daemon runs, "
                f"{statistics.median(still):.0f} while it is stopped")
    total = SLICE * (len(running) + len(still))
    watch.settle([("127.0.0.1", ORIGIN)], lambda rows: rows[0]["issued"] >= total)
    row = watch.rows([("127.0.0.1", ORIGIN)])[0]
    results.equal(f"stopped for {STOPPED} s: everything is counted", {name: row[name] for name in COUNTS},
                  {"issued": total, "success": total, "error": 0})
    watch.end(results)


def killed(results, scratch, group):
    config = bootstrap([cluster("watched", [(None, 0, [("127.0.0.1", ORIGIN)])])])
    dice = random.Random(KILLS)
    victims = f"{scratch}/victims"
    os.mkdir(victims)
    load = Load()
    for _ in range(KILLS):
        daemon = Daemon(victims, group, config)
        time.sleep(dice.uniform(0, LIFE_SECONDS))
        daemon.stop(signal.SIGKILL)
    load.end()
    results.true(f"killed {KILLS} times: every request was answered", len(load.rates) > KILLS)
    watch = Watch(scratch, group, [("127.0.0.1", ORIGIN)])
    some_requests()
    watch.settle([("127.0.0.1", ORIGIN)], lambda rows: rows[0]["issued"] >= SLICE)
    results.equal("the next one counts as if it were the first",
                  watch.rows([("127.0.0.1", ORIGIN)])[0]["issued"], SLICE)
    watch.end(results, warnings=["open before loadtap saw them"])


def test(results, scratch, group):
    proxy.nginx(scratch, NGINX.format(origin=ORIGIN, proxy=PROXY), [ORIGIN, PROXY])
    for part in (stopped, killed):
        folder = f"{scratch}/{part.__name__}"
        os.mkdir(folder)
        part(results, folder, group)
    with open(f"{scratch}/nginx/error.log") as log:
        results.equal("nginx saw no error", log.read(), "")


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
