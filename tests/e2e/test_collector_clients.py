#!/usr/bin/env python3
"""The collector's clients on gRPC's own libraries, without TLS, with it, and with certificates of both
sides. Files that are replaced while it runs, and ones that are wrong."""

import os
import shutil
import signal
import subprocess

from lib import namespace, tap
from lib.certificates import Authority
from lib.process import until
from lib.reporters import PLAIN_ONLY, STACKS, Reporter, cluster, locality
from lib.reports import BUILD, Collector

PORT = 18000
NAME = "lrs.test"


def options_of(identity, authority=None):
    words = ["--tls-cert", identity[0], "--tls-key", identity[1]]
    return words + (["--tls-client-ca", authority.ca] if authority else [])


def refused(collector, word):
    until(lambda: word in collector.process.log(), 10, f"'{word}'")


# --- gRPC's libraries -----------------------------------------------------------------------

def test_stack(results, scratch, stack, collector, title, **tls):
    client = Reporter(scratch, stack, title.replace(" ", "-").replace(",", ""), PORT, **tls)
    client.send(node=(title, "stacks"))
    results.equal(f"{title}: asked for", client.asked(), [(None, 0.25, True)])
    for _ in range(3):
        client.send([cluster(title, locality(issued=2, success=1, error=1))])
    results.equal(f"{title}: ends with OK", client.finish(), 0)
    row = collector.localities(title)["//", 0]
    results.equal(f"{title}: every report arrived", row.of("issued", "success", "error"),
                  {"issued": 6, "success": 3, "error": 3})


def test_stacks(results, scratch, authority):
    server, client = authority.issue("server", f"DNS:{NAME}"), authority.issue("client")
    trust = {"tls_ca": authority.ca, "tls_name": NAME}
    identity = {**trust, "tls_cert": client[0], "tls_key": client[1]}
    for kind, words, tls in (("plain", [], {}), ("TLS", options_of(server), trust),
                             ("both sides", options_of(server, authority), identity)):
        collector = Collector(scratch, port=PORT, name=kind.replace(" ", "-"),
                              options=("--send-all", "--endpoints", *words))
        for stack in (name for name in STACKS if not (tls and name in PLAIN_ONLY)):
            test_stack(results, scratch, stack, collector, f"{stack}, {kind}", **tls)
        results.equal(f"{kind}: the collector ends", collector.stop(), 0)


def handshake(*words):
    """What openssl's client says."""
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{PORT}", *words],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10,
                          check=False).stdout


def test_handshakes(results, scratch, authority):
    stranger = Authority(scratch, "stranger")
    late = authority.issue("late", over=True)
    collector = Collector(scratch, port=PORT, name="handshakes",
                          options=options_of(authority.issue("server-2", f"DNS:{NAME}"), authority))
    for title, identity, word in (("none", (), "peer did not return a certificate"),
                                  ("a stranger's", stranger.issue("outsider"),
                                   "unable to get local issuer certificate"),
                                  ("an expired one", late, "certificate has expired")):
        handshake(*(["-cert", identity[0], "-key", identity[1]] if identity else []), "-alpn", "h2")
        refused(collector, word)
        results.true(f"client certificate: {title} is refused, with the reason", True)
    results.true("TLS 1.1 is refused", "Cipher is (NONE)" in handshake("-tls1_1"))
    refused(collector, "unsupported protocol")
    good = authority.issue("client-2")
    words = ["-cert", good[0], "-key", good[1]]
    results.true("TLS 1.2 is spoken, with h2", "ALPN protocol: h2" in
                 handshake("-tls1_2", "-alpn", "http/1.1,h2", *words))
    results.true("without h2 there is no connection",
                 "Cipher is (NONE)" in handshake("-alpn", "http/1.1", *words))
    results.equal("the collector ends", collector.stop(), 0)


# --- files -----------------------------------------------------------------------------------

def serving():
    """The common name of the server's certificate."""
    shown = handshake("-alpn", "h2")
    return next((line.split("CN = ")[1] for line in shown.splitlines()
                 if line.startswith("subject=")), None)


def test_replaced_files(results, scratch, authority):
    current = [os.path.join(scratch, name) for name in ("current.pem", "current.key")]

    def put(identity):
        for new, path in zip(identity, current):
            shutil.copy(new, path + ".new")
            os.rename(path + ".new", path)

    put(authority.issue("first"))
    collector = Collector(scratch, port=PORT, name="replaced", options=options_of(current))
    results.equal("the first certificate", serving(), "first")
    put(authority.issue("second"))
    results.equal("a replaced one is in use at once", serving(), "second")
    with open(current[1], "w") as out:
        out.write("nothing\n")
    results.equal("a wrong one is not", serving(), "second")
    log = collector.process.log()
    results.true("the log says which file and why", f"--tls-key {current[1]}: found no private key "
                 "that can be used" in log and "what was read before stays in use" in log, log)
    serving()
    results.equal("once", collector.process.log().count("stays in use"), 1)
    collector.process.child.send_signal(signal.SIGHUP)
    until(lambda: collector.process.log().count("stays in use") == 2, 5, "SIGHUP")
    put(authority.issue("third"))
    collector.process.child.send_signal(signal.SIGHUP)
    until(lambda: "TLS: files were read again" in collector.process.log(), 5, "SIGHUP")
    results.equal("SIGHUP reads them too", serving(), "third")
    results.equal("the collector ends", collector.stop(), 0)


def test_wrong_files(results, authority):
    one, two = authority.issue("one"), authority.issue("two")
    cases = {
        "no certificate": (options_of(("/nowhere/x.pem", one[1])),
                           "--tls-cert /nowhere/x.pem: found no certificate that can be used (No such "
                           "file or directory), expected PEM"),
        "a key as certificate": (options_of((one[1], one[1])), f"--tls-cert {one[1]}: found no "
                                 "certificate that can be used (no start line), expected PEM"),
        "another's key": (options_of((one[0], two[1])), f"--tls-key {two[1]}: found no private key that "
                          f"can be used (key values mismatch), expected that of {one[0]} in PEM"),
        "no authority": ([*options_of(one), "--tls-client-ca", one[1]],
                         f"--tls-client-ca {one[1]}: found no certificate that can be used"),
    }
    for title, (words, error) in cases.items():
        done = subprocess.run([os.path.join(BUILD, "loadtap-collector"), "--listen", "127.0.0.1:0",
                               *words], capture_output=True, text=True, check=False, timeout=10)
        results.true(f"{title}: an error that says which file and why",
                     done.returncode == 1 and error in done.stderr, done.stderr)


def test(results, scratch, _):
    authority = Authority(scratch, "authority")
    test_stacks(results, scratch, authority)
    test_handshakes(results, scratch, authority)
    test_replaced_files(results, scratch, authority)
    test_wrong_files(results, authority)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
