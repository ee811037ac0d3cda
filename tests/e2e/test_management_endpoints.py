#!/usr/bin/env python3
"""An LRS cluster of many endpoints, most of them bad: refused, silent, one that hangs up. They are
tried in turn, by priority, and IPv6 is as good as IPv4; each address of a name is one of them."""

import socket
import threading
import time

from lib import namespace, tap
from lib.daemon import Daemon, bootstrap, cluster, endpoint
from lib.process import until
from lib.reports import Collector

CLUSTER = "watched"
REFUSED, SILENT, HANGS_UP, GOOD, RESERVE, NAMED = range(18001, 18007)
HOSTS = ("127.0.0.9 lrs.test", "::1 lrs.test")
CONNECT_TIMEOUT = 0.4


def silent():
    """A port at which a connection is neither accepted nor refused."""
    listener = socket.create_server(("127.0.0.1", SILENT), backlog=0)
    fillers = [socket.socket() for _ in range(4)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.1", SILENT))
    return [listener, *fillers]


def hang_up(listener, times):
    while True:
        connection, _ = listener.accept()
        times.append(time.monotonic())
        connection.close()


def of_bad_and_good():
    config = bootstrap([cluster(CLUSTER, [(None, 0, [("127.0.0.1", 20001)])])])
    lrs = config["static_resources"]["clusters"][-1]
    lrs["connect_timeout"] = f"{CONNECT_TIMEOUT}s"
    lrs["load_assignment"]["endpoints"] = [
        {"priority": 1, "lb_endpoints": [endpoint("127.0.0.1", RESERVE)]},
        {"priority": 0, "lb_endpoints": [endpoint("127.0.0.1", port)
                                         for port in (REFUSED, SILENT, HANGS_UP)]},
        {"priority": 0, "lb_endpoints": [endpoint("::1", GOOD)]}]
    return config


def of_a_name():
    config = bootstrap([cluster(CLUSTER, [(None, 0, [("127.0.0.1", 20001)])])])
    config["static_resources"]["clusters"][-1].update(type="STRICT_DNS", dns_lookup_family="ALL")
    config["static_resources"]["clusters"][-1]["load_assignment"]["endpoints"] = [
        {"lb_endpoints": [endpoint("lrs.test", NAMED)]}]
    return config


def test_in_turn(results, scratch, group):
    kept, times = silent(), []
    listener = socket.create_server(("127.0.0.1", HANGS_UP))
    threading.Thread(target=hang_up, args=(listener, times), daemon=True).start()
    good = Collector(scratch, GOOD, host="[::1]", name="good")
    reserve = Collector(scratch, RESERVE, name="reserve")
    daemon = Daemon(scratch, group, of_bad_and_good())
    started = time.monotonic()
    until(lambda: times, 10, "a connection to the one that hangs up")
    results.true("connect_timeout is the cluster's: the third is reached behind the silent one",
                 times[0] - started > CONNECT_TIMEOUT)
    daemon.wait_ready(good, CLUSTER)
    results.true("5 s later the round went on behind the one that hung up",
                 len(times) == 1 and 4.9 < time.monotonic() - times[0] < 12, str(times))
    results.equal("none went to priority 1", list(reserve.messages()), [])
    good.kill()
    daemon.wait_ready(reserve, CLUSTER)
    results.equal("after a good one the round began with the first again, then went to priority 1",
                  len(times), 2)
    results.equal("loadtap ends cleanly", daemon.finish(), 0)
    for end in (good, reserve):
        end.stop()
    for one in (*kept, listener):
        one.close()


def test_name(results, scratch, group):
    collector = Collector(scratch, NAMED, host="[::1]", name="named")
    daemon = Daemon(scratch, group, of_a_name())
    daemon.wait_ready(collector, CLUSTER)
    results.true("the second address of a name was reached", True)
    results.equal("loadtap ends cleanly", daemon.finish(), 0)
    collector.stop()


def test(results, scratch, group):
    test_in_turn(results, scratch, group)
    test_name(results, scratch, group)


if __name__ == "__main__":
    tap.run(test, *namespace.enter(HOSTS))
