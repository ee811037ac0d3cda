#!/usr/bin/env python3
# test: timeout=200
"""One change of the configuration after the other: what is refused, what is taken, and what becomes of
connections and counts."""

import os
import re
import signal
import subprocess
import time

from lib import namespace, tap
from lib.changing import Configuration, reload
from lib.client import Client, request
from lib.daemon import Daemon, cluster
from lib.delivery import count_once
from lib.dns import Dns
from lib.process import PATIENCE, until
from lib.reports import BUILD, COUNTS, Collector, Sums, address_of
from lib.upstream import Upstream

ONE, OTHER = 20001, 20002
REFUSED = "the configuration is not taken"
IDLE = 3600


def of_ports(*ports, name="steady", **more):
    return cluster(name, [(None, 0, [("127.0.0.1", port)]) for port in ports], **more)


def ask(client, times=1):
    for _ in range(times):
        client.send(request("/")).answer()


class Case:
    """A daemon whose configuration is changed; endpoint counts over all clusters and collectors."""

    def __init__(self, scratch, group, name, *clusters, level="info", collectors=1, **own):
        folder = os.path.join(scratch, name)
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        self.own = {"removed_endpoint_idle_time": f"{IDLE}s", **own}
        self.configuration = Configuration(folder, group)
        self.configuration.swap(self.text(*clusters))
        options = ("--endpoints", "--cluster", "steady", "--cluster", "fresh")
        self.collectors = [Collector(folder, 18000 + number, options=options, name=f"collector-{number}")
                           for number in range(collectors)]
        self.daemon = Daemon(folder, None, self.configuration.path(), level=level)
        self.daemon.wait_ready(self.collectors[0], "steady")

    def text(self, *clusters, lrs_port=18000, **own):
        return self.configuration.text(clusters, lrs_port=lrs_port, **{**self.own, **own})

    def change(self, *clusters, **more):
        reload(self.daemon, self.configuration.save, self.text(*clusters, **more))

    def hang_up(self):
        self.daemon.child.send_signal(signal.SIGHUP)

    def said(self, words):
        return self.daemon.log().count(words)

    def wait_said(self, words, times=1):
        until(lambda: self.said(words) >= times, 10, f"'{words}' {times} times in\n{self.daemon.log()}")

    def counts(self, cluster=None):
        """{port: "I2 S2 E0"}"""
        sums = {}
        lines = [line for collector in self.collectors for line in collector.messages()]
        for _, stats in count_once.counted(lines):
            for locality in stats.get("upstream_locality_stats", ()):
                for entry in locality.get("upstream_endpoint_stats", ()):
                    if cluster in (None, stats["cluster_name"]):
                        sums.setdefault(int(address_of(entry).split(":")[1]), Sums()).add(entry, COUNTS)
        return {port: f"I{row['issued']} S{row['success']} E{row['error']}"
                for port, row in sums.items() if any(row.values())}

    def expect(self, results, what, expected, cluster=None):
        end = time.monotonic() + 10 * PATIENCE
        while self.counts(cluster) != expected and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.6)  # what is too much shows, too
        results.equal(what, self.counts(cluster), expected)

    def end(self, results, name):
        results.equal(f"{name}: ends cleanly", self.daemon.finish(), 0)
        for collector in self.collectors:
            collector.stop()


def bad_files(results, scratch, group):
    case = Case(scratch, group, "bad", of_ports(ONE))
    path = case.configuration.path()
    with Client(ONE) as client:
        ask(client, 2)
        bad = case.text(of_ports(ONE)).replace('"STATIC"', '"STATIK"')
        case.configuration.save(bad)
        case.wait_said(REFUSED)
        validated = subprocess.run([os.path.join(BUILD, "loadtap"), "-c", path, "--mode", "validate"],
                                   stderr=subprocess.PIPE, text=True)
        results.equal("a bad file: it is bad", validated.returncode, 1)
        results.true("its error is in the log, as --mode validate prints it",
                     validated.stderr.strip() and validated.stderr.strip() in case.daemon.log(),
                     validated.stderr + case.daemon.log())
        case.configuration.save(bad)
        time.sleep(1)
        results.equal("it is told once", case.said(REFUSED), 1)
        case.hang_up()
        case.wait_said(REFUSED, 2)
        ask(client, 3)
        case.configuration.save(case.text(of_ports(ONE)) + " ")
        case.wait_said("configuration loaded anew")
        ask(client, 4)
    case.expect(results, "what ran before goes on", {ONE: "I9 S9 E0"})
    os.unlink(os.path.realpath(path))
    case.wait_said(REFUSED, 3)
    results.true("a file that is gone is an error, too", "No such file" in case.daemon.log())
    case.configuration.swap(case.text(of_ports(ONE)) + "  ")
    case.wait_said("configuration loaded anew", 2)
    case.end(results, "bad files")


def what_takes_a_restart(results, scratch, group):
    case = Case(scratch, group, "restart", of_ports(ONE))
    case.configuration.save(case.text(of_ports(OTHER), cgroup_path="/sys/fs/cgroup/elsewhere"))
    case.wait_said(REFUSED)
    results.true("another cgroup_path takes a restart", re.search(
        r"cgroup_path: found /sys/fs/cgroup/elsewhere, expected .*: this takes a restart", case.daemon.log()))
    with Client(OTHER) as client:
        ask(client, 2)
    with Client(ONE) as client:
        ask(client, 1)
    case.expect(results, "nothing of it is taken", {ONE: "I1 S1 E0"})
    case.end(results, "restart")


def not_readable(results, scratch, group):
    """loadtap has become nobody."""
    case = Case(scratch, group, "unreadable", of_ports(ONE), run_as_user="nobody")
    os.chmod(case.configuration.path(), 0o600)
    case.wait_said(REFUSED)
    results.true("a file that loadtap may not read", "Permission denied (loadtap runs as user" in
                 case.daemon.log(), case.daemon.log())
    os.chmod(case.configuration.path(), 0o644)
    case.configuration.save(case.text(of_ports(ONE, OTHER)))
    case.wait_said("configuration loaded anew")
    results.equal("what a reload takes is left", case.said("was refused by the seccomp filter"), 0)
    with Client(OTHER) as client:
        ask(client, 5)
    case.expect(results, "then it may", {OTHER: "I5 S5 E0"})
    case.end(results, "unreadable")


def storm(results, scratch, group):
    """SIGHUP a hundred times a second, for three seconds."""
    case = Case(scratch, group, "storm", of_ports(ONE))

    def used():
        with open(f"/proc/{case.daemon.child.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before, requests = used(), 0
    with Client(ONE) as client:
        for _ in range(300):
            case.hang_up()
            ask(client)
            requests += 1
            time.sleep(0.01)
    took = used() - before
    attempts = case.said("nothing has changed")
    results.true("a storm of signals: few are heeded", 2 <= attempts <= 6, str(attempts))
    results.true("and they cost little", took < 1 * PATIENCE, f"{took} s of processor time")
    case.expect(results, "and no request", {ONE: f"I{requests} S{requests} E0"})
    case.end(results, "storm")


def protocols(results, scratch, group):
    """HTTP to TCP and back: who is open is read as before."""
    case = Case(scratch, group, "protocols", of_ports(ONE))
    with Client(ONE) as http:
        ask(http, 2)
        case.change(of_ports(ONE, protocol="tcp"))
        ask(http, 3)
        with Client(ONE) as session:
            ask(session, 7)
        case.change(of_ports(ONE))
        with Client(ONE) as late:
            ask(late, 4)
        ask(http)
    case.expect(results, "requests, one session, requests", {ONE: "I11 S10 E0"})
    case.end(results, "protocols")


def moves(results, scratch, group):
    """An endpoint that moves to another cluster, and comes back with it gone in between."""
    case = Case(scratch, group, "moves", of_ports(ONE))
    with Client(ONE) as old:
        ask(old, 1)
        case.change(of_ports(ONE, name="fresh"))
        with Client(ONE) as new:
            ask(new, 20)
            ask(old, 2)
            case.change()
            ask(new, 30)
            ask(old, 4)
            with Client(ONE) as late:
                ask(late, 100)  # where it was last
            case.change(of_ports(ONE), of_ports(OTHER, name="fresh"))
            with Client(ONE) as last:
                ask(last, 8)
            ask(new, 40)
    case.expect(results, "the first cluster", {ONE: "I15 S15 E0"}, "steady")
    case.expect(results, "the other one", {ONE: "I190 S190 E0"}, "fresh")
    case.end(results, "moves")


def names(results, scratch, group):
    """STATIC to STRICT_DNS and back, with the same address."""
    dns = Dns(scratch)
    dns.records["service.test"] = ["127.0.0.1"]
    by_name = cluster("steady", [(None, 0, [("service.test", ONE)])], kind="STRICT_DNS",
                      dns_lookup_family="V4_ONLY", dns_refresh_rate="0.2s")
    case = Case(scratch, group, "names", of_ports(ONE), level="debug")
    with Client(ONE) as client:
        ask(client, 1)
        case.change(by_name)
        case.wait_said("a name more has 127.0.0.1:20001")
        ask(client, 2)
        dns.records["service.test"] = []
        case.wait_said("a name less has 127.0.0.1:20001", 2)
        ask(client, 4)
        case.change(of_ports(ONE))
        ask(client, 8)
    with Client(ONE) as client:
        ask(client, 16)
    case.expect(results, "from an address to a name and back", {ONE: "I31 S31 E0"})
    case.end(results, "names")


def another_server(results, scratch, group):
    """What the first management server has not confirmed, the second one gets."""
    case = Case(scratch, group, "server", of_ports(ONE), collectors=2)
    with Client(ONE) as client:
        ask(client, 5)
        case.expect(results, "before", {ONE: "I5 S5 E0"})
        case.collectors[0].process.child.send_signal(signal.SIGSTOP)
        ask(client, 7)
        time.sleep(1)
        case.change(of_ports(ONE), lrs_port=18001)
        case.wait_said("stream up", 2)
        ask(client, 11)
        case.collectors[0].process.child.send_signal(signal.SIGCONT)
    case.expect(results, "another management server", {ONE: "I23 S23 E0"})
    results.true("what was not confirmed was sent again", "sent again: stream=1" in case.daemon.log())
    case.end(results, "server")


def no_file(results, scratch, group):
    """All of it on the command line."""
    folder = os.path.join(scratch, "no-file")
    os.mkdir(folder)
    configuration = Configuration(folder, group)
    collector = Collector(folder, 18000, options=("--cluster", "steady"))
    daemon = Daemon(folder, None, "", added=configuration.text([of_ports(ONE)]))
    daemon.wait_ready(collector, "steady")
    daemon.child.send_signal(signal.SIGHUP)
    until(lambda: "there is no file to load anew" in daemon.log(), 5, "its word on SIGHUP")
    results.equal("no file: ends cleanly", daemon.finish(), 0)
    collector.stop()


def test(results, scratch, group):
    upstream = Upstream()
    for port in (ONE, OTHER):
        upstream.listen(port)
    for case in (bad_files, what_takes_a_restart, not_readable, storm, protocols, moves, names,
                 another_server, no_file):
        case(results, scratch, group)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
