#!/usr/bin/python3
"""HTTP/2 clients and servers with encoders of their own, each with each: what loadtap reports equals
what the client was answered, and what the server says it served.

Clients: nghttp, h2load and curl (nghttp2's encoder), Go, Perl, Python. Servers: nghttpd, nginx,
lighttpd, Go, Python. Each pair has an endpoint of its own: the client's address at the server's port.
"""

import collections
import concurrent.futures
import os
import signal

from lib import http2_clients as clients
from lib import namespace, proxy, tap
from lib.process import Process
from lib.reports import BUILD
from lib.upstream2 import Upstream2
from lib.watch import Watch, counted, counts

PRIOR = "--http2-prior-knowledge"
CLIENTS = {
    "nghttp": clients.nghttp(),
    "nghttp, padding and CONTINUATION": clients.nghttp("-b200", "--continuation", "-c65536"),
    "nghttp, table of 0, then 64 KiB": clients.nghttp("-c0", "-c65536", "--trailer", "x-end: 5"),
    "nghttp, no table": clients.nghttp("--encoder-header-table-size=0", "-c0", "--no-dep"),
    "h2load": clients.h2load(),
    "h2load, table of 64 KiB": clients.h2load("--header-table-size=65536",
                                              "--encoder-header-table-size=65536"),
    "curl": clients.curl(PRIOR, urls=1),
    "Go": clients.go,
    "Perl": clients.perl(),
    "Python": clients.python(),
    "Python, no table": clients.python(HEADER_TABLE_SIZE=0),
    "curl, Upgrade": clients.curl("--http2"),
    "curl, Upgrade, parallel": clients.curl("--http2", "-Z", urls=60),
    "nghttp, Upgrade": clients.nghttp("-u"),
    "Perl, Upgrade": clients.perl("--upgrade"),
}
ADDRESSES = {name: f"127.0.1.{number}" for number, name in enumerate(CLIENTS, 1)}
COUNT = 120
FILES = ["/ok", "/missing", "/large", "POST:/ok"]
# port, paths; resets only where the client asks for nothing again by itself
SERVERS = {
    "nghttpd": (20001, FILES),
    "nghttpd, padding, push, no table": (20002, FILES),
    "nginx": (20003, ["/ok", "/missing", "/large", "POST:/read", "/unavailable", "/headers"]),
    "lighttpd": (20004, ["/ok", "/missing", "/large"]),
    "Go": (20005, ["/ok", "/missing", "/unavailable", "POST:/read", "/headers", "/interim",
                   "/trailers", "/large"]),
    "Python": (20006, ["/ok", "/ok?status=503", "/ok?status=404", "POST:/ok?n=3000", "/ok?h=40000",
                       "/interim?interim=100,103", "/chunked?n=5000", "/padded"]),
}
UPGRADING = ("lighttpd", "Go")
# lighttpd allows 8 streams and refuses what a client sends before it knows.
ONE_BY_ONE = ("curl", "Python", "Python, no table", "curl, Upgrade")
RESETS = {"Go": "/abort", "Python": "/reset"}
CAN_BE_RESET = ("Go", "Perl", "Perl, Upgrade", "Python", "Python, no table")

NGINX = """
log_format line "$server_addr $status";
access_log {scratch}/nginx.log line buffer=64k;
large_client_header_buffers 32 64k;
server {{
  listen 0.0.0.0:20003 http2;
  root {scratch}/files;
  location = /ok {{ return 200 "ok"; }}
  location = /unavailable {{ return 503; }}
  location = /headers {{ {fields} return 200 "ok"; }}
  location = /read {{ proxy_pass http://unix:{scratch}/read.sock; }}
}}
server {{
  listen unix:{scratch}/read.sock;
  access_log off;
  location / {{ return 200 "read"; }}
}}
"""

LIGHTTPD = """
server.document-root = "{scratch}/files"
server.bind = "0.0.0.0"
server.port = 20004
server.errorlog = "{scratch}/lighttpd.error"
"""


def works(client, server):
    """What is left out does not work without loadtap either."""
    if server == "lighttpd":
        return client in ONE_BY_ONE
    if "push" in server and client == "Perl" or "then" in client and "nghttpd" not in server:
        return False
    return "Upgrade" not in client or server in UPGRADING


def paths_of(client, server):
    paths = list(SERVERS[server][1])
    if server in RESETS and client in CAN_BE_RESET:
        paths.append(RESETS[server])
    if "Perl" in client:  # large fields break its table, trailers behind DATA its streams
        paths = [path for path in paths if path not in ("/headers", "/ok?h=40000", "/chunked?n=5000")]
    if client == "nghttp, Upgrade":  # upgrades with OPTIONS where there is a body
        paths = [path for path in paths if not path.startswith("POST:")]
    return paths


def pairs():
    """[(client, server)]"""
    return [(client, server) for server in SERVERS for client in CLIENTS if works(client, server)]


def member(client, server):
    return ADDRESSES[client], SERVERS[server][0]


def start(scratch):
    """The servers that are programs."""
    files = f"{scratch}/files"
    os.mkdir(files)
    for name, size in (("ok", 3), ("large", 1 << 20)):
        with open(f"{files}/{name}", "wb") as out:
            out.write(bytes(size))
    with open(f"{scratch}/lighttpd.conf", "w") as out:
        out.write(LIGHTTPD.format(scratch=scratch))
    fields = "".join(f'add_header x-big-{number} "{"h" * 900}";' for number in range(30))
    nghttpd = ["nghttpd", "--no-tls", "-a", "0.0.0.0", "-d", files]
    return {
        "nghttpd": Process(scratch, "nghttpd", [*nghttpd, "20001"], ports=[20001]),
        "nghttpd2": Process(scratch, "nghttpd2", [
            *nghttpd, "-b", "100", "-c", "0", "--encoder-header-table-size=0", "--trailer",
            "x-end: 500", "-p", "/ok=/large,/missing", "20002"], ports=[20002]),
        "nginx": proxy.nginx(scratch, NGINX.format(scratch=scratch, fields=fields), [20003]),
        "lighttpd": Process(scratch, "lighttpd", ["lighttpd", "-D", "-f", f"{scratch}/lighttpd.conf"],
                            ports=[20004]),
        "Go": Process(scratch, "go", [f"{BUILD}/tests/e2e/http2go/server", "-listen", "0.0.0.0:20005"],
                      ports=[20005]),
    }


def ask(client, server):
    """One pair's share; returns the counts by what the client was answered."""
    address, port = member(client, server)
    paths = paths_of(client, server)
    total = COUNT // len(paths) * len(paths)
    statuses = CLIENTS[client](f"{address}:{port}", paths, total)
    if sum(statuses.values()) != total:
        raise RuntimeError(f"{client} to {server}: {statuses} of {total}")
    errors = sum(count for status, count in statuses.items() if status == "reset" or status >= "500")
    return counts(total, total - errors, errors)


def in_nginx_log(scratch):
    rows = collections.defaultdict(counts)
    with open(f"{scratch}/nginx.log") as lines:
        for address, status in map(str.split, lines):
            rows[address]["issued"] += 1
            rows[address]["success" if status < "500" else "error"] += 1
    return rows


def by_go(process):
    """Its numbers come between words: ADDRESS issued N success N error N."""
    with open(process.out_path) as out:
        return {words[0].split(":")[0]: counts(*map(int, words[2::2])) for words in map(str.split, out)}


def compare_servers(results, expected, server, own):
    """own: {address: counts} as the server has them."""
    results.equal(f"{server} served what the clients were answered", own, {
        member(client, name)[0]: expected[client, name] for client, name in expected if name == server})


def test(results, scratch, group):
    processes = start(scratch)
    upstream = Upstream2(HEADER_TABLE_SIZE=65536)
    for address in ADDRESSES.values():
        upstream.listen(SERVERS["Python"][0], address, name=address)
    watch = Watch(scratch, group, [member(*pair) for pair in pairs()])
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        futures = {pair: pool.submit(ask, *pair) for pair in pairs()}
    results.equal("every client was answered", {pair: repr(future.exception())
                  for pair, future in futures.items() if future.exception()}, {})
    expected = {pair: future.result() for pair, future in futures.items() if not future.exception()}
    processes["nginx"].stop(signal.SIGQUIT, 30)
    for process in processes.values():
        process.stop()
    compare_servers(results, expected, "nginx", in_nginx_log(scratch))
    compare_servers(results, expected, "Go", by_go(processes["Go"]))
    compare_servers(results, expected, "Python", {
        address: counted(upstream.counts[address])
        for address in ADDRESSES.values() if address in upstream.counts})
    watch.compare(results, {f"{client} to {server}": (member(client, server), row)
                            for (client, server), row in expected.items()})
    watch.end(results)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
