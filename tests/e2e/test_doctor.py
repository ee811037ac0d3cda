#!/usr/bin/env python3
"""loadtap doctor: nothing to complain about where all is well; else the failing line, with what to do, and the
exit status."""

import json
import os
import socket
import subprocess
import threading

from lib import namespace, tap
from lib.certificates import Authority
from lib.client import Client
from lib.daemon import Daemon, bootstrap, cluster, settings
from lib.dns import Dns
from lib.process import until
from lib.reports import BUILD, Collector
from lib.upstream import Upstream

PORT, OTHER, ENDED, LRS = 20001, 20002, 20003, 18000
CLUSTER, NAME, SERVICE = "watched", "service.test", "10.96.0.5"
CONTEXT = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
CHECKS = ["configuration", "capabilities", "user", "kernel", "btf", "cgroup", "programs", "memory", "tls", "dns",
          "management", "endpoints"]


class Visit:
    """One run: its exit status, and of each check the lines, as (verdict, text)."""

    def __init__(self, scratch, config=None, group=None, wrapper=(), options=(), **own):
        command = [*wrapper, os.path.join(BUILD, "loadtap"), "doctor", *options]
        if config:
            path = os.path.join(scratch, "doctor.json")
            with open(path, "w") as out:
                json.dump(config, out)
            command += ["-c", path]
        if group:
            command += ["--config-yaml", json.dumps(settings(group, own))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        self.status, self.text, self.errors = done.returncode, done.stdout, done.stderr
        self.lines = [line.split(None, 2) for line in self.text.splitlines()]

    def of(self, check):
        return [(line[0], line[2]) for line in self.lines if line[1] == check]

    def verdicts(self):
        """But for who else is attached: another loadtap may be, above the test's cgroup."""
        return [(line[1], line[0]) for line in self.lines if line[1] != "hooks"]

    def others(self):
        """How many loadtaps are attached."""
        return sum(text.count("(tap_egress) at egress") for _, text in self.of("hooks"))


def config(members=(("127.0.0.1", PORT),), kind="STATIC", lrs=LRS):
    return bootstrap([cluster(CLUSTER, [(None, 0, list(members))], kind=kind,
                              dns_lookup_family="V4_ONLY")], lrs)


def secured(authority, identity):
    made = config()
    made["static_resources"]["clusters"][-1]["transport_socket"] = {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {"@type": CONTEXT, "sni": "lrs.test", "common_tls_context": {
            "tls_certificates": [{"certificate_chain": {"filename": identity[0]},
                                  "private_key": {"filename": identity[1]}}],
            "validation_context": {"trusted_ca": {"filename": authority.ca}}}}}
    return made


def complains(results, name, visit, check, *words, verdict="FAIL"):
    """One line of the check has this verdict, all words, and what to do."""
    found = [text for kind, text in visit.of(check) if kind == verdict]
    results.true(name, any(all(word in text for word in (*words, " -> ")) for text in found), visit.text)
    if verdict == "FAIL":
        results.equal(f"{name}: exit status", visit.status, 1)


def test_well(results, scratch, group, dns):
    dns.records[NAME] = ["127.0.0.1"]
    visit = Visit(scratch, config([(NAME, PORT)], "STRICT_DNS"), group)
    results.equal("all is well: each check says ok, in this order", visit.verdicts(),
                  [(check, "ok") for check in CHECKS])
    results.equal("all is well: exit status", visit.status, 0)
    results.true("it tells what the management server wants",
                 f"127.0.0.1:{LRS} answered in" in visit.text and "all clusters, every 0.250 s, with endpoints"
                 in visit.text, visit.text)
    said = Visit(scratch, config([(NAME, PORT)], "STRICT_DNS"), group, options=["--json"])
    parsed = json.loads(said.text)
    results.equal("as JSON: the same", [(entry["check"], entry["verdict"]) for entry in parsed["checks"]
                                        if entry["check"] != "hooks"], [(check, "ok") for check in CHECKS])
    results.equal("and the worst of them", parsed["verdict"],
                  max((entry["verdict"] for entry in parsed["checks"]), key=["ok", "warn", "fail"].index))
    results.equal("the machine only: exit status", Visit(scratch).status, 0)


def test_configuration(results, scratch, group):
    broken = config()
    broken["admin"] = {"adress": {}}
    visit = Visit(scratch, broken, group)
    complains(results, "a bad file", visit, "configuration", "adress")
    results.true("a bad file: the machine is looked at all the same", visit.of("programs"), visit.text)
    visit = Visit(scratch, options=["--jsno"])
    results.equal("a bad flag: exit status", visit.status, 2)
    results.true("a bad flag: says so", "--jsno" in visit.errors, visit.errors)


def test_machine(results, scratch, group):
    empty = os.path.join(group, "empty")
    os.mkdir(empty)
    complains(results, "an empty cgroup", Visit(scratch, config(), empty), "cgroup", empty, "no process is in it",
              verdict="warn")
    os.chmod(os.path.join(empty, "cgroup.procs"), 0)
    visit = Visit(scratch, config(), empty, ["setpriv", "--inh-caps=-all",
                                             "--bounding-set=-dac_override,-dac_read_search"])
    complains(results, "a cgroup that cannot be read", visit, "cgroup", empty,
              "is not known: Permission denied", verdict="warn")
    complains(results, "no cgroup", Visit(scratch, config(), scratch), "cgroup", scratch,
              "is no cgroup v2 directory")
    for name in ("bpf", "perfmon", "net_admin"):
        visit = Visit(scratch, config(), group, ["setpriv", "--inh-caps=-all", f"--bounding-set=-{name},-sys_admin"])
        complains(results, f"without CAP_{name.upper()}", visit, "capabilities",
                  f"CAP_{name.upper()} is missing, for ")
    visit = Visit(scratch, config(), group, ["setpriv", "--inh-caps=-all", "--bounding-set=-bpf,-perfmon"])
    results.equal("with CAP_SYS_ADMIN in place of others: says so", visit.of("capabilities"),
                  [("ok", "CAP_NET_ADMIN, CAP_SYS_ADMIN are there")])
    complains(results, "an unknown user", Visit(scratch, config(), group, run_as_user="a-stranger"), "user",
              'run_as_user: found "a-stranger"')
    daemon = Daemon(scratch, group, config())
    until(lambda: "; capabilities: " in daemon.log(), 30, "the programs")
    visit = Visit(scratch, config(), group)
    complains(results, "another loadtap", visit, "hooks", "another loadtap is attached", verdict="warn")
    place = os.path.join(scratch, "second")
    os.mkdir(place)
    second = Daemon(place, group, config())
    until(lambda: "; capabilities: " in second.log(), 30, "the programs of the second")
    results.equal("the second says so too, the first did not", [
        log.count(f" warning another loadtap is attached to cgroup {group}: ")
        for log in (daemon.log(), second.log())], [0, 1])
    second.finish()
    daemon.finish()
    results.equal("another loadtap: is gone", Visit(scratch, config(), group).others(), visit.others() - 1)


def test_names(results, scratch, group, dns):
    visit = Visit(scratch, config([("absent.test", PORT)], "STRICT_DNS"), group)
    complains(results, "a name that does not exist", visit, "dns", f"cluster {CLUSTER}: absent.test: ")
    dns.behaviours["silent.test"] = dns.silent
    visit = Visit(scratch, config([("silent.test", PORT), ("127.0.0.1", PORT)], "STRICT_DNS"), group)
    complains(results, "a name without an answer", visit, "dns", "silent.test: ")
    results.equal("the management server is asked all the same", visit.of("management")[0][0], "ok")


def keep(listener, held):
    """Takes connections and says nothing."""
    while True:
        try:
            held.append(listener.accept())
        except OSError:
            return


def test_management(results, scratch, group):
    complains(results, "nobody listens", Visit(scratch, config(lrs=18009), group), "management", "127.0.0.1:18009",
              "Connection refused")
    listener, held = socket.create_server(("127.0.0.1", 18010)), []
    threading.Thread(target=keep, args=(listener, held), daemon=True).start()
    complains(results, "a server that is silent", Visit(scratch, config(lrs=18010), group), "management",
              "127.0.0.1:18010: ", "no LoadStatsResponse came in 10 s")
    listener.close()
    upstream = Visit(scratch, config(lrs=PORT), group)
    complains(results, "a server of something else", upstream, "management", f"127.0.0.1:{PORT}")


def test_certificates(results, scratch, group):
    authority = Authority(scratch, "authority")
    identity = authority.issue("client")
    server = authority.issue("server", "DNS:lrs.test")
    collector = Collector(scratch, port=LRS + 1, name="secure", options=(
        "--tls-cert", server[0], "--tls-key", server[1], "--tls-client-ca", authority.ca))
    made = secured(authority, identity)
    made["static_resources"]["clusters"][-1]["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"][
        "address"]["socket_address"]["port_value"] = LRS + 1
    visit = Visit(scratch, made, group)
    results.equal("TLS: all is well", (visit.of("tls")[0][0], visit.of("management")[0][0]), ("ok", "ok"))
    os.chmod(identity[1], 0o600)
    complains(results, "a key that only root reads", Visit(scratch, made, group), "tls", "private_key",
              "Permission denied")
    results.equal("a key that only root reads: root may", Visit(
        scratch, made, group, run_as_user="root").of("tls")[0][0], "ok")
    with open(identity[1], "w") as out:
        out.write("no key")
    complains(results, "no key", Visit(scratch, made, group), "tls", "private_key")
    collector.stop()


def test_elsewhere(results, scratch, group):
    """The client stays in the cgroup, and in another network namespace than this doctor."""
    visit = Visit(scratch, config(), group, ["unshare", "-n"])
    complains(results, "a loopback address of another network namespace", visit, "endpoints",
              f"1 of 1 endpoints have no connection now: 127.0.0.1:{PORT}", "loadtap's own network namespace",
              verdict="warn")


def test_ended(results, scratch, group):
    """Who closes first keeps the connection in TIME_WAIT, for a minute."""
    with socket.create_server(("127.0.0.1", ENDED)) as listener:
        client = socket.create_connection(("127.0.0.1", ENDED))
        with listener.accept()[0]:
            client.close()
    until(lambda: "TIME-WAIT" in subprocess.run(["ss", "-Htan", f"dst 127.0.0.1:{ENDED}"], capture_output=True,
                                                text=True, check=True).stdout, 10, "the end of a connection")
    visit = Visit(scratch, config([("127.0.0.1", ENDED)]), group)
    complains(results, "a connection that has ended", visit, "endpoints",
              f"1 of 1 endpoints have no connection now: 127.0.0.1:{ENDED}", verdict="warn")


def test_endpoints(results, scratch, group):
    visit = Visit(scratch, config([("127.0.0.1", PORT), ("127.0.0.9", 1)]), group)
    complains(results, "nobody dials an endpoint", visit, "endpoints", "1 of 2 endpoints have no connection",
              "127.0.0.9:1", "ClusterIP", verdict="warn")
    results.equal("nobody dials an endpoint: no failure", visit.status, 0)
    rules = ("table ip nat {\n chain output {\n type nat hook output priority -100;\n "
             f"ip daddr {SERVICE} tcp dport 80 dnat to 127.0.0.1:{OTHER}\n }}\n}}\n")
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
    subprocess.run(["ip", "address", "add", "10.1.1.1/8", "dev", "lo"], check=True)
    with Client(80, SERVICE):
        visit = Visit(scratch, config([("127.0.0.1", PORT), ("127.0.0.1", OTHER)]), group)
        complains(results, "an address behind a translation", visit, "endpoints",
                  f"no socket dials 127.0.0.1:{OTHER}, but {SERVICE}:80", f"make {SERVICE}:80 the endpoint",
                  verdict="warn")
        visit = Visit(scratch, config([(SERVICE, 80)]), group)
        results.equal("the address that is dialled is well", visit.of("endpoints")[0][0], "ok")


def test(results, scratch, group):
    dns = Dns(scratch)
    upstream = Upstream()
    upstream.listen(PORT)
    upstream.listen(OTHER)
    collector = Collector(scratch)
    with Client(PORT):
        test_well(results, scratch, group, dns)
        test_configuration(results, scratch, group)
        test_machine(results, scratch, group)
        test_names(results, scratch, group, dns)
        test_management(results, scratch, group)
        test_certificates(results, scratch, group)
        test_elsewhere(results, scratch, group)
        test_ended(results, scratch, group)
        test_endpoints(results, scratch, group)
    collector.stop()


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
