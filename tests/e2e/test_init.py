#!/usr/bin/env python3
"""loadtap init beside nginx, HAProxy and dials of a moment; then loadtap runs with what it wrote."""

import os
import re
import signal
import subprocess
import time

from lib import admin, namespace, proxy, tap
from lib.client import Client, request
from lib.daemon import Daemon
from lib.process import Process, until
from lib.reports import BUILD, Collector
from lib.upstream import Upstream

LOADTAP = os.path.join(BUILD, "loadtap")
NGINX_PORT, HAPROXY_PORT = 30001, 30002
KEPT, EACH, SHORT, BANNER, SIX, OUTSIDE = range(20001, 20007)

NGINX = f"""
access_log off;
upstream kept {{ server 127.0.0.1:{KEPT} max_fails=0; keepalive 8; }}
server {{
  listen 127.0.0.1:{NGINX_PORT} reuseport;
  location / {{ proxy_pass http://kept; proxy_http_version 1.1; proxy_set_header Connection ""; }}
}}
"""
HAPROXY = f"""
listen each
  bind 127.0.0.1:{HAPROXY_PORT}
  option http-server-close
  server s 127.0.0.1:{EACH}
"""
ENDPOINT = re.compile(r'address: "([^"]+)", port_value: (\d+)}}} # (\d+)(?:, (.*))?$')


def banner(connection, _):
    connection.sock.sendall(b"220 ready\r\n")
    connection.sock.recv(1)


def swallow(connection, _):
    connection.sock.recv(1)


def ask(port, times, path="/ok"):
    """On one connection of the client."""
    with Client(port) as client:
        for _ in range(times):
            client.send(request(path)).answer()


def dial(port, address="127.0.0.1", then=":", before=()):
    """In a process of its own, which is called bash; it is gone when this returns."""
    subprocess.run([*before, "bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}; {then}"],
                   stderr=subprocess.DEVNULL, timeout=10)


def join(group):
    with open(os.path.join(group, "cgroup.procs"), "w") as procs:
        procs.write(str(os.getpid()))


class Within:
    """What starts inside belongs to the cgroup."""

    def __init__(self, group, outer):
        self.group, self.outer = group, outer

    def __enter__(self):
        join(self.group)

    def __exit__(self, *_):
        join(self.outer)


def init(scratch, *arguments):
    return Process(scratch, "init", [LOADTAP, "init", *arguments])


def written(path):
    """{(address, port): (connections, processes)} as the comments say, and the whole text."""
    with open(path) as file:
        text = file.read()
    found = {}
    for line in text.splitlines():
        match = ENDPOINT.search(line)
        if match:
            found[match[1], int(match[2])] = int(match[3]), match[4]
    return found, text


def watch(results, scratch, watched, group):
    """Returns the file that init wrote."""
    path = os.path.join(scratch, "init.yaml")
    ask(NGINX_PORT, 5)  # nginx keeps this connection
    process = init(scratch, "--cgroup", watched, "--seconds", "60", "-o", path)
    until(lambda: "watching" in process.log() or process.child.poll() is not None, 10, "the watch")
    ask(HAPROXY_PORT, 40)
    with Within(watched, group):
        for _ in range(10):
            dial(SHORT)
        for _ in range(5):
            dial(BANNER, then="read -r -u 3")
        dial(SIX, "::1")
        dial(SHORT, before=("unshare", "-n", "sh", "-c", 'ip link set lo up; exec "$@"', "sh"))
    dial(OUTSIDE)
    process.child.send_signal(signal.SIGINT)
    results.equal("init ends when it is interrupted", process.child.wait(10), 0)
    results.say(process.log())
    return path


def what_it_wrote(results, path):
    """Returns whether connections that were open before are there too."""
    found, text = written(path)
    sees_open = "This kernel does not show connections that were open before" not in text
    if sees_open:
        results.equal("what was open before", found.pop(("127.0.0.1", KEPT), None), (1, "nginx"))
        results.true("... of which no first bytes were seen",
                     f"Port {KEPT}, dialled by nginx: 1 connection, of which 1 was open before: not known" in text)
    else:
        results.skip("what was open before", "the kernel does not show it, and the file says so")
    results.equal("each peer, with its connections and who dials", found, {
        ("127.0.0.1", EACH): (40, "haproxy"),
        ("127.0.0.1", SHORT): (10, "bash"),
        ("127.0.0.1", BANNER): (5, "bash"),
        ("::1", SIX): (1, "bash")})
    results.true("a loopback address of another network namespace is named as missing",
                 "# Not here: 1 connection to loopback addresses of other network namespaces" in text)
    results.equal("the server that spoke first is no HTTP",
                  re.findall(r'name: "([^"]+)"\n *type: STATIC\n *metadata: .*protocol: tcp', text),
                  [f"bash-{BANNER}"])
    results.true("HTTP is named", f"Port {EACH}, dialled by haproxy: 40 connections with HTTP." in text)
    checked = subprocess.run([LOADTAP, "--mode", "validate", "-c", path], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    results.equal("loadtap takes the file", (checked.stdout, checked.stderr),
                  (f"configuration '{path}' OK\n", ""))
    return sees_open


def run_with(results, scratch, path, upstream, sees_open):
    """The daemon, configured by nothing else."""
    collector = Collector(scratch)
    daemon = Daemon(scratch, None, path)
    clusters = {f"haproxy-{EACH}": EACH}
    if sees_open:
        clusters[f"nginx-{KEPT}"] = KEPT
    daemon.wait_ready(collector, *clusters)
    results.equal("a browser finds the live page", admin.get("/live")[0], 200)
    before = {port: dict(upstream.counts[port]) for port in clusters.values()}
    for _ in range(10):
        ask(NGINX_PORT, 3, "/ok?status=503")
        ask(HAPROXY_PORT, 3, "/ok?status=503")
    for name, port in clusters.items():
        served = {key: upstream.counts[port][key] - before[port].get(key, 0)
                  for key in ("issued", "success", "error")}
        collector.settle(name, lambda: collector.total(name).of(*served) == served)
        results.equal(f"{name}: reported is what was served", collector.total(name).of(*served), served)
    results.true("requests were served", served["error"] == 30)
    results.equal("loadtap ends cleanly", daemon.finish(), 0)
    collector.stop()


def what_it_refuses(results, scratch, path, empty):
    with open(path) as file:
        before = file.read()
    process = init(scratch, "-o", path)
    results.equal("a file that is there is kept", process.child.wait(10), 1)
    results.true("... and it says how to replace it",
                 f"\nloadtap init: {path} exists: --force replaces it\n" in process.log())
    for where, why in (("/proc/loadtap.yaml", "No such file or directory"), (scratch, "it is no regular file"),
                       (os.path.join(scratch, "none", "it.yaml"), "No such file or directory")):
        process = init(scratch, "-o", where, "--force", "-s", "60")
        results.equal("what cannot be written is refused before the watch", process.child.wait(10), 1)
        results.true("... by name", f"loadtap init: cannot write {where}: {why}\n" in process.log(), process.log())
    process = init(scratch, "--cgroup", empty, "-s", "1", "-o", path, "--force")
    results.equal("where nothing is dialled there is nothing to write", process.child.wait(10), 1)
    with open(path) as file:
        results.equal("... and what was there stays", file.read(), before)
    process = init(scratch, "--cgroup", empty, "-s", "3")
    start = time.monotonic()
    until(lambda: "watching for 3 s" in process.log(), 10, "the watch")
    while process.child.poll() is None and time.monotonic() < start + 20:
        process.child.send_signal(signal.SIGSTOP)  # which, with the next one, ends sigtimedwait(): signal(7)
        time.sleep(0.05)
        process.child.send_signal(signal.SIGCONT)
        time.sleep(0.5)
    results.equal("being stopped for moments does not make the wait longer", process.child.poll(), 1)
    process = init(scratch, "--cgroup", scratch)
    results.equal("what is no cgroup is refused", process.child.wait(10), 1)
    results.true("... by name", f"{scratch} is no cgroup v2 directory" in process.log(), process.log())


def test(results, scratch, group):
    watched, empty = os.path.join(group, "watched"), os.path.join(group, "empty")
    os.mkdir(watched)
    os.mkdir(empty)
    upstream = Upstream()
    for port, handler in ((KEPT, None), (EACH, None), (SHORT, swallow), (BANNER, banner),
                          (OUTSIDE, swallow)):
        upstream.listen(port, handler=handler)
    upstream.listen(SIX, "::1", swallow)
    with Within(watched, group):
        proxies = proxy.nginx(scratch, NGINX, [NGINX_PORT]), proxy.haproxy(scratch, HAPROXY, [HAPROXY_PORT])
    path = watch(results, scratch, watched, group)
    sees_open = what_it_wrote(results, path)
    run_with(results, scratch, path, upstream, sees_open)
    what_it_refuses(results, scratch, path, empty)
    for each in proxies:
        each.stop()


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
