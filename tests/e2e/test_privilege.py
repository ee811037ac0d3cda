#!/usr/bin/env python3
# test: timeout=240
"""What loadtap starts with, and what it runs with: which capabilities it wants, by name; that nothing is left
of them, nor of root, once it is attached, but what this kernel wants; and that all it does later works without:
endpoints that DNS or another configuration brings, connections that were open, new certificates, the last
report."""

import json
import os
import re
import shutil
import signal
import subprocess

from lib import namespace, tap
from lib.certificates import Authority
from lib.client import Client, request
from lib.daemon import Daemon, bootstrap, cluster
from lib.dns import Dns
from lib.process import PATIENCE, until
from lib.reports import Collector
from lib.upstream import Upstream

PORT = 20001
CLUSTER, NAME = "watched", "service.test"
ADDED = "added"  # by a later configuration
FIRST, SECOND, THIRD = "127.0.1.1", "127.0.1.2", "127.0.1.3"
CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_PERFMON": 38, "CAP_BPF": 39}
NOBODY, USER = 65534, 12345
CONTEXT = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
ATTACHED = "; capabilities: "
RELEASE = tuple(int(number) for number in re.findall(r"\d+", os.uname().release)[:2])
LOCKS = RELEASE < (5, 11)  # BPF maps are locked memory there


def status(process):
    """/proc/PID/status as a dictionary."""
    with open(f"/proc/{process.child.pid}/status") as lines:
        return dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)


def wants_bpf():
    """Before 5.19, using a map by a system call took CAP_BPF too, unless anybody may (kernel.
    unprivileged_bpf_disabled)."""
    with open("/proc/sys/kernel/unprivileged_bpf_disabled") as setting:
        return RELEASE < (5, 19) and setting.read().strip() != "0"


def state(process):
    """What it has become."""
    now = status(process)
    return {"user": [int(number) for number in now["Uid"].split()],
            "group": [int(number) for number in now["Gid"].split()],
            **{name: int(now[name], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb", "CapBnd")},
            "NoNewPrivs": int(now["NoNewPrivs"]), "Seccomp": int(now["Seccomp"])}


def expected(user, group=None, bounding=0):
    kept = 1 << CAPABILITIES["CAP_BPF"] if wants_bpf() else 0
    return {"user": [user] * 4, "group": [user if group is None else group] * 4, "CapPrm": kept,
            "CapEff": kept, "CapInh": 0, "CapAmb": 0, "CapBnd": bounding, "NoNewPrivs": 1,
            "Seccomp": 2}


def as_user(capabilities, user=USER):
    """The command that starts another as this user with these capabilities and no others."""
    words = ",".join(["-all", *("+" + name.removeprefix("CAP_").lower() for name in capabilities)])
    limit = ["prlimit", "--memlock=unlimited"] if LOCKS else []
    return [*limit, "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", f"--inh-caps={words}",
            *([f"--ambient-caps={words}"] if user else []), f"--bounding-set={words}"]


def mask(names):
    return sum(1 << CAPABILITIES[name] for name in names)


def config():
    return bootstrap([cluster(CLUSTER, [(None, 0, [(NAME, PORT)])], kind="STRICT_DNS",
                              dns_refresh_rate="0.1s", dns_lookup_family="V4_ONLY")])


def folder(scratch, name):
    path = os.path.join(scratch, name)
    os.mkdir(path)
    return path


def attached(daemon):
    until(lambda: ATTACHED in daemon.log() or daemon.child.poll() is not None, 30, "the programs")
    if daemon.child.poll() is not None:
        raise RuntimeError(f"loadtap ended:\n{daemon.log()}")
    return daemon


def put(files, place):
    for source, name in zip(files, ("client.pem", "client.key")):
        target = os.path.join(place, name)
        shutil.copy(source, target + ".new")
        os.rename(target + ".new", target)


class Management:
    """A collector that wants a certificate; and the client's, which are replaced."""

    def __init__(self, scratch):
        self.place = folder(scratch, "management")
        self.authority = Authority(self.place, "authority")
        server = self.authority.issue("server", "DNS:lrs.test")
        put(self.authority.issue("client-1"), self.place)
        self.collector = Collector(self.place, options=(
            "--send-all", "--endpoints", "--tls-cert", server[0], "--tls-key", server[1],
            "--tls-client-ca", self.authority.ca))

    def secure(self, made):
        common = {
            "tls_certificates": [{"certificate_chain": {"filename": f"{self.place}/client.pem"},
                                  "private_key": {"filename": f"{self.place}/client.key"}}],
            "validation_context": {"trusted_ca": {"filename": self.authority.ca}}}
        made["static_resources"]["clusters"][-1]["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {"@type": CONTEXT, "sni": "lrs.test", "common_tls_context": common}}
        return made

    def replace(self):
        """Another key; and a new connection, which uses it."""
        put(self.authority.issue("client-2"), self.place)
        self.collector.stop()
        self.collector.start()

    def secrets(self):
        """A line of each private key."""
        found = []
        for name in os.listdir(self.place):
            if name.endswith(".key"):
                with open(os.path.join(self.place, name)) as key:
                    found.append(key.read().splitlines()[1])
        return found


def ask(client, count):
    for _ in range(count):
        client.send(request("/")).answer()


def issued(collector):
    return {address: row["issued"] for address, row in collector.endpoints(CLUSTER).items()}


def reload(results, place, made, daemon, collector):
    """Another cluster, whose requests count from then on."""
    made["static_resources"]["clusters"].append(cluster(ADDED, [(None, 0, [(THIRD, PORT)])]))
    with open(f"{place}/bootstrap.json", "w") as out:
        json.dump(made, out)
    daemon.child.send_signal(signal.SIGHUP)
    collector.wait_ready(ADDED)
    with Client(PORT, THIRD) as client:
        ask(client, 11)
    collector.settle(ADDED, lambda: collector.total(ADDED)["issued"] == 11)
    results.equal("what another configuration brought counts", collector.total(ADDED)["issued"], 11)


def test_all_of_its_work(results, scratch, group, dns):
    """With the three capabilities, as a user that has nothing else."""
    place = folder(scratch, "work")
    dns.records[NAME] = [FIRST]
    management = Management(place)
    collector = management.collector
    made = management.secure(config())
    daemon = Daemon(place, group, made, wrapper=as_user(CAPABILITIES), level="trace")
    attached(daemon)
    results.equal("started with three capabilities, it has none",
                  state(daemon), expected(USER, bounding=mask(CAPABILITIES)))
    daemon.wait_ready(collector, CLUSTER)
    with Client(PORT, FIRST) as first, Client(PORT, SECOND) as second:
        ask(first, 20)
        ask(second, 3)  # nobody's yet
        dns.records[NAME] = [FIRST, SECOND]
        until(lambda: f"observing {SECOND}:{PORT}\n" in daemon.log(), 10, "the second endpoint")
        ask(second, 30)
        with Client(PORT, SECOND) as late:
            ask(late, 7)
        joined = 30 if "open already are joined" in daemon.log() else 0
        wanted = {f"{FIRST}:{PORT}": 20, f"{SECOND}:{PORT}": joined + 7}
        collector.settle(CLUSTER, lambda: issued(collector) == wanted)
        results.equal("it counts, also what DNS brought and was open", issued(collector), wanted)
        management.replace()
        collector.wait_ready(CLUSTER, seconds=30)
        ask(first, 5)
        wanted[f"{FIRST}:{PORT}"] += 5
    reload(results, place, made, daemon, collector)
    daemon.finish()
    results.equal("with a new certificate, and in its last report", issued(collector), wanted)
    results.equal("it ends cleanly", daemon.child.returncode, 0)
    log = daemon.log()
    results.equal("no system call was refused", re.findall("system call .*", log), [])
    results.true("no key is in its log", not any(line in log for line in management.secrets()))
    results.true("the descriptors of its programs went with it", not attached_programs(group))
    collector.stop()


def attached_programs(group):
    done = subprocess.run(["bpftool", "cgroup", "show", group], capture_output=True, text=True,
                          check=False)
    return "tap_" in done.stdout


def test_missing(results, scratch, group):
    for name in CAPABILITIES:
        others = [other for other in CAPABILITIES if other != name]
        daemon = Daemon(folder(scratch, name), group, config(),
                        wrapper=as_user(others))
        results.equal(f"{name}: it does not start without", daemon.child.wait(30 * PATIENCE), 1)
        lines = [line for line in daemon.log().splitlines() if " is missing, for " in line]
        results.true(f"{name}: one line names it, and no other",
                     len(lines) == 1 and f"error {name} is missing, for " in lines[0]
                     and not any(other in lines[0] for other in others), daemon.log())


def test_locked_memory(results, scratch, group):
    """Of which a user may have little."""
    if not LOCKS:
        return
    daemon = Daemon(folder(scratch, "locked"), group, config(),
                    wrapper=["prlimit", "--memlock=65536", *as_user(CAPABILITIES)[2:]])
    results.equal("locked memory: it does not start without", daemon.child.wait(30 * PATIENCE), 1)
    results.true("locked memory: the log says how much",
                 "for the limit of locked memory (ulimit -l unlimited; LimitMEMLOCK=infinity" in daemon.log(),
                 daemon.log())


def test_root(results, scratch, group):
    """Started as root: who it becomes."""
    with open("/etc/passwd") as file:
        known = {line.split(":")[0]: line.split(":") for line in file}
    default = known.get("loadtap", known["nobody"])
    cases = {"default": ({}, int(default[2]), int(default[3])),
             "number": ({"run_as_user": str(USER)}, USER, USER),
             "pair": ({"run_as_user": f"{USER}:7"}, USER, 7),
             "name": ({"run_as_user": "daemon"}, 1, 1),
             "root": ({"run_as_user": "root"}, 0, 0)}
    for case, (own, user, its_group) in cases.items():
        daemon = attached(Daemon(folder(scratch, case), group, config(), **own))
        results.equal(f"root, {case}: nothing is left", state(daemon), expected(user, its_group))
        results.equal(f"root, {case}: it ends cleanly", daemon.finish(), 0)


def test_limited_root(results, scratch, group):
    """As in a container: root, but without the capabilities to become another user."""
    place = folder(scratch, "limited")
    daemon = attached(Daemon(place, group, config(), wrapper=as_user(CAPABILITIES, 0)))
    results.equal("limited root: stays who it is, without capabilities", state(daemon),
                  expected(0, bounding=mask(CAPABILITIES)))
    results.equal("limited root: it ends cleanly", daemon.finish(), 0)
    daemon = Daemon(folder(scratch, "limited-2"), group, config(), wrapper=as_user(CAPABILITIES, 0),
                     run_as_user="nobody")
    results.equal("limited root: cannot become another", daemon.child.wait(30 * PATIENCE), 1)
    results.true("limited root: the log says what for",
                 "CAP_SETUID or CAP_SETGID is missing, for run_as_user" in daemon.log(), daemon.log())


def test_wrong(results, scratch, group):
    daemon = Daemon(folder(scratch, "stranger"), group, config(), run_as_user="a-stranger")
    results.equal("an unknown user: it does not start", daemon.child.wait(30 * PATIENCE), 1)
    results.true("an unknown user: the log names it",
                 'run_as_user: found "a-stranger", expected a user' in daemon.log(), daemon.log())
    place = folder(scratch, "unreadable")
    management = Management(place)
    os.chmod(f"{management.place}/client.key", 0o600)
    daemon = Daemon(place, group, management.secure(config()))
    results.equal("a key that only root reads: it does not start", daemon.child.wait(30 * PATIENCE), 1)
    results.true("a key that only root reads: the log names it, and the way out",
                 "private_key" in daemon.log() and "Permission denied" in daemon.log()
                 and "let this user read it, or set run_as_user" in daemon.log(), daemon.log())
    daemon = attached(Daemon(folder(scratch, "readable"), group, management.secure(config()),
                             run_as_user="root"))
    results.equal("root may read it", daemon.finish(), 0)
    management.collector.stop()


def test(results, scratch, group):
    upstream = Upstream()
    for address in (FIRST, SECOND, THIRD):
        upstream.listen(PORT, address)
    dns = Dns(scratch)
    dns.records[NAME] = []
    test_all_of_its_work(results, scratch, group, dns)
    test_missing(results, scratch, group)
    test_locked_memory(results, scratch, group)
    test_root(results, scratch, group)
    test_limited_root(results, scratch, group)
    test_wrong(results, scratch, group)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
