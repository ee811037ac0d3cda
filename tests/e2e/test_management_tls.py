#!/usr/bin/env python3
# test: timeout=300
"""Management servers that speak TLS, on grpcio and grpc-go: certificates of both sides, files that
are replaced, and, for each way in which a certificate can be wrong, one line that says so."""

import json
import os
import shutil
import socket
import subprocess
import threading
import time

from lib import namespace, tap
from lib.certificates import Authority
from lib.daemon import Daemon, bootstrap, cluster, endpoint
from lib.grpc_servers import SERVERS, Server
from lib.process import until
from lib.reports import BUILD

CLUSTER, PORT = "backend", 18000
NAME = "lrs.test"
CONTEXT = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"


def config(trusted, name=NAME, identity=None, inline=False):
    """A bootstrap; certificates as file names, or with their content inline."""
    def source(path):
        if not inline:
            return {"filename": path}
        with open(path) as file:
            return {"inline_string": file.read()}

    common = {"validation_context": {
        "trusted_ca": source(trusted),
        "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": name}}]}}
    if identity:
        common["tls_certificates"] = [{"certificate_chain": source(identity[0]),
                                       "private_key": source(identity[1])}]
    made = bootstrap([cluster(CLUSTER, [(None, 0, [("127.0.0.1", 20001)])])])
    made["static_resources"]["clusters"][-1]["transport_socket"] = {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {"@type": CONTEXT, "sni": NAME, "common_tls_context": common}}
    return made


def folder(scratch, name):
    path = os.path.join(scratch, name)
    os.mkdir(path)
    return path


def serve(scratch, name, identity, **options):
    return Server(scratch, name, PORT, cluster=CLUSTER, tls_cert=identity[0], tls_key=identity[1],
                  **options)


def reported(server, count=3):
    until(lambda: len(server.said("request")) >= count, 15, "reports")


def test_both_sides(results, scratch, group, authority):
    good = authority.issue("server", f"DNS:{NAME}")
    client = authority.issue("client-1")
    for name in SERVERS:
        for inline in (False, True):
            title = f"{name}, {'inline' if inline else 'files'}"
            place = folder(scratch, title.replace(", ", "-"))
            server = serve(place, name, good, tls_client_ca=authority.ca)
            daemon = Daemon(place, group, config(authority.ca, identity=client, inline=inline))
            reported(server)
            stream = server.streams()[0]
            results.equal(f"{title}: the server saw our certificate", stream["tls-peer"], "client-1")
            if name == "grpc-go":
                results.equal(f"{title}: ALPN and SNI", (stream["tls-alpn"], stream["tls-name"]),
                              ("h2", NAME))
            results.equal(f"{title}: loadtap ends cleanly", daemon.finish(), 0)
            server.stop()


def test_replaced_files(results, scratch, group, authority):
    """Both sides get certificates of another authority while the daemon runs."""
    place = folder(scratch, "replaced")
    current = [os.path.join(place, name) for name in ("ca.pem", "client.pem", "client.key")]

    def put(files):
        for source, target in zip(files, current):
            shutil.copy(source, target + ".new")
            os.rename(target + ".new", target)

    put([authority.ca, *authority.issue("client-2")])
    server = serve(place, "grpc-go", authority.issue("server-2", f"DNS:{NAME}"),
                   tls_client_ca=authority.ca)
    daemon = Daemon(place, group, config(current[0], identity=current[1:]))
    reported(server)
    server.stop()
    other = Authority(scratch, "other")
    put([other.ca, *other.issue("client-3")])
    server = serve(place, "grpc-go", other.issue("server-3", f"DNS:{NAME}"), tls_client_ca=other.ca)
    reported(server, 6)
    results.equal("new connections use the new files",
                  [stream["tls-peer"] for stream in server.streams()], ["client-2", "client-3"])
    results.equal("replaced files: loadtap ends cleanly", daemon.finish(), 0)
    server.stop()


def test_wrong(results, scratch, group, authority):
    stranger = Authority(scratch, "stranger")
    good, late = authority.issue("server", f"DNS:{NAME}"), authority.issue("late", over=True)
    mute = stranger.issue("mute")
    cases = {
        "expired": (late, {}, config(authority.ca),
                    "the server's certificate (CN=late): certificate has expired (it was valid until"),
        "name": (good, {}, config(authority.ca, "other.test"),
                 "for another name: it has DNS lrs.test, expected DNS \"other.test\""),
        "authority": (good, {}, config(stranger.ca),
                      "(CN=server): unable to get local issuer certificate"),
        "none-of-ours": (good, {"tls_client_ca": authority.ca}, config(authority.ca),
                         "it wants a certificate of ours"),
        "ours": (good, {"tls_client_ca": authority.ca}, config(authority.ca, identity=mute),
                 "it refuses our certificate"),
    }
    for case, (identity, options, made, wanted) in cases.items():
        place = folder(scratch, f"wrong-{case}")
        server = serve(place, "grpc-go", identity, **options)
        daemon = Daemon(place, group, made)
        until(lambda: " management server: " in daemon.log(), 10, "a word about the failure")
        daemon.finish()
        lines = [line for line in daemon.log().splitlines() if " management server: " in line]
        results.true(f"{case}: one line says which and why",
                     len(lines) == 1 and wanted in lines[0] and f"TLS with 127.0.0.1:{PORT}" in lines[0],
                     "\n".join(lines))
        results.equal(f"{case}: no report went out", server.said("request"), [])
        server.stop()


def warnings(daemon):
    return [line.split(" warning management server: ")[1] for line in daemon.log().splitlines()
            if " warning management server: " in line]


def test_told_once(results, scratch, group, authority):
    """An outage whose reason changes: each reason is told, once."""
    place = folder(scratch, "told")
    daemon = Daemon(place, group, config(authority.ca))
    until(lambda: len(warnings(daemon)) == 1, 10, "a word about the refused port")
    server = serve(place, "grpc-go", authority.issue("late-2", over=True))
    until(lambda: len(warnings(daemon)) == 2, 10, "a word about the certificate")
    server.stop()
    time.sleep(6)  # one more try
    said = warnings(daemon)
    results.true("each reason of an outage is told once", len(said) == 2 and
                 "Connection refused" in said[0] and "has expired" in said[1], "\n".join(said))
    daemon.finish()


def test_plain_server(results, scratch, group, authority):
    place = folder(scratch, "plain")
    server = Server(place, "grpc-go", PORT, cluster=CLUSTER)
    daemon = Daemon(place, group, config(authority.ca))
    until(lambda: "TLS with" in daemon.log(), 10, "a word about the failure")
    results.true("a server without TLS is told", "it does not speak TLS there" in daemon.log(),
                 daemon.log())
    daemon.finish()
    server.stop()


def test_next_address(results, scratch, group, authority):
    """A handshake that fails: the next address is tried at once, and the log says what was wrong with the
    first."""
    place = folder(scratch, "next")
    made = config(authority.ca)
    lrs = made["static_resources"]["clusters"][-1]["load_assignment"]["endpoints"][0]["lb_endpoints"]
    lrs.insert(0, endpoint("127.0.0.1", PORT + 1))
    mute = socket.create_server(("127.0.0.1", PORT + 1))
    hung_up = []
    threading.Thread(target=hang_up, args=(mute, hung_up), daemon=True).start()
    server = serve(place, "grpc-go", authority.issue("next", f"DNS:{NAME}"))
    daemon = Daemon(place, group, made)
    reported(server)
    results.true("the next address is tried at once", time.monotonic() - hung_up[0] < 4.5)
    results.true("the first one's failure is told",
                 f"TLS with 127.0.0.1:{PORT + 1}: " in "".join(warnings(daemon)), daemon.log())
    results.equal("next address: loadtap ends cleanly", daemon.finish(), 0)
    server.stop()
    mute.close()


def hang_up(listener, times):
    while True:
        connection, _ = listener.accept()
        times.append(time.monotonic())
        connection.close()


def test_validate(results, scratch, authority):
    """A private key that does not belong to the certificate, inline: an error that names the place
    and shows nothing of the key."""
    certificate, _ = authority.issue("one")
    _, key = authority.issue("two")
    path = os.path.join(scratch, "validate.json")
    with open(path, "w") as out:
        json.dump(config(authority.ca, identity=(certificate, key), inline=True), out)
    done = subprocess.run([os.path.join(BUILD, "loadtap"), "--mode", "validate", "-c", path],
                          capture_output=True, text=True, check=False)
    results.equal("validate: exit status", done.returncode, 1)
    results.true("validate: says where", done.stderr.startswith(f"{path}:1:") and
                 "tls_certificates[0].private_key: found no private key that can be used (key values "
                 "mismatch)" in done.stderr, done.stderr)
    with open(key) as file:
        secret = file.read().splitlines()[1]
    results.true("validate: shows nothing of the key", secret[:16] not in done.stderr + done.stdout)


def test(results, scratch, group):
    authority = Authority(scratch, "authority")
    test_both_sides(results, scratch, group, authority)
    test_replaced_files(results, scratch, group, authority)
    test_wrong(results, scratch, group, authority)
    test_told_once(results, scratch, group, authority)
    test_plain_server(results, scratch, group, authority)
    test_next_address(results, scratch, group, authority)
    test_validate(results, scratch, authority)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
